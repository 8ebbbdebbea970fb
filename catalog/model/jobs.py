"""Queued jobs (of the queue) and runs (of a pipeline's job)."""

from __future__ import annotations

from typing import Any, ClassVar

from sqlalchemy import Index, UniqueConstraint
from sqlalchemy import text as sql

from catalog.model.base import Field, SQLModel, big, blob, key_field, ref, string


class QueuedJob(SQLModel, table=True):
    """Work to do: name and arguments of JSON scalars. At least once; safe to run twice.

    ``state``: waiting, running, done, failed, cancelled. ``lock_key``: jobs with the same one
    never run side by side.
    """

    __tablename__ = "queued_job"
    __table_args__: ClassVar[Any] = (
        Index("ix_queued_job_state", "state", "not_before"),
        Index(
            "uq_queued_job_lock_key",
            "lock_key",
            unique=True,
            sqlite_where=sql("state = 'running'"),
            postgresql_where=sql("state = 'running'"),
        ),
    )

    key: int | None = key_field()
    uid: bytes = blob(unique=True)
    name: str = string()
    arguments: str = string(default="{}")
    lock_key: str | None = string(default=None)
    priority: int = Field(default=0)  # higher first
    not_before: int = big(default=0)
    state: str = string(default="waiting")
    attempts: int = Field(default=0)
    cancel: bool = Field(default=False)
    owner: str | None = string(default=None)
    created_at: int = big()
    started_at: int | None = big(default=None)
    ended_at: int | None = big(default=None)
    error: str | None = string(default=None)


class Run(SQLModel, table=True):
    """One run of a pipeline's job, as OpenLineage reports it."""

    __tablename__ = "run"
    __table_args__: ClassVar[Any] = (UniqueConstraint("job", "run_id"),)

    key: int | None = key_field()
    uid: bytes = blob(unique=True)
    job: int = ref("asset.key")
    run_id: str = string()
    state: str = string()
    started_at: int | None = big(default=None)
    ended_at: int | None = big(default=None)
    document: bytes | None = blob(default=None)
