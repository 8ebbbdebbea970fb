"""Bringing back what a person wrote earlier: each value is a change of the log, written anew."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from sqlalchemy import Connection, and_, select

from catalog.access.viewer import Viewer
from catalog.assets.changes import changes
from catalog.assets.resolve import Match, resolve_id
from catalog.assets.views import ChangeView, Page
from catalog.curation.edit import EditResult, curated_view, edit, flag_item
from catalog.curation.patch import FactPatch, FlagPatch, OwnerPatch, TagPatch
from catalog.errors import BadInput, Conflict, NotFound
from catalog.history.facts import FactRow, facts_etag, facts_of
from catalog.history.store import table_of
from catalog.history.unit import Unit
from catalog.model import Change, Column

WRITTEN: Final = ("description", "title", "owner", "tag", "flag")
SIDES: Final = ("after", "before")
Side = Literal["after", "before"]
_CHANGE, _COLUMN = table_of(Change), table_of(Column)


@dataclass(frozen=True)
class Offer:
    """A value that can be brought back: of the change, the one ``after`` or ``before`` it.

    ``etag``: of what people wrote of the asset or column now.
    """

    side: Side
    etag: str


@dataclass(frozen=True)
class Saying:
    """A curated value before and after a change, as the change log keeps it."""

    what: str
    before: Any
    after: Any


@dataclass(frozen=True)
class Written:
    """Something that a person wrote, and the values of it that could be brought back."""

    change: ChangeView
    offers: tuple[Offer, ...]


def written(
    connection: Connection,
    viewer: Viewer,
    match: Match,
    *,
    limit: int = 20,
    cursor: str | None = None,
) -> Page[Written]:
    """A page of what people wrote of a visible asset and its columns, the newest first.

    A value is offered once on a page, where it stands last, unless it holds now; others' flags
    and values of columns that are gone are not.
    """
    page = changes(connection, viewer, match, what=WRITTEN, limit=limit, cursor=cursor)
    facts = facts_of(connection, match.key)
    numbers = _live(connection, match.key)
    mine = flag_item(connection, viewer)
    seen: set[str] = set()
    items = [
        Written(one, tuple(_offers(viewer, one, facts, numbers, mine, seen))) for one in page.items
    ]
    return Page(items=items, total=page.total, at_least=page.at_least, next=page.next)


def restore(
    unit: Unit, viewer: Viewer, asset: str, sequence: int, side: str, if_match: str | None
) -> EditResult:
    """Writes again what a change (its sequence) of this asset says on one side.

    As `catalog.curation.edit.edit`: another ETag than today's is `Precondition`. `NotFound` when
    there is no such change, `Conflict` when its column is gone, `BadInput` for another's flag.
    """
    match = resolve_id(unit.connection, viewer, asset)
    row = _change(unit.connection, match, sequence)
    value = _value(row, side)
    column = None
    if row.column:
        column = {number: path for path, number in _live(unit.connection, match.key).items()}.get(
            row.column
        )
        if column is None:
            raise Conflict(
                "The column that this was written of is no longer there.",
                remedy="Write it on the column that took its place.",
            )
    current = curated_view(facts_of(unit.connection, match.key), row.column)
    mine = flag_item(unit.connection, viewer)
    return edit(unit, viewer, asset, column, _patch(row.what, value, current, mine), if_match)


def one_written(connection: Connection, viewer: Viewer, match: Match, sequence: int) -> Saying:
    """What a change (its sequence) of a visible asset says on its two sides; `NotFound`."""
    viewer.require("read")
    row = _change(connection, match, sequence)
    sides = (None if text is None else json.loads(text) for text in (row.before, row.after))
    return Saying(row.what, *sides)


def _change(connection: Connection, match: Match, sequence: int) -> Any:
    row = connection.execute(
        select(_CHANGE).where(
            and_(
                _CHANGE.c.sequence == sequence,
                _CHANGE.c.asset == match.key,
                _CHANGE.c.at >= match.row.created_at,
                _CHANGE.c.what.in_(WRITTEN),
            )
        )
    ).first()
    if row is None:
        raise NotFound(
            "This asset has no such change, or it is no longer kept.",
            remedy="Look at its history again.",
        )
    return row


def _value(row: Any, side: str) -> Mapping[str, Any]:
    text = getattr(row, side) if side in SIDES else None
    if text is None:
        raise BadInput(
            "On this side of the change nobody had written anything.",
            remedy="Choose the other value, or edit the asset.",
        )
    found: Mapping[str, Any] = json.loads(text)
    return found


def _live(connection: Connection, asset: int) -> dict[str, int]:
    rows = connection.execute(
        select(_COLUMN.c.path, _COLUMN.c.number).where(
            _COLUMN.c.asset == asset, _COLUMN.c.live.is_(True)
        )
    )
    return {row.path: row.number for row in rows}


def _offers(
    viewer: Viewer,
    change: ChangeView,
    facts: Sequence[FactRow],
    numbers: Mapping[str, int],
    mine: str,
    seen: set[str],
) -> list[Offer]:
    number = 0 if change.column is None else numbers.get(change.column)
    if number is None:
        return []
    current = curated_view(facts, number)
    found = []
    for side in SIDES:
        value = getattr(change, side)
        if not isinstance(value, dict):
            continue
        key = json.dumps([change.what, change.column, value], sort_keys=True)
        if key in seen:
            continue
        seen.add(key)
        own = value.get("by") == mine if change.what == "flag" else viewer.may("edit")
        if own and not _holds(change.what, value, current):
            found.append(Offer(side, facts_etag(facts, number)))
    return found


def _holds(what: str, value: Mapping[str, Any], current: Mapping[str, Any]) -> bool:
    """Whether the value is what people say now."""
    if what == "owner":
        if value.get("owner") is None:
            return bool(current["owners"] == [])
        return {"owner": value["owner"], "role": value["role"]} in (current["owners"] or [])
    if what == "tag":
        return {"tag": value["tag"], "value": value["value"]} in current["tags"]
    if what == "flag":
        return any(
            (one["by"], one["kind"], one["reason"])
            == (value["by"], value["kind"], value.get("reason"))
            for one in current["flags"]
        )
    return bool(current[what] == value.get(what))


def _patch(what: str, value: Mapping[str, Any], current: Mapping[str, Any], mine: str) -> FactPatch:
    if what == "title":
        return FactPatch(title=value["title"])
    if what == "description":
        return FactPatch(description=value["description"])
    if what == "tag":
        kept = [one for one in current["tags"] if one["tag"] != value["tag"]]
        tags = [TagPatch(one["tag"], one["value"]) for one in [*kept, value]]
        return FactPatch(tags=tags)
    if what == "owner":
        if value.get("owner") is None:
            return FactPatch(owners=[])
        there = [OwnerPatch(one["owner"], one["role"]) for one in current["owners"] or ()]
        return FactPatch(owners=[*there, OwnerPatch(value["owner"], value["role"])])
    if value.get("by") != mine:
        raise BadInput("This is somebody else's flag.", remedy="Set your own.")
    return FactPatch(flag=FlagPatch(value["kind"], value.get("reason")))
