"""One curated write, whole: checked, only what changed, with its changes and its version."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, delete, select, update
from sqlmodel import Session

from catalog.access.accounts import person_value
from catalog.access.people import person_uid, resolve_owner
from catalog.access.sqlfilter import visible_assets
from catalog.access.viewer import Viewer
from catalog.assets.effective import refresh_effective
from catalog.curation.patch import (
    DESCRIPTION_LENGTH,
    TITLE_LENGTH,
    UNSET,
    FactPatch,
    OwnerPatch,
    checked_flag,
    checked_owners,
    checked_tags,
    checked_text,
)
from catalog.errors import BadInput, NotFound, Precondition
from catalog.history.facts import FactRow, facts_document, facts_etag, facts_of
from catalog.history.store import table_of
from catalog.history.unit import Unit, dump
from catalog.model import Alias, Asset, Column, Fact
from catalog.naming import id_bytes, id_text

_ASSET = table_of(Asset)
_ALIAS = table_of(Alias)
_COLUMN = table_of(Column)
_FACT = table_of(Fact)
NOBODY: Final = ""
"""Item of the owner fact that says: nobody, whatever the source says."""

Wanted = dict[str, str]
"""Item -> value as JSON text, of one property."""


@dataclass(frozen=True)
class EditResult:
    """``etag`` after the write; ``changed``: the properties written; ``current``: what people
    wrote of the asset or column now, plain JSON.
    """

    asset: str
    column: str | None
    etag: str
    changed: tuple[str, ...]
    current: dict[str, Any]


class _Target(NamedTuple):
    """The asset (integer key, public id) and the column's number, 0 for the asset itself."""

    key: int
    uid: bytes
    column: int
    path: str | None


def edit(
    unit: Unit,
    viewer: Viewer,
    asset: str,
    column: str | None,
    patch: FactPatch,
    if_match: str | None = None,
) -> EditResult:
    """Writes what the patch names of a visible asset (public id) or one of its columns (path).

    ``flag`` is the viewer's own and needs no more than to be a viewer; all else needs an editor.
    ``if_match``: an ETag (quotes and ``W/`` may stand around it) or ``*``; another one than
    today's raises `Precondition` with ``current`` and ``etag``. Nothing changed: nothing is
    written, the ETag stays. `NotFound` for what the viewer does not see, `BadInput`.
    """
    _authorize(viewer, patch)
    target = _target(unit.connection, viewer, asset, column, lock=True)
    before = facts_of(unit.connection, target.key)
    _match(before, target, if_match)
    mine = _curated(before, target.column)
    changed = []
    for name, items, owned in _wanted(unit, viewer, patch, mine):
        if _write(unit, target, before, name, _of(mine, name, owned), items):
            changed.append(name)
    if changed:
        _finish(unit, target)
    after = facts_of(unit.connection, target.key) if changed else before
    return _result(target, after, tuple(changed))


def read(session: Session, viewer: Viewer, asset: str, column: str | None = None) -> EditResult:
    """What people wrote of a visible asset or column, with the ETag to edit it by."""
    viewer.require("read")
    target = _target(session.connection(), viewer, asset, column, lock=False)
    return _result(target, facts_of(session.connection(), target.key), ())


def flag_item(connection: Connection, viewer: Viewer) -> str:
    """Under which item the viewer's own flag stands: their person, else the actor."""
    if viewer.person is None:
        return viewer.actor
    return person_value(person_uid(connection, viewer.person))


# --- who and what ---------------------------------------------------------------------------


def _authorize(viewer: Viewer, patch: FactPatch) -> None:
    if not patch.named:
        raise BadInput(
            "The edit names nothing to write.",
            remedy="Name description, title, owners, tags or flag.",
        )
    if patch.named != {"flag"}:
        viewer.require("edit")
    if "flag" in patch.named:
        viewer.require("flag")


