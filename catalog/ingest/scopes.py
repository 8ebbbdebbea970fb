"""The scopes of a crawl: opened, crawled one after the other, closed."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, select, update

from catalog.crawling import records
from catalog.crawling.crawler import Scope as CrawlerScope
from catalog.crawling.crawler import Scopes
from catalog.errors import CatalogError, DiskFull, Locked, Unreachable
from catalog.history import points
from catalog.history.store import table_of
from catalog.history.unit import Unit, dump
from catalog.ingest import vanish
from catalog.ingest.context import CrawlContext
from catalog.ingest.run import Run
from catalog.ingest.scope import Cancelled, ScopeIngest, ScopeResult
from catalog.ingest.verdict import note_error, said
from catalog.model import Crawl, CrawlScope, Scope, Sighting, clock
from catalog.sources import ledger, problems

log = logging.getLogger(__name__)
_CRAWL = table_of(Crawl)
_SCOPE = table_of(Scope)
_CRAWL_SCOPE = table_of(CrawlScope)
_SIGHTING = table_of(Sighting)


def known_states(run: Run) -> dict[str, Any]:
    """The states that the crawler left in its last complete crawls, by scope."""
    with run.context.store.connect() as connection:
        return scope_states(connection, run.context.source.key, run.state_key)


def scope_states(connection: Connection, source: int, key: str) -> dict[str, Any]:
    """Scope name -> state of its last complete crawl, where config and version are the same.

    ``key``: see `state_key`.
    """
    rows = connection.execute(
        select(_SCOPE.c.name, _SCOPE.c.state, _SCOPE.c.state_key).where(
            _SCOPE.c.source == source, _SCOPE.c.state.is_not(None)
        )
    ).all()
    return {row.name: json.loads(row.state) for row in rows if row.state_key == key}


def open_scopes(run: Run, listed: Scopes) -> list[tuple[CrawlerScope, int, bool]]:
    """Rows for all scopes of the crawl: (scope, key, already done before a resume)."""
    keys, ended = run.context.store.run(lambda unit: _open(unit, run.context, listed), "system")
    return [(scope, keys[scope.name], keys[scope.name] in ended) for scope in listed.scopes]


def _open(unit: Unit, context: CrawlContext, listed: Scopes) -> tuple[dict[str, int], set[int]]:
    """(key of each scope by name, keys of those that had ended before a resume)."""
    keys = _scope_keys(unit, context.source.key, listed)
    ended: set[int] = set()
    begun: set[int] = set()
    for row in unit.connection.execute(
        select(_CRAWL_SCOPE).where(_CRAWL_SCOPE.c.crawl == context.crawl)
    ).all():
        begun.add(row.scope)
        if row.state in ("complete", "incomplete", "failed"):
            ended.add(row.scope)
        else:
            # It is read anew, so what it had counted is taken back.
            back = ledger.Ledger() - ledger.ledger_of(row)
            ledger.add_to_crawl(unit, context.crawl, row.scope, back)
    fresh = [
        {"crawl": context.crawl, "scope": keys[scope.name], "state": "pending"}
        for scope in listed.scopes
        if keys[scope.name] not in begun
    ]
    if fresh:
        unit.connection.execute(_CRAWL_SCOPE.insert(), fresh)
    return keys, ended


def _scope_keys(unit: Unit, source: int, listed: Scopes) -> dict[str, int]:
    """Keys of the source's scopes by name; those that are listed anew are made."""
    rows = unit.connection.execute(
        select(_SCOPE.c.name, _SCOPE.c.key).where(_SCOPE.c.source == source)
    )
    keys: dict[str, int] = {row.name: row.key for row in rows}
    for scope in listed.scopes:
        if scope.name not in keys:
            keys[scope.name] = unit.connection.execute(
                _SCOPE.insert()
                .values(source=source, name=scope.name, assets=0)
                .returning(_SCOPE.c.key)
            ).scalar_one()
    return keys


