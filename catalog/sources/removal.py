"""Removing a source: its assets are hidden at once and deleted after 30 days.

The source is marked first; its sightings are then withdrawn in small steps, so that nobody waits
long for the store, and a step that a killed process left undone is done by the next one. The
withdrawal itself is ingest's, which also knows what other sources still see.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from sqlalchemy import exists, select, update

from catalog.access.viewer import Viewer
from catalog.errors import BadInput, Precondition
from catalog.history.store import table_of
from catalog.history.unit import Unit
from catalog.model import Crawl, Sighting, Source, clock
from catalog.naming import id_text
from catalog.sources import crawls
from catalog.sources.reads import REMOVED_MARK, find, shown_name, source_view

Withdraw = Callable[[Unit, int, Sequence[int]], object]
"""``(unit, source key, asset keys)``: takes the source's sightings of these assets away; what no
other source sees becomes removed, with its curation kept and its changes noted."""

KEEP: Final = 30 * clock.DAY
STEP: Final = 200
_SOURCE = table_of(Source)
_CRAWL = table_of(Crawl)
_SIGHTING = table_of(Sighting)


def remove(unit: Unit, viewer: Viewer, reference: str, *, if_match: int | None = None) -> int:
    """Marks a source as removed and stops its crawls; answers its key for `withdraw_step`.

    Its short name is free from then on. `NotFound`, `NotAllowed`, `Precondition`.
    """
    viewer.require("source")
    row = find(unit.session, viewer, reference)
    if if_match is not None and row.version != if_match:
        raise Precondition(
            f"The source {row.name} was changed meanwhile.",
            remedy="Read it again, then decide.",
            current=source_view(unit.session, viewer, row),
        )
    unit.connection.execute(
        update(_SOURCE)
        .where(_SOURCE.c.key == row.key)
        .values(
            name=f"{row.name}{REMOVED_MARK}{id_text(row.uid)}",
            removed_at=unit.now,
            version=row.version + 1,
            next_due_at=None,
        )
    )
    _stop_crawls(unit, row.key, viewer.name or viewer.actor)
    unit.change(
        "removed",
        subject_type="source",
        subject=id_text(row.uid),
        before={"name": row.name, "state": "paused" if row.paused else "active"},
        after={"name": None, "state": "removed"},
    )
    return int(row.key)


def _stop_crawls(unit: Unit, source: int, by: str) -> None:
    for crawl in unit.connection.scalars(
        select(_CRAWL.c.key).where(
            _CRAWL.c.source == source, _CRAWL.c.state.in_(crawls.OPEN_STATES)
        )
    ).all():
        crawls.cancel(unit, crawl, by)


def withdraw_step(unit: Unit, source: int, withdraw: Withdraw, limit: int = STEP) -> int:
    """Hides the next assets of a removed source (key); answers how many, 0 at the end.

    Waits (0) while a crawl of it is still stopping, which could write once more.
    """
    if _is_crawling(unit, source):
        return 0
    assets = list(
        unit.connection.scalars(
            select(_SIGHTING.c.asset)
            .join(_SOURCE, _SOURCE.c.key == _SIGHTING.c.source)
            .where(
                _SIGHTING.c.source == source,
                _SIGHTING.c.state != "withdrawn",
                _SOURCE.c.removed_at.is_not(None),
            )
            .order_by(_SIGHTING.c.asset)
            .limit(limit)
        )
    )
    if assets:
        withdraw(unit, source, assets)
    return len(assets)


def _is_crawling(unit: Unit, source: int) -> bool:
    running = select(_CRAWL.c.key).where(_CRAWL.c.source == source, _CRAWL.c.state == "running")
    return unit.connection.execute(running.limit(1)).first() is not None


def unfinished(connection: Any) -> list[int]:
    """Keys of removed sources that still have assets to hide."""
    live = exists().where(_SIGHTING.c.source == _SOURCE.c.key, _SIGHTING.c.state != "withdrawn")
    return list(
        connection.scalars(select(_SOURCE.c.key).where(_SOURCE.c.removed_at.is_not(None), live))
    )


def may_delete_now(unit: Unit, viewer: Viewer, reference: str, typed_name: str) -> int:
    """The key of a removed source (by id) whose data may be deleted at once, because its name was
    typed; for `catalog.sources.purge.purge_step`. `BadInput` if the name is another one."""
    viewer.require("source")
    row = find(unit.session, viewer, reference, removed=True)
    name = shown_name(row.name)
    if row.removed_at is None:
        raise BadInput(f"The source {name} is not removed.", remedy="Remove it first.")
    if typed_name != name:
        raise BadInput(
            f"{typed_name!r} is not the name of the source.",
            remedy="Type its name to delete its data at once; that cannot be undone.",
        )
    return int(row.key)
