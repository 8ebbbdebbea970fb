"""One crawl from beginning to end: scopes, settlement of renames, vanishing, the verdict."""

from __future__ import annotations

import hashlib
import json
import logging
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from sqlalchemy import Connection, func, select, update

from catalog.crawling import records
from catalog.crawling.crawler import Scope as CrawlerScope
from catalog.crawling.crawler import Scopes
from catalog.errors import CatalogError, DiskFull, Locked, Unreachable
from catalog.history import points
from catalog.history.store import Store, table_of
from catalog.history.unit import Unit, dump
from catalog.ingest import lookup, vanish
from catalog.ingest.batch import write_batch
from catalog.ingest.context import CrawlContext, load_source
from catalog.ingest.ledger import Tally
from catalog.ingest.prepare import Prepared, prepare, restate
from catalog.ingest.renames import make_room
from catalog.ingest.resume import recall
from catalog.ingest.scope import Cancelled, ScopeIngest
from catalog.model import Crawl, CrawlScope, Scope, Sighting, clock
from catalog.naming import id_text, without_secrets
from catalog.sources import crawls, ledger, owners, problems

log = logging.getLogger(__name__)
_CRAWL = table_of(Crawl)
_SCOPE = table_of(Scope)
_CRAWL_SCOPE = table_of(CrawlScope)
_SIGHTING = table_of(Sighting)
_CANCEL_SECONDS = 0.5
_BATCH = 200


class Reader(Protocol):
    """What `run_crawl` needs of a crawler; pushed records come through the same door."""

    def scopes(self, state: Mapping[str, Any]) -> Scopes:
        """All scopes there are."""
        ...

    def crawl(
        self,
        scope: CrawlerScope,
        state: Mapping[str, Any] | None,
        only: Sequence[str] | None = None,
    ) -> Iterator[records.Record]:
        """Records of one scope."""
        ...


@dataclass
class _Run:
    """State of a running crawl in this process."""

    context: CrawlContext
    reader: Reader
    state_key: str
    only: frozenset[str] | None
    some_scopes: bool = False
    deferred: _Spool = field(default_factory=lambda: _Spool())
    # Scopes that wait for the deferred records: how they ended, or why they failed.
    closing: dict[int, records.Done | str] = field(default_factory=dict)
    causes: dict[int, str | None] = field(default_factory=dict)  # scope -> see `_cause`
    why: list[str] = field(default_factory=list)
    checked: float = 0.0
    asked: bool = False

    def cancelled(self) -> bool:
        """Asks the store, at most twice a second."""
        now = time.monotonic()
        if now - self.checked > _CANCEL_SECONDS:
            self.checked = now
            with self.context.store.read() as session:
                self.asked = crawls.is_cancelled(session, self.context.crawl)
        return self.asked


class _Spool:
    """Deferred records on disk: a restored dump may defer all there are."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115  # closed by `close`
        self.scopes: list[int] = []

    def add(self, scope: int, item: Prepared) -> None:
        lines = [records.encode(item.record), *(records.encode(s) for s in item.statements)]
        self._file.write(f"{scope} {len(lines)}\n".encode() + b"\n".join(lines) + b"\n")
        self.scopes.append(scope)

    def items(self, source: int) -> Iterator[tuple[int, Prepared]]:
        self._file.seek(0)
        while header := self._file.readline():
            scope, lines = (int(part) for part in header.split())
            found = [records.decode(self._file.readline()) for _ in range(lines)]
            first = found[0]
            if isinstance(first, records.Asset):
                item = prepare(first, source)
                item.statements = [one for one in found if isinstance(one, records.Statement)]
                yield scope, restate(item)

    def close(self) -> None:
        self._file.close()


def state_key(config: Mapping[str, Any], crawler_version: int) -> str:
    """What a crawler's state depends on; another key forgets the state."""
    text = dump([config, crawler_version, records.RECORD_FORMAT])
    return hashlib.blake2b(text.encode(), digest_size=12).hexdigest()


