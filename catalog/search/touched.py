"""Which assets' documents a change touches: one function, for every kind of change.

Whoever writes an asset's own row notes a change for that asset; here is what reaches further: a
source, namespace, person or team renamed, a container moved or given an owner. What is not
known to be harmless counts as reaching further, which costs time and nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Select, false, or_, select

from catalog import naming
from catalog.history.store import table_of
from catalog.model import Asset, AssetAttribute, Change, Namespace, Source

_ASSET = table_of(Asset)
_ATTRIBUTE = table_of(AssetAttribute)
_CHANGE = table_of(Change)
_NAMESPACE = table_of(Namespace)
_SOURCE = table_of(Source)

_PEOPLE: Final = frozenset({"person", "team", "account"})
_PATHS: Final = frozenset({"tag", "term", "domain", "classification"})
_WIDE_SUBJECTS: Final = _PEOPLE | _PATHS | {"source", "namespace"}
_SOURCE_FIELDS: Final = frozenset({"name", "environment", "removed", "removed_at", "state"})
_INHERITED: Final = frozenset(
    {
        "classification",
        "domain",
        "flag",
        "merged",
        "name",
        "namespace",
        "owner",
        "parent",
        "steward",
        "tag",
        "term",
    }
)
_OWN_ONLY: Final = frozenset(
    {
        "created",
        "crawled",
        "definition",
        "found",
        "held",
        "kind",
        "lineage",
        "popularity",
        "recreated",
        "referenced",
        "removed",
        "restored",
        "rows_class",
        "schema",
        "sighting",
        "withdrawn",
    }
)
"""Changes of a container that do not reach what lies in it."""


@dataclass(frozen=True)
class Noted:
    """A change as the follower reads it; what it changed is read only where it matters."""

    sequence: int
    id: int
    subject_type: str
    subject: str
    asset: int | None
    column: int
    what: str
    asset_class: str | None


def changes_after(connection: Connection, sequence: int, limit: int) -> list[Noted]:
    """The next changes in sequence order."""
    query = (
        select(
            _CHANGE.c.sequence,
            _CHANGE.c.id,
            _CHANGE.c.subject_type,
            _CHANGE.c.subject,
            _CHANGE.c.asset,
            _CHANGE.c.column,
            _CHANGE.c.what,
            _ASSET.c.asset_class,
        )
        .outerjoin(_ASSET, _ASSET.c.key == _CHANGE.c.asset)
        .where(_CHANGE.c.sequence > sequence)
        .order_by(_CHANGE.c.sequence)
        .limit(limit)
    )
    return [Noted(*row) for row in connection.execute(query)]


def wide(connection: Connection, change: Noted) -> ColumnElement[bool] | None:
    """Which assets a change touches beside its own, as a condition on the asset table.

    None: no others.
    """
    if change.subject_type in _WIDE_SUBJECTS:
        if change.what == "created" and change.subject_type != "account":
            return None
        return _of_subject(connection, change, *_before_after(connection, change.sequence))
    if change.asset is None or change.asset_class != "container" or change.column:
        return None
    if change.what in _OWN_ONLY:
        return None
    fields = _fields(change, *_before_after(connection, change.sequence))
    return _below(change.asset) if fields & _INHERITED else None


def keys_of(condition: ColumnElement[bool], after: int, limit: int) -> Select[Any]:
    """Keys of the touched assets above ``after``, in key order."""
    return (
        select(_ASSET.c.key)
        .where(condition, _ASSET.c.key > after)
        .order_by(_ASSET.c.key)
        .limit(limit)
    )


def _of_subject(
    connection: Connection, change: Noted, before: Any, after: Any
) -> ColumnElement[bool] | None:
    if change.subject_type in _PEOPLE:
        return _owned(_owners(change, before, after))
    if change.subject_type in _PATHS:
        return _with_paths({change.subject, *_texts(before, after)})
    if change.subject_type == "source":
        fields = _fields(change, before, after)
        known = before is not None or after is not None
        if known and not fields & _SOURCE_FIELDS:
            return None
        return _of_source(change.subject)
    return _in_namespaces({change.subject, *_texts(before, after)})


def _before_after(connection: Connection, sequence: int) -> tuple[Any, Any]:
    row = connection.execute(
        select(_CHANGE.c.before, _CHANGE.c.after).where(_CHANGE.c.sequence == sequence)
    ).one()
    return tuple(None if text is None else json.loads(text) for text in row)  # type: ignore[return-value]


def _fields(change: Noted, before: Any, after: Any) -> set[str]:
    """Names of what was changed, in singular: the keys on both sides, or the change's own."""
    found: set[str] = set()
    for side in (before, after):
        if isinstance(side, dict):
            found.update(side)
    if not found:
        found = {change.what, *(_INHERITED if before is None and after is None else ())}
    if change.what in ("moved", "renamed", "merged"):
        found.add("name")
    return {name.removesuffix("s") for name in found} | found


def _texts(*sides: Any) -> set[str]:
    """All texts that stand directly on either side."""
    found: set[str] = set()
    for side in sides:
        values = side.values() if isinstance(side, dict) else [side]
        found.update(value for value in values if isinstance(value, str))
    return found


def _owners(change: Noted, before: Any, after: Any) -> set[str]:
    """Values of the owner attribute that the change is about."""
    named = {text for text in _texts(before, after) if text.startswith(("person:", "account:"))}
    return named | {f"{change.subject_type}:{change.subject}"}


def _owned(values: Iterable[str]) -> ColumnElement[bool]:
    owned = _ATTRIBUTE.c.attribute == "owner", _ATTRIBUTE.c.value.in_(sorted(values))
    return _key_in(select(_ATTRIBUTE.c.asset).where(*owned))


def _key_in(query: Select[Any]) -> ColumnElement[bool]:
    found: ColumnElement[bool] = _ASSET.c.key.in_(query)
    return found


def _with_paths(paths: Iterable[str]) -> ColumnElement[bool]:
    value = _ATTRIBUTE.c.value
    fits = [
        or_(value == path, value.startswith(path + "/", autoescape=True))
        for path in sorted(paths)
        if path
    ]
    kinds = _ATTRIBUTE.c.attribute.in_(("tag", "classification", "domain"))
    return _key_in(select(_ATTRIBUTE.c.asset).where(kinds, or_(false(), *fits)))


def _of_source(subject: str) -> ColumnElement[bool]:
    named = _SOURCE.c.name == subject
    uid = naming.id_bytes(subject)
    which = named if uid is None else or_(named, _SOURCE.c.uid == uid)
    sources = select(_SOURCE.c.key).where(which)
    return _key_in(select(_ASSET.c.key).where(_ASSET.c.source.in_(sources)))


def _in_namespaces(texts: Iterable[str]) -> ColumnElement[bool]:
    namespaces = select(_NAMESPACE.c.key).where(_NAMESPACE.c.text.in_(sorted(texts)))
    return _key_in(select(_ASSET.c.key).where(_ASSET.c.namespace.in_(namespaces)))


def _below(container: int) -> ColumnElement[bool]:
    below = select(_ASSET.c.key).where(_ASSET.c.parent == container).cte("below", recursive=True)
    child = _ASSET.alias("child")
    # UNION, not UNION ALL: a loop of parents ends.
    below = below.union(select(child.c.key).where(child.c.parent == below.c.key))
    return _key_in(select(below.c.key))
