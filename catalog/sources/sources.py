"""Writing sources: add, edit, rename, pause. Every write is a change, secrets as ``***``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import func, select, update

from catalog.access.viewer import Viewer
from catalog.errors import BadInput, Conflict, Precondition
from catalog.history.store import table_of
from catalog.history.unit import Unit, dump
from catalog.model import AssetAttribute, Scope, Source, Token
from catalog.naming import clean_text, id_text, new_id
from catalog.sources import schedules, secrets
from catalog.sources.configs import (
    PUSH,
    check_name,
    config_class,
    namespaces_of,
    suggest_name,
    target_of,
    target_text,
    validated,
)
from catalog.sources.reads import find, masked_config, source_view
from catalog.sources.views import SourceView

_SOURCE = table_of(Source)
_SCOPE = table_of(Scope)
_ATTRIBUTE = table_of(AssetAttribute)
_TOKEN = table_of(Token)
_WORDS: Final = ("title", "environment")
_NUMBERS: Final = {"rank": (-1000, 1000), "brake_percent": (0, 100), "brake_assets": (0, 10**9)}
_SETTINGS: Final = (*_WORDS, *_NUMBERS, "schedule")


def create(
    unit: Unit,
    viewer: Viewer,
    kind: str,
    config: Mapping[str, Any],
    *,
    name: str | None = None,
    target: str = "",
    **settings: Any,
) -> SourceView:
    """Adds a source. ``name``: else one is suggested from ``target`` (what a person typed), or
    from the config.

    ``settings``: title, environment, rank, schedule, brake_percent, brake_assets. When the same
    system was removed before, its row comes back under the new name, so that history goes on.
    `BadInput`, `Conflict` (the name is taken), `NotAllowed`.
    """
    viewer.require("source")
    taken = _names(unit)
    told = target or target_text(config)
    name = suggest_name(told, kind, taken) if name is None else check_name(name)
    if name in taken:
        raise Conflict(
            f"There is a source {name} already.",
            remedy=f"Take another name, for example {suggest_name(name, kind, taken)}.",
        )
    validated(kind, config)
    sealed = secrets.seal(dict(config), config_class(kind))
    values = {
        "name": name,
        "kind": kind,
        "config": dump(sealed),
        "namespaces": json.dumps(namespaces_of(kind, sealed), ensure_ascii=False),
        **_checked(unit, kind, settings),
    }
    key = _revive(unit, sealed, values) or _insert(unit, values)
    return _shown(unit, viewer, key)


def _names(unit: Unit) -> set[str]:
    return set(unit.connection.scalars(select(_SOURCE.c.name)))


def _insert(unit: Unit, values: dict[str, Any]) -> int:
    uid = new_id()
    key = unit.connection.execute(
        _SOURCE.insert().values(uid=uid, created_at=unit.now, **values).returning(_SOURCE.c.key)
    ).scalar_one()
    _note(unit, "created", uid, None, _told(values))
    return int(key)


def _revive(unit: Unit, sealed: dict[str, Any], values: dict[str, Any]) -> int | None:
    """The key of the removed source that was the same system, now under its new name.

    What its crawler remembered is forgotten, so that the next crawl reports everything.
    """
    row = _removed_twin(unit, sealed, values)
    if row is None:
        return None
    unit.connection.execute(
        update(_SOURCE)
        .where(_SOURCE.c.key == row.key)
        .values(removed_at=None, paused=False, version=row.version + 1, **values)
    )
    unit.connection.execute(
        update(_SCOPE).where(_SCOPE.c.source == row.key).values(state=None, state_key=None)
    )
    _note(unit, "revived", row.uid, {"state": "removed"}, {"state": "active", **_told(values)})
    return int(row.key)


def _removed_twin(unit: Unit, sealed: dict[str, Any], values: dict[str, Any]) -> Any:
    removed = unit.connection.execute(
        select(_SOURCE)
        .where(
            _SOURCE.c.removed_at.is_not(None),
            _SOURCE.c.kind == values["kind"],
            _SOURCE.c.namespaces == values["namespaces"],
        )
        .order_by(_SOURCE.c.removed_at.desc())
    ).all()
    target = target_of(values["kind"], sealed)
    same = (row for row in removed if target_of(row.kind, json.loads(row.config)) == target)
    return next(same, None)


def edit(
    unit: Unit,
    viewer: Viewer,
    reference: str,
    changes: Mapping[str, Any],
    *,
    if_match: int | None = None,
) -> SourceView:
    """Changes what is named: config, title, environment, rank, schedule, brake_percent,
    brake_assets. ``if_match``: the version it was read at.

    A config is given whole; a secret that is left empty in it is kept, unless the host changed.
    Writing what is there already is no change. `BadInput`, `NotFound`, `NotAllowed`,
    `Precondition` (``details['current']``: the source as it is).
    """
    viewer.require("source")
    row = _locked(unit, viewer, reference, if_match)
    settings = {name: value for name, value in changes.items() if name != "config"}
    values = _checked(unit, row.kind, settings)
    if "config" in changes:
        values |= _new_config(row, changes["config"])
    _write(unit, row, "edited", values)
    return _shown(unit, viewer, row.key)


def _new_config(row: Any, given: Any) -> dict[str, Any]:
    if not isinstance(given, Mapping):
        raise BadInput("A config is an object of fields.", remedy="Send all fields of the config.")
    model = config_class(row.kind)
    merged = secrets.merge_edit(json.loads(row.config), dict(given), model)
    validated(row.kind, secrets.open_secrets(merged, model))
    sealed = secrets.seal(merged, model)
    found = namespaces_of(row.kind, sealed)
    return {"config": dump(sealed), "namespaces": json.dumps(found, ensure_ascii=False)}


def move(
    unit: Unit, viewer: Viewer, reference: str, name: str, *, if_match: int | None = None
) -> SourceView:
    """Gives a source another short name. `Conflict` if it is taken, and as `edit`."""
    viewer.require("source")
    row = _locked(unit, viewer, reference, if_match)
    check_name(name)
    if name != row.name and name in _names(unit):
        raise Conflict(f"There is a source {name} already.", remedy="Take another name.")
    if _write(unit, row, "renamed", {"name": name}):
        _rename_accounts(unit, row.name, name)
        _rename_scopes(unit, row.name, name)
    return _shown(unit, viewer, row.key)


def _rename_accounts(unit: Unit, old: str, new: str) -> None:
    """Owner values of the source's accounts (``account:SOURCE/NAME``) go by its short name."""
    start = f"account:{old}/"
    unit.connection.execute(
        update(_ATTRIBUTE)
        .where(
            _ATTRIBUTE.c.attribute == "owner",
            # The character after the slash ends the range: short names hold neither.
            _ATTRIBUTE.c.value >= start,
            _ATTRIBUTE.c.value < f"account:{old}0",
        )
        .values(value=f"account:{new}/" + func.substr(_ATTRIBUTE.c.value, len(start) + 1))
    )


