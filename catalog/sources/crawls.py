"""Crawl rows from the queue to the end: what usecases enqueue and what ingest begins and ends.

All of it is operational: no change is written. The ledger is in `catalog.sources.ledger`, the
reading side in `catalog.sources.crawl_reads`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, Final

from sqlalchemy import and_, case, select, update
from sqlmodel import Session

from catalog.access.viewer import Viewer
from catalog.errors import BadInput, Conflict, NotFound
from catalog.history.store import table_of
from catalog.history.unit import Unit
from catalog.model import Crawl, CrawlScope, Source
from catalog.naming import id_bytes, id_text, new_id
from catalog.sources.owners import is_alive

_CRAWL = table_of(Crawl)
_CRAWL_SCOPE = table_of(CrawlScope)
_SOURCE = table_of(Source)
OPEN_STATES: Final = ("queued", "running")
END_STATES: Final = ("succeeded", "partial", "failed", "cancelled")
TRIGGERS: Final = ("person", "schedule", "event", "push", "refresh")


def enqueue_crawl(
    unit: Unit,
    actor: str,
    source: int,
    trigger: str = "person",
    subset: Sequence[str] | None = None,
) -> str:
    """A queued crawl of a source (key); answers its public id. ``subset``: only these names.

    `Conflict` if a whole crawl is asked for and one is queued or running already (``details``:
    ``crawl``, its id), or if the source is removed. The caller enqueues the job.
    """
    if trigger not in TRIGGERS:
        raise BadInput(f"{trigger!r} is no trigger of a crawl.", remedy=", ".join(TRIGGERS))
    # Locks the row, so that two requests at once cannot both find nothing.
    row = unit.connection.execute(
        select(_SOURCE.c.name, _SOURCE.c.kind, _SOURCE.c.removed_at)
        .where(_SOURCE.c.key == source)
        .with_for_update()
    ).one()
    if row.removed_at is not None:
        raise Conflict("The source is removed.", remedy="Add it again, then crawl it.")
    if subset is None:
        _refuse_second(unit, source, row.name)
    uid = new_id()
    unit.connection.execute(
        _CRAWL.insert().values(
            uid=uid,
            source=source,
            state="queued",
            trigger=trigger,
            actor=actor,
            subset=None if subset is None else json.dumps(list(subset), ensure_ascii=False),
            queued_at=unit.now,
        )
    )
    return id_text(uid)


def _refuse_second(unit: Unit, source: int, name: str) -> None:
    other = unit.connection.execute(
        select(_CRAWL.c.uid, _CRAWL.c.state).where(
            _CRAWL.c.source == source,
            _CRAWL.c.state.in_(OPEN_STATES),
            _CRAWL.c.subset.is_(None),
        )
    ).first()
    if other is not None:
        crawl = id_text(other.uid)
        raise Conflict(
            f"A crawl of {name} is {other.state} already: {crawl}.",
            remedy="Wait for it, or cancel it.",
            crawl=crawl,
        )


def key_of(session: Session, crawl_id: str) -> int:
    """Key of a crawl by its public id; `NotFound` if there is none."""
    raw = id_bytes(crawl_id)
    key: int | None = None
    if raw is not None:
        key = session.connection().scalar(select(_CRAWL.c.key).where(_CRAWL.c.uid == raw))
    if key is None:
        raise NotFound(f"There is no crawl {crawl_id}.", remedy="List the crawls of the source.")
    return key


def begin(unit: Unit, crawl: int, owner: str, crawler_version: int = 1) -> bool:
    """Makes a queued crawl (key) running, in the hands of a process; True if it is to be done.

    False: it has ended, was cancelled before it began, or another living process runs it; a job
    that arrives twice then does nothing. A crawl whose process is dead is taken over, and keeps
    what it had done. `Conflict` if another whole crawl of the source is running.
    """
    row = _locked(unit, crawl)
    if row.state not in OPEN_STATES:
        return False
    if row.cancel:
        finish(unit, crawl, "cancelled", "It was cancelled before it began.")
        return False
    if row.state == "running" and row.owner != owner and is_alive(row.owner):
        return False
    if row.subset is None:
        _refuse_running_other(unit, row)
    unit.connection.execute(
        update(_CRAWL)
        .where(_CRAWL.c.key == crawl)
        .values(
            state="running",
            owner=owner,
            crawler_version=crawler_version,
            started_at=row.started_at if row.started_at is not None else unit.now,
            progress_at=unit.now,
        )
    )
    return True


def _refuse_running_other(unit: Unit, row: Any) -> None:
    other = unit.connection.execute(
        select(_CRAWL.c.uid).where(
            _CRAWL.c.source == row.source,
            _CRAWL.c.key != row.key,
            _CRAWL.c.state == "running",
            _CRAWL.c.subset.is_(None),
        )
    ).scalar()
    if other is not None:
        raise Conflict(
            f"Another crawl of this source is running: {id_text(other)}.",
            remedy="Wait for it, or cancel it.",
            crawl=id_text(other),
        )


def finish(unit: Unit, crawl: int, state: str, why: str | None = None) -> None:
    """Ends a crawl (key): succeeded, partial, failed or cancelled. ``why``: one sentence."""
    if state not in END_STATES:
        raise ValueError(f"{state!r} is no end of a crawl")
    unit.connection.execute(
        update(_CRAWL)
        .where(_CRAWL.c.key == crawl, _CRAWL.c.state.in_(OPEN_STATES))
        .values(state=state, why=why, ended_at=unit.now, progress_at=unit.now, owner=None)
    )
    left = "cancelled" if state == "cancelled" else "incomplete"
    unit.connection.execute(
        update(_CRAWL_SCOPE)
        .where(_CRAWL_SCOPE.c.crawl == crawl, _CRAWL_SCOPE.c.state.in_(("pending", "running")))
        .values(
            state=case((_CRAWL_SCOPE.c.state == "pending", "cancelled"), else_=left),
            ended_at=unit.now,
        )
    )


def requeue(unit: Unit, crawl: int) -> None:
    """Gives a running crawl (key) back: its process stops and another one goes on with it."""
    unit.connection.execute(
        update(_CRAWL)
        .where(_CRAWL.c.key == crawl, _CRAWL.c.state == "running")
        .values(state="queued", owner=None)
    )
    _reopen_scopes(unit, [crawl])


def request_cancel(unit: Unit, viewer: Viewer, crawl_id: str) -> str:
    """Asks a crawl to stop; answers its state then. A queued one is cancelled at once.

    `NotFound`, `Conflict` if it has ended, `NotAllowed`.
    """
    viewer.require("source")
    row = _locked(unit, key_of(unit.session, crawl_id))
    if row.state not in OPEN_STATES:
        raise Conflict(
            f"The crawl {crawl_id} has ended already: {row.state}.", remedy="Nothing is left to do."
        )
    cancel(unit, row.key, viewer.name or viewer.actor)
    return "cancelled" if row.state == "queued" else "running"


def cancel(unit: Unit, crawl: int, by: str) -> None:
    """Cancels a queued crawl (key), asks a running one to stop."""
    unit.connection.execute(update(_CRAWL).where(_CRAWL.c.key == crawl).values(cancel=True))
    if _locked(unit, crawl).state == "queued":
        finish(unit, crawl, "cancelled", f"It was cancelled by {by} before it began.")


def is_cancelled(session: Session, crawl: int) -> bool:
    """Whether the crawl (key) is asked to stop; asked between records."""
    return bool(session.connection().scalar(select(_CRAWL.c.cancel).where(_CRAWL.c.key == crawl)))


def recover_dead(unit: Unit, alive: Callable[[str | None], bool] = is_alive) -> list[str]:
    """Running crawls whose process is dead become queued again; answers their public ids.

    Scopes that were complete stay so, and are not crawled again. The caller enqueues the jobs.
    """
    running = unit.connection.execute(
        select(_CRAWL.c.key, _CRAWL.c.uid, _CRAWL.c.owner).where(
            _CRAWL.c.state == "running", _CRAWL.c.owner.is_not(None)
        )
    ).all()
    dead = [row for row in running if not alive(row.owner)]
    recovered = []
    for row in dead:
        changed = unit.connection.execute(
            update(_CRAWL)
            # Somebody else may have taken it over meanwhile.
            .where(
                and_(
                    _CRAWL.c.key == row.key,
                    _CRAWL.c.state == "running",
                    _CRAWL.c.owner == row.owner,
                )
            )
            .values(state="queued", owner=None)
        )
        if changed.rowcount:
            recovered.append(row)
    _reopen_scopes(unit, [row.key for row in recovered])
    return [id_text(row.uid) for row in recovered]


def _reopen_scopes(unit: Unit, crawls: list[int]) -> None:
    if crawls:
        unit.connection.execute(
            update(_CRAWL_SCOPE)
            .where(_CRAWL_SCOPE.c.crawl.in_(crawls), _CRAWL_SCOPE.c.state == "running")
            .values(state="pending")
        )


def _locked(unit: Unit, crawl: int) -> Any:
    row = unit.connection.execute(
        select(_CRAWL).where(_CRAWL.c.key == crawl).with_for_update()
    ).first()
    if row is None:
        raise NotFound(f"There is no crawl with key {crawl}.")
    return row
