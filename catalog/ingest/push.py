"""The NDJSON stream by which something else sends its records; `docs/records.md` describes it.

::

    {"format": 1, "crawler": "nightly-export", "version": 1, "source": "wh"}
    {"scope": "shop.public"}
    {"type": "asset", "namespace": "postgres://db:5432", "name": "shop.public.orders", ...}
    {"type": "done", "complete": true, "count": 1}
    {"end": true}

The stream lies whole on disk before it is read. One pass makes the outline, a second one reads
scope by scope through the same door as a crawler's records. A scope counts when its ``done`` has
arrived; a bad line is a failure with its number and leaves its scope incomplete.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final

import msgspec

from catalog.crawling import records
from catalog.crawling.crawler import Scope, Scopes
from catalog.errors import BadInput
from catalog.history.store import Store
from catalog.ingest.crawl import run_crawl, state_key
from catalog.ingest.push_checks import objections
from catalog.naming import clean_text
from catalog.sources import problems

FORMAT: Final = records.RECORD_FORMAT
LONGEST_LINE: Final = 16 << 20  # bytes
NOTED_LINES: Final = 1000
"""Bad lines of one scope that are failures of their own; the rest is one."""
_FAST: Final = (b'{"type":"asset"', b'{"type":"statement"', b'{"type":"unchanged"')
_LONGEST_SCOPE: Final = 1000


class Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The first line. ``crawler`` and ``version``: what made the records; a higher version says
    that the same system is now reported differently. ``source``: short name, checked when given.
    ``all_scopes``: the stream lists every scope there is, so one that is missing is gone.
    """

    format: int
    crawler: str
    version: int = 1
    source: str | None = None
    all_scopes: bool = False


class _Control(msgspec.Struct):
    """What tells control lines from records; everything else of a line is skipped."""

    type: str | None = None
    scope: str | None = None
    end: bool = False


class _Done(msgspec.Struct, tag="done"):
    """`records.Done` with ``count``: how many lines the scope has between its two ends."""

    complete: bool = True
    count: int | None = None
    state: dict[str, Any] | None = None
    why: str | None = None


_control = msgspec.json.Decoder(_Control)
_done = msgspec.json.Decoder(_Done)
_header = msgspec.json.Decoder(Header)
_ERRORS = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


@dataclass(frozen=True)
class Segment:
    """Lines of one scope: where they begin, the number of the first, how many, how it ended."""

    start: int
    line: int
    lines: int
    done: _Done


@dataclass
class Outline:
    """What a stream holds. ``scopes``: those whose ``done`` has arrived. ``stray``: lines that
    belong to no scope, with the reason."""

    header: Header
    scopes: dict[str, list[Segment]] = field(default_factory=dict)
    lost: list[str] = field(default_factory=list)  # scopes that were begun and not done
    stray: list[tuple[int, str]] = field(default_factory=list)
    strays: int = 0
    ended: bool = False


def read_header(line: bytes) -> Header:
    """The header in the first line of a stream; `BadInput` says what is wrong with it."""
    example = '{"format": 1, "crawler": "NAME", "version": 1}'
    try:
        found = _header.decode(line)
    except _ERRORS as error:
        raise BadInput(
            f"The first line is no header of a stream of records: {_said(error)}.",
            remedy=f"Begin with {example}; see docs/records.md.",
        ) from None
    if found.format != FORMAT:
        raise BadInput(
            f"The stream has format {found.format}; this catalog reads format {FORMAT}.",
            remedy="Update the catalog, or what sends the records.",
        )
    if not 0 <= found.version < 1 << 31 or not 1 <= len(found.crawler) <= 200:
        raise BadInput(
            "The header's crawler is a name, its version a whole number from 0.",
            remedy=f"Begin with {example}.",
        )
    return found


def outline(file: IO[bytes]) -> Outline:
    """Finds header, scopes and their ends, without decoding the records between them."""
    file.seek(0)
    found = Outline(read_header(file.readline(LONGEST_LINE)))
    scope: str | None = None
    start, first, number = 0, 0, 1
    for number, line in _lines(file, 2):
        control = None if line.startswith(_FAST) else _read_control(line)
        if control is not None and control.type is None and control.scope is not None:
            if scope is not None:
                found.lost.append(scope)
            scope, start, first = _scope_name(control.scope), file.tell(), number + 1
        elif control is not None and control.type == "done" and scope is not None:
            done = _read_done(line)
            segment = Segment(start, first, number - first, done)
            found.scopes.setdefault(scope, []).append(segment)
            scope = None
        elif control is not None and control.type is None and control.end:
            found.ended = True
        elif scope is None and line.strip():
            found.strays += 1
            if len(found.stray) < NOTED_LINES:
                found.stray.append((number, "It stands outside of any scope."))
    if scope is not None:
        found.lost.append(scope)
    return found


