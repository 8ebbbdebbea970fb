"""Doctor: the store against itself and against its index. Reads only; says what to do."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
from sqlalchemy import Connection, func, select, text

from catalog.history.store import Store, table_of
from catalog.model import (
    Asset,
    Column,
    Crawl,
    CrawlScope,
    Edge,
    EdgeEvidence,
    Hold,
    QueuedJob,
    Sighting,
)
from catalog.naming import id_text
from catalog.search.consistency import differences
from catalog.search.engine import SearchEngine
from catalog.sources.owners import is_alive

_ASSET, _COLUMN, _SIGHTING = table_of(Asset), table_of(Column), table_of(Sighting)
_CRAWL, _CRAWL_SCOPE, _HOLD = table_of(Crawl), table_of(CrawlScope), table_of(Hold)
_EDGE, _EVIDENCE, _JOB = table_of(Edge), table_of(EdgeEvidence), table_of(QueuedJob)
_SHOWN = 10
Alive = Callable[[str | None], bool]


class Finding(msgspec.Struct, frozen=True):
    """One thing that is not as it should be. ``examples``: ids or names, at most ten."""

    check: str
    message: str
    count: int
    examples: list[str]
    remedy: str


class Report(msgspec.Struct, frozen=True):
    """What was checked and what was found."""

    checks: list[str]
    findings: list[Finding]

    @property
    def healthy(self) -> bool:
        """Whether nothing was found."""
        return not self.findings


def examine(store: Store, engine: SearchEngine | None, alive: Alive = is_alive) -> Report:
    """Runs all checks; each is a few set-based queries."""
    findings: list[Finding] = []
    names: list[str] = []
    with store.connect() as connection:
        for name, check in _checks(alive):
            names.append(name)
            findings.extend(check(connection))
    if engine is not None:
        names.append("index")
        findings.extend(_index(store, engine))
    names.append("disk")
    findings.extend(_disk(store))
    return Report(names, findings)


def _checks(alive: Alive) -> Iterator[tuple[str, Callable[[Connection], list[Finding]]]]:
    yield "file", _file
    yield "references", _references
    yield "columns", _columns
    yield "assets", _assets
    yield "holds", _holds
    yield "lineage", _lineage
    yield "ledgers", _ledgers
    yield "crawls", lambda connection: _stuck(connection, alive)


def _finding(check: str, message: str, rows: list[Any], remedy: str) -> list[Finding]:
    if not rows:
        return []
    examples = [_named(row) for row in rows[:_SHOWN]]
    return [Finding(check, message, len(rows), examples, remedy)]


def _named(row: Any) -> str:
    first = row[0]
    return id_text(first) if isinstance(first, bytes) and len(first) == 16 else str(first)


_BACKUP = "Restore a backup; keep this store for a look at what happened."


def _file(connection: Connection) -> list[Finding]:
    if connection.dialect.name != "sqlite":
        return []
    rows = connection.execute(text("PRAGMA quick_check(10)")).all()
    bad = [row for row in rows if row[0] != "ok"]
    return _finding("file", "The store's file is damaged.", bad, _BACKUP)


def _references(connection: Connection) -> list[Finding]:
    if connection.dialect.name != "sqlite":
        return []  # PostgreSQL enforces them always
    rows = list(connection.execute(text("PRAGMA foreign_key_check")).all())
    return _finding("references", "Rows refer to rows that are not there.", rows, _BACKUP)


def _columns(connection: Connection) -> list[Finding]:
    twice = connection.execute(
        select(_ASSET.c.uid, _COLUMN.c.path)
        .join(_ASSET, _ASSET.c.key == _COLUMN.c.asset)
        .where(_COLUMN.c.live)
        .group_by(_ASSET.c.uid, _COLUMN.c.asset, _COLUMN.c.path)
        .having(func.count() > 1)
    ).all()
    found = _finding(
        "columns", "Live columns of one asset share a path.", list(twice), "Crawl its source again."
    )
    reused = connection.execute(
        select(_ASSET.c.uid)
        .join(_COLUMN, _COLUMN.c.asset == _ASSET.c.key)
        .group_by(_ASSET.c.uid, _ASSET.c.key, _ASSET.c.next_column)
        .having(func.max(_COLUMN.c.number) >= _ASSET.c.next_column)
    ).all()
    return found + _finding(
        "columns", "A column number could be given twice.", list(reused), _BACKUP
    )


def _assets(connection: Connection) -> list[Finding]:
    seen = (
        select(_SIGHTING.c.asset)
        .where(_SIGHTING.c.asset == _ASSET.c.key, _SIGHTING.c.state != "withdrawn")
        .exists()
    )
    orphans = connection.execute(
        select(_ASSET.c.uid).where(_ASSET.c.state == "crawled", ~seen)
    ).all()
    ghosts = connection.execute(select(_ASSET.c.uid).where(_ASSET.c.state == "removed", seen)).all()
    again = "Crawl the source that should report them."
    return _finding("assets", "Crawled assets that no source reports.", list(orphans), again) + (
        _finding("assets", "Removed assets that a source still reports.", list(ghosts), again)
    )


def _holds(connection: Connection) -> list[Finding]:
    held = (
        select(_SIGHTING.c.asset)
        .where(
            _SIGHTING.c.asset == _HOLD.c.asset,
            _SIGHTING.c.source == _HOLD.c.source,
            _SIGHTING.c.state == "held",
        )
        .exists()
    )
    loose = connection.execute(select(_HOLD.c.uid).where(_HOLD.c.ended_at.is_(None), ~held)).all()
    open_hold = (
        select(_HOLD.c.key)
        .where(
            _HOLD.c.asset == _SIGHTING.c.asset,
            _HOLD.c.source == _SIGHTING.c.source,
            _HOLD.c.ended_at.is_(None),
        )
        .exists()
    )
    silent = connection.execute(
        select(_ASSET.c.uid)
        .join(_SIGHTING, _SIGHTING.c.asset == _ASSET.c.key)
        .where(_SIGHTING.c.state == "held", ~open_hold)
    ).all()
    again = "Crawl the source again."
    return _finding("holds", "Open holds of assets that are not held.", list(loose), again) + (
        _finding("holds", "Held assets without an open hold.", list(silent), again)
    )


def _lineage(connection: Connection) -> list[Finding]:
    believed = select(_EVIDENCE.c.edge).where(_EVIDENCE.c.edge == _EDGE.c.key).exists()
    rows = connection.execute(select(_EDGE.c.key).where(~believed)).all()
    return _finding(
        "lineage", "Edges without evidence.", [("edge",)] * len(rows), "Crawl the source again."
    )


def _ledgers(connection: Connection) -> list[Finding]:
    rows = connection.execute(
        select(_CRAWL.c.uid).where(
            _CRAWL.c.state.in_(("succeeded", "partial")),
            (_CRAWL.c.listed != _CRAWL.c.used + _CRAWL.c.filtered + _CRAWL.c.failed_objects)
            | (
                _CRAWL.c.seen
                != _CRAWL.c.new + _CRAWL.c.changed + _CRAWL.c.unchanged + _CRAWL.c.failed
            ),
        )
    ).all()
    return _finding(
        "ledgers",
        "Crawls whose ledger does not add up.",
        list(rows),
        "The crawler miscounts; report it with the crawl's id.",
    )


def _stuck(connection: Connection, alive: Alive) -> list[Finding]:
    running = connection.execute(
        select(_CRAWL.c.uid, _CRAWL.c.owner).where(_CRAWL.c.state == "running")
    ).all()
    dead = [row for row in running if not alive(row.owner)]
    waiting = {
        json.loads(row.arguments).get("crawl")
        for row in connection.execute(
            select(_JOB.c.arguments).where(
                _JOB.c.name == "crawl", _JOB.c.state.in_(("waiting", "running"))
            )
        )
    }
    queued = connection.execute(select(_CRAWL.c.uid).where(_CRAWL.c.state == "queued")).all()
    lost = [row for row in queued if id_text(row.uid) not in waiting]
    start = "Start `catalog serve`: it takes them up again; or crawl the source again."
    return _finding("crawls", "Running crawls whose process is dead.", dead, start) + _finding(
        "crawls", "Queued crawls that no job waits for.", lost, start
    )


def _index(store: Store, engine: SearchEngine) -> list[Finding]:
    found = differences(store, engine)
    return _finding(
        "index",
        "Documents of the search index differ from the store.",
        [(one,) for one in found],
        "Run `catalog reindex`.",
    )


def _disk(store: Store) -> list[Finding]:
    warning = store.disk_warning()
    if warning is None:
        return []
    return [Finding("disk", warning, 1, [], "Free some space, or lower CATALOG_DISK_RESERVE.")]