def crawl_scope(run: Run, scope: CrawlerScope, key: int, stopping: Callable[[], bool]) -> bool:
    """Crawls one scope; False when the source cannot be reached any more."""
    context = run.context
    context.store.run(
        lambda unit: _set_scope(unit, run, key, state="running", started_at=unit.now), "system"
    )
    with context.store.connect() as connection:
        row = connection.execute(select(_SCOPE).where(_SCOPE.c.key == key)).one()
        known = _has_assets(connection, key)
        cause = _cause(connection, context, row)
    run.causes[key] = cause
    context.read_since = clock.now()
    state = json.loads(row.state) if row.state and row.state_key == run.state_key else None
    ingest = ScopeIngest(
        context,
        key,
        cause=cause,
        known=known or bool(context.before),
        only=run.only,
        cancelled=lambda: run.cancelled() or stopping(),
    )
    failure: Exception | None = None
    try:
        for record in run.reader.crawl(scope, state, sorted(run.only) if run.only else None):
            ingest.feed(record)
    except (Cancelled, DiskFull, Locked):  # not the crawler's fault
        raise
    except Exception as error:
        failure = error
        if not isinstance(error, CatalogError):
            log.exception("crawler failed", extra={"scope": scope.name})
    result = ingest.finish()
    for item in result.deferred:
        run.deferred.add(key, item)
    if failure is not None:
        note_error(run, key, scope.name, failure)
        if result.deferred:
            run.closing[key] = said(failure)
        else:
            close_failed(run, key, said(failure))
        return not isinstance(failure, Unreachable)
    _close_as_said(run, key, result)
    return True


def _close_as_said(run: Run, key: int, result: ScopeResult) -> None:
    """The crawler did not fail: what it said of its end counts."""
    done = result.done or records.Done(
        complete=False, why="The crawler ended this scope without saying that it was complete."
    )
    if result.forgotten:
        _forget_state(run, key)
        done = records.Done(
            complete=False, why="The crawler's state was of another store; it reads anew next time."
        )
    if result.deferred:
        run.closing[key] = done
    else:
        close_scope(run, key, done)


def _has_assets(connection: Connection, scope: int) -> bool:
    return (
        connection.execute(
            select(_SIGHTING.c.asset).where(_SIGHTING.c.scope == scope).limit(1)
        ).first()
        is not None
    )


def _cause(connection: Connection, context: CrawlContext, row: Any) -> str | None:
    """``crawler 3 -> 4`` when the scope was last read by another version of the crawler."""
    if row.last_complete_crawl is None:
        return None
    before = connection.execute(
        select(_CRAWL.c.crawler_version).where(_CRAWL.c.key == row.last_complete_crawl)
    ).scalar_one_or_none()
    if before is None or before == context.crawler_version:
        return None
    return f"crawler {before} -> {context.crawler_version}"


def _set_scope(unit: Unit, run: Run, scope: int, **values: Any) -> None:
    unit.connection.execute(
        update(_CRAWL_SCOPE)
        .where(_CRAWL_SCOPE.c.crawl == run.context.crawl, _CRAWL_SCOPE.c.scope == scope)
        .values(**values)
    )


def close_failed(run: Run, scope: int, why: str) -> None:
    """Nothing of the scope counts as missing."""
    run.context.store.run(
        lambda unit: _set_scope(unit, run, scope, state="failed", ended_at=unit.now, why=why),
        "system",
    )


def _forget_state(run: Run, scope: int) -> None:
    """The next crawl reads the scope as if for the first time."""
    forget = update(_SCOPE).where(_SCOPE.c.key == scope).values(state=None, state_key=None)
    run.context.store.run(lambda unit: unit.connection.execute(forget), "system")


def close_scope(run: Run, scope: int, done: records.Done) -> None:
    """Keeps state and what is missing, in the transaction that closes the scope."""
    run.context.write(lambda unit: _close(unit, run, scope, done))


def _close(unit: Unit, run: Run, scope: int, done: records.Done) -> None:
    if not done.complete:
        why = done.why or "Not everything could be listed."
        _set_scope(unit, run, scope, state="incomplete", ended_at=unit.now, why=why)
        return
    context = run.context
    live = _expected(run, unit.connection, scope)
    gone = [key for key in live if key not in context.seen]
    if context.whole:
        unit.connection.execute(
            update(_SCOPE)
            .where(_SCOPE.c.key == scope)
            .values(
                state=None if done.state is None else dump(done.state),
                state_key=run.state_key,
                last_complete_crawl=context.crawl,
                last_complete_at=unit.now,
                assets=len(live) - len(gone),
            )
        )
        problems.resolve_unseen(unit, context.source.key, scope, context.crawl)
    missing = vanish.pack_keys(gone) if gone else None
    _set_scope(unit, run, scope, state="complete", ended_at=unit.now, missing=missing)
    points.at("scope close")


def _expected(run: Run, connection: Connection, scope: int) -> list[int]:
    """Assets that this crawl should see in a scope: all of it, or those that it asks for."""
    source = run.context.source.key
    if run.only is None:
        return vanish.live_keys(connection, source, scope)
    return vanish.keys_of_names(connection, source, sorted(run.only)).get(scope, [])
