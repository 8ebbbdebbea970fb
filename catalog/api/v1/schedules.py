"""Schedules: when a source is crawled by itself, with the next five runs."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from catalog.api.shapes import Listed, listed, version_of
from catalog.api.v1.crawl_shapes import ScheduleShown, schedule_of, source_of
from catalog.errors import BadInput, Precondition
from catalog.serving.call import Call, CallArg, reply
from catalog.serving.routing import Router
from catalog.sources import reads, sources
from catalog.sources.views import SourceView

router = Router("/api/v1", "schedules")
SourceRef = Annotated[str, Path(description="Short name or id of the source.", examples=["wh"])]


class NewSchedule(BaseModel):
    """Either ``cron`` (five fields, read in ``zone``) or ``every`` (30m, 2h, 1d)."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"cron": "0 3 * * *", "zone": "Europe/Berlin"}, {"every": "6h"}]
        },
    )

    cron: str | None = Field(default=None, max_length=200)
    every: str | None = Field(default=None, max_length=20)
    zone: str | None = Field(default=None, max_length=100, description="IANA name; UTC if not sent")


@router.get("/schedules", action="source", returns=Listed[ScheduleShown])
def list_all(call: CallArg) -> Response:
    """All sources that have a schedule."""
    with call.read() as session:
        found = reads.list_sources(session, call.viewer)
    return reply(listed(schedule_of(one) for one in found if one.schedule is not None))


@router.get("/sources/{source}/schedule", action="source", returns=ScheduleShown)
def get_one(call: CallArg, source: SourceRef) -> Response:
    """The schedule of a source. The ETag is the source's version."""
    with call.read() as session:
        return _shown(reads.get_source(session, call.viewer, source))


@router.put("/sources/{source}/schedule", action="source", returns=ScheduleShown)
def put(call: CallArg, source: SourceRef, new: NewSchedule) -> Response:
    """Sets the schedule of a source."""
    given = {name: value for name, value in new.model_dump().items() if value is not None}
    if "cron" not in given and "every" not in given:
        raise BadInput("A schedule is cron or every.", remedy="Send one of them.")
    return _set(call, source, given)


@router.delete("/sources/{source}/schedule", action="source", returns=ScheduleShown)
def delete(call: CallArg, source: SourceRef) -> Response:
    """Takes the schedule away; the source is crawled when somebody asks for it."""
    return _set(call, source, None)


def _set(call: Call, source: str, schedule: dict[str, str] | None) -> Response:
    try:
        found = call.write(
            lambda unit: sources.edit(
                unit,
                call.viewer,
                source,
                {"schedule": schedule},
                if_match=version_of(call.if_match()),
            )
        )
    except Precondition as error:
        error.details["current"] = source_of(error.details["current"])
        raise
    return _shown(found)


def _shown(view: SourceView) -> Response:
    return reply(schedule_of(view), etag=str(view.version))
