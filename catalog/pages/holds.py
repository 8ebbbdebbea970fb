"""What waits for a person over all sources: held removals to confirm, problems to mute."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import groupby
from typing import Annotated, Any, Final

from fastapi import Form, Path, Query
from pydantic import BaseModel, Field
from starlette.responses import Response

from catalog.errors import BadInput, CatalogError
from catalog.model import clock
from catalog.pages.foot import standings
from catalog.pages.frame import address_of, go, local_path, me_of, page, status_of
from catalog.pages.texts import zone_of
from catalog.serving.call import Call, CallArg
from catalog.serving.routing import Router
from catalog.sources import crawl_reads, holds, problems, reads
from catalog.sources.views import HoldView
from catalog.usecases import removing

router = Router("/sources", "pages")
ProblemId = Annotated[str, Path(description="Id of the problem.")]
After = Annotated[str | None, Query(max_length=64, description="The last id of the page before.")]
SourceName = Annotated[str, Query(max_length=100, description="Short name or id of a source.")]
LIMIT: Final = 100
_ALL: Final = 1000


class Confirmed(BaseModel):
    """``hold``: ids; ``do``: chosen, or scope (all of ``scope`` of ``source``); ``back``: where
    to go on."""

    hold: list[str] = Field(default_factory=list, max_length=_ALL)
    do: str = Field(default="chosen", max_length=20)
    source: str = Field(default="", max_length=100)
    scope: str = Field(default="", max_length=10_000)
    back: str = Field(default="/sources/holds", max_length=2000)


class Muted(BaseModel):
    """``until``: a date, its end in the reader's zone counts; ``back``: where to go on."""

    reason: str = Field(default="", max_length=2000)
    until: str = Field(default="", max_length=40)
    back: str = Field(default="/sources/problems", max_length=2000)


class Unmuted(BaseModel):
    """``back``: where to go on."""

    back: str = Field(default="/sources/problems", max_length=2000)


@dataclass(frozen=True)
class HeldScope:
    """Held assets of one scope, as far as they are shown."""

    source: str
    source_id: str
    scope: str
    holds: tuple[HoldView, ...]

    def short(self, name: str) -> str:
        """A name without the folders that all names of the group lie in."""
        names = [one.name for one in self.holds]
        low, high = min(names), max(names)
        pairs = enumerate(zip(low, high, strict=False))
        same = next((at for at, (a, b) in pairs if a != b), min(len(low), len(high)))
        return name[low.rfind("/", 0, same) + 1 :]


@dataclass(frozen=True)
class Trouble:
    """What was wrong with the muting of which problem, and what was typed."""

    problem: str
    error: CatalogError
    typed: Muted


# --- held removals --------------------------------------------------------------------------


@router.get("/holds", include_in_schema=False)
def show_holds(
    call: CallArg,
    source: SourceName = "",
    ended: Annotated[bool, Query(description="Also those that have ended.")] = False,
    after: After = None,
) -> Response:
    """Assets that crawls miss and the brake keeps, one by one."""
    with call.read() as session:
        names = reads.list_sources(session, call.viewer)
        found = holds.list_holds(
            session,
            call.viewer,
            source=source or None,
            ended=ended,
            limit=LIMIT,
            after=after,
        )
    return page(
        call,
        "sources/holds.html",
        here="/sources",
        found=found,
        scopes=by_scope(one for one in found.items if one.ended_at is None),
        done=[one for one in found.items if one.ended_at is not None],
        names=names,
        source=source,
        ended=ended,
        first_page=after is None,
    )


@router.post("/holds/confirm", action="hold", include_in_schema=False)
def confirm(call: CallArg, given: Annotated[Confirmed, Form()]) -> Response:
    """Removes what was chosen and is still missing; what people wrote about it is kept."""
    chosen = given.hold
    if given.do == "scope":
        chosen = _of_scope(call, given.source, given.scope)
    if not chosen:
        return go(call, given.back, "Nothing was chosen, so nothing is removed.", "warn")
    removed = removing.confirm_holds(call.catalog.store, call.viewer, hold_ids=chosen)
    standings(call).forget()
    word = "asset is" if removed == 1 else "assets are"
    said = f"{removed:,} {word} removed. What people wrote about them is kept."
    if removed < len(chosen):
        said += f" {len(chosen) - removed:,} had been seen again, or decided, meanwhile."
    return go(call, given.back, said)