class PushReader:
    """Reads the scopes of an outlined stream, as `catalog.ingest.crawl.run_crawl` asks for them."""

    def __init__(self, file: IO[bytes], found: Outline) -> None:
        self._file = file
        self._outline = found

    def scopes(self, state: Mapping[str, Any]) -> Scopes:
        """The scopes that arrived whole."""
        found = self._outline
        why = _why_not_whole(found)
        complete = found.header.all_scopes and why is None
        return Scopes([Scope(name) for name in found.scopes], complete=complete, why=why)

    def crawl(
        self, scope: Scope, state: Mapping[str, Any] | None, only: Sequence[str] | None = None
    ) -> Iterator[records.Record]:
        """Records of one scope; each bad line as a `records.Problem`."""
        wrong: Counter[str] = Counter()
        whys: list[str] = []
        kept: dict[str, Any] | None = None
        complete = True
        for segment in self._outline.scopes[scope.name]:
            yield from self._segment(segment, wrong)
            complete = complete and segment.done.complete
            kept = segment.done.state if segment.done.state is not None else kept
            if segment.done.why:
                whys.append(segment.done.why)
            if segment.done.count is not None and segment.done.count != segment.lines:
                whys.append(
                    f"{segment.done.count:,} records were announced, {segment.lines:,} arrived."
                )
                complete = False
        if count := wrong["lines"]:
            whys.append(f"{count:,} {'line' if count == 1 else 'lines'} could not be read.")
            complete = False
        if count > NOTED_LINES:
            rest = count - NOTED_LINES
            yield _failure("further lines", f"{rest:,} more lines could not be read.", rest)
        yield records.Done(complete, kept if complete else None, " ".join(whys) or None)

    def _segment(self, segment: Segment, wrong: Counter[str]) -> Iterator[records.Record]:
        offset = segment.start
        for number in range(segment.line, segment.line + segment.lines):
            self._file.seek(offset)  # another generator may have moved it meanwhile
            line = _line(self._file)
            offset = self._file.tell()
            try:
                record = decode(line)
            except BadInput as error:
                wrong["lines"] += 1
                if wrong["lines"] <= NOTED_LINES:
                    yield records.Objects(listed=1)
                    yield records.Problem(
                        f"line {number}",
                        error.message,
                        "Correct the line, then send the stream again.",
                        "line",
                    )
                continue
            if record is not None:
                yield record


def decode(line: bytes) -> records.Record | None:
    """The record in one line, checked; None for an empty line. `BadInput` says what is wrong."""
    if not line.strip():
        return None
    if len(line) > LONGEST_LINE:
        raise BadInput(f"The line is longer than {LONGEST_LINE >> 20} MiB.")
    try:
        record = records.decode(line)
    except _ERRORS as error:
        raise BadInput(_said(error)) from None
    wrong = next(objections(record), None)
    if wrong is not None:
        raise BadInput(wrong)
    return record


def run_push(
    store: Store,
    crawl: int,
    source: int,
    path: Path,
    *,
    stopping: Callable[[], bool] = lambda: False,
) -> str:
    """Takes a spooled stream in as the queued crawl (key) of a source (key); answers its state.

    Safe to run again after a kill: the same bytes sent twice change nothing.
    """
    with path.open("rb") as file:
        found = outline(file)
        _note_outline(store, crawl, source, found)
        header = found.header
        return run_crawl(
            store,
            crawl,
            PushReader(file, found),
            crawler_version=header.version,
            config_key=state_key({"push": header.crawler}, header.version),
            some_scopes=True,
            stopping=stopping,
        )


# --- inside ---------------------------------------------------------------------------------


def _lines(file: IO[bytes], first: int) -> Iterator[tuple[int, bytes]]:
    number = first
    while line := _line(file):
        yield number, line
        number += 1


def _line(file: IO[bytes]) -> bytes:
    """One line; of one that is too long the beginning, one byte over the limit."""
    line = file.readline(LONGEST_LINE + 1)
    if len(line) > LONGEST_LINE and not line.endswith(b"\n"):
        while (rest := file.readline(LONGEST_LINE)) and not rest.endswith(b"\n"):
            pass
    return line


def _read_control(line: bytes) -> _Control | None:
    try:
        return _control.decode(line)
    except _ERRORS:
        return None


def _read_done(line: bytes) -> _Done:
    try:
        return _done.decode(line)
    except _ERRORS as error:
        return _Done(complete=False, why=f"Its end could not be read: {_said(error)}.")


def _scope_name(text: str) -> str:
    return clean_text(text)[:_LONGEST_SCOPE]


def _said(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    return str(error).rstrip(".")[:500]


def _why_not_whole(found: Outline) -> str | None:
    whys = []
    if found.lost:
        names = ", ".join(name[:100] for name in found.lost[:3])
        whys.append(f"The stream ended, or went on, inside of {names}: it is to be sent again.")
    elif not found.ended:
        whys.append("The stream broke off before its end.")
    if found.strays:
        whys.append(f"{found.strays:,} lines stand outside of any scope.")
    return " ".join(whys) or None


def _note_outline(store: Store, crawl: int, source: int, found: Outline) -> None:
    """Failures that belong to no scope of the crawl."""
    seen = [
        problems.Seen("line", f"line {number}", why, "Put it between a scope and its done.")
        for number, why in found.stray
    ]
    seen += [
        problems.Seen(
            "broken",
            f"scope {name}",
            "The stream ended, or went on, before the scope's done arrived; nothing was taken.",
            "Send the scope again.",
        )
        for name in dict.fromkeys(found.lost)
    ]
    if seen:
        store.run(lambda unit: problems.note(unit, source, None, crawl, seen), "system")


def _failure(what: str, why: str, objects: int) -> records.Problem:
    return records.Problem(what, why, "Correct what writes them.", "line", objects)
