"""What a record from outside may not hold, beyond its types: so that no store stumbles over it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from catalog.crawling import records
from catalog.model import clock
from catalog.types import CLASSES, KINDS

_WORD: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")
_LARGEST: Final = 1 << 63
_LATEST: Final = (1 << 32) * clock.SECOND
_IN_SECONDS: Final = "in seconds since 1970, UTC, of a moment before 2106"


def objections(record: records.Record) -> Iterator[str]:
    """Sentences about what a record may not hold, beyond its types."""
    if isinstance(record, records.Asset):
        yield from _wrong_asset(record)
    elif isinstance(record, records.Unchanged | records.Filtered):
        yield from _wrong_name(record.namespace, record.name, record.asset_class)
        yield from _wrong_measures(getattr(record, "measures", {}))
    elif isinstance(record, records.Statement):
        if not record.namespace or not record.text:
            yield "A statement has a namespace and a text."
    elif isinstance(record, records.Objects):
        if not all(0 <= n < 1 << 40 for n in (record.listed, record.used, record.filtered)):
            yield "Counts of objects are from 0 up."
    elif isinstance(record, records.Problem):
        if not 0 <= record.objects < 1 << 40:
            yield "Counts of objects are from 0 up."
    else:
        yield "A done belongs to a scope, and ends it."


def _wrong_name(namespace: str, name: str, asset_class: str) -> Iterator[str]:
    if not namespace or not name:
        yield "An asset has a namespace and a name."
    if asset_class not in CLASSES:
        yield f"There is no class {asset_class!r}; classes are {', '.join(CLASSES)}."


def _wrong_asset(record: records.Asset) -> Iterator[str]:
    yield from _wrong_name(record.namespace, record.name, record.asset_class)
    if _WORD.fullmatch(record.kind) is None:
        yield f"{record.kind[:60]!r} is no kind: it is a word of small letters."
    if KINDS.get(record.kind, record.asset_class) != record.asset_class:
        yield f"A {record.kind} is of class {KINDS[record.kind]}, not {record.asset_class}."
    seen: set[str] = set()
    for column in record.columns or ():
        if not column.path or column.path in seen:
            yield f"The column {column.path[:200]!r} has no name, or is there twice."
        seen.add(column.path)
    yield from _wrong_measures(record.measures)
    paths: set[str] = set()
    for part in record.partitions or ():
        if part.path in paths:
            yield f"The partition {part.path[:200]!r} is there twice."
        paths.add(part.path)
        numbers = (part.files, part.rows, part.bytes)
        if any(n is not None and not 0 <= n < _LARGEST for n in numbers):
            yield f"The partition {part.path[:200]!r} holds a number out of range."
        if part.newest_file is not None and not _is_moment(part.newest_file):
            yield f"The newest_file of the partition {part.path[:200]!r} is not {_IN_SECONDS}."


def _is_moment(seconds: float) -> bool:
    """Milliseconds sent as seconds are a year that no calendar has: no page could show it."""
    return 0 <= seconds < _LATEST / clock.SECOND


def _wrong_measures(measures: Mapping[str, records.Measure]) -> Iterator[str]:
    for name, measure in measures.items():
        if name == "last_written" and not _is_moment(measure.value):
            yield f"The measure last_written is not {_IN_SECONDS}."
        if measure.at is not None:
            try:
                known = 0 <= clock.from_text(measure.at) < _LATEST
            except (ValueError, OverflowError):
                known = False
            if not known:
                yield f"The measure {name[:60]!r} has no RFC 3339 time in `at`."
        if measure.how not in ("exact", "estimate"):
            yield f"The measure {name[:60]!r} is exact or estimate, not {measure.how[:60]!r}."
