"""Uses of statements -> edges. Reads, parses outside any transaction, then writes.

A use is parsed again when the engine's version, what its names mean or the columns of that
change (`catalog.lineage.statements`). What cannot be parsed keeps its reason on the use.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

import msgspec
from sqlalchemy import Connection, select

from catalog import naming
from catalog.crawling.isolation import Failure, Outcome, Workers
from catalog.history.store import Store, table_of
from catalog.history.unit import Unit
from catalog.lineage import extract
from catalog.lineage.assemble import Assembled, Columns, LiveColumn, assemble, own_ref
from catalog.lineage.edges import end_evidence, write_edges
from catalog.lineage.referenced import ensure_referenced
from catalog.lineage.resolve import Resolution, resolve
from catalog.lineage.spelling import Where, name_keys
from catalog.lineage.statements import (
    DEFINING,
    Use,
    is_same,
    load_uses,
    parsed_key,
    pending,
    set_parsed,
    write_names,
)
from catalog.model import Column
from catalog.sql import Parsed, TableRef

_COLUMN = table_of(Column)
SECONDS: Final = 10.0
"""Longest time that one statement may take."""
ACTOR: Final = "system"
_BATCH: Final = 64
_WRITE_SECONDS: Final = 0.05
_PAUSE_SECONDS: Final = 0.005  # lets others write
_MOST_TRIES: Final = 5
_MOST_PROBLEM: Final = 1000  # characters
_CHUNK: Final = 500
ItemT = TypeVar("ItemT")
ValueT = TypeVar("ValueT")


class Counts(msgspec.Struct):
    """What a run of the parser did. ``problems``: uses with something that was not understood.

    ``unchanged``: uses that were looked at but mean what they meant; ``ended``: undone.
    """

    parsed: int = 0
    unchanged: int = 0
    ended: int = 0
    problems: int = 0
    targets: int = 0


class Parser:
    """Runs functions of `catalog.lineage.extract` on many items.

    In a child process, so that a statement that takes too long, or too much memory, costs itself
    only; ``inline`` runs them here, without limits (tests, a command that parses one text).
    """

    def __init__(self, *, inline: bool = False, seconds: float = SECONDS) -> None:
        self._workers = (
            None if inline else Workers(count=1, seconds=seconds, allow=(extract.__name__,))
        )

    def run(
        self, function: Callable[[ItemT], ValueT], items: Sequence[ItemT]
    ) -> list[Outcome[ValueT]]:
        """One outcome for each item, in order."""
        if self._workers is not None:
            return [outcome for _, outcome in self._workers.map_ordered(function, items)]
        return [_inline(function, item) for item in items]

    def close(self) -> None:
        """Ends the child process."""
        if self._workers is not None:
            self._workers.close()

    def __enter__(self) -> Parser:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def _inline(function: Callable[[ItemT], ValueT], item: ItemT) -> Outcome[ValueT]:
    try:
        return Outcome(value=function(item))
    except Exception as error:
        return Outcome(failure=Failure("unreadable", f"{type(error).__name__}: {error}"))


@dataclass
class _Work:
    """A use on its way through the parser."""

    use: Use
    refs: list[TableRef] = field(default_factory=list)
    resolved: dict[TableRef, Resolution] = field(default_factory=dict)
    key: bytes = b""
    failure: str | None = None
    statements: list[Parsed] | None = None  # None: need not be parsed again, or cannot
    assembled: Assembled | None = None


def parse_use(store: Store, use: int, *, parser: Parser | None = None) -> Counts:
    """Parses one use, in this process unless a parser is given. The same again writes nothing."""
    counts = Counts()
    parse_uses(store, [use], parser or Parser(inline=True), counts)
    return counts


def parse_pending(
    store: Store,
    *,
    limit_seconds: float | None = None,
    cancelled: Callable[[], bool] = lambda: False,
    inline: bool = False,
) -> Counts:
    """Parses until nothing waits, the time is over, or ``cancelled``; asked between batches."""
    counts = Counts()
    end = None if limit_seconds is None else time.monotonic() + limit_seconds
    tries: dict[int, int] = {}
    after = 0
    with Parser(inline=inline) as parser:
        while not cancelled() and (end is None or time.monotonic() < end):
            with store.read() as session:
                keys = pending(session, _BATCH, after)
            after = keys[-1] if keys else 0
            keys = [key for key in keys if tries.setdefault(key, 0) < _MOST_TRIES]
            if keys:
                parse_uses(store, keys, parser, counts, cancelled)
                tries.update({key: tries[key] + 1 for key in keys})
            elif after == 0 and not _is_waiting(store, tries):
                break
    return counts


def _is_waiting(store: Store, tries: dict[int, int]) -> bool:
    """Whether something before the last batch was marked meanwhile. Much tried is left alone."""
    with store.read() as session:
        keys = pending(session, len(tries) + 1)
    return any(tries.get(key, 0) < _MOST_TRIES for key in keys)


def parse_uses(
    store: Store,
    keys: Sequence[int],
    parser: Parser,
    counts: Counts,
    cancelled: Callable[[], bool] = lambda: False,
) -> None:
    """Parses these uses, whether they wait or not."""
    with store.connect() as connection:
        uses = load_uses(connection, keys)
    live = [_Work(use) for use in uses if use.live]
    dead = [_Work(use, key=parsed_key(b"ended")) for use in uses if not use.live]
    _find_names(parser, live)
    with store.connect() as connection:
        columns = _resolve(connection, live)
    _extract(parser, live, columns)
    for work in live:
        if work.statements is not None:
            work.assembled = assemble(work.use, work.statements, work.resolved, columns)
    _write(store, [work for work in (*dead, *live) if _is_open(work)], counts, cancelled)
    counts.unchanged += sum(not _is_open(work) for work in live)


def _is_open(work: _Work) -> bool:
    """Whether there is anything to write."""
    return work.use.parsed_key != work.key


# --- reading --------------------------------------------------------------------------------


def _find_names(parser: Parser, works: Sequence[_Work]) -> None:
    texts = list(dict.fromkeys((work.use.text, work.use.dialect) for work in works))
    outcomes = parser.run(extract.names, [extract.Text(*text) for text in texts])
    found = dict(zip(texts, outcomes, strict=True))
    for work in works:
        outcome = found[work.use.text, work.use.dialect]
        if outcome.failure is not None:
            work.failure = outcome.failure.why
        work.refs = list(outcome.value or ())


def _resolve(connection: Connection, works: Sequence[_Work]) -> Columns:
    """Fills in what the names mean and the key of the parse; gives all columns involved."""
    meant = resolve(connection, ((work.use.where, ref) for work in works for ref in work.refs))
    assets: set[int] = set()
    for work in works:
        work.resolved = {ref: meant[work.use.where, ref] for ref in work.refs}
        assets |= _assets_of(work)
    columns = Columns(_live_columns(connection, sorted(assets)))
    for work in works:
        work.key = parsed_key(_meaning(work, columns))
    return columns


def _assets_of(work: _Work) -> set[int]:
    found = {asset.key for meant in work.resolved.values() for asset in meant.assets}
    return found | ({work.use.asset} if work.use.asset is not None else set())


def _live_columns(connection: Connection, assets: Sequence[int]) -> dict[int, list[LiveColumn]]:
    found: dict[int, list[LiveColumn]] = {}
    for offset in range(0, len(assets), _CHUNK):
        statement = (
            select(_COLUMN.c.asset, _COLUMN.c.number, _COLUMN.c.path)
            .where(_COLUMN.c.asset.in_(assets[offset : offset + _CHUNK]), _COLUMN.c.live)
            .order_by(_COLUMN.c.asset, _COLUMN.c.position, _COLUMN.c.number)
        )
        for asset, number, path in connection.execute(statement):
            found.setdefault(asset, []).append(LiveColumn(number, path))
    return found


def _meaning(work: _Work, columns: Columns) -> bytes:
    """Everything that the edges depend on besides text and engine."""
    names: list[Any] = [
        (
            ref.key,
            [asset.key for asset in meant.assets],
            meant.confidence,
            meant.missing,
            meant.problem,
        )
        for ref, meant in work.resolved.items()
    ]
    schemas = [(asset, columns.of.get(asset, ())) for asset in sorted(_assets_of(work))]
    use = work.use
    where: Where = use.where
    defaults = (where.database, where.schema, use.kind, use.asset, use.asset_name)
    return msgspec.json.encode((names, schemas, defaults))


# --- parsing --------------------------------------------------------------------------------


def _extract(parser: Parser, works: Sequence[_Work], columns: Columns) -> None:
    """Parses what means something else than at its last parse."""
    wanted = [
        work
        for work in works
        if work.failure is None and not is_same(work.use.parsed_key, work.key)
    ]
    outcomes = parser.run(extract.edges, [_task(work, columns) for work in wanted])
    for work, outcome in zip(wanted, outcomes, strict=True):
        if outcome.failure is not None:
            work.failure = outcome.failure.why
        else:
            work.statements = list(outcome.value or ())


def _task(work: _Work, columns: Columns) -> extract.Task:
    use = work.use
    schemas: dict[str, list[str]] = {}
    for ref, meant in work.resolved.items():
        paths = columns.paths(asset.key for asset in meant.assets)
        if paths:
            schemas[ref.key] = paths
    defines = use.asset is not None and use.kind in DEFINING
    own = columns.paths([use.asset]) if use.asset is not None and defines else []
    return extract.Task(
        text=use.text,
        dialect=use.dialect,
        schemas=schemas,
        database=use.where.database,
        schema=use.where.schema,
        target=own_ref(use) if defines else None,
        target_columns=own or None,
    )


# --- writing --------------------------------------------------------------------------------


def _write(
    store: Store, works: Sequence[_Work], counts: Counts, cancelled: Callable[[], bool]
) -> None:
    """Writes uses in key order, in units of at most 50 ms."""
    done = 0
    while done < len(works) and not cancelled():
        start = done

        def some(unit: Unit, start: int = start) -> tuple[int, Counts]:
            return _write_some(unit, works[start:])

        written, counted = store.run(some, ACTOR, crawl=True)
        done += written
        for name in Counts.__struct_fields__:
            setattr(counts, name, getattr(counts, name) + getattr(counted, name))
        if done < len(works):
            time.sleep(_PAUSE_SECONDS)


def _write_some(unit: Unit, works: Iterable[_Work]) -> tuple[int, Counts]:
    counts = Counts()
    end = time.monotonic() + _WRITE_SECONDS
    count = 0
    for work in works:
        _write_one(unit, work, counts)
        count += 1
        if time.monotonic() > end:
            break
    return count, counts


def _write_one(unit: Unit, work: _Work, counts: Counts) -> None:
    use = work.use
    problem = _problem(work)
    if not use.live:
        if set_parsed(unit, use, work.key, problem=None):
            counts.targets += len(end_evidence(unit, [use.key]))
            write_names(unit, use.key, ())
            counts.ended += 1
        return
    if work.statements is None and work.failure is None:
        set_parsed(unit, use, work.key)  # only the mark goes
        counts.unchanged += 1
        return
    if not set_parsed(unit, use, work.key, problem=problem):
        return
    counts.parsed += 1
    counts.problems += problem is not None
    write_names(unit, use.key, set().union(*(name_keys(ref, use.where) for ref in work.refs)))
    if work.assembled is not None:
        made = ensure_referenced(unit, work.assembled.missing())
        counts.targets += len(write_edges(unit, use.key, work.assembled.keys(made)))


def _problem(work: _Work) -> str | None:
    """What was not understood, one thing a line."""
    found = [] if work.failure is None else [f"It was not parsed: {work.failure}"]
    if work.assembled is not None:
        found += work.assembled.problems
    found += [meant.problem for meant in work.resolved.values() if meant.problem is not None]
    text = "\n".join(dict.fromkeys(found))
    return naming.clean_text(text[:_MOST_PROBLEM]) or None