def _rename_scopes(unit: Unit, old: str, new: str) -> None:
    """Tokens may go on pushing to the source, and not to the next one of its old name."""
    rows = unit.connection.execute(
        select(_TOKEN.c.key, _TOKEN.c.uid, _TOKEN.c.scopes).where(
            _TOKEN.c.scopes.contains(f'"ingest:{old}"')
        )
    ).all()
    for row in rows:
        scopes = [
            f"ingest:{new}" if one == f"ingest:{old}" else one for one in json.loads(row.scopes)
        ]
        unit.connection.execute(
            update(_TOKEN).where(_TOKEN.c.key == row.key).values(scopes=json.dumps(scopes))
        )
        unit.change(
            "scopes",
            subject_type="token",
            subject=id_text(row.uid),
            before={"scopes": json.loads(row.scopes)},
            after={"scopes": scopes},
        )


def pause(
    unit: Unit, viewer: Viewer, reference: str, paused: bool, *, if_match: int | None = None
) -> SourceView:
    """Pauses a source: its schedule starts nothing. Going on, what was missed is not caught up."""
    viewer.require("source")
    row = _locked(unit, viewer, reference, if_match)
    if _write(unit, row, "paused" if paused else "resumed", {"paused": paused}) and not paused:
        schedules.advance(unit, row.key, unit.now)
    return _shown(unit, viewer, row.key)


