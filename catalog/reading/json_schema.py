"""Columns inferred from JSON rows: nested fields, types widened over all rows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from catalog.errors import Unreadable
from catalog.naming import clean_text, join_path
from catalog.reading.schema import MAX_FIELDS, Column, widen

MAX_DEPTH: Final = 32
# An object with more keys than this, below the top, is a dictionary keyed by data, not a struct.
MAP_KEYS: Final = 1000


class Node:
    """What was seen at one place: scalar type, fields, elements, and how often."""

    __slots__ = ("element", "fields", "nulls", "scalar", "seen")

    def __init__(self) -> None:
        self.seen = 0
        self.nulls = 0
        self.scalar: str | None = None
        self.fields: dict[str, Node] | None = None
        self.element: Node | None = None


class Inference:
    """Takes rows one by one; bounded in fields (`MAX_FIELDS`) and depth (`MAX_DEPTH`)."""

    def __init__(self) -> None:
        self._root = Node()
        self._nodes = 0

    def add(self, row: Any) -> None:
        """One row: any JSON value. Raises `Unreadable` above the number of fields."""
        self._add(self._root, row, 0)

    def _add(self, node: Node, value: Any, depth: int) -> None:
        node.seen += 1
        if value is None:
            node.nulls += 1
        elif isinstance(value, dict) and depth < MAX_DEPTH:
            self._add_object(node, value, depth)
        elif isinstance(value, list) and depth < MAX_DEPTH:
            if node.element is None:
                node.element = self._new()
            for element in value:
                self._add(node.element, element, depth + 1)
        else:
            kind = _scalar(value)
            node.scalar = kind if node.scalar is None else widen(node.scalar, kind)

    def _add_object(self, node: Node, value: dict[str, Any], depth: int) -> None:
        if node.fields is None:
            node.fields = {}
        for key, item in value.items():
            child = node.fields.get(key)
            if child is None:
                child = node.fields[key] = self._new()
            self._add(child, item, depth + 1)

    def _new(self) -> Node:
        self._nodes += 1
        if self._nodes > MAX_FIELDS:
            raise Unreadable(f"It has more than {MAX_FIELDS:,} fields.", code="too_large")
        return Node()

    def columns(self) -> tuple[Column, ...]:
        """Fields of the rows in order of first sight; rows that are arrays are one column
        ``[]`` of their elements, scalars one column ``value``."""
        root = self._root
        rows: list[Column] = []
        if root.fields is not None and root.scalar is None and root.element is None:
            _rows_of_fields(rows, (), root)
        elif root.element is not None and root.scalar is None and root.fields is None:
            _rows_of(rows, ("[]",), root.element, root.element.nulls > 0)
        elif root.seen:
            _rows_of(rows, ("value",), root, root.nulls > 0)
        return tuple(rows)


def infer(rows: Iterable[Any]) -> tuple[Column, ...]:
    """Columns of all rows."""
    inference = Inference()
    for row in rows:
        inference.add(row)
    return inference.columns()


def _scalar(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "int64" if -(1 << 63) <= value < 1 << 63 else "decimal"
    if isinstance(value, float):
        return "float64"
    return "string" if isinstance(value, str) else "json"


def _rows_of_fields(rows: list[Column], parts: tuple[str, ...], node: Node) -> None:
    """The rows of an object's fields; one that is missing in some objects is nullable."""
    objects = node.seen - node.nulls
    for key, child in (node.fields or {}).items():
        nullable = child.nulls > 0 or child.seen < objects
        _rows_of(rows, (*parts, clean_text(key)), child, nullable)


def _rows_of(rows: list[Column], parts: tuple[str, ...], node: Node, nullable: bool) -> None:
    kind = type_of(node)
    rows.append(Column(join_path(parts), kind, nullable=True if nullable else None))
    if kind != "json":
        _rows_below(rows, parts, node)


def _rows_below(rows: list[Column], parts: tuple[str, ...], node: Node) -> None:
    if node.fields is not None:
        if _is_map(node):
            _rows_below(rows, (*parts, "{value}"), _map_value(node))
        else:
            _rows_of_fields(rows, parts, node)
    elif node.element is not None:
        _rows_below(rows, (*parts, "[]"), node.element)


def type_of(node: Node) -> str:
    """Normalized type: scalars of several types meet in a wider one, mixed shapes in ``json``."""
    shapes = sum(x is not None for x in (node.scalar, node.fields, node.element))
    if shapes > 1:
        return "json"
    if node.scalar is not None:
        return node.scalar
    if node.element is not None:
        return f"list<{type_of(node.element)}>"
    if node.fields is not None:
        return f"map<string,{type_of(_map_value(node))}>" if _is_map(node) else "struct"
    return "null"


def _is_map(node: Node) -> bool:
    return len(node.fields or {}) > MAP_KEYS


def _map_value(node: Node) -> Node:
    """All values of a dictionary seen as one."""
    merged = Node()
    for child in (node.fields or {}).values():
        _absorb(merged, child)
    return merged


def _absorb(into: Node, other: Node) -> None:
    into.seen += other.seen
    into.nulls += other.nulls
    if other.scalar is not None:
        into.scalar = other.scalar if into.scalar is None else widen(into.scalar, other.scalar)
    if other.element is not None:
        into.element = into.element or Node()
        _absorb(into.element, other.element)
    if other.fields is not None:
        into.fields = {} if into.fields is None else into.fields
        for key, child in other.fields.items():
            _absorb(into.fields.setdefault(key, Node()), child)
