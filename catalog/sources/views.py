"""Frozen read models of sources, crawls, problems and holds. Ids are public; times are
microseconds, UTC."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from catalog.sources.ledger import Ledger

ItemT = TypeVar("ItemT")


@dataclass(frozen=True)
class CrawlSummary:
    """One crawl in a list. ``subset``: the names it was asked for, None: the whole source."""

    id: str
    source_id: str
    source: str
    state: str
    trigger: str
    actor: str
    subset: tuple[str, ...] | None
    crawler_version: int
    queued_at: int
    started_at: int | None
    ended_at: int | None
    progress_at: int | None
    cancel_requested: bool
    why: str | None
    ledger: Ledger | None


@dataclass(frozen=True)
class ScopeLedger:
    """The part of a crawl that one scope is."""

    name: str
    state: str
    why: str | None
    started_at: int | None
    ended_at: int | None
    ledger: Ledger


@dataclass(frozen=True)
class CrawlDetail:
    """A crawl with both sums per scope and in total. ``problems`` and ``holds``: how many it met
    and opened; ``adds_up``: sentences about sums that do not, empty when all do."""

    crawl: CrawlSummary
    scopes: tuple[ScopeLedger, ...]
    problems: int
    holds: int
    adds_up: tuple[str, ...]


@dataclass(frozen=True)
class SourceView:
    """A source. Who may not manage sources sees ``config``, ``namespaces`` and what follows
    ``last_crawl`` as None. ``state``: active, paused or removed. ``config``: secrets as ``***``.
    ``version``: the ETag."""

    id: str
    name: str
    kind: str
    title: str | None
    environment: str | None
    state: str
    last_crawl: CrawlSummary | None
    version: int | None = None
    config: Mapping[str, Any] | None = None
    namespaces: tuple[str, ...] | None = None
    rank: int | None = None
    schedule: Mapping[str, str] | None = None
    next_runs: tuple[int, ...] | None = None
    brake_percent: int | None = None
    brake_assets: int | None = None
    created_at: int | None = None
    removed_at: int | None = None


@dataclass(frozen=True)
class ProblemView:
    """What could not be read. ``times``: in how many crawls. ``muted``: None or until, why, by."""

    id: str
    source_id: str
    source: str
    scope: str | None
    code: str
    what: str
    why: str
    hint: str | None
    asset_id: str | None
    first_seen: int
    last_seen: int
    times: int
    resolved_at: int | None
    muted_until: int | None
    muted_why: str | None
    muted_by: str | None


@dataclass(frozen=True)
class HoldView:
    """An asset that is missing since a crawl and kept. ``outcome``: None while it is open."""

    id: str
    source_id: str
    source: str
    scope: str
    asset_id: str
    namespace: str
    name: str
    kind: str
    why: str
    since: int
    ended_at: int | None
    outcome: str | None
    ended_by: str | None


@dataclass(frozen=True)
class Page(Generic[ItemT]):
    """One page of a list; ``next``: the id to go on after, None at the end."""

    items: tuple[ItemT, ...]
    total: int
    next: str | None