def run_crawl(
    store: Store,
    crawl: int,
    reader: Reader,
    *,
    crawler_version: int,
    config_key: str,
    refused_by: Callable[[str], str | None] = lambda _name: None,
    some_scopes: bool = False,
    stopping: Callable[[], bool] = lambda: False,
) -> str:
    """Runs a queued crawl (key) to its end; answers its state.

    ``refused_by``: the pattern of today's config that leaves a name out. ``some_scopes``: the
    reader lists only some scopes on purpose, which is no failure. ``stopping``: the
    process is asked to end; the crawl is given back and resumed by another one.
    A crawl that another living process has is left alone (its present state is answered).
    """
    with store.write("system") as unit:
        mine = crawls.begin(unit, crawl, owners.current_owner(), crawler_version)
        row = unit.connection.execute(select(_CRAWL).where(_CRAWL.c.key == crawl)).one()
    if not mine:
        return str(row.state)
    with store.connect() as connection:
        context = CrawlContext(
            store=store,
            source=load_source(connection, row.source),
            crawl=crawl,
            crawl_uid=id_text(row.uid),
            crawler_version=crawler_version,
            whole=row.subset is None,
            refused_by=refused_by,
        )
        recall(connection, context)
    only = None if row.subset is None else frozenset(json.loads(row.subset))
    run = _Run(context, reader, config_key, only, some_scopes)
    try:
        return _run(run, stopping)
    finally:
        run.deferred.close()


def _run(run: _Run, stopping: Callable[[], bool]) -> str:
    try:
        listed = run.reader.scopes(_states(run))
    except Exception as error:
        _note_error(run, None, "scopes", error)
        return _end(run, "failed", f"The source could not be listed: {_said(error)}")
    if not listed.complete and not (run.some_scopes and listed.why is None):
        run.why.append(listed.why or "Not all scopes could be listed.")
    try:
        ended = _crawl_scopes(run, _open_scopes(run, listed), stopping)
        if ended is not None:
            return ended
        _settle(run)
        if run.context.whole:
            _withdraw_missing(run, listed)
        else:
            _hold_unfound(run)
    except DiskFull as error:
        return _end(run, "failed", str(error))
    return _verdict(run, listed)


def _crawl_scopes(
    run: _Run, rows: Sequence[tuple[CrawlerScope, int, bool]], stopping: Callable[[], bool]
) -> str | None:
    """Crawls what is not done yet; the crawl's state if it ends here."""
    reached = True
    for scope, key, done in rows:
        if done:
            continue
        if stopping():
            return _give_back(run)
        if run.cancelled():
            return _end(run, "cancelled", "It was cancelled by a person.")
        if not reached:
            _close_failed(run, key, "The source was not reachable any more.")
            continue
        try:
            reached = _crawl_scope(run, scope, key, stopping)
        except Cancelled:
            if stopping():
                return _give_back(run)
            return _end(run, "cancelled", "It was cancelled by a person.")
    return None


def _give_back(run: _Run) -> str:
    with run.context.store.write("system") as unit:
        crawls.requeue(unit, run.context.crawl)
    return "queued"


# --- scopes ---------------------------------------------------------------------------------


def _states(run: _Run) -> dict[str, Any]:
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


def _open_scopes(run: _Run, listed: Scopes) -> list[tuple[CrawlerScope, int, bool]]:
    """Rows for all scopes of the crawl: (scope, key, already done before a resume)."""
    context = run.context
    with context.store.write("system") as unit:
        known: dict[str, int] = {
            row.name: row.key
            for row in unit.connection.execute(
                select(_SCOPE.c.name, _SCOPE.c.key).where(_SCOPE.c.source == context.source.key)
            )
        }
        for scope in listed.scopes:
            if scope.name not in known:
                known[scope.name] = unit.connection.execute(
                    _SCOPE.insert()
                    .values(source=context.source.key, name=scope.name, assets=0)
                    .returning(_SCOPE.c.key)
                ).scalar_one()
        open_rows = {
            row.scope: row
            for row in unit.connection.execute(
                select(_CRAWL_SCOPE).where(_CRAWL_SCOPE.c.crawl == context.crawl)
            )
        }
        for key, row in open_rows.items():
            if row.state not in ("complete", "incomplete", "failed"):
                # It is read anew, so what it had counted is taken back.
                ledger.add_to_crawl(
                    unit, context.crawl, key, ledger.Ledger() - ledger.ledger_of(row)
                )
        fresh = [
            {"crawl": context.crawl, "scope": known[scope.name], "state": "pending"}
            for scope in listed.scopes
            if known[scope.name] not in open_rows
        ]
        if fresh:
            unit.connection.execute(_CRAWL_SCOPE.insert(), fresh)
    ended = {
        key for key, row in open_rows.items() if row.state in ("complete", "incomplete", "failed")
    }
    return [(scope, known[scope.name], known[scope.name] in ended) for scope in listed.scopes]


