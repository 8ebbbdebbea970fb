"""The tab History: versions, what differs between any two, and what people wrote, to bring back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import Form, Path, Query
from pydantic import BaseModel, Field
from sqlmodel import Session
from starlette.responses import Response

from catalog.assets import steps, versions
from catalog.assets.people import Names, names_of
from catalog.assets.resolve import Match, resolve_id
from catalog.assets.views import Diff, Page, VersionView
from catalog.curation import restore as curated
from catalog.errors import CatalogError, Precondition
from catalog.pages.asset_head import head_in
from catalog.pages.differences import ColumnRow, ValueRow, column_rows, summary, value_rows
from catalog.pages.frame import go, page, status_of
from catalog.pages.stories import Story, crawl_of, names_in, tell, who_of
from catalog.pages.story_words import because, person, said
from catalog.serving.call import Call, CallArg
from catalog.serving.routing import Router
from catalog.sources.crawl_reads import seen_crawls

router = Router("/assets", "pages")
AssetId = Annotated[str, Path()]
SHOWN: Final = 10
WRITTEN_SHOWN: Final = 15
Text = Annotated[str, Query(max_length=4000)]
_LAST: Final = 2**63 - 1  # no store has a higher sequence, nor takes one to look for


class Wanted(BaseModel):
    """Which value: of a change, the one ``after`` or ``before`` it; ``etag``: of what was read."""

    sequence: int = Field(ge=1, le=_LAST)
    side: str = Field(max_length=10)
    etag: str = Field(default="", max_length=200)


@dataclass(frozen=True)
class Version:
    """A step in the list."""

    number: int
    view: VersionView
    who: str
    crawl: str | None
    summary: str
    breaking: int
    why: str | None


@dataclass(frozen=True)
class Chosen:
    """The two states that are compared, by number and sequence, and what differs."""

    before: int
    after: int
    before_number: int
    after_number: int
    columns: list[ColumnRow]
    of_columns: list[ValueRow]
    values: list[ValueRow]
    breaking: int


@dataclass(frozen=True)
class Writing:
    """A person's change as a story, with the values of it that can be brought back."""

    story: Story
    offers: tuple[tuple[curated.Offer, str], ...]


@dataclass(frozen=True)
class Trouble:
    """Why a value was not brought back. ``theirs``, ``yours``: when somebody wrote meanwhile."""

    error: CatalogError
    wanted: Wanted
    theirs: str | None
    yours: str | None
    etag: str | None


@router.get("/{id}/history", include_in_schema=False)
def history(
    call: CallArg,
    id: AssetId,
    before: Annotated[int | None, Query(alias="from", ge=0, le=_LAST)] = None,
    after: Annotated[int | None, Query(alias="to", ge=0, le=_LAST)] = None,
    cursor: Text = "",
    written: Text = "",
) -> Response:
    """``from``, ``to``: sequences of the states to compare; without them the last step."""
    return _page(call, id, before, after, cursor, written)


@router.post("/{id}/history/restore", action="flag", include_in_schema=False)
def bring_back(call: CallArg, id: AssetId, given: Annotated[Wanted, Form()]) -> Response:
    """Writes an earlier value again; editors, and everybody their own flag."""
    etag = given.etag or None
    try:
        done = call.write(
            lambda unit: curated.restore(unit, call.viewer, id, given.sequence, given.side, etag)
        )
    except Precondition as error:
        return _page(call, id, trouble=_both(call, id, given, error))
    except CatalogError as error:
        if error.status in (403, 404):
            raise
        return _page(call, id, trouble=Trouble(error, given, None, None, None))
    if not done.changed:
        return go(call, f"/assets/{done.asset}/history", "That is what stands there already.")
    return go(call, f"/assets/{done.asset}/history", f"The {done.changed[0]} is brought back.")


def _page(
    call: Call,
    asset: str,
    before: int | None = None,
    after: int | None = None,
    cursor: str = "",
    written_cursor: str = "",
    trouble: Trouble | None = None,
) -> Response:
    with call.read() as session:
        connection = session.connection()
        match = resolve_id(connection, call.viewer, asset)
        head = head_in(connection, call, match)
        found = versions.versions(
            connection, call.viewer, match, limit=SHOWN, cursor=cursor or None, with_diff=False
        )
        listed = _listed(connection, call, match, found)
        chosen = _chosen(session, call, match, listed, before, after)
        page_of = curated.written(
            connection, call.viewer, match, limit=WRITTEN_SHOWN, cursor=written_cursor or None
        )
        writings = _writings(session, call, page_of)
    return page(
        call,
        "history/history.html",
        here="/browse",
        status=status_of(trouble),
        head=head,
        found=found,
        versions=listed,
        chosen=chosen,
        cursor=cursor,
        written_cursor=written_cursor,
        writings=writings,
        written=page_of,
        trouble=trouble,
    )


