"""What a crawl has missed: withdrawn, held by the brake, or asked for and not found."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from sqlalchemy import Connection, func, select

from catalog.crawling.crawler import Scopes
from catalog.history.store import table_of
from catalog.history.unit import Unit
from catalog.ingest import lookup, vanish
from catalog.ingest.context import CrawlContext
from catalog.ingest.ledger import Tally
from catalog.ingest.run import Run
from catalog.model import CrawlScope, Scope, Sighting
from catalog.sources import ledger

_SCOPE = table_of(Scope)
_CRAWL_SCOPE = table_of(CrawlScope)
_SIGHTING = table_of(Sighting)
_BATCH = 200


def withdraw_missing(run: Run, listed: Scopes) -> None:
    """Only complete listings withdraw; the brake decides what is held instead."""
    context = run.context
    missing = _missing(run, listed)
    if not missing:
        return
    with context.store.connect() as connection:
        names = vanish.names_of(connection, [key for one in missing for key in one.keys])
        waiting = vanish.open_holds(connection, context.source.key)
    filtered = {
        key: context.filtered.get(key) or context.refused_by(names[key])
        for one in missing
        for key in one.keys
    }
    left_out = {key: pattern for key, pattern in filtered.items() if pattern}
    held = vanish.brake(context.source, missing, set(left_out))
    # An open hold waits for a person; a later crawl adds to it.
    held |= {one.scope for one in missing if waiting.intersection(one.keys)}
    for one in missing:
        gone = [key for key in one.keys if key not in left_out]
        out = [key for key in one.keys if key in left_out]
        _in_steps(run, one.scope, out, lambda unit, keys: _withdraw(unit, context, keys, left_out))
        if one.scope in held:
            why = vanish.hold_reason(context.source, one, len(gone))
            _in_steps(
                run,
                one.scope,
                gone,
                lambda unit, keys, scope=one.scope, why=why: (  # type: ignore[misc]
                    "held",
                    vanish.hold(unit, context, scope, keys, why),
                ),
            )
        else:
            _in_steps(
                run,
                one.scope,
                gone,
                lambda unit, keys: ("removed", vanish.withdraw(unit, context, keys)),
            )


def _withdraw(
    unit: Unit, context: CrawlContext, keys: Sequence[int], patterns: Mapping[int, str]
) -> tuple[str, int]:
    """What a filter leaves out is gone from here, curation kept; the cause names the pattern."""
    total = 0
    for key in keys:
        total += vanish.withdraw(
            unit, context, [key], cause=f"filtered by {patterns[key]}", outcome="filtered"
        )
    return "removed", total


def _in_steps(
    run: Run,
    scope: int,
    keys: Sequence[int],
    step: Callable[[Unit, Sequence[int]], tuple[str, int]],
) -> None:
    context = run.context
    for chunk in lookup.chunks(sorted(keys), _BATCH):

        def work(unit: Unit, chunk: Sequence[int] = chunk) -> None:
            name, count = step(unit, chunk)
            tally = Tally()
            tally.add(name, count)
            ledger.add_to_crawl(unit, context.crawl, scope, tally.take())

        context.write(work)


def _missing(run: Run, listed: Scopes) -> list[vanish.Missing]:
    context = run.context
    found: list[vanish.Missing] = []
    with context.store.connect() as connection:
        rows = connection.execute(
            select(_SCOPE.c.key, _SCOPE.c.name, _CRAWL_SCOPE.c.state, _CRAWL_SCOPE.c.missing)
            .select_from(
                _SCOPE.outerjoin(
                    _CRAWL_SCOPE,
                    (_CRAWL_SCOPE.c.scope == _SCOPE.c.key)
                    & (_CRAWL_SCOPE.c.crawl == context.crawl),
                )
            )
            .where(_SCOPE.c.source == context.source.key)
        ).all()
        for row in rows:
            had = _count_live(connection, row.key)
            if row.state is None:
                if not listed.complete or had == 0:
                    continue
                keys = vanish.live_keys(connection, context.source.key, row.key)
            elif row.state == "complete":
                keys = vanish.still_missing(
                    connection,
                    context.source.key,
                    row.key,
                    [k for k in vanish.unpack_keys(row.missing) if k not in context.seen],
                )
            else:
                continue
            had_before = had - _fresh(connection, context, row.key)
            if keys or had_before:
                found.append(
                    vanish.Missing(row.key, tuple(keys), had_before, len(keys) == had and had > 0)
                )
    return found if any(one.keys for one in found) else []


def _count_live(connection: Connection, scope: int) -> int:
    return int(
        connection.execute(
            select(func.count()).where(_SIGHTING.c.scope == scope, _SIGHTING.c.state != "withdrawn")
        ).scalar_one()
    )


def _fresh(connection: Connection, context: CrawlContext, scope: int) -> int:
    """Assets that the scope has only since this crawl."""
    return int(
        connection.execute(
            select(_CRAWL_SCOPE.c.new).where(
                _CRAWL_SCOPE.c.crawl == context.crawl, _CRAWL_SCOPE.c.scope == scope
            )
        ).scalar()
        or 0
    )


def hold_unfound(run: Run) -> None:
    """A name that was asked for and not found is held, never removed."""
    context = run.context
    with context.store.connect() as connection:
        rows = connection.execute(
            select(_CRAWL_SCOPE.c.scope, _CRAWL_SCOPE.c.state, _CRAWL_SCOPE.c.missing).where(
                _CRAWL_SCOPE.c.crawl == context.crawl
            )
        ).all()
        if any(row.state != "complete" for row in rows):
            return
        # What a scope missed is kept with it: a crawl that was resumed has not seen it all itself.
        missing = vanish.keys_of_names(connection, context.source.key, sorted(run.only or ()))
        for row in rows:
            missing[row.scope] = vanish.still_missing(
                connection, context.source.key, row.scope, vanish.unpack_keys(row.missing)
            )
    for scope, keys in missing.items():
        _in_steps(
            run,
            scope,
            [key for key in keys if key not in context.seen],
            lambda unit, part, scope=scope: (  # type: ignore[misc]
                "held",
                vanish.hold(unit, context, scope, part, "It was asked for and not found."),
            ),
        )