def _target(
    connection: Connection, viewer: Viewer, asset: str, column: str | None, *, lock: bool
) -> _Target:
    """The row is locked, so that two edits of one asset come one after the other."""
    uid = id_bytes(asset)
    row = None
    if uid is not None:
        query = select(_ASSET.c.key, _ASSET.c.uid).where(visible_assets(viewer))
        if lock:
            query = query.with_for_update(key_share=True, of=_ASSET)
        dropped = select(_ALIAS.c.asset).where(_ALIAS.c.uid == uid)
        row = (
            connection.execute(query.where(_ASSET.c.uid == uid)).first()
            or connection.execute(query.where(_ASSET.c.key.in_(dropped))).first()
        )
    if row is None:
        raise NotFound(f"There is no asset {asset!r} that you can see.", remedy="catalog search")
    return _Target(row.key, row.uid, _number(connection, row.key, column), column)


def _number(connection: Connection, asset: int, column: str | None) -> int:
    if column is None:
        return 0
    number = connection.execute(
        select(_COLUMN.c.number).where(
            _COLUMN.c.asset == asset, _COLUMN.c.path == column, _COLUMN.c.live.is_(True)
        )
    ).scalar()
    if number is None:
        raise NotFound(
            f"The asset has no column {column!r} now.", remedy="catalog columns lists them."
        )
    return int(number)


def _match(facts: Sequence[FactRow], target: _Target, if_match: str | None) -> None:
    if if_match is None or if_match.strip() == "*":
        return
    today = facts_etag(facts, target.column)
    named = {one.strip().removeprefix("W/").strip('"') for one in if_match.split(",")}
    if today not in named:
        raise Precondition(
            "Somebody else wrote here since you read it; nothing was written.",
            remedy="Compare both and write again with the present ETag.",
            current=curated_view(facts, target.column),
            etag=today,
        )


# --- what is wanted -------------------------------------------------------------------------


def _wanted(
    unit: Unit, viewer: Viewer, patch: FactPatch, mine: Sequence[FactRow]
) -> list[tuple[str, Wanted, str | None]]:
    """(property, wanted items, the one item that is meant or None for all), all checked."""
    wanted: list[tuple[str, Wanted, str | None]] = []
    if patch.title is not UNSET:
        wanted.append(("title", _text("title", patch.title, TITLE_LENGTH), None))
    if patch.description is not UNSET:
        text = _text("description", patch.description, DESCRIPTION_LENGTH, lines=True)
        wanted.append(("description", text, None))
    if patch.owners is not UNSET:
        there = {fact.item for fact in mine if fact.property == "owner"}
        wanted.append(("owner", _owners(unit.session, viewer, patch.owners, there), None))
    if patch.tags is not UNSET:
        tags = checked_tags(patch.tags or ())
        wanted.append(("tag", {tag.path: dump(tag.value) for tag in tags}, None))
    if patch.flag is not UNSET:
        item = flag_item(unit.connection, viewer)
        flag = None if patch.flag is None else checked_flag(patch.flag)
        value = {} if flag is None else {item: dump({"kind": flag.kind, "reason": flag.reason})}
        wanted.append(("flag", value, item))
    return wanted


def _text(what: str, text: str | None, longest: int, *, lines: bool = False) -> Wanted:
    return {} if text is None else {"": dump(checked_text(what, text, longest, lines=lines))}


def _owners(
    session: Session, viewer: Viewer, owners: Sequence[OwnerPatch] | None, there: set[str]
) -> Wanted:
    """Items ``person:ID/ROLE``; who owns already is taken as written, even when removed since."""
    if owners is None:
        return {}
    if not owners:
        return {NOBODY: dump(None)}
    values = {item.rpartition("/")[0] for item in there}
    found = {}
    for owner in checked_owners(owners):
        value = owner.who if owner.who in values else _resolved(session, viewer, owner.who)
        found[f"{value}/{owner.role}"] = dump(None)
    return found


def _resolved(session: Session, viewer: Viewer, who: str) -> str:
    try:
        return resolve_owner(session, viewer, who).value
    except NotFound as error:  # the asset is there; what was sent is wrong
        raise BadInput(error.message, remedy=error.remedy) from error


# --- writing --------------------------------------------------------------------------------


