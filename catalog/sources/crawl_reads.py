"""Reading crawls and their problems: lists in pages, one crawl with both ledgers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Select, func, or_, select
from sqlmodel import Session

from catalog.access.viewer import Viewer
from catalog.errors import BadInput, NotFound
from catalog.history.store import table_of
from catalog.model import Asset, Crawl, CrawlProblem, CrawlScope, Hold, Scope, Source, clock
from catalog.naming import id_bytes, id_text
from catalog.sources.ledger import ledger_of, total
from catalog.sources.reads import crawl_summary, find, shown_name
from catalog.sources.seen import problems_seen, seen_asset, sees_all, visible_sources
from catalog.sources.views import CrawlDetail, CrawlSummary, Page, ProblemView, ScopeLedger

_SOURCE = table_of(Source)
_CRAWL = table_of(Crawl)
_SCOPE = table_of(Scope)
_CRAWL_SCOPE = table_of(CrawlScope)
_PROBLEM = table_of(CrawlProblem)
_HOLD = table_of(Hold)
_ASSET = table_of(Asset)
MOST: Final = 1000


def list_crawls(
    session: Session,
    viewer: Viewer,
    *,
    source: str | None = None,
    states: Sequence[str] = (),
    limit: int = 50,
    after: str | None = None,
) -> Page[CrawlSummary]:
    """Crawls, newest first. ``source``: name or id; ``after``: the id of the last one before."""
    viewer.require("read")
    where: list[ColumnElement[bool]] = [visible_sources(viewer)]
    if source is not None:
        where.append(_CRAWL.c.source == find(session, viewer, source, removed=True).key)
    if states:
        where.append(_CRAWL.c.state.in_(states))
    query = _crawls().where(*where)
    rows, count, following = page(session, query, _CRAWL, limit, after)
    return Page(tuple(crawl_summary(viewer, row) for row in rows), count, following)


def _crawls() -> Select[Any]:
    return (
        select(_CRAWL, _SOURCE.c.uid.label("source_uid"), _SOURCE.c.name.label("source_name"))
        .select_from(_CRAWL)
        .join(_SOURCE, _SOURCE.c.key == _CRAWL.c.source)
    )


def page(
    session: Session, query: Select[Any], table: Any, limit: int, after: str | None
) -> tuple[list[Any], int, str | None]:
    """Rows of one page by falling key, the count of all, and the id to go on after."""
    if not 1 <= limit <= MOST:
        raise BadInput(f"limit is from 1 to {MOST:,}.", remedy="Ask for a smaller page.")
    connection = session.connection()
    every = query.with_only_columns(table.c.key).order_by(None).subquery()
    count = connection.scalar(select(func.count()).select_from(every))
    if after is not None:
        last = connection.scalar(select(table.c.key).where(table.c.uid == id_bytes(after)))
        if last is None:
            raise BadInput(f"There is nothing with the id {after!r} to go on after.",
                           remedy="Begin with the first page.")  # fmt: skip
        query = query.where(table.c.key < last)
    rows = list(connection.execute(query.order_by(table.c.key.desc()).limit(limit + 1)))
    following = id_text(rows[limit - 1].uid) if len(rows) > limit else None
    return rows[:limit], int(count or 0), following


def get_crawl(session: Session, viewer: Viewer, crawl_id: str) -> CrawlDetail:
    """A crawl with its scopes and both sums; `NotFound`."""
    viewer.require("read")
    row = (
        session.connection()
        .execute(_crawls().where(_CRAWL.c.uid == id_bytes(crawl_id), visible_sources(viewer)))
        .first()
    )
    if row is None:
        raise NotFound(f"There is no crawl {crawl_id}.", remedy="List the crawls of the source.")
    summary = crawl_summary(viewer, row)
    scopes = _scope_ledgers(session, viewer, row.key)
    wrong = [] if summary.ledger is None else summary.ledger.check()
    for scope in scopes:
        wrong += [f"{scope.name}: {sentence}" for sentence in scope.ledger.check()]
    if scopes and total(scope.ledger for scope in scopes) != summary.ledger:
        wrong.append("The scopes together are not the whole.")
    return CrawlDetail(
        crawl=summary,
        scopes=scopes,
        problems=_count(session, _PROBLEM, _PROBLEM.c.last_crawl == row.key, problems_seen(viewer)),
        holds=_count(session, _HOLD, _HOLD.c.crawl == row.key, _hold_seen(viewer)),
        adds_up=tuple(wrong),
    )


def seen_crawls(connection: Connection, viewer: Viewer, crawls: Iterable[str]) -> set[str]:
    """Those of the ids whose crawl is there and may be opened by the viewer."""
    viewer.require("read")
    uids = sorted({uid for uid in map(id_bytes, crawls) if uid is not None})
    if not uids:
        return set()
    query = (
        select(_CRAWL.c.uid)
        .join(_SOURCE, _SOURCE.c.key == _CRAWL.c.source)
        .where(_CRAWL.c.uid.in_(uids), visible_sources(viewer))
    )
    return {id_text(uid) for uid in connection.scalars(query)}


def _scope_ledgers(session: Session, viewer: Viewer, crawl: int) -> tuple[ScopeLedger, ...]:
    """Scopes by name; who sees only some assets is not told the names of schemas."""
    if not sees_all(viewer):
        return ()
    rows = session.connection().execute(
        select(_CRAWL_SCOPE, _SCOPE.c.name)
        .join(_SCOPE, _SCOPE.c.key == _CRAWL_SCOPE.c.scope)
        .where(_CRAWL_SCOPE.c.crawl == crawl)
        .order_by(_SCOPE.c.name)
    )
    return tuple(
        ScopeLedger(row.name, row.state, row.why, row.started_at, row.ended_at, ledger_of(row))
        for row in rows
    )


def _count(session: Session, table: Any, *where: ColumnElement[bool]) -> int:
    return int(
        session.connection().scalar(select(func.count()).select_from(table).where(*where)) or 0
    )


def _hold_seen(viewer: Viewer) -> ColumnElement[bool]:
    """As in `catalog.sources.holds`: what is hidden is not counted either."""
    return seen_asset(viewer, _HOLD)


def list_problems(
    session: Session,
    viewer: Viewer,
    *,
    source: str | None = None,
    resolved: bool = False,
    muted: bool = False,
    crawl: str | None = None,
    asset: int | None = None,
    limit: int = 50,
    after: str | None = None,
) -> Page[ProblemView]:
    """What could not be read, newest first; without ``resolved`` and ``muted`` only what is open.

    ``crawl``: those that this crawl met last; ``asset``: those of this asset (key).
    """
    viewer.require("read")
    where = [problems_seen(viewer)]
    if source is not None:
        where.append(_PROBLEM.c.source == find(session, viewer, source, removed=True).key)
    if not resolved:
        where.append(_PROBLEM.c.resolved_at.is_(None))
    if not muted:
        past = _PROBLEM.c.muted_until <= clock.now()
        where.append(or_(_PROBLEM.c.muted_until.is_(None), past))
    if crawl is not None:
        key = select(_CRAWL.c.key).where(_CRAWL.c.uid == id_bytes(crawl)).scalar_subquery()
        where.append(_PROBLEM.c.last_crawl == key)
    if asset is not None:
        where.append(_PROBLEM.c.asset == asset)
    rows, count, following = page(session, _problems().where(*where), _PROBLEM, limit, after)
    return Page(tuple(_problem(row) for row in rows), count, following)


def _problems() -> Select[Any]:
    return (
        select(
            _PROBLEM,
            _SOURCE.c.uid.label("source_uid"),
            _SOURCE.c.name.label("source_name"),
            _SCOPE.c.name.label("scope_name"),
            _ASSET.c.uid.label("asset_uid"),
        )
        .select_from(_PROBLEM)
        .join(_SOURCE, _SOURCE.c.key == _PROBLEM.c.source)
        .outerjoin(_SCOPE, _SCOPE.c.key == _PROBLEM.c.scope)
        .outerjoin(_ASSET, _ASSET.c.key == _PROBLEM.c.asset)
    )


def _problem(row: Any) -> ProblemView:
    return ProblemView(
        id=id_text(row.uid),
        source_id=id_text(row.source_uid),
        source=shown_name(row.source_name),
        scope=row.scope_name,
        code=row.code,
        what=row.what,
        why=row.why,
        hint=row.hint,
        asset_id=None if row.asset_uid is None else id_text(row.asset_uid),
        first_seen=row.first_seen,
        last_seen=row.last_seen,
        times=row.times,
        resolved_at=row.resolved_at,
        muted_until=row.muted_until,
        muted_why=row.muted_why,
        muted_by=row.muted_by,
    )
