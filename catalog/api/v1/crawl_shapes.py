"""Replies about sources, crawls, problems and holds."""

from __future__ import annotations

from typing import Any

import msgspec

from catalog.api.shapes import shaped
from catalog.model import clock
from catalog.sources.ledger import Ledger
from catalog.sources.views import CrawlDetail, CrawlSummary, HoldView, ProblemView, SourceView


class Crawl(msgspec.Struct, frozen=True):
    """One crawl. ``state``: queued, running, succeeded, partial, failed, cancelled.

    ``subset``: the names that it was asked for, null: the whole source. The ledger's sums:
    listed = used + filtered + failed_objects; seen = new + changed + unchanged + failed.
    ``why`` and ``ledger`` are null for who sees only some assets.
    """

    id: str
    source_id: str
    source: str
    state: str
    trigger: str
    actor: str
    subset: tuple[str, ...] | None
    crawler_version: int
    queued_at: str
    started_at: str | None
    ended_at: str | None
    progress_at: str | None
    cancel_requested: bool
    why: str | None
    ledger: Ledger | None


class CrawlScope(msgspec.Struct, frozen=True):
    """One scope's part of a crawl, with its own sums."""

    name: str
    state: str
    why: str | None
    started_at: str | None
    ended_at: str | None
    ledger: Ledger


class CrawlDetailed(msgspec.Struct, frozen=True):
    """A crawl with its scopes. ``problems``, ``holds``: how many it met and opened.

    ``adds_up``: sentences about sums that do not; empty when all do.
    """

    crawl: Crawl
    scopes: tuple[CrawlScope, ...]
    problems: int
    holds: int
    adds_up: tuple[str, ...]


class Source(msgspec.Struct, frozen=True):
    """A source. What only who manages sources may know is null for others.

    ``state``: active, paused, removed. ``config``: secrets as ``***``. ``version``: the ETag.
    """

    id: str
    name: str
    kind: str
    title: str | None
    environment: str | None
    state: str
    last_crawl: Crawl | None
    version: int | None
    config: dict[str, Any] | None
    namespaces: tuple[str, ...] | None
    rank: int | None
    schedule: dict[str, str] | None
    next_runs: tuple[str, ...] | None
    brake_percent: int | None
    brake_assets: int | None
    created_at: str | None
    removed_at: str | None


class CrawlProblem(msgspec.Struct, frozen=True):
    """What could not be read. ``times``: in how many crawls it was met."""

    id: str
    source_id: str
    source: str
    scope: str | None
    code: str
    what: str
    why: str
    hint: str | None
    asset_id: str | None
    first_seen: str
    last_seen: str
    times: int
    resolved_at: str | None
    muted_until: str | None
    muted_why: str | None
    muted_by: str | None


class Hold(msgspec.Struct, frozen=True):
    """An asset that is missing since a crawl and kept until a person confirms."""

    id: str
    source_id: str
    source: str
    scope: str
    asset_id: str
    namespace: str
    name: str
    kind: str
    why: str
    since: str
    ended_at: str | None
    outcome: str | None
    ended_by: str | None


class ScheduleShown(msgspec.Struct, frozen=True):
    """A source's schedule with its next five runs; null and none without one."""

    source_id: str
    source: str
    schedule: dict[str, str] | None
    next_runs: tuple[str, ...]
    state: str


def crawl_of(view: CrawlSummary) -> Crawl:
    """The reply of a crawl."""
    return shaped(Crawl, view)


def detail_of(view: CrawlDetail) -> CrawlDetailed:
    """The reply of a crawl in full."""
    scopes = tuple(shaped(CrawlScope, scope) for scope in view.scopes)
    return shaped(CrawlDetailed, view, crawl=crawl_of(view.crawl), scopes=scopes)


def source_of(view: SourceView) -> Source:
    """The reply of a source."""
    last = None if view.last_crawl is None else crawl_of(view.last_crawl)
    return shaped(Source, view, last_crawl=last, next_runs=_runs(view))


def schedule_of(view: SourceView) -> ScheduleShown:
    """The reply of a source's schedule."""
    return ScheduleShown(
        source_id=view.id,
        source=view.name,
        schedule=None if view.schedule is None else dict(view.schedule),
        next_runs=_runs(view) or (),
        state=view.state,
    )


def problem_of(view: ProblemView) -> CrawlProblem:
    """The reply of a problem."""
    return shaped(CrawlProblem, view)


def hold_of(view: HoldView) -> Hold:
    """The reply of a hold."""
    return shaped(Hold, view)


def _runs(view: SourceView) -> tuple[str, ...] | None:
    if view.next_runs is None:
        return None
    return tuple(text for run in view.next_runs if (text := clock.to_text(run)) is not None)
