"""Holds: assets that a crawl missed and the brake kept, until a person confirms or they return.

Opening a hold and the removal itself are ingest's; here a person reads and decides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from typing import Any

from sqlalchemy import Select, select
from sqlmodel import Session

from catalog.access.sqlfilter import visible_assets
from catalog.access.viewer import Viewer
from catalog.errors import NotFound
from catalog.history.store import table_of
from catalog.history.unit import Unit
from catalog.model import Asset, Hold, Namespace, Scope, Sighting, Source
from catalog.naming import id_bytes, id_text
from catalog.sources.crawl_reads import page
from catalog.sources.reads import find, shown_name
from catalog.sources.views import HoldView, Page

_HOLD = table_of(Hold)
_SOURCE = table_of(Source)
_SCOPE = table_of(Scope)
_ASSET = table_of(Asset)
_NAMESPACE = table_of(Namespace)
_SIGHTING = table_of(Sighting)

Confirm = Callable[[Unit, int, int, Sequence[int]], int]
"""``(unit, source key, key of the crawl that opened the hold, asset keys)`` -> how many assets it
removed. Ends the holds with the outcome ``confirmed``; what was seen again it leaves alone."""


def list_holds(
    session: Session,
    viewer: Viewer,
    *,
    source: str | None = None,
    ended: bool = False,
    limit: int = 50,
    after: str | None = None,
) -> Page[HoldView]:
    """Holds, newest first; without ``ended`` only those that wait for a person."""
    viewer.require("read")
    query = _holds().where(visible_assets(viewer))
    if source is not None:
        query = query.where(_HOLD.c.source == find(session, viewer, source, removed=True).key)
    if not ended:
        query = query.where(_HOLD.c.ended_at.is_(None))
    rows, count, following = page(session, query, _HOLD, limit, after)
    return Page(tuple(_view(row) for row in rows), count, following)


def confirmable(
    session: Session,
    viewer: Viewer,
    *,
    source: str | None = None,
    holds: Iterable[str] | None = None,
) -> list[tuple[int, int, int]]:
    """(source, crawl, asset) keys of open holds that are still missing, in that order.

    ``source``: all of it; ``holds``: these ids, `NotFound` if one is none that the viewer sees.
    """
    query = (
        select(_HOLD.c.uid, _HOLD.c.source, _HOLD.c.crawl, _HOLD.c.asset, _HOLD.c.ended_at)
        .add_columns(_SIGHTING.c.state)
        .join(_ASSET, _ASSET.c.key == _HOLD.c.asset)
        .join(
            _SIGHTING,
            (_SIGHTING.c.asset == _HOLD.c.asset) & (_SIGHTING.c.source == _HOLD.c.source),
        )
        .where(visible_assets(viewer))
        .order_by(_HOLD.c.source, _HOLD.c.crawl, _HOLD.c.asset)
    )
    if source is not None:
        query = query.where(_HOLD.c.source == find(session, viewer, source).key)
    if holds is None:
        rows = session.connection().execute(query.where(_HOLD.c.ended_at.is_(None))).all()
    else:
        rows = _named(session, query, list(holds))
    return [
        (row.source, row.crawl, row.asset)
        for row in rows
        if row.ended_at is None and row.state == "held"
    ]


def _named(session: Session, query: Select[Any], holds: list[str]) -> list[Any]:
    found: list[Any] = []
    for start in range(0, len(holds), 500):
        raw = [id_bytes(one) for one in holds[start : start + 500]]
        found += session.connection().execute(query.where(_HOLD.c.uid.in_(raw)))
    missing = {id_bytes(one) for one in holds} - {row.uid for row in found}
    if missing:
        names = sorted(one for one in holds if id_bytes(one) in missing)
        raise NotFound(f"There is no hold {', '.join(names[:5])}.", remedy="List the holds.")
    return sorted(found, key=lambda row: (row.source, row.crawl, row.asset))


def confirm(
    unit: Unit,
    viewer: Viewer,
    remove: Confirm,
    *,
    source: str | None = None,
    holds: Iterable[str] | None = None,
) -> int:
    """Confirms holds, one, many, or all of a source: what is still missing is removed.

    Answers how many assets were. `NotAllowed`, `NotFound`.
    """
    viewer.require("hold")
    removed = 0
    found = confirmable(unit.session, viewer, source=source, holds=holds)
    for (source_key, crawl), group in groupby(found, key=lambda one: one[:2]):
        removed += remove(unit, source_key, crawl, [asset for _, _, asset in group])
    return removed


def _holds() -> Select[Any]:
    return (
        select(
            _HOLD,
            _SOURCE.c.uid.label("source_uid"),
            _SOURCE.c.name.label("source_name"),
            _SCOPE.c.name.label("scope_name"),
            _ASSET.c.uid.label("asset_uid"),
            _ASSET.c.name.label("asset_name"),
            _ASSET.c.kind,
            _NAMESPACE.c.text.label("namespace_text"),
        )
        .select_from(_HOLD)
        .join(_SOURCE, _SOURCE.c.key == _HOLD.c.source)
        .join(_SCOPE, _SCOPE.c.key == _HOLD.c.scope)
        .join(_ASSET, _ASSET.c.key == _HOLD.c.asset)
        .join(_NAMESPACE, _NAMESPACE.c.key == _ASSET.c.namespace)
    )


def _view(row: Any) -> HoldView:
    return HoldView(
        id=id_text(row.uid),
        source_id=id_text(row.source_uid),
        source=shown_name(row.source_name),
        scope=row.scope_name,
        asset_id=id_text(row.asset_uid),
        namespace=row.namespace_text,
        name=row.asset_name,
        kind=row.kind,
        why=row.why,
        since=row.since,
        ended_at=row.ended_at,
        outcome=row.outcome,
        ended_by=row.ended_by,
    )