def by_scope(found: Iterable[HoldView]) -> list[HeldScope]:
    """Holds in groups of one source and scope, in the order in which they come first."""

    def key(one: HoldView) -> tuple[str, str]:
        return one.source_id, one.scope

    groups = groupby(sorted(found, key=lambda one: (*key(one), one.name)), key)
    made = [(scope, tuple(items)) for (_, scope), items in groups]
    return [HeldScope(items[0].source, items[0].source_id, scope, items) for scope, items in made]


def _of_scope(call: Call, source: str, scope: str) -> list[str]:
    """Ids of all open holds of a scope, also of those that the page did not show."""
    found: list[str] = []
    after: str | None = None
    with call.read() as session:
        while True:
            part = holds.list_holds(session, call.viewer, source=source, limit=_ALL, after=after)
            found += [one.id for one in part.items if one.scope == scope]
            after = part.next
            if after is None:
                return found


# --- problems -------------------------------------------------------------------------------


@router.get("/problems", include_in_schema=False)
def show_problems(
    call: CallArg,
    source: SourceName = "",
    muted: Annotated[bool, Query(description="Also muted ones.")] = True,
    resolved: Annotated[bool, Query(description="Also what was not met again.")] = False,
    after: After = None,
) -> Response:
    """What could not be read; the same failure every night is one."""
    return _problems_page(call, source, muted, resolved, after)


@router.post("/problems/{problem}/mute", action="mute", include_in_schema=False)
def mute(call: CallArg, problem: ProblemId, given: Annotated[Muted, Form()]) -> Response:
    """Mutes a problem up to the end of a day, with a reason."""
    try:
        until = _end_of(call, given.until)
        call.write(lambda unit: problems.mute(unit, call.viewer, problem, given.reason, until))
    except BadInput as error:
        return _problems_page(call, "", True, False, None, Trouble(problem, error, given))
    return go(call, given.back, "The problem is muted.")


@router.post("/problems/{problem}/unmute", action="mute", include_in_schema=False)
def unmute(call: CallArg, problem: ProblemId, given: Annotated[Unmuted, Form()]) -> Response:
    """Ends the muting."""
    call.write(lambda unit: problems.unmute(unit, call.viewer, problem))
    return go(call, given.back, "The problem is no longer muted.")


def _problems_page(
    call: Call,
    source: str,
    muted: bool,
    resolved: bool,
    after: str | None,
    trouble: Trouble | None = None,
) -> Response:
    with call.read() as session:
        names = reads.list_sources(session, call.viewer)
        found = crawl_reads.list_problems(
            session,
            call.viewer,
            source=source or None,
            muted=muted,
            resolved=resolved,
            limit=LIMIT,
            after=after,
        )
    return page(
        call,
        "sources/problems.html",
        here="/sources",
        status=status_of(trouble),
        found=found,
        names=names,
        source=source,
        muted=muted,
        resolved=resolved,
        first_page=after is None,
        trouble=trouble,
        back=local_path(trouble.typed.back) if trouble else address_of(call.request),
        **muting(call),
    )


def muting(call: Call) -> dict[str, Any]:
    """What the form that mutes needs: this moment, and the days between which it may end."""
    today = datetime.now(zone_of(me_of(call).zone)).date()
    return {
        "now": clock.now(),
        "soon": (today + timedelta(days=30)).isoformat(),
        "tomorrow": (today + timedelta(days=1)).isoformat(),
    }


def _end_of(call: Call, text: str) -> int:
    """The end of a day in the reader's zone."""
    try:
        day = date.fromisoformat(text.strip())
    except ValueError:
        raise BadInput(
            "The muting needs an end: a date.", remedy="Write it as 2026-12-31."
        ) from None
    zone = zone_of(me_of(call).zone)
    try:
        return clock.from_datetime(datetime.combine(day, time(23, 59, 59), zone))
    except OverflowError:
        raise BadInput(f"{day} is too far away.", remedy="Give an earlier end.") from None
