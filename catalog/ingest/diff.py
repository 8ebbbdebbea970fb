"""What changed between two records of an asset, as before and after of the changed fields."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from catalog.crawling import records

_METADATA = (
    "title",
    "description",
    "owners",
    "tags",
    "location",
    "format",
    "properties",
)
_SCHEMA = ("partition_keys",)
_COLUMN = ("type", "native_type", "nullable", "default", "comment")


class Difference(NamedTuple):
    """Schema is what code depends on; metadata is the rest. Empty dictionaries: the same."""

    schema_before: dict[str, Any]
    schema_after: dict[str, Any]
    metadata_before: dict[str, Any]
    metadata_after: dict[str, Any]


def difference(old: records.Asset, new: records.Asset) -> Difference:
    """Compares two records; a column that is only in one is None in the other."""
    found = Difference({}, {}, {}, {})
    for name in _METADATA:
        before, after = getattr(old, name), getattr(new, name)
        if before != after:
            found.metadata_before[name], found.metadata_after[name] = before, after
    for name in _SCHEMA:
        before, after = getattr(old, name), getattr(new, name)
        if before != after:
            found.schema_before[name], found.schema_after[name] = before, after
    if old.keys != new.keys:
        found.schema_before["keys"] = msgspec.to_builtins(old.keys)
        found.schema_after["keys"] = msgspec.to_builtins(new.keys)
    before_columns, after_columns = _columns(old, new)
    if before_columns or after_columns:
        found.schema_before["columns"] = before_columns
        found.schema_after["columns"] = after_columns
    elif old.columns != new.columns and [field.path for field in old.columns or ()] != [
        field.path for field in new.columns or ()
    ]:
        found.schema_before["order"] = [field.path for field in old.columns or ()]
        found.schema_after["order"] = [field.path for field in new.columns or ()]
    return found


def _columns(old: records.Asset, new: records.Asset) -> tuple[dict[str, Any], dict[str, Any]]:
    if old.columns == new.columns:
        return {}, {}
    before = {field.path: field for field in old.columns or ()}
    after = {field.path: field for field in new.columns or ()}
    left: dict[str, Any] = {}
    right: dict[str, Any] = {}
    for path in [*before, *(path for path in after if path not in before)]:
        one, two = before.get(path), after.get(path)
        if one is None or two is None:
            left[path], right[path] = _described(one), _described(two)
            continue
        changed = [name for name in _COLUMN if getattr(one, name) != getattr(two, name)]
        if changed:
            left[path] = {name: getattr(one, name) for name in changed}
            right[path] = {name: getattr(two, name) for name in changed}
    return left, right


def _described(field: records.Field | None) -> dict[str, Any] | None:
    if field is None:
        return None
    return {name: value for name in _COLUMN if (value := getattr(field, name)) is not None}
