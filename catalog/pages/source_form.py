"""Adding a source: a kind is chosen, then a form made from its config; check, preview, add.

The buttons are submit buttons of one form, so that everything works without scripts and what was
typed stays. A secret is never sent back: who checked with one types it again, or says that there
is none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import Form, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from catalog.crawling.crawler import CheckResult
from catalog.errors import BadInput, CatalogError, Conflict
from catalog.history.unit import Unit
from catalog.model import clock
from catalog.pages.config_form import (
    NONE,
    VALUE,
    Filled,
    config_of,
    errors_of,
    form_fields,
    typed_secrets,
)
from catalog.pages.foot import standings
from catalog.pages.frame import go, page, status_of
from catalog.serving.call import Call, CallArg
from catalog.serving.routing import Router
from catalog.sources import schedules, sources
from catalog.sources.configs import PUSH
from catalog.usecases import connecting, crawling
from catalog.usecases.connecting import Draft, Kind, Preview

router = Router("/sources", "pages")
PREVIEWED: Final = 200
RUNS: Final = 5


class NewSource(BaseModel):
    """The form. ``do``: check, preview, runs or add; ``again``: secrets that were typed before,
    separated by commas; the config's fields come beside it as ``c.NAME``."""

    model_config = ConfigDict(extra="allow")

    do: str = Field(default="check", max_length=20)
    kind: str = Field(default="", max_length=60)
    name: str = Field(default="", max_length=100)
    title: str = Field(default="", max_length=500)
    environment: str = Field(default="", max_length=500)
    schedule: str = Field(default="", max_length=100)
    zone: str = Field(default="", max_length=60)
    again: str = Field(default="", max_length=2000)

    @property
    def sent(self) -> dict[str, str]:
        """The texts of the config's fields."""
        extra = self.model_extra or {}
        return {
            name: value
            for name, value in extra.items()
            if name.startswith((VALUE, NONE)) and isinstance(value, str)
        }


@dataclass(frozen=True)
class Answer:
    """What a button of the form answered."""

    check: CheckResult | None = None
    preview: Preview | None = None
    runs: tuple[int, ...] = ()

    @property
    def taken(self) -> int:
        """How many of the previewed names are crawled."""
        items = () if self.preview is None else self.preview.items
        return sum(1 for one in items if one.filtered_by is None)


@router.get("/new", action="source", include_in_schema=False)
def choose(call: CallArg, kind: Annotated[str, Query(max_length=60)] = "") -> Response:
    """The kinds, or the empty form of one."""
    if not kind:
        return page(
            call,
            "sources/kinds.html",
            here="/sources",
            kinds=connecting.list_kinds(call.viewer),
        )
    return _form(call, kind_of(call, kind), NewSource(kind=kind))


@router.post("/new", action="source", include_in_schema=False)
def submit(call: CallArg, given: Annotated[NewSource, Form()]) -> Response:
    """What the pressed button says."""
    kind = kind_of(call, given.kind)
    try:
        _ask_again(kind, given)
        config = config_of(kind.config or {}, given.sent)
        if given.do == "add":
            return _add(call, kind, given, config)
        return _form(call, kind, given, answer=_answered(call, kind, given, config))
    except CatalogError as error:
        return _form(call, kind, given, error=error)


def kind_of(call: Call, name: str) -> Kind:
    """The kind by its name; `BadInput` if it is none that can be used here."""
    found = next((one for one in connecting.list_kinds(call.viewer) if one.kind == name), None)
    if found is None:
        raise BadInput(f"There is no kind of source {name!r}.", remedy="Choose one of the list.")
    return found


def answer_of(call: Call, do: str, draft: Draft) -> Answer:
    """Checks or previews."""
    settings = call.catalog.settings
    if do == "preview":
        return Answer(preview=connecting.preview(settings, call.viewer, draft, PREVIEWED))
    return Answer(check=connecting.check(settings, call.viewer, draft))


def runs_of(schedule: str, zone: str) -> tuple[int, ...]:
    """The next five runs of a schedule as it was typed; `BadInput` if it is none."""
    if not schedule.strip():
        raise BadInput(
            "Without a schedule it is crawled when somebody asks for it.",
            remedy="Write 1d, 6h or five cron fields such as 0 5 * * *.",
        )
    found = schedules.parse(schedule, zone or "UTC")
    return tuple(schedules.next_runs(found, clock.now(), RUNS))


def schedule_value(schedule: str, zone: str) -> dict[str, str] | None:
    """A typed schedule as sources take it; None when nothing was typed."""
    if not schedule.strip():
        return None
    return schedules.parse(schedule, zone or "UTC").as_dict()


# --- inside ---------------------------------------------------------------------------------


def _ask_again(kind: Kind, given: NewSource) -> None:
    """A secret that was typed before and was not written back must not be lost unseen."""
    before = set(filter(None, given.again.split(",")))
    missing = [
        name
        for name in sorted(before)
        if not given.sent.get(VALUE + name) and NONE + name not in given.sent
    ]
    if missing:
        raise BadInput(
            f"Type {', '.join(missing)} again: a page never holds what was typed there.",
            remedy="Or say that there is none.",
            errors=[{"field": name, "message": "Type it again."} for name in missing],
        )


def _answered(call: Call, kind: Kind, given: NewSource, config: Mapping[str, Any]) -> Answer:
    if given.do == "runs":
        return Answer(runs=runs_of(given.schedule, given.zone))
    return answer_of(call, given.do, connecting.draft(call.viewer, kind.kind, config))


def _add(call: Call, kind: Kind, given: NewSource, config: Mapping[str, Any]) -> Response:
    """Adds the source and, unless it is pushed to, queues its first crawl: both or none."""

    def work(unit: Unit) -> tuple[str, str | None]:
        made = sources.create(
            unit,
            call.viewer,
            kind.kind,
            config,
            name=given.name.strip() or None,
            title=given.title or None,
            environment=given.environment or None,
            schedule=schedule_value(given.schedule, given.zone),
        )
        if kind.kind == PUSH:
            return made.name, None
        queue = call.catalog.queue
        return made.name, crawling.request_crawl(unit, queue, call.viewer, made.name)

    name, crawl = call.write(work)
    standings(call).forget()
    call.wake()
    if crawl is None:
        return go(call, f"/sources/{name}", f"{name} is added. It waits for records.")
    return go(call, f"/crawls/{crawl}", f"{name} is added, and its first crawl begins.")


def _form(
    call: Call,
    kind: Kind,
    given: NewSource,
    *,
    answer: Answer | None = None,
    error: CatalogError | None = None,
) -> Response:
    errors = {} if error is None else errors_of(error)
    sent = given.sent or None
    fields = form_fields(kind.config, Filled(sent=sent, errors=errors))
    again = {*typed_secrets(kind.config, given.sent), *filter(None, given.again.split(","))}
    if isinstance(error, Conflict):
        errors["name"] = error.message
    return page(
        call,
        "sources/new.html",
        here="/sources",
        status=status_of(error),
        kind=kind,
        given=given,
        fields=fields,
        errors=errors,
        error=error,
        answer=answer or Answer(),
        again=",".join(sorted(again)),
        again_names=again,
    )