def _curated(facts: Iterable[FactRow], column: int) -> list[FactRow]:
    return [fact for fact in facts if fact.layer == "curated" and fact.column == column]


def _of(mine: Iterable[FactRow], name: str, item: str | None) -> dict[str, FactRow]:
    """Item -> fact of one property; only of one item, if it is given."""
    return {fact.item: fact for fact in mine if fact.property == name and item in (None, fact.item)}


def _write(
    unit: Unit,
    target: _Target,
    before: Sequence[FactRow],
    name: str,
    have: Mapping[str, FactRow],
    want: Mapping[str, str],
) -> bool:
    """Writes the items that differ; each one is a change. True if there was any."""
    differing = [
        item
        for item in sorted({*have, *want})
        if (have[item].value if item in have else None) != want.get(item)
    ]
    if not differing:
        return False
    unit.version(target.key, "facts", facts_document(before).encode() if before else None)
    for item in differing:
        old = have[item].value if item in have else None
        _put(unit, target, name, item, old, want.get(item))
        unit.change(
            name,
            subject=id_text(target.uid),
            asset=target.key,
            column=target.column,
            before=_shown(name, item, old),
            after=_shown(name, item, want.get(item)),
        )
    return True


def _put(
    unit: Unit, target: _Target, name: str, item: str, old: str | None, new: str | None
) -> None:
    this = (
        (_FACT.c.asset == target.key)
        & (_FACT.c.column == target.column)
        & (_FACT.c.property == name)
        & (_FACT.c.item == item)
        & (_FACT.c.layer == "curated")
    )
    if new is None:
        unit.connection.execute(delete(_FACT).where(this))
    elif old is None:
        unit.connection.execute(
            _FACT.insert().values(
                asset=target.key,
                column=target.column,
                property=name,
                item=item,
                layer="curated",
                origin="",
                value=new,
                author=unit.actor,
                at=unit.now,
            )
        )
    else:
        values = {"value": new, "author": unit.actor, "at": unit.now}
        unit.connection.execute(update(_FACT).where(this).values(values))


def _finish(unit: Unit, target: _Target) -> None:
    unit.connection.execute(
        update(_ASSET).where(_ASSET.c.key == target.key).values(changed_at=unit.now)
    )
    if target.column == 0:
        refresh_effective(unit, [target.key])


# --- showing --------------------------------------------------------------------------------


def _shown(name: str, item: str, value: str | None) -> dict[str, Any] | None:
    """One fact as the change log and the reply show it."""
    if value is None:
        return None
    content = json.loads(value)
    if name == "owner":
        who, _, role = item.rpartition("/")
        return {"owner": who or None, "role": role or None}
    if name == "tag":
        return {"tag": item, "value": content}
    if name == "flag":
        return {"by": item, **content}
    return {name: content}


def curated_view(facts: Iterable[FactRow], column: int) -> dict[str, Any]:
    """What people wrote, in the form of a patch; ``flags``: all, each with who, when and why."""
    mine = sorted(_curated(facts, column), key=lambda fact: (fact.property, fact.item))
    texts = {fact.property: json.loads(fact.value) for fact in mine if fact.item == ""}
    shown: dict[str, list[dict[str, Any]]] = {"owner": [], "tag": [], "flag": []}
    for fact in mine:
        if fact.property in shown and fact.item:
            one = _shown(fact.property, fact.item, fact.value) or {}
            shown[fact.property].append({**one, "at": fact.at} if "kind" in one else one)
    nobody = any(fact.property == "owner" and fact.item == NOBODY for fact in mine)
    return {
        "title": texts.get("title"),
        "description": texts.get("description"),
        "owners": shown["owner"] if shown["owner"] or nobody else None,
        "tags": shown["tag"],
        "flags": shown["flag"],
    }


def _result(target: _Target, facts: Sequence[FactRow], changed: tuple[str, ...]) -> EditResult:
    return EditResult(
        asset=id_text(target.uid),
        column=target.path,
        etag=facts_etag(facts, target.column),
        changed=changed,
        current=curated_view(facts, target.column),
    )
