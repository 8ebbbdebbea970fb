"""Changing a source: its config, schedule, pause, name, namespace, and taking it away."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import Form
from pydantic import BaseModel, Field
from starlette.responses import Response

from catalog.assets import namespaces
from catalog.assets.namespaces import NamespaceEdit
from catalog.errors import CatalogError, Conflict, NotFound, Precondition, Unavailable
from catalog.history.unit import Unit
from catalog.pages.config_form import Filled, config_of, errors_of, form_fields, typed_secrets
from catalog.pages.foot import standings
from catalog.pages.frame import Trouble, go, page, status_of
from catalog.pages.source_form import Answer, NewSource, answer_of, runs_of, schedule_value
from catalog.pages.sources import SourceRef, Typed, kind_title, source_page
from catalog.serving.call import Call, CallArg
from catalog.serving.routing import Router
from catalog.sources import reads, sources
from catalog.sources.views import SourceView
from catalog.usecases import connecting, crawling, removing

router = Router("/sources/{source}", "pages")
_NUMBERS = ("rank", "brake_percent", "brake_assets")


class EditedSource(NewSource):
    """The form of `NewSource` with the version that was read. ``do``: check, preview or save."""

    version: int = 0
    rank: str = Field(default="", max_length=20)
    brake_percent: str = Field(default="", max_length=20)
    brake_assets: str = Field(default="", max_length=20)


class Scheduled(BaseModel):
    """``do``: runs or save."""

    do: str = Field(default="save", max_length=20)
    version: int = 0
    schedule: str = Field(default="", max_length=100)
    zone: str = Field(default="", max_length=60)


class Moved(BaseModel):
    """``do``: rename (the short name), dry (only say what would move) or move (do it)."""

    do: str = Field(default="dry", max_length=20)
    name: str = Field(default="", max_length=100)
    namespace: str = Field(default="", max_length=2000)
    to: str = Field(default="", max_length=2000)


class Removed(BaseModel):
    """``now``: delete at once; ``typed``: its name."""

    now: str = Field(default="", max_length=10)
    typed: str = Field(default="", max_length=100)


# --- settings -------------------------------------------------------------------------------


@router.get("/edit", action="source", include_in_schema=False)
def edit(call: CallArg, source: SourceRef) -> Response:
    """The form, filled with what is stored."""
    found = _read(call, source)
    return _form(call, found, _given_of(found))


@router.post("/edit", action="source", include_in_schema=False)
def save(call: CallArg, source: SourceRef, given: Annotated[EditedSource, Form()]) -> Response:
    """Checks, previews, or saves if nobody wrote since the form was read."""
    found = _read(call, source)
    config = _config(call, found, given)
    try:
        if given.do != "save":
            return _form(call, found, given, answer=_answered(call, found, given, config))
        changes = _changes(given) | ({} if config is None else {"config": config})
        saved: SourceView = call.write(
            lambda unit: sources.edit(unit, call.viewer, found.id, changes, if_match=given.version)
        )
    except Precondition as error:
        now: SourceView = error.details["current"]
        return _form(call, now, given, error=error, base=now)
    except CatalogError as error:
        return _form(call, found, given, error=error)
    standings(call).forget()
    return go(call, f"/sources/{saved.name}", f"The settings of {saved.name} are saved.")


@router.post("/schedule", action="source", include_in_schema=False)
def schedule(call: CallArg, source: SourceRef, given: Annotated[Scheduled, Form()]) -> Response:
    """Shows the next runs of what was typed, or saves it; empty: no schedule."""
    typed = Typed(given.schedule, given.zone)
    try:
        if given.do == "runs":
            runs = runs_of(given.schedule, given.zone)
            return source_page(call, source, typed=Typed(given.schedule, given.zone, runs))
        wanted = {"schedule": schedule_value(given.schedule, given.zone)}
        saved: SourceView = call.write(
            lambda unit: sources.edit(unit, call.viewer, source, wanted, if_match=given.version)
        )
    except NotFound:
        raise
    except CatalogError as error:
        return source_page(call, source, typed=Typed(typed.schedule, typed.zone, error=error))
    standings(call).forget()
    said = "It has no schedule any more." if saved.schedule is None else "The schedule is saved."
    return go(call, f"/sources/{saved.name}#schedule", said)


# --- at once --------------------------------------------------------------------------------


@router.post("/run", action="source", include_in_schema=False)
def run(call: CallArg, source: SourceRef) -> Response:
    """Crawls now; the page of the crawl that is under way when there is one."""
    try:
        crawl = call.write(
            lambda unit: crawling.request_crawl(unit, call.catalog.queue, call.viewer, source)
        )
    except Conflict as error:
        if "crawl" not in error.details:
            raise
        return go(call, f"/crawls/{error.details['crawl']}", error.message, "warn")
    call.wake()
    standings(call).forget()
    return go(call, f"/crawls/{crawl}")


@router.post("/pause", action="source", include_in_schema=False)
def pause(call: CallArg, source: SourceRef) -> Response:
    """Its schedule starts nothing until it is resumed."""
    return _paused(call, source, True)


@router.post("/resume", action="source", include_in_schema=False)
def resume(call: CallArg, source: SourceRef) -> Response:
    """Its schedule goes on; what was missed meanwhile is not caught up."""
    return _paused(call, source, False)


def _paused(call: Call, source: str, paused: bool) -> Response:
    found: SourceView = call.write(lambda unit: sources.pause(unit, call.viewer, source, paused))
    standings(call).forget()
    said = "is paused: its schedule starts nothing" if paused else "goes on"
    return go(call, f"/sources/{found.name}", f"{found.name} {said}.")


# --- moving ---------------------------------------------------------------------------------


@router.get("/move", action="source", include_in_schema=False)
def moving(call: CallArg, source: SourceRef) -> Response:
    """The forms for another short name, and for another namespace."""
    found = _read(call, source)
    return _move_page(call, found, Moved(name=found.name))


@router.post("/move", action="source", include_in_schema=False)
def move(call: CallArg, source: SourceRef, given: Annotated[Moved, Form()]) -> Response:
    """Renames the source, says what another namespace would move, or moves it."""
    found = _read(call, source)
    if given.do == "rename":
        try:
            renamed: SourceView = call.write(
                lambda unit: sources.move(unit, call.viewer, found.id, given.name.strip())
            )
        except CatalogError as error:
            return _move_page(call, found, given, Trouble("rename", error))
        standings(call).forget()
        return go(call, f"/sources/{renamed.name}", f"{found.name} is now {renamed.name}.")
    try:
        done = _moved(call, given)
    except CatalogError as error:
        return _move_page(call, found, given, Trouble("move", error))
    if not done.done:
        return _move_page(call, found, given, dry=done)
    standings(call).forget()
    return go(call, f"/sources/{found.name}", f"{done.before} is now {done.after}.")


def _moved(call: Call, given: Moved) -> NamespaceEdit:
    def work(unit: Unit) -> NamespaceEdit:
        return namespaces.rename_namespace(
            unit, call.viewer, given.namespace, given.to.strip(), dry_run=given.do != "move"
        )

    found: NamespaceEdit = call.write(work)
    return found


def _move_page(
    call: Call,
    found: SourceView,
    given: Moved,
    trouble: Trouble | None = None,
    dry: NamespaceEdit | None = None,
) -> Response:
    with call.connect() as connection:
        every = namespaces.namespaces(connection, call.viewer)
    own = [one for one in every if one.namespace in (found.namespaces or ())]
    return page(
        call,
        "sources/move.html",
        here="/sources",
        status=status_of(trouble),
        source=found,
        own=own,
        given=given,
        trouble=trouble,
        dry=dry,
    )


# --- taking away ----------------------------------------------------------------------------


@router.get("/remove", action="source", include_in_schema=False)
def removal(call: CallArg, source: SourceRef) -> Response:
    """Says what goes, and asks."""
    return _remove_page(call, _read(call, source))


@router.post("/remove", action="source", include_in_schema=False)
def remove(call: CallArg, source: SourceRef, given: Annotated[Removed, Form()]) -> Response:
    """Hides its assets, and deletes them after 30 days; at once when its name was typed."""
    found = _read(call, source)
    at_once = bool(given.now)
    try:
        removing.remove_or_delete(
            call.catalog.store,
            call.viewer,
            found.id,
            delete=at_once,
            typed_name=given.typed if at_once else None,
        )
    except Unavailable as error:
        standings(call).forget()
        return go(call, f"/sources/{found.id}", str(error), "warn")
    except CatalogError as error:
        return _remove_page(call, found, error, given.typed)
    standings(call).forget()
    if at_once:
        return go(call, "/sources", f"{found.name} and all its data are deleted.")
    return go(
        call,
        "/sources",
        f"{found.name} is removed. Its assets are hidden, and deleted after 30 days.",
    )


def _remove_page(
    call: Call, found: SourceView, error: CatalogError | None = None, typed: str = ""
) -> Response:
    gone = found.state == "removed"
    assets = 0 if gone else standings(call).of(call).glance.sources.get(found.name, 0)
    return page(
        call,
        "sources/remove.html",
        here="/sources",
        status=status_of(error),
        source=found,
        address=found.id if gone else found.name,
        assets=assets,
        error=error,
        typed=typed,
    )


# --- inside ---------------------------------------------------------------------------------


def _read(call: Call, source: str) -> SourceView:
    with call.read() as session:
        return reads.get_source(session, call.viewer, source)


def _schema(call: Call, kind: str) -> Mapping[str, Any] | None:
    """The schema of the kind's config; None when its crawler is not installed here."""
    every = connecting.list_kinds(call.viewer)
    return next((one.config for one in every if one.kind == kind), None)


