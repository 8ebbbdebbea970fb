"""Sources: what is crawled or pushed to. Who may not manage them sees names and states only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, TypeVar

import msgspec
from fastapi import Body, Path, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from catalog.api.shapes import Listed, listed, version_of
from catalog.api.v1.crawl_shapes import CrawlDetailed, Source, detail_of, source_of
from catalog.errors import Precondition
from catalog.history.unit import Unit
from catalog.serving.call import Call, CallArg, reply
from catalog.serving.routing import Router
from catalog.sources import crawl_reads, reads, sources
from catalog.sources.views import SourceView
from catalog.usecases import connecting, crawling, removing

router = Router("/api/v1/sources", "sources")
SourceRef = Annotated[str, Path(description="Short name or id of the source.", examples=["wh"])]
ResultT = TypeVar("ResultT")
_CONFIG_EXAMPLE: dict[str, Any] = {"path": "/srv/shop.duckdb", "exclude": ["*.tmp_*"]}


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    title: str | None = Field(default=None, description="What people call it.")
    environment: str | None = Field(default=None, description="production, staging ...")
    rank: int = Field(default=0, description="Among sources of one asset the higher one counts.")
    schedule: str | dict[str, str] | None = Field(
        default=None,
        description="An interval (30m, 2h, 1d), five cron fields, or {cron, zone}.",
        examples=[{"cron": "0 3 * * *", "zone": "Europe/Berlin"}],
    )
    brake_percent: int = Field(default=30, description="Hold when more of a scope vanish at once.")
    brake_assets: int = Field(default=5, description="... and more than this number.")


class NewSource(_Settings):
    """What to add. ``config``: the fields of its kind, see ``/sources/kinds``."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"kind": "duckdb", "name": "wh", "config": _CONFIG_EXAMPLE, "schedule": "1d"}
            ]
        }
    )

    kind: str = Field(description="A kind of `/sources/kinds`.")
    config: dict[str, Any] = Field(default_factory=dict)
    name: str | None = Field(default=None, description="Short name; suggested when left out.")


class SourceEdit(_Settings):
    """What to change; what is left out stays. A config is sent whole; a secret in it that is
    left empty or ``***`` stays, unless the host changed."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"title": "Warehouse", "rank": 1}]})

    config: dict[str, Any] = Field(default_factory=dict)


class Draft(BaseModel):
    """A source that is not added yet."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"kind": "duckdb", "config": _CONFIG_EXAMPLE}]},
    )

    kind: str
    config: dict[str, Any] = Field(default_factory=dict)


class Edited(BaseModel):
    """The config as it would be after an edit; without one, the stored config."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"config": _CONFIG_EXAMPLE}]}
    )

    config: dict[str, Any] | None = None


class Which(BaseModel):
    """What to crawl: everything, or only the assets with these names."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"names": ["shop.public.orders"]}]}
    )

    names: list[str] | None = Field(default=None, min_length=1, max_length=1000)


