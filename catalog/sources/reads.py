"""Reading sources: find, list, one in full."""

from __future__ import annotations

import json
from dataclasses import replace
from difflib import get_close_matches
from typing import Any, Final

from sqlalchemy import select
from sqlmodel import Session

from catalog.access.viewer import Viewer
from catalog.errors import CatalogError, NotFound
from catalog.history.store import table_of
from catalog.model import Crawl, Source
from catalog.naming import id_bytes, id_text
from catalog.sources import schedules, secrets
from catalog.sources.configs import config_class
from catalog.sources.ledger import ledger_of
from catalog.sources.seen import sees_all, visible_sources
from catalog.sources.views import CrawlSummary, SourceView

_SOURCE = table_of(Source)
_CRAWL = table_of(Crawl)
SHOWN_RUNS: Final = 5
REMOVED_MARK: Final = "."
"""A removed source keeps its row as ``NAME.ID``; no name that is in use holds a dot."""


def find(session: Session, viewer: Viewer, reference: str, *, removed: bool = False) -> Any:
    """The row of a source by its short name or public id. ``removed``: also a removed one.

    `NotFound` if there is none that the viewer may know of; ``did_you_mean`` has names that are
    near.
    """
    row = _row(session, viewer, reference)
    if row is None or (row.removed_at is not None and not removed):
        raise _missing(session, viewer, reference)
    return row


def is_removed(session: Session, source: int) -> bool:
    """Whether a source (key) is removed and not yet deleted."""
    query = select(_SOURCE.c.key).where(_SOURCE.c.key == source, _SOURCE.c.removed_at.is_not(None))
    return session.connection().execute(query).first() is not None


def _row(session: Session, viewer: Viewer, reference: str) -> Any:
    raw = id_bytes(reference)
    same = _SOURCE.c.name == reference if raw is None else _SOURCE.c.uid == raw
    return (
        session.connection().execute(select(_SOURCE).where(same, visible_sources(viewer))).first()
    )


def _missing(session: Session, viewer: Viewer, reference: str) -> NotFound:
    names = session.connection().scalars(
        select(_SOURCE.c.name).where(_SOURCE.c.removed_at.is_(None), visible_sources(viewer))
    )
    near = get_close_matches(reference.lower(), list(names), n=3)
    return NotFound(
        f"There is no source {reference!r}.",
        remedy=f"Did you mean {' or '.join(near)}?" if near else "List the sources.",
        did_you_mean=near,
    )


def get_source(session: Session, viewer: Viewer, reference: str) -> SourceView:
    """One source, with its next five runs; a removed one by its id."""
    viewer.require("read")
    row = find(session, viewer, reference, removed=True)
    return source_view(session, viewer, row)


def list_sources(
    session: Session, viewer: Viewer, *, removed: bool = False, kind: str | None = None
) -> tuple[SourceView, ...]:
    """All sources by name. Who may not manage them sees names, kinds and states, no config."""
    viewer.require("read")
    query = select(_SOURCE).where(visible_sources(viewer)).order_by(_SOURCE.c.name)
    if not removed:
        query = query.where(_SOURCE.c.removed_at.is_(None))
    if kind is not None:
        query = query.where(_SOURCE.c.kind == kind)
    rows = session.connection().execute(query).all()
    last = last_crawls(session, viewer, [row.key for row in rows])
    return tuple(_view(viewer, row, last.get(row.key)) for row in rows)


def source_view(session: Session, viewer: Viewer, row: Any) -> SourceView:
    """The read model of a source's row."""
    return _view(viewer, row, last_crawls(session, viewer, [row.key]).get(row.key))


def last_crawls(session: Session, viewer: Viewer, sources: list[int]) -> dict[int, CrawlSummary]:
    """Source key -> its latest crawl; one step into the index per source, however many crawls."""
    if not sources:
        return {}
    later = _CRAWL.alias("later")
    newest = (
        select(later.c.key)
        .where(later.c.source == _SOURCE.c.key)
        .order_by(later.c.key.desc())
        .limit(1)
        .scalar_subquery()
    )
    rows = session.connection().execute(
        select(_CRAWL, _SOURCE.c.uid.label("source_uid"), _SOURCE.c.name.label("source_name"))
        .join(_SOURCE, _SOURCE.c.key == _CRAWL.c.source)
        .where(_SOURCE.c.key.in_(sources), _CRAWL.c.key == newest)
    )
    return {row.source: crawl_summary(viewer, row) for row in rows}


def crawl_summary(viewer: Viewer, row: Any) -> CrawlSummary:
    """The read model of a crawl's row, with ``source_uid`` and ``source_name`` beside it.

    The names that a crawl was asked for are told only to who manages sources: they may be
    names of assets that others do not see. Who sees only some assets is told neither sums nor
    why it failed: both speak of the rest.
    """
    whole = sees_all(viewer)
    subset = None if row.subset is None else tuple(json.loads(row.subset))
    return CrawlSummary(
        id=id_text(row.uid),
        source_id=id_text(row.source_uid),
        source=shown_name(row.source_name),
        state=row.state,
        trigger=row.trigger,
        actor=row.actor,
        subset=subset if subset is None or viewer.may("source") else (),
        crawler_version=row.crawler_version,
        queued_at=row.queued_at,
        started_at=row.started_at,
        ended_at=row.ended_at,
        progress_at=row.progress_at,
        cancel_requested=bool(row.cancel) and row.ended_at is None,
        why=row.why if whole else None,
        ledger=ledger_of(row) if whole else None,
    )


def shown_name(name: str) -> str:
    """The short name of a source, also of a removed one."""
    return name.split(REMOVED_MARK, 1)[0]


def state_of(row: Any) -> str:
    """active, paused or removed."""
    if row.removed_at is not None:
        return "removed"
    return "paused" if row.paused else "active"


def _view(viewer: Viewer, row: Any, last: CrawlSummary | None) -> SourceView:
    view = SourceView(
        id=id_text(row.uid),
        name=shown_name(row.name),
        kind=row.kind,
        title=row.title,
        environment=row.environment,
        state=state_of(row),
        last_crawl=last,
    )
    return _with_config(view, row) if viewer.may("source") else view


def _with_config(view: SourceView, row: Any) -> SourceView:
    schedule = None if row.schedule is None else schedules.from_json(row.schedule)
    return replace(
        view,
        version=row.version,
        config=masked_config(row.kind, json.loads(row.config)),
        namespaces=tuple(json.loads(row.namespaces)),
        rank=row.rank,
        schedule=None if schedule is None else schedule.as_dict(),
        next_runs=_next_runs(row, schedule),
        brake_percent=row.brake_percent,
        brake_assets=row.brake_assets,
        created_at=row.created_at,
        removed_at=row.removed_at,
    )


def masked_config(kind: str, sealed: dict[str, Any]) -> dict[str, Any]:
    """The config with ``***`` for secrets; of a crawler that is not installed, nothing."""
    try:
        return secrets.masked(sealed, config_class(kind))
    except CatalogError:
        return {}


def _next_runs(row: Any, schedule: schedules.Schedule | None) -> tuple[int, ...]:
    if schedule is None or row.next_due_at is None or row.paused or row.removed_at is not None:
        return ()
    following = schedules.next_runs(
        schedule, row.next_due_at, SHOWN_RUNS - 1, first=row.next_due_at
    )
    return (row.next_due_at, *following)