def _crawl_scope(run: _Run, scope: CrawlerScope, key: int, stopping: Callable[[], bool]) -> bool:
    """Crawls one scope; False when the source cannot be reached any more."""
    context = run.context
    with context.store.write("system") as unit:
        _set_scope(unit, run, key, state="running", started_at=unit.now)
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
        _note_error(run, key, scope.name, failure)
        if result.deferred:
            run.closing[key] = _said(failure)
        else:
            _close_failed(run, key, _said(failure))
        return not isinstance(failure, Unreachable)
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
        _close_scope(run, key, done)
    return True


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


def _set_scope(unit: Unit, run: _Run, scope: int, **values: Any) -> None:
    unit.connection.execute(
        update(_CRAWL_SCOPE)
        .where(_CRAWL_SCOPE.c.crawl == run.context.crawl, _CRAWL_SCOPE.c.scope == scope)
        .values(**values)
    )


def _close_failed(run: _Run, scope: int, why: str) -> None:
    with run.context.store.write("system") as unit:
        _set_scope(unit, run, scope, state="failed", ended_at=unit.now, why=why)


def _forget_state(run: _Run, scope: int) -> None:
    """The next crawl reads the scope as if for the first time."""
    with run.context.store.write("system") as unit:
        unit.connection.execute(
            update(_SCOPE).where(_SCOPE.c.key == scope).values(state=None, state_key=None)
        )


def _close_scope(run: _Run, scope: int, done: records.Done) -> None:
    """Keeps state and what is missing, in the transaction that closes the scope."""
    context = run.context
    with context.store.write(context.actor, crawl=True) as unit:
        if not done.complete:
            _set_scope(
                unit,
                run,
                scope,
                state="incomplete",
                ended_at=unit.now,
                why=done.why or "Not everything could be listed.",
            )
            return
        values: dict[str, Any] = {"state": "complete", "ended_at": unit.now}
        live = _expected(run, unit.connection, scope)
        gone = [key for key in live if key not in context.seen]
        values["missing"] = vanish.pack_keys(gone) if gone else None
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
        _set_scope(unit, run, scope, **values)
        points.at("scope close")


def _expected(run: _Run, connection: Connection, scope: int) -> list[int]:
    """Assets that this crawl should see in a scope: all of it, or those that it asks for."""
    source = run.context.source.key
    if run.only is None:
        return vanish.live_keys(connection, source, scope)
    return vanish.keys_of_names(connection, source, sorted(run.only)).get(scope, [])


# --- the end --------------------------------------------------------------------------------


def _settle(run: _Run) -> None:
    """Decides the deferred records, then closes their scopes."""
    context = run.context
    items = list(run.deferred.items(context.source.key)) if run.deferred.scopes else []
    if items:
        moved = _write_movers(run, items)
        rest = [(scope, item) for scope, item in items if id(item) not in moved]
        for scope, chunk in _by_scope(rest):
            for part in lookup.chunks(chunk, _BATCH):
                _write_settled(run, [(scope, part)])
    for scope, done in run.closing.items():
        if isinstance(done, str):
            _close_failed(run, scope, done)
        else:
            _close_scope(run, scope, done)


