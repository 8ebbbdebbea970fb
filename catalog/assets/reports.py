"""Several sources on one asset: whose report comes first, and what they say together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import msgspec
from sqlalchemy import Connection, select

from catalog.crawling import records
from catalog.history.store import table_of
from catalog.model import Source

_SOURCE = table_of(Source)

_SINGLE: Final = ("parent", "title", "description", "columns", "location", "format")
_SEVERAL: Final = ("keys", "owners", "tags", "partition_keys")


class Sourced(NamedTuple):
    """A sighting in order: key, kind and rank of its source."""

    source: int
    kind: str
    rank: int


def order_of(sighting: Sourced) -> tuple[bool, int, int]:
    """Sorts the deciding report first: who crawls before who pushes, then rank, then age."""
    return sighting.kind == "push", -sighting.rank, sighting.source


def source_order(connection: Connection) -> dict[int, tuple[bool, int, int]]:
    """Source -> its place in `order_of`; whoever decides between reports asks here."""
    rows = connection.execute(select(_SOURCE.c.key, _SOURCE.c.kind, _SOURCE.c.rank))
    return {row.key: order_of(Sourced(row.key, row.kind, row.rank)) for row in rows}


LAST: Final = (True, 0, 0)
"""Where a source stands that is not there any more."""


def merged(ordered: Sequence[records.Asset]) -> records.Asset:
    """The effective record of several: field by field the first that knows it."""
    first = ordered[0]
    changes: dict[str, Any] = {}
    for record in ordered[1:]:
        for name in _SINGLE:
            if getattr(first, name) is None and name not in changes:
                value = getattr(record, name)
                if value is not None:
                    changes[name] = value
        for name in _SEVERAL:
            if not getattr(first, name) and name not in changes and getattr(record, name):
                changes[name] = getattr(record, name)
    return msgspec.structs.replace(first, **changes) if changes else first


_LETTERS: Final = {"primary": "p", "unique": "u", "foreign": "f"}


def key_letters(keys: Sequence[records.Key]) -> dict[str, str]:
    """Column path -> letters of the keys it is part of, sorted: f foreign, p primary, u unique."""
    found: dict[str, set[str]] = {}
    for key in keys:
        letter = _LETTERS.get(key.kind)
        for path in key.columns if letter is not None else ():
            found.setdefault(path, set()).add(letter or "")
    return {path: "".join(sorted(letters)) for path, letters in found.items()}


def unique_fields(fields: Sequence[records.Field]) -> Sequence[records.Field]:
    """Fields whose paths are unique: one that is reported again gets `` (2)``, visibly."""
    if len({one.path for one in fields}) == len(fields):
        return fields
    taken: set[str] = set()
    kept: list[records.Field] = []
    for one in fields:
        path, count = one.path, 1
        while path in taken:
            count += 1
            path = f"{one.path} ({count})"
        taken.add(path)
        kept.append(one if path == one.path else msgspec.structs.replace(one, path=path))
    return kept
