"""Columns as read from files: nested fields as rows, types that widen, union over files."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

MAX_FIELDS: Final = 20_000


class Column(msgspec.Struct, frozen=True, omit_defaults=True):
    """A column or nested field: ``path`` (see `catalog.naming.join_path`), normalized ``type``.

    A list is a row of its own (``list<int64>``, ``list<struct>``); its struct's fields follow
    as ``items[].sku``. ``nullable`` None: not known.
    """

    path: str
    type: str
    native_type: str | None = None
    nullable: bool | None = None
    comment: str | None = None


_INTEGERS: Final = ("int8", "int16", "int32", "int64", "int128")
_UNSIGNED: Final = ("uint8", "uint16", "uint32", "uint64", "uint128")
_FLOATS: Final = ("float16", "float32", "float64")
_TIMES: Final = ("date", "timestamp", "timestamptz")
_DECIMAL = re.compile(r"decimal\((\d+),(\d+)\)")


def _is_nested(text: str) -> bool:
    return text.startswith(("list", "struct", "map", "union", "variant"))


def _wide_integer(first: str, second: str) -> str:
    """The smallest integer that holds both; beyond 128 bits there is none to need."""
    if (first in _INTEGERS) == (second in _INTEGERS):
        order = _INTEGERS if first in _INTEGERS else _UNSIGNED
        return max(first, second, key=order.index)
    signed, unsigned = (first, second) if first in _INTEGERS else (second, first)
    rank = max(_INTEGERS.index(signed), _UNSIGNED.index(unsigned) + 1)
    return _INTEGERS[min(rank, len(_INTEGERS) - 1)]


def _wide_decimal(first: str, second: str) -> str:
    """``decimal(p,s)`` with room for the whole and the fraction of both."""
    left, right = _DECIMAL.fullmatch(first), _DECIMAL.fullmatch(second)
    if left is None or right is None:
        return "decimal"
    scale = max(int(left[2]), int(right[2]))
    whole = max(int(left[1]) - int(left[2]), int(right[1]) - int(right[2]))
    return f"decimal({whole + scale},{scale})"


def widen(first: str, second: str) -> str:
    """The type that holds values of both; the order of arguments does not matter.

    Numbers meet in a wider number, other scalars in ``string``, nested and other in ``json``.
    """
    if first == second or second in ("null", "unknown"):
        return first
    if first in ("null", "unknown"):
        return second
    if _is_nested(first) or _is_nested(second) or "json" in (first, second):
        return "json"
    whole = (*_INTEGERS, *_UNSIGNED)
    if first in whole and second in whole:
        return _wide_integer(first, second)
    if first in _FLOATS and second in _FLOATS:
        return max(first, second, key=_FLOATS.index)
    if first.startswith("decimal") and second.startswith("decimal"):
        return _wide_decimal(first, second)
    numeric = (*whole, *_FLOATS)
    if all(text in numeric or text.startswith("decimal") for text in (first, second)):
        return "float64" if first in _FLOATS or second in _FLOATS else "decimal"
    if first in _TIMES and second in _TIMES:
        return max(first, second, key=_TIMES.index)
    return "string"


def widen_nested(first: str, second: str) -> str:
    """As `widen`, but two lists widen their elements instead of becoming ``json``."""
    if first != second and first.startswith("list<") and second.startswith("list<"):
        return f"list<{widen_nested(first[5:-1], second[5:-1])}>"
    return widen(first, second)


def union(schemas: Iterable[Sequence[Column]]) -> tuple[Column, ...]:
    """All columns of several files; the first schema's order wins, others' follow behind.

    Types widen. A column that is missing somewhere is nullable. Children of a column that became
    ``json`` are dropped, for they no longer hold for all rows.
    """
    merged: dict[str, Column] = {}
    seen: dict[str, int] = {}
    total = 0
    for schema in schemas:
        total += 1
        for column in schema:
            known = merged.get(column.path)
            merged[column.path] = column if known is None else _merged(known, column)
            seen[column.path] = seen.get(column.path, 0) + 1
    dissolved = tuple(c.path for c in merged.values() if c.type == "json")
    rows = [
        column if seen[path] == total else msgspec.structs.replace(column, nullable=True)
        for path, column in merged.items()
        if not _below(path, dissolved)
    ]
    return tuple(_children_after_parents(rows))


def _merged(first: Column, second: Column) -> Column:
    if first == second:
        return first
    wide = widen_nested(first.type, second.type)
    native = first.native_type if first.native_type == second.native_type else None
    if native is None and wide in (first.type, second.type):
        native = first.native_type if wide == first.type else second.native_type
    nullable: bool | None = None
    if first.nullable or second.nullable:
        nullable = True
    elif first.nullable is False and second.nullable is False:
        nullable = False
    return Column(first.path, wide, native, nullable, first.comment or second.comment)


def _below(path: str, parents: Sequence[str]) -> bool:
    return any(path.startswith((f"{p}.", f"{p}[", f"{p}{{")) for p in parents)


def _top(path: str) -> str:
    """The first part of a path as it is written, quotes included."""
    if path.startswith('"'):
        end = 1
        while (end := path.find('"', end)) >= 0 and path[end + 1 : end + 2] == '"':
            end += 2
        return path[: end + 1] if end >= 0 else path
    found = re.search(r"[.\[{]", path[1:])
    return path if found is None else path[: found.start() + 1]


def _children_after_parents(columns: Sequence[Column]) -> Iterable[Column]:
    """Fields that a later file added stand right behind their top-level column's fields."""
    groups: dict[str, list[Column]] = {}
    for column in columns:
        groups.setdefault(_top(column.path), []).append(column)
    for group in groups.values():
        yield from group


def compatible(first: Sequence[Column], second: Sequence[Column], strict: bool = False) -> bool:
    """Whether two files look like parts of one dataset, by the names of top-level columns.

    At least half of the smaller one's are in the other; ``strict``: more than two thirds of all
    are in both.
    """
    left = {_top(column.path) for column in first}
    right = {_top(column.path) for column in second}
    smaller = min(len(left), len(right))
    if smaller == 0:
        return len(left) == len(right)
    if strict:
        return len(left & right) * 3 > len(left | right) * 2
    return len(left & right) * 2 >= smaller
