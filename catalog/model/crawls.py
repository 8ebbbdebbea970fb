"""Sources, scopes, crawls, their problems and holds."""

from __future__ import annotations

from typing import Any, ClassVar

from sqlalchemy import Index, UniqueConstraint
from sqlalchemy import text as sql

from catalog.model.base import Field, SQLModel, big, blob, key_field, ref, string


class Source(SQLModel, table=True):
    """A system that is crawled or that pushes. ``config`` is JSON; secrets are references or
    ciphertext. ``namespaces``: JSON list, what it may report. ``rank``: higher wins among equals.
    ``schedule``: JSON (cron or interval, zone) or None.
    """

    __tablename__ = "source"

    key: int | None = key_field()
    uid: bytes = blob(unique=True)
    name: str = string(unique=True)
    kind: str = string()
    title: str | None = string(default=None)
    config: str = string(default="{}")
    namespaces: str = string(default="[]")
    environment: str | None = string(default=None)
    rank: int = Field(default=0)
    schedule: str | None = string(default=None)
    next_due_at: int | None = big(default=None)
    paused: bool = Field(default=False)
    brake_percent: int = Field(default=30)
    brake_assets: int = Field(default=5)
    version: int = Field(default=1)  # raised by each edit: the ETag
    created_at: int = big()
    removed_at: int | None = big(default=None)


class Scope(SQLModel, table=True):
    """The unit of retry, resume and completeness, with the crawler's own state.

    ``state_key`` is the hash of config and crawler version that the state belongs to.
    """

    __tablename__ = "scope"
    __table_args__: ClassVar[Any] = (UniqueConstraint("source", "name"),)

    key: int | None = key_field()
    source: int = ref("source.key")
    name: str = string()
    state: str | None = string(default=None)
    state_key: str | None = string(default=None)
    last_complete_crawl: int | None = big(default=None)
    last_complete_at: int | None = big(default=None)
    assets: int = Field(default=0)


class Crawl(SQLModel, table=True):
    """One crawl of a source: whole, or only of what was named (``subset``: JSON list).

    The two sums of the ledger stand as columns. Objects: listed = used + filtered + failed.
    Assets: seen = new + changed + unchanged + failed; the rest stands beside the sum.
    """

    __tablename__ = "crawl"
    __table_args__: ClassVar[Any] = (
        # One whole run of a source at a time.
        Index(
            "uq_crawl_running_source",
            "source",
            unique=True,
            sqlite_where=sql("state = 'running' AND subset IS NULL"),
            postgresql_where=sql("state = 'running' AND subset IS NULL"),
        ),
        Index("ix_crawl_source_key", "source", "key"),
    )

    key: int | None = key_field()
    uid: bytes = blob(unique=True)
    source: int = ref("source.key")
    state: str = string(default="queued")
    trigger: str = string(default="person")  # person | schedule | event | push | refresh
    actor: str = string(default="system")
    subset: str | None = string(default=None)
    crawler_version: int = Field(default=1)
    queued_at: int = big()
    started_at: int | None = big(default=None)
    ended_at: int | None = big(default=None)
    progress_at: int | None = big(default=None)
    cancel: bool = Field(default=False)
    why: str | None = string(default=None)  # why it is not succeeded, in one sentence
    owner: str | None = string(default=None)  # host:pid of the process that runs it
    listed: int = Field(default=0)
    used: int = Field(default=0)
    filtered: int = Field(default=0)
    failed_objects: int = Field(default=0)
    seen: int = Field(default=0)
    new: int = Field(default=0)
    changed: int = Field(default=0)
    unchanged: int = Field(default=0)
    failed: int = Field(default=0)
    renamed: int = Field(default=0)
    restored: int = Field(default=0)
    removed: int = Field(default=0)
    held: int = Field(default=0)


class CrawlScope(SQLModel, table=True):
    """The part of a crawl that one scope is, with its share of both sums.

    ``state``: pending, running, complete, incomplete, failed, cancelled.
    """

    __tablename__ = "crawl_scope"
    __table_args__: ClassVar[Any] = ({"sqlite_with_rowid": False},)

    crawl: int = ref("crawl.key", primary_key=True)
    scope: int = ref("scope.key", primary_key=True)
    state: str = string(default="pending")
    detail: str = string(default="{}")
    missing: bytes | None = blob(default=None)  # zlib JSON: asset keys that it listed no more
    why: str | None = string(default=None)
    started_at: int | None = big(default=None)
    ended_at: int | None = big(default=None)
    listed: int = Field(default=0)
    used: int = Field(default=0)
    filtered: int = Field(default=0)
    failed_objects: int = Field(default=0)
    seen: int = Field(default=0)
    new: int = Field(default=0)
    changed: int = Field(default=0)
    unchanged: int = Field(default=0)
    failed: int = Field(default=0)
    renamed: int = Field(default=0)
    restored: int = Field(default=0)
    removed: int = Field(default=0)
    held: int = Field(default=0)


class CrawlProblem(SQLModel, table=True):
    """What could not be read. The same failure every night is one row.

    ``subject_key`` hashes (code, what), so long paths do not matter to the index.
    """

    __tablename__ = "crawl_problem"
    __table_args__: ClassVar[Any] = (UniqueConstraint("source", "subject_key"),)

    key: int | None = key_field()
    uid: bytes = blob(unique=True)
    source: int = ref("source.key")
    scope: int | None = ref("scope.key", default=None)
    subject_key: bytes = blob()
    code: str = string()
    what: str = string()
    why: str = string()
    hint: str | None = string(default=None)
    asset: int | None = ref("asset.key", default=None)
    first_crawl: int = big()
    last_crawl: int = big()
    first_seen: int = big()
    last_seen: int = big()
    times: int = Field(default=1)
    resolved_at: int | None = big(default=None)
    muted_until: int | None = big(default=None)
    muted_why: str | None = string(default=None)
    muted_by: str | None = string(default=None)


class Hold(SQLModel, table=True):
    """An asset that a crawl missed and the brake kept. Open while ``ended_at`` is None."""

    __tablename__ = "hold"
    __table_args__: ClassVar[Any] = (
        Index(
            "uq_hold_open",
            "source",
            "asset",
            unique=True,
            sqlite_where=sql("ended_at IS NULL"),
            postgresql_where=sql("ended_at IS NULL"),
        ),
    )

    key: int | None = key_field()
    uid: bytes = blob(unique=True)
    source: int = ref("source.key")
    scope: int = ref("scope.key")
    asset: int = ref("asset.key", index=True)
    crawl: int = big()  # that opened it
    why: str = string()
    since: int = big()
    ended_at: int | None = big(default=None)
    outcome: str | None = string(default=None)  # confirmed | seen | filtered
    ended_by: str | None = string(default=None)