def _listed(connection: Any, call: Call, match: Match, found: Page[VersionView]) -> list[Version]:
    if not found.items:
        return []
    first = steps.number_at(connection, call.viewer, match, found.items[0].sequence)
    done = steps.done_by(connection, call.viewer, match, [one.sequence for one in found.items])
    crawls = seen_crawls(connection, call.viewer, (crawl_of(one.actor) for one in found.items))
    return [
        Version(
            number=first - offset,
            view=one,
            who=who_of(one.actor, one.actor_name),
            crawl=crawl_of(one.actor) if crawl_of(one.actor) in crawls else None,
            summary=summary(one.what, done[one.sequence]),
            breaking=done[one.sequence].breaking,
            why=because(one.cause),
        )
        for offset, one in enumerate(found.items)
    ]


def _breaking(diff: Diff) -> int:
    return sum(one.breaking for one in diff.columns) + sum(one.breaking for one in diff.values)


def _chosen(
    session: Session,
    call: Call,
    match: Match,
    listed: list[Version],
    before: int | None,
    after: int | None,
) -> Chosen | None:
    """The comparison that was asked for, else that of the newest version listed."""
    if after is None:
        if not listed:
            return None
        after = listed[0].view.sequence
    if before is None:
        before = max(0, after - 1)
    before, after = min(before, after), max(before, after)
    connection = session.connection()
    diff = versions.difference(connection, call.viewer, match, before, after)
    rows = value_rows(connection, diff)
    return Chosen(
        before=before,
        after=after,
        before_number=steps.number_at(connection, call.viewer, match, before),
        after_number=steps.number_at(connection, call.viewer, match, after),
        columns=column_rows(diff),
        of_columns=[one for one in rows if one.column],
        values=[one for one in rows if not one.column],
        breaking=_breaking(diff),
    )


def _writings(session: Session, call: Call, found: Page[curated.Written]) -> list[Writing]:
    changes = [one.change for one in found.items]
    stories = tell(session, call.viewer, changes)
    names = names_in(session.connection(), changes)
    return [
        Writing(story, tuple((offer, _shown(one, offer.side, names)) for offer in one.offers))
        for story, one in zip(stories, found.items, strict=True)
    ]


def _shown(one: curated.Written, side: str, names: Names) -> str:
    """What a button would bring back, in a few words."""
    value = one.change.after if side == "after" else one.change.before
    return _worded(one.change.what, value, names)


def _worded(what: str, value: Any, names: Names) -> str:
    if not isinstance(value, dict):
        return ""
    if what == "owner":
        who = person(value.get("owner"), names)
        return f"{who}, {said(value.get('role')).replace('_', ' ')}" if who else "nobody owns it"
    if what == "tag":
        return said(value.get("tag")) + (f"={value['value']}" if value.get("value") else "")
    if what == "flag":
        return said(value.get("kind"))
    return said(value.get(what)) or f"an empty {what}"


def _both(call: Call, asset: str, given: Wanted, error: Precondition) -> Trouble:
    """Both values, so that the person can choose."""
    with call.read() as session:
        connection = session.connection()
        match = resolve_id(connection, call.viewer, asset)
        one = curated.one_written(connection, call.viewer, match, given.sequence)
        value = one.after if given.side == "after" else one.before
        current = error.details.get("current") or {}
        name = {"owner": "owners", "tag": "tags", "flag": "flags"}.get(one.what, one.what)
        theirs = current.get(name)
        several = theirs if isinstance(theirs, list) else []
        names = names_of(connection, {str(each.get("owner")) for each in [*several, value or {}]})
    if isinstance(theirs, list):
        theirs = ", ".join(_worded(one.what, each, names) for each in theirs)
    yours = _worded(one.what, value, names)
    return Trouble(error, given, said(theirs) or "nothing", yours, error.details.get("etag"))