class NewName(BaseModel):
    """The other short name."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"name": "warehouse"}]}
    )

    name: str


class Checked(msgspec.Struct, frozen=True):
    """What connecting found. ``ok`` false: ``message`` says what, ``remedy`` what to do."""

    ok: bool
    message: str
    remedy: str | None
    details: dict[str, Any]


class Selected(msgspec.Struct, frozen=True):
    """One name. ``filtered_by``: the pattern that leaves it out, null: it is crawled."""

    name: str
    kind: str
    filtered_by: str | None


class Previewed(msgspec.Struct, frozen=True):
    """What patterns select and leave out. One of ``total`` (all are here) and ``at_least``."""

    items: list[Selected]
    total: int | None
    at_least: int | None
    next: None = None


class KindShown(msgspec.Struct, frozen=True):
    """A kind of source. ``config``: JSON schema; ``problem``: why it cannot be used here."""

    kind: str
    title: str
    version: int | None
    config: dict[str, Any] | None
    examples: tuple[str, ...]
    problem: str | None


@router.get("", returns=Listed[Source])
def list_all(
    call: CallArg,
    kind: Annotated[str | None, Query(description="Only of this kind.")] = None,
    removed: Annotated[bool, Query(description="Removed ones too.")] = False,
) -> Response:
    """All sources by name, each with its last crawl and next runs."""
    with call.read() as session:
        found = reads.list_sources(session, call.viewer, removed=removed, kind=kind)
    return reply(listed(map(source_of, found)))


@router.post("", action="source", status=201, returns=Source)
def add(call: CallArg, new: NewSource) -> Response:
    """Adds a source. The same system, removed before, comes back with its history."""
    given = new.model_dump(exclude_unset=True)
    kind, config = given.pop("kind"), given.pop("config", {})
    made = call.write(lambda unit: sources.create(unit, call.viewer, kind, config, **given))
    return _shown(made, 201, location=True)


@router.get("/kinds", action="source", returns=Listed[KindShown])
def list_kinds(call: CallArg) -> Response:
    """Kinds of sources that can be added here, with the fields of their configs."""
    found = connecting.list_kinds(call.viewer)
    return reply(
        listed(
            KindShown(
                kind=one.kind,
                title=one.title,
                version=one.version,
                config=None if one.config is None else dict(one.config),
                examples=one.examples,
                problem=one.problem,
            )
            for one in found
        )
    )


@router.post("/check", action="source", returns=Checked)
def check_draft(call: CallArg, given: Draft) -> Response:
    """Connects with a config before the source is added; keeps nothing."""
    return _check(call, connecting.draft(call.viewer, given.kind, given.config))


@router.post("/preview", action="source", returns=Previewed)
def preview_draft(
    call: CallArg, given: Draft, limit: Annotated[int, Query(ge=1, le=1000)] = 200
) -> Response:
    """What the patterns of a config select and leave out; keeps nothing."""
    return _preview(call, connecting.draft(call.viewer, given.kind, given.config), limit)


@router.get("/{source}", returns=Source)
def get_one(call: CallArg, source: SourceRef) -> Response:
    """One source; a removed one by its id. The ETag is its version."""
    with call.read() as session:
        return _shown(reads.get_source(session, call.viewer, source))


@router.patch("/{source}", action="source", returns=Source)
def edit(call: CallArg, source: SourceRef, given: SourceEdit) -> Response:
    """Changes what is sent. With `If-Match`, only if it is as it was read (else 412)."""
    changes = given.model_dump(exclude_unset=True)
    return _shown(
        _write(call, lambda unit: sources.edit(
            unit, call.viewer, source, changes, if_match=_version(call)
        ))
    )  # fmt: skip


@router.delete("/{source}", action="source", status=204)
def remove(
    call: CallArg,
    source: SourceRef,
    now: Annotated[bool, Query(description="Delete its data at once, for ever.")] = False,
    name: Annotated[str | None, Query(description="With now: its name, typed.")] = None,
) -> Response:
    """Removes a source: its assets are hidden at once and deleted after 30 days.

    With ``now`` (and its name, typed) they are deleted at once; also when it is removed already.
    """
    try:
        removing.remove_or_delete(
            call.catalog.store,
            call.viewer,
            source,
            if_match=_version(call),
            delete=now,
            typed_name=name,
        )
    except Precondition as error:
        raise _told(error) from None
    return Response(status_code=204)


@router.post("/{source}/check", action="source", returns=Checked)
def check(
    call: CallArg, source: SourceRef, given: Annotated[Edited | None, Body()] = None
) -> Response:
    """Connects to a source, with its config or as it would be after an edit."""
    return _check(call, _draft_of(call, source, given))


@router.post("/{source}/preview", action="source", returns=Previewed)
def preview(
    call: CallArg,
    source: SourceRef,
    given: Annotated[Edited | None, Body()] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
) -> Response:
    """What the patterns select and leave out, stored ones or as they would be after an edit."""
    return _preview(call, _draft_of(call, source, given), limit)


@router.post("/{source}/crawls", action="source", status=202, returns=CrawlDetailed)
def crawl(
    call: CallArg, source: SourceRef, which: Annotated[Which | None, Body()] = None
) -> Response:
    """Crawls now: everything, or only the named assets. 409 while a whole crawl is under way."""
    names = None if which is None else which.names
    made = call.write(
        lambda unit: crawling.request_crawl(
            unit, call.catalog.queue, call.viewer, source, names=names
        )
    )
    call.wake()
    with call.read() as session:
        found = crawl_reads.get_crawl(session, call.viewer, made)
    return reply(detail_of(found), 202, headers={"location": f"/api/v1/crawls/{made}"})


@router.post("/{source}/pause", action="source", returns=Source)
def pause(call: CallArg, source: SourceRef) -> Response:
    """Its schedule starts nothing until it is resumed."""
    return _shown(_paused(call, source, True))


@router.post("/{source}/resume", action="source", returns=Source)
def resume(call: CallArg, source: SourceRef) -> Response:
    """Its schedule goes on; what was missed while it was paused is not caught up."""
    return _shown(_paused(call, source, False))


@router.post("/{source}/move", action="source", returns=Source)
def move(call: CallArg, source: SourceRef, given: NewName) -> Response:
    """Gives it another short name."""
    return _shown(
        _write(call, lambda unit: sources.move(
            unit, call.viewer, source, given.name, if_match=_version(call)
        ))
    )  # fmt: skip


# --- inside ---------------------------------------------------------------------------------


def _version(call: Call) -> int | None:
    return version_of(call.if_match())


def _write(call: Call, work: Callable[[Unit], ResultT]) -> ResultT:
    try:
        found: ResultT = call.write(work)
    except Precondition as error:
        raise _told(error) from None
    return found


def _told(error: Precondition) -> Precondition:
    """The same error with the current state as the API shows it."""
    current = error.details.get("current")
    if isinstance(current, SourceView):
        error.details["current"] = source_of(current)
    return error


def _paused(call: Call, source: str, paused: bool) -> SourceView:
    return _write(
        call,
        lambda unit: sources.pause(unit, call.viewer, source, paused, if_match=_version(call)),
    )


def _shown(view: SourceView, status: int = 200, location: bool = False) -> Response:
    headers = {"location": f"/api/v1/sources/{view.id}"} if location else None
    etag = None if view.version is None else str(view.version)
    return reply(source_of(view), status, etag=etag, headers=headers)


def _draft_of(call: Call, source: str, given: Edited | None) -> connecting.Draft:
    edited = None if given is None else given.config
    with call.read() as session:
        return connecting.draft_of(session, call.viewer, source, edited)


def _check(call: Call, draft: connecting.Draft) -> Response:
    found = connecting.check(call.catalog.settings, call.viewer, draft)
    return reply(Checked(found.ok, found.message, found.remedy, dict(found.details)))


def _preview(call: Call, draft: connecting.Draft, limit: int) -> Response:
    found = connecting.preview(call.catalog.settings, call.viewer, draft, limit)
    items = [Selected(one.name, one.kind, one.filtered_by) for one in found.items]
    count = len(items)
    total, at_least = (count, None) if found.complete else (None, count + 1)
    return reply(Previewed(items, total, at_least))
