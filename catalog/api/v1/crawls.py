"""Crawls with both ledgers, what they could not read, and what they held."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from fastapi import Path, Query
from pydantic import BaseModel, ConfigDict, Field, model_validator
from starlette.responses import Response

from catalog.api.shapes import LIMIT, MOST, Listed, after_of, cursor_of, moment
from catalog.api.v1.crawl_shapes import (
    Crawl,
    CrawlDetailed,
    CrawlProblem,
    Hold,
    crawl_of,
    detail_of,
    hold_of,
    problem_of,
)
from catalog.api.v1.events import crawl_events
from catalog.serving.call import CallArg, reply
from catalog.serving.routing import Router
from catalog.sources import crawl_reads, crawls, holds, problems
from catalog.usecases import removing

router = Router("/api/v1", "crawls")
CrawlId = Annotated[str, Path(description="Id of the crawl.")]
ProblemId = Annotated[str, Path(description="Id of the problem.")]
Limit = Annotated[int, Query(ge=1, le=MOST, description="Items of one page.")]
Cursor = Annotated[str | None, Query(description="`next` of the page before.")]
SourceName = Annotated[str | None, Query(description="Short name or id of a source.")]
State = Literal["queued", "running", "succeeded", "partial", "failed", "cancelled"]


class Mute(BaseModel):
    """Why a problem may be ignored, and up to when."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"reason": "The vendor repairs the file.", "until": "2027-01-01T00:00:00Z"}
            ]
        },
    )

    reason: str = Field(min_length=1, max_length=2000)
    until: str = Field(max_length=40, description="RFC 3339, in the future.")


class Confirm(BaseModel):
    """Holds by their ids, or all open ones of a source."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"holds": ["0197a1d2-0000-7000-8000-000000000000"]}]},
    )

    holds: list[str] | None = Field(default=None, min_length=1, max_length=MOST)
    source: str | None = Field(default=None, max_length=100)

    @model_validator(mode="after")
    def _one(self) -> Confirm:
        if (self.holds is None) == (self.source is None):
            raise ValueError("send holds, or source")
        return self


class Confirmed(msgspec.Struct, frozen=True):
    """How many assets were removed; those that were seen again meanwhile stay."""

    removed: int


class Asked(msgspec.Struct, frozen=True):
    """The crawl's state now: cancelled, or running until it has stopped."""

    state: str


@router.get("/crawls", returns=Listed[Crawl])
def list_all(
    call: CallArg,
    source: SourceName = None,
    state: Annotated[list[State] | None, Query(description="Only in these states.")] = None,
    limit: Limit = LIMIT,
    cursor: Cursor = None,
) -> Response:
    """Crawls, newest first."""
    query = {"list": "crawls", "source": source, "state": state}
    with call.read() as session:
        found = crawl_reads.list_crawls(
            session,
            call.viewer,
            source=source,
            states=state or (),
            limit=limit,
            after=after_of(query, cursor),
        )
    return reply(Listed([*map(crawl_of, found.items)], found.total, cursor_of(query, found.next)))


@router.get("/crawls/{crawl}", returns=CrawlDetailed)
def get_one(call: CallArg, crawl: CrawlId) -> Response:
    """One crawl with its scopes and both sums."""
    with call.read() as session:
        return reply(detail_of(crawl_reads.get_crawl(session, call.viewer, crawl)))


@router.get("/crawls/{crawl}/problems", returns=Listed[CrawlProblem])
def list_of_crawl(
    call: CallArg, crawl: CrawlId, limit: Limit = LIMIT, cursor: Cursor = None
) -> Response:
    """What this crawl could not read, muted problems too."""
    query = {"list": "problems", "crawl": crawl}
    with call.read() as session:
        crawl_reads.get_crawl(session, call.viewer, crawl)
        found = crawl_reads.list_problems(
            session,
            call.viewer,
            crawl=crawl,
            muted=True,
            resolved=True,
            limit=limit,
            after=after_of(query, cursor),
        )
    return reply(Listed([*map(problem_of, found.items)], found.total, cursor_of(query, found.next)))


@router.post("/crawls/{crawl}/cancel", action="source", returns=Asked)
def cancel(call: CallArg, crawl: CrawlId) -> Response:
    """Asks a crawl to stop: a queued one is cancelled at once, a running one between records."""
    return reply(Asked(call.write(lambda unit: crawls.request_cancel(unit, call.viewer, crawl))))


@router.get("/crawls/{crawl}/events", openapi_extra=crawl_events.described)
async def events(call: CallArg, crawl: CrawlId) -> Response:
    """Server-sent events: ``progress`` with the crawl whenever it moved, ``end`` with its end.

    Comments keep the line open. After ten minutes the stream ends; the browser comes again.
    """
    return await crawl_events.stream(call, crawl)


@router.get("/problems", returns=Listed[CrawlProblem])
def list_problems(
    call: CallArg,
    source: SourceName = None,
    resolved: Annotated[bool, Query(description="Also what was not met again since.")] = False,
    muted: Annotated[bool, Query(description="Also muted ones.")] = False,
    limit: Limit = LIMIT,
    cursor: Cursor = None,
) -> Response:
    """What could not be read; the same failure every night is one."""
    query = {"list": "problems", "source": source, "resolved": resolved, "muted": muted}
    with call.read() as session:
        found = crawl_reads.list_problems(
            session,
            call.viewer,
            source=source,
            resolved=resolved,
            muted=muted,
            limit=limit,
            after=after_of(query, cursor),
        )
    return reply(Listed([*map(problem_of, found.items)], found.total, cursor_of(query, found.next)))


@router.post("/problems/{problem}/mute", action="mute", status=204)
def mute(call: CallArg, problem: ProblemId, given: Mute) -> Response:
    """Mutes a problem up to a moment, with a reason."""
    until = moment(given.until, "until")
    call.write(lambda unit: problems.mute(unit, call.viewer, problem, given.reason, until))
    return Response(status_code=204)


@router.delete("/problems/{problem}/mute", action="mute", status=204)
def unmute(call: CallArg, problem: ProblemId) -> Response:
    """Ends the muting."""
    call.write(lambda unit: problems.unmute(unit, call.viewer, problem))
    return Response(status_code=204)


@router.get("/holds", returns=Listed[Hold])
def list_holds(
    call: CallArg,
    source: SourceName = None,
    ended: Annotated[bool, Query(description="Also those that have ended.")] = False,
    limit: Limit = LIMIT,
    cursor: Cursor = None,
) -> Response:
    """Assets that crawls missed and the brake kept, newest first."""
    query = {"list": "holds", "source": source, "ended": ended}
    with call.read() as session:
        found = holds.list_holds(
            session,
            call.viewer,
            source=source,
            ended=ended,
            limit=limit,
            after=after_of(query, cursor),
        )
    return reply(Listed([*map(hold_of, found.items)], found.total, cursor_of(query, found.next)))


@router.post("/holds/confirm", action="hold", returns=Confirmed)
def confirm(call: CallArg, given: Confirm) -> Response:
    """Confirms holds: what is still missing is removed, its curation is kept."""
    removed = removing.confirm_holds(
        call.catalog.store, call.viewer, source=given.source, hold_ids=given.holds
    )
    return reply(Confirmed(removed))
