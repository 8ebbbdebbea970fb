"""A diff of two states of an asset, in rows that a person can read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection

from catalog.assets.people import Names, names_of
from catalog.assets.steps import Done
from catalog.assets.views import ColumnChange, Diff
from catalog.pages.story_words import column, label, said

_VERBS: Final = {
    "created": "first seen", "restored": "came back", "removed": "removed", "held": "missed",
    "renamed": "renamed", "merged": "joined with another asset", "schema": "columns",
    "metadata": "details", "definition": "definition", "lineage": "lineage",
    "description": "description", "title": "title", "owner": "owners", "tag": "tags",
    "flag": "flag", "kind": "kind", "moved": "place", "sighting": "another source's report",
    "withdrawn": "a source no longer sees it", "found": "seen again", "crawled": "crawled",
}  # fmt: skip
_NOTES: Final = {
    "removed": "gone: what reads it fails",
    "renamed": "under its old name it is gone",
    "retyped": "does not hold all former values",
    "changed": "may be empty now",
}


@dataclass(frozen=True)
class Part:
    """A field of a column that differs, in words."""

    label: str
    before: str
    after: str


@dataclass(frozen=True)
class ColumnRow:
    """A column that differs. ``look``: add, del or mod; ``text``: what an added or removed one
    was; ``parts``: what differs in one that stayed; ``note``: why it breaks readers."""

    path: str
    was: str | None
    what: str
    look: str
    text: str
    parts: tuple[Part, ...]
    note: str


@dataclass(frozen=True)
class ValueRow:
    """A value of the asset, or of a column, that differs, in words."""

    what: str
    column: str | None
    before: str
    after: str
    breaking: bool


def column_rows(diff: Diff) -> list[ColumnRow]:
    """Removed ones first, then those that changed, then added ones, each by name."""
    order = {"removed": 0, "renamed": 1, "retyped": 2, "changed": 3, "added": 4}
    ordered = sorted(diff.columns, key=lambda one: (order.get(one.what, 5), one.path))
    return [_column_row(one) for one in ordered]


def _column_row(one: ColumnChange) -> ColumnRow:
    look = {"added": "add", "removed": "del"}.get(one.what, "mod")
    side = 0 if one.what == "removed" else 1
    text = ""
    parts: list[Part] = []
    if one.what in ("added", "removed"):
        text = column({name: pair[side] for name, pair in one.fields.items()})
    else:
        parts = [_part(name, pair) for name, pair in one.fields.items()]
    note = _NOTES.get(one.what, "") if one.breaking else ""
    return ColumnRow(one.path, one.was, one.what, look, text, tuple(parts), note)


def _part(name: str, pair: list[Any]) -> Part:
    return Part(label(name), said(pair[0]) or "nothing", said(pair[1]) or "nothing")


def value_rows(connection: Connection, diff: Diff) -> list[ValueRow]:
    """All values, people by their names."""
    names = names_of(connection, _references(diff))
    return [
        ValueRow(
            label(one.what),
            one.column,
            _worded(one.what, one.before, names),
            _worded(one.what, one.after, names),
            one.breaking,
        )
        for one in diff.values
    ]


def _references(diff: Diff) -> set[str]:
    items = [side for one in diff.values for side in (one.before, one.after)]
    found = {str(one["item"]) for one in items if isinstance(one, dict) and "item" in one}
    return found | {one.rpartition("/")[0] for one in found}


def _worded(what: str, value: Any, names: Names) -> str:
    if not isinstance(value, dict) or "item" not in value:
        return said(value)
    item, content = str(value["item"]), value.get("value")
    if what == "owner":
        who, _, role = item.rpartition("/")
        return f"{names.owner(who).name}, {role.replace('_', ' ')}"
    if what == "tag":
        return f"{item}={content}" if content else item
    if what == "flag" and isinstance(content, dict):
        reason = f": {content['reason']}" if content.get("reason") else ""
        return f"{content.get('kind')} by {names.owner(item).name}{reason}"
    return f"{item}: {said(content)}" if content is not None else item


def summary(words: Sequence[str], done: Done) -> str:
    """What a step changed, in one line: its columns by number, all else by its word."""
    counts = (("added", done.added), ("removed", done.removed), ("changed", done.changed))
    parts = [
        f"{many:,} {'column' if many == 1 else 'columns'} {what}" for what, many in counts if many
    ]
    left = [what for what in words if not (what == "schema" and parts)]
    return ", ".join([*parts, *(_VERBS.get(what, what.replace("_", " ")) for what in left)])