def _by_scope(
    items: Sequence[tuple[int, Prepared]],
) -> list[tuple[int, list[Prepared]]]:
    grouped: dict[int, list[Prepared]] = {}
    for scope, item in items:
        grouped.setdefault(scope, []).append(item)
    return list(grouped.items())


def _write_movers(run: _Run, items: Sequence[tuple[int, Prepared]]) -> set[int]:
    """Swaps and rotations: one transaction frees the names and gives them anew."""
    moved: set[int] = set()

    def work(unit: Unit) -> list[int]:
        moved.clear()
        movers = make_room(unit, run.context, [item for _, item in items])
        moved.update(id(item) for item in movers)
        groups = _by_scope([(scope, item) for scope, item in items if id(item) in moved])
        return _write_groups(run, unit, groups)

    _in_one_unit(run, work)
    return moved


def _write_settled(run: _Run, groups: Sequence[tuple[int, Sequence[Prepared]]]) -> None:
    _in_one_unit(run, lambda unit: _write_groups(run, unit, groups))


def _write_groups(
    run: _Run, unit: Unit, groups: Sequence[tuple[int, Sequence[Prepared]]]
) -> list[int]:
    keys: list[int] = []
    for scope, items in groups:
        tally = Tally()
        result = write_batch(
            unit, run.context, scope, items, tally, cause=run.causes.get(scope), final=True
        )
        keys.extend(result.keys)
        ledger.add_to_crawl(unit, run.context.crawl, scope, tally.take())
    return keys


def _in_one_unit(run: _Run, work: Callable[[Unit], list[int]]) -> None:
    context = run.context
    try:
        keys = context.store.run(work, context.actor, crawl=True)
    except BaseException:
        context.forget()
        raise
    context.seen.update(keys)


def _withdraw_missing(run: _Run, listed: Scopes) -> None:
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
    run: _Run,
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

        context.store.run(work, context.actor, crawl=True)


def _missing(run: _Run, listed: Scopes) -> list[vanish.Missing]:
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


def _hold_unfound(run: _Run) -> None:
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


def _verdict(run: _Run, listed: Scopes) -> str:
    context = run.context
    with context.store.connect() as connection:
        row = connection.execute(select(_CRAWL).where(_CRAWL.c.key == context.crawl)).one()
        states = (
            connection.execute(
                select(_CRAWL_SCOPE.c.state).where(_CRAWL_SCOPE.c.crawl == context.crawl)
            )
            .scalars()
            .all()
        )
    failed = [state for state in states if state == "failed"]
    if states and len(failed) == len(states):
        return _end(run, "failed", "No scope could be read.")
    if row.failed or row.failed_objects:
        # One broken file is a failed object and a failed asset.
        count = max(row.failed, row.failed_objects)
        run.why.append(f"{count:,} {'thing' if count == 1 else 'things'} could not be read.")
    if failed:
        run.why.append(f"{len(failed):,} of {len(states):,} scopes failed.")
    if "incomplete" in states:
        count = states.count("incomplete")
        run.why.append(f"{count:,} of {len(states):,} scopes could not be listed completely.")
    if run.why:
        return _end(run, "partial", " ".join(run.why))
    with context.store.write("system") as unit:
        problems.resolve_unseen(unit, context.source.key, None, context.crawl)
    return _end(run, "succeeded", None)


def _end(run: _Run, state: str, why: str | None) -> str:
    with run.context.store.write("system") as unit:
        crawls.finish(unit, run.context.crawl, state, why)
    return state


def _said(error: Exception) -> str:
    if isinstance(error, CatalogError):
        return without_secrets(error.message)
    return without_secrets(f"{type(error).__name__}: {error}")[:500]


def _note_error(run: _Run, scope: int | None, what: str, error: Exception) -> None:
    hint = (
        error.remedy
        if isinstance(error, CatalogError)
        else ("This is a fault of the crawler; see the log for where.")
    )
    code = type(error).__name__.lower() if isinstance(error, CatalogError) else "crawler"
    seen = problems.Seen(code=code, what=what, why=_said(error), hint=hint)
    with run.context.store.write("system") as unit:
        problems.note(unit, run.context.source.key, scope, run.context.crawl, [seen])
