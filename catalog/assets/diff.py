"""What differs between two states of one asset, readable, with marks on what breaks readers. Pure.

Breaking: a column that is gone or renamed, a type that does not hold all former values, a column
that may be empty now and could not before, the asset's removal or new name, a data asset that
turns into another kind of thing. A new column, a wider type or another description is not.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from catalog.assets.views import ColumnChange, Diff, ValueChange
from catalog.crawling import records
from catalog.history.facts import FactRow

_FIELDS: Final = ("type", "native_type", "nullable", "default", "comment")
_VALUES: Final = (
    "title",
    "description",
    "location",
    "format",
    "owners",
    "tags",
    "partition_keys",
    "properties",
)
_IDENTITY: Final = ("namespace", "name", "kind", "state", "parent", "source")
_WIDER: Final[dict[str, tuple[str, ...]]] = {
    "int8": ("int16", "int32", "int64", "int128", "float32", "float64", "decimal"),
    "int16": ("int32", "int64", "int128", "float32", "float64", "decimal"),
    "int32": ("int64", "int128", "float64", "decimal"),
    "int64": ("int128", "decimal"),
    "uint8": ("uint16", "uint32", "uint64", "uint128", "int16", "int32", "int64", "int128"),
    "uint16": ("uint32", "uint64", "uint128", "int32", "int64", "int128"),
    "uint32": ("uint64", "uint128", "int64", "int128"),
    "uint64": ("uint128", "int128"),
    "float16": ("float32", "float64"),
    "float32": ("float64",),
    "date": ("timestamp",),
}
_DECIMAL: Final = re.compile(r"decimal\((\d+),\s*(\d+)\)")


@dataclass(frozen=True)
class State:
    """One moment of an asset as the parts of its versions say it.

    ``identity``: namespace, name, kind, state, parent, source, as text or None. ``record``: the
    effective one. ``paths``: column number -> path then. ``edges``: readable lines, or None: not
    compared.
    """

    identity: Mapping[str, Any] = field(default_factory=dict)
    record: records.Asset | None = None
    facts: Sequence[FactRow] = ()
    paths: Mapping[int, str] = field(default_factory=dict)
    edges: Sequence[str] | None = None


def diff(before: State, after: State) -> Diff:
    """Everything that differs; empty lists when nothing does."""
    columns = column_changes(before.record, after.record)
    values = [
        *_identity(before.identity, after.identity),
        *_record_values(before.record, after.record),
        *fact_changes(before, after),
        *_edges(before.edges, after.edges),
    ]
    breaking = any(one.breaking for one in columns) or any(one.breaking for one in values)
    return Diff(columns=columns, values=values, breaking=breaking)


def column_changes(before: records.Asset | None, after: records.Asset | None) -> list[ColumnChange]:
    """Columns added, removed, renamed (known by the system's own id), retyped or changed."""
    if before is None or after is None or before.columns == after.columns:
        return []
    if before.columns is None or after.columns is None:
        return []  # not known on one side: nothing can be said
    old = {one.path: one for one in before.columns}
    new = {one.path: one for one in after.columns}
    renamed = _renames(before.columns, after.columns)
    found = []
    for path, one in new.items():
        was = renamed.get(path)
        former = old.get(was if was is not None else path)
        if former is None:
            found.append(ColumnChange(path, "added", None, _described(one, 1), False))
            continue
        fields = _differing(former, one)
        if was is not None:
            found.append(ColumnChange(path, "renamed", was, fields, True))
        elif fields:
            found.append(_changed(path, fields))
    gone = [path for path in old if path not in new and path not in renamed.values()]
    found += [ColumnChange(path, "removed", None, _described(old[path], 0), True) for path in gone]
    return found


def _renames(before: Iterable[records.Field], after: Iterable[records.Field]) -> dict[str, str]:
    """New path -> old path of columns that kept the system's own id."""
    old = {one.id: one.path for one in before if one.id}
    return {
        one.path: old[one.id]
        for one in after
        if one.id and one.id in old and old[one.id] != one.path
    }


def _differing(old: records.Field, new: records.Field) -> dict[str, list[Any]]:
    return {
        name: [getattr(old, name), getattr(new, name)]
        for name in _FIELDS
        if getattr(old, name) != getattr(new, name)
    }


def _described(one: records.Field, side: int) -> dict[str, list[Any]]:
    values = {name: getattr(one, name) for name in _FIELDS if getattr(one, name) is not None}
    return {name: [None, value] if side else [value, None] for name, value in values.items()}


def _changed(path: str, fields: dict[str, list[Any]]) -> ColumnChange:
    what = "retyped" if "type" in fields or "native_type" in fields else "changed"
    return ColumnChange(path, what, None, fields, breaks(fields))


def breaks(fields: Mapping[str, Sequence[Any]]) -> bool:
    """Whether a column that changed so (field -> before, after) may fail who reads it."""
    other_type = "type" in fields and not widens(*fields["type"])
    return other_type or list(fields.get("nullable", ())) == [False, True]


def widens(old: str, new: str) -> bool:
    """Whether every value of the old normalized type is one of the new."""
    if old in ("unknown", "null"):
        return True
    first, second = _DECIMAL.fullmatch(old), _DECIMAL.fullmatch(new)
    if first and second:
        precision, scale = int(first[1]), int(first[2])
        wider, finer = int(second[1]), int(second[2])
        return finer >= scale and wider - finer >= precision - scale
    return old == new or new.split("(")[0] in _WIDER.get(old, ())


def _identity(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[ValueChange]:
    found = []
    for name in _IDENTITY:
        old, new = before.get(name), after.get(name)
        if name not in before or name not in after or old == new:
            continue
        breaking = name in ("namespace", "name") or (name == "state" and new == "removed")
        found.append(ValueChange(name, None, old, new, breaking))
    return found


def _record_values(before: records.Asset | None, after: records.Asset | None) -> list[ValueChange]:
    if before is None or after is None:
        return []
    found = [
        ValueChange(name, None, _plain(old), _plain(new), name == "partition_keys")
        for name in _VALUES
        if (old := getattr(before, name)) != (new := getattr(after, name))
    ]
    if before.keys != after.keys:
        found.append(ValueChange("keys", None, _keys(before.keys), _keys(after.keys), False))
    return found


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _keys(keys: Sequence[records.Key]) -> list[str]:
    """``foreign (customer) -> shop.public.customers (id)``."""
    found = []
    for key in keys:
        text = f"{key.kind} ({', '.join(key.columns)})"
        if key.references:
            text += f" -> {key.references} ({', '.join(key.references_columns)})"
        found.append(text)
    return found


def fact_changes(before: State, after: State) -> list[ValueChange]:
    """What people wrote or the catalog inferred, item by item."""
    old, new = _by_item(before.facts), _by_item(after.facts)
    found = []
    for key in sorted({*old, *new}):
        was, now = old.get(key), new.get(key)
        if was is not None and now is not None and was.value == now.value:
            continue
        column, name, item = key[:3]
        path = None
        if column:
            path = after.paths.get(column) or before.paths.get(column)
        found.append(ValueChange(name, path, _shown(was, item), _shown(now, item), False))
    return found


def _by_item(facts: Iterable[FactRow]) -> dict[tuple[int, str, str, str, str], FactRow]:
    return {
        (fact.column, fact.property, fact.item, fact.layer, fact.origin): fact for fact in facts
    }


def _shown(fact: FactRow | None, item: str) -> Any:
    if fact is None:
        return None
    value = json.loads(fact.value)
    if not item:
        return value
    return {"item": item, "value": value}


def _edges(before: Sequence[str] | None, after: Sequence[str] | None) -> list[ValueChange]:
    if before is None or after is None:
        return []
    old, new = set(before), set(after)
    gone = [ValueChange("lineage", None, one, None, False) for one in sorted(old - new)]
    return gone + [ValueChange("lineage", None, None, one, False) for one in sorted(new - old)]