def _config(call: Call, found: SourceView, given: EditedSource) -> dict[str, Any] | None:
    schema = _schema(call, found.kind)
    return None if schema is None else config_of(schema, given.sent, found.config or {})


def _answered(
    call: Call, found: SourceView, given: EditedSource, config: Mapping[str, Any] | None
) -> Answer:
    with call.read() as session:
        draft = connecting.draft_of(session, call.viewer, found.id, config)
    return answer_of(call, given.do, draft)


def _changes(given: EditedSource) -> dict[str, Any]:
    changes: dict[str, Any] = {
        "title": given.title or None,
        "environment": given.environment or None,
    }
    for name in _NUMBERS:
        text = getattr(given, name).strip()
        changes[name] = int(text) if text.removeprefix("-").isdecimal() else text
    return changes


def _given_of(found: SourceView) -> EditedSource:
    return EditedSource(
        title=found.title or "",
        environment=found.environment or "",
        version=found.version or 0,
        **{name: str(getattr(found, name)) for name in _NUMBERS},
    )


def _now(found: SourceView, given: EditedSource) -> dict[str, str]:
    """Settings whose stored value is another one than what was typed."""
    stored = _given_of(found)
    names: tuple[str, ...] = ("title", "environment", *_NUMBERS)
    return {
        name: getattr(stored, name) or "nothing"
        for name in names
        if getattr(stored, name) != getattr(given, name)
    }


def _form(
    call: Call,
    found: SourceView,
    given: EditedSource,
    *,
    answer: Answer | None = None,
    error: CatalogError | None = None,
    base: SourceView | None = None,
) -> Response:
    """``base``: what somebody else saved meanwhile; it stands beside what was typed."""
    schema = _schema(call, found.kind)
    errors = {} if error is None else errors_of(error)
    filled = Filled(
        sent=given.sent or None,
        stored=found.config,
        base=None if base is None else base.config,
        errors=errors,
    )
    return page(
        call,
        "sources/edit.html",
        here="/sources",
        status=status_of(error),
        source=found,
        kind=kind_title(found.kind),
        known=schema is not None,
        given=given,
        version=found.version if base is not None else given.version,
        fields=form_fields(schema, filled),
        errors=errors,
        error=error,
        now={} if base is None else _now(base, given),
        answer=answer or Answer(),
        again_names=set(typed_secrets(schema, given.sent)),
    )
