"""The running service: its settings and its queue, for admins; its description, for all."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from fastapi import Query
from starlette.responses import Response

from catalog import __version__
from catalog.api.shapes import LIMIT, after_of, cursor_of, shaped
from catalog.model import clock
from catalog.naming import without_secrets
from catalog.serving.call import CallArg, reply
from catalog.serving.routing import Router
from catalog.usecases.in_effect import Setting, settings_in_effect

router = Router("/api/v1", "service")
JobState = Literal["waiting", "running", "done", "failed", "cancelled"]


class SettingList(msgspec.Struct, frozen=True):
    """All settings of the process that answered, and its version."""

    items: list[Setting]
    total: int
    next: None
    version: str


class QueuedJob(msgspec.Struct, frozen=True):
    """Work of the catalog itself. ``error``: why its last attempt failed."""

    id: str
    name: str
    arguments: dict[str, Any]
    lock_key: str | None
    priority: int
    state: str
    attempts: int
    cancel: bool
    not_before: str | None
    created_at: str
    started_at: str | None
    ended_at: str | None
    owner: str | None
    error: str | None


class QueuedJobs(msgspec.Struct, frozen=True):
    """One page, newest first. ``at_least``: how many there are, as far as is known."""

    items: list[QueuedJob]
    at_least: int
    next: str | None


@router.get("/settings", action="settings", returns=SettingList)
def list_settings(call: CallArg) -> Response:
    """Settings as this process read them, secrets masked."""
    items = settings_in_effect(call.viewer, call.catalog.settings)
    return reply(SettingList(items, len(items), None, __version__))


@router.get("/queued-jobs", action="settings", returns=QueuedJobs)
def list_jobs(
    call: CallArg,
    state: Annotated[list[JobState] | None, Query(description="Only in these states.")] = None,
    name: Annotated[list[str] | None, Query(description="Only with these names.")] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = LIMIT,
    cursor: Annotated[str | None, Query(description="`next` of the page before.")] = None,
) -> Response:
    """The queue: crawls, parsing, indexing."""
    query = {"list": "jobs", "state": state, "name": name}
    found = call.catalog.queue.list(
        states=state or (), names=name or (), limit=limit + 1, before=after_of(query, cursor)
    )
    page, more = found[:limit], len(found) > limit
    items = [
        shaped(
            QueuedJob,
            job,
            arguments=dict(job.arguments),
            not_before=clock.to_text(job.not_before) if job.not_before else None,
            error=None if job.error is None else without_secrets(job.error),
        )
        for job in page
    ]
    following = cursor_of(query, page[-1].id if more else None)
    return reply(QueuedJobs(items, len(found), following))


@router.get("/openapi.json", returns=dict[str, Any])
def describe(call: CallArg) -> Response:
    """This description (OpenAPI 3.1)."""
    return reply(call.request.app.openapi())