def _locked(unit: Unit, viewer: Viewer, reference: str, if_match: int | None) -> Any:
    key = find(unit.session, viewer, reference).key
    row = unit.connection.execute(
        select(_SOURCE).where(_SOURCE.c.key == key).with_for_update()
    ).one()
    if if_match is not None and row.version != if_match:
        raise Precondition(
            f"The source {row.name} was changed meanwhile: you read version {if_match}, "
            f"now it is {row.version}.",
            remedy="Read it again, then decide.",
            current=source_view(unit.session, viewer, row),
        )
    return row


def _checked(unit: Unit, kind: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Values for the row from settings as they were sent."""
    values: dict[str, Any] = {}
    for name, value in settings.items():
        if name in _WORDS:
            values[name] = _word(name, value)
        elif name in _NUMBERS:
            values[name] = _number(name, value)
        elif name == "schedule":
            values |= _schedule(unit, kind, value)
        else:
            raise BadInput(
                f"A source has no setting {name!r}.", remedy=f"Settings: {', '.join(_SETTINGS)}."
            )
    return values


def _word(name: str, value: Any) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or len(value) > 500:
        raise BadInput(f"{name} is a text of at most 500 characters.", remedy="Send a shorter one.")
    return clean_text(value.strip()) or None


def _number(name: str, value: Any) -> int:
    low, high = _NUMBERS[name]
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise BadInput(
            f"{name} is a whole number from {low:,} to {high:,}.", remedy="Send such a number."
        )
    return value


def _schedule(unit: Unit, kind: str, value: Any) -> dict[str, Any]:
    schedule = schedules.from_value(value)
    if schedule is None:
        return {"schedule": None, "next_due_at": None}
    if kind == PUSH:
        raise BadInput(
            "A source that is pushed to is not crawled, so it has no schedule.",
            remedy="Send records with `catalog ingest FILE --source NAME` when there are some.",
        )
    (first,) = schedules.next_runs(schedule, unit.now, 1)
    return {"schedule": schedule.as_json(), "next_due_at": first}


def _write(unit: Unit, row: Any, what: str, values: dict[str, Any]) -> bool:
    """Writes what differs, raises the version and notes the change; False if nothing differs."""
    moved = {
        name: value
        for name, value in values.items()
        if name != "next_due_at" and getattr(row, name) != value
    }
    if not moved:
        return False
    if "schedule" in moved:
        moved["next_due_at"] = values["next_due_at"]
    unit.connection.execute(
        update(_SOURCE).where(_SOURCE.c.key == row.key).values(version=row.version + 1, **moved)
    )
    before = _told({name: getattr(row, name) for name in moved}, row.kind)
    _note(unit, what, row.uid, before, _told(moved, row.kind))
    return True


def _told(values: Mapping[str, Any], kind: str | None = None) -> dict[str, Any]:
    """Column values as the change log keeps them: JSON, secrets masked."""
    told = {name: value for name, value in values.items() if name != "next_due_at"}
    kind = kind or values["kind"]
    for name in ("config", "namespaces", "schedule"):
        if told.get(name) is not None:
            told[name] = json.loads(told[name])
    if "config" in told:
        told["config"] = masked_config(kind, told["config"])
    return told


def _note(unit: Unit, what: str, uid: bytes, before: Any, after: Any) -> None:
    unit.change(what, subject_type="source", subject=id_text(uid), before=before, after=after)


def _shown(unit: Unit, viewer: Viewer, key: int) -> SourceView:
    row = unit.connection.execute(select(_SOURCE).where(_SOURCE.c.key == key)).one()
    return source_view(unit.session, viewer, row)
