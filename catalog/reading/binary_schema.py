"""Schemas of ORC, Arrow IPC and Avro files from their headers and footers; no data is read."""

from __future__ import annotations

import io
from typing import Any, Final, cast

from catalog.errors import Unreadable
from catalog.naming import clean_text, join_path
from catalog.reading.arrow_schema import MAX_DEPTH, columns_of
from catalog.reading.samples import open_regular
from catalog.reading.schema import MAX_FIELDS, Column

Found = tuple[tuple[Column, ...], int | None]
"""(columns, rows or None when they are not counted)."""

_AVRO_TYPES: Final[dict[str, str]] = {
    "null": "null",
    "boolean": "boolean",
    "int": "int32",
    "long": "int64",
    "float": "float32",
    "double": "float64",
    "bytes": "binary",
    "string": "string",
    "fixed": "binary",
    "enum": "enum",
    "record": "struct",
    "error": "struct",
}
_AVRO_LOGICAL: Final[dict[str, str]] = {
    "date": "date",
    "time-millis": "time",
    "time-micros": "time",
    "timestamp-millis": "timestamptz",
    "timestamp-micros": "timestamptz",
    "timestamp-nanos": "timestamptz",
    "local-timestamp-millis": "timestamp",
    "local-timestamp-micros": "timestamp",
    "local-timestamp-nanos": "timestamp",
    "uuid": "uuid",
    "duration": "interval",
}


def read_orc(path: bytes) -> Found:
    """Columns and rows of an ORC file's footer. Raises `Unreadable`; may abort the process."""
    import pyarrow
    import pyarrow.orc

    with open_regular(path) as stream:
        try:
            file = pyarrow.orc.ORCFile(stream)
            return columns_of(file.schema), file.nrows
        except (pyarrow.ArrowException, OSError, ValueError) as error:
            raise Unreadable(f"Its ORC footer cannot be read: {error}") from error


def read_arrow(path: bytes) -> Found:
    """Columns of an Arrow IPC file's footer. Raises `Unreadable`; may abort the process."""
    import pyarrow
    import pyarrow.ipc

    with open_regular(path) as stream:
        try:
            return columns_of(pyarrow.ipc.open_file(cast(io.IOBase, stream)).schema), None
        except (pyarrow.ArrowException, OSError, ValueError) as error:
            raise Unreadable(f"Its Arrow footer cannot be read: {error}") from error


def read_avro(path: bytes) -> Found:
    """Columns of an Avro file's header. Raises `Unreadable`."""
    import fastavro

    with open_regular(path) as stream:
        try:
            schema = fastavro.reader(stream).writer_schema
        except Exception as error:  # the library raises whatever the broken bytes lead to
            raise Unreadable(f"Its Avro header cannot be read: {error!r}") from error
    walk = _Avro()
    if isinstance(schema, dict) and schema.get("type") in ("record", "error"):
        walk.fields((), schema)
    else:
        walk.column(("value",), schema, None)
    return tuple(walk.rows), None


class _Avro:
    """Walks an Avro schema; a type that is named again is not walked again (it may contain
    itself)."""

    def __init__(self) -> None:
        self.rows: list[Column] = []
        self._named: dict[str, Any] = {}
        self._open: set[str] = set()

    def fields(self, parts: tuple[str, ...], record: dict[str, Any]) -> None:
        """Rows of a record's fields."""
        name = str(record.get("name"))
        self._named[name] = record
        if name in self._open or len(parts) > MAX_DEPTH:
            return
        self._open.add(name)
        for field in record.get("fields", ()):
            self.column((*parts, str(field["name"])), field["type"], field.get("doc"))
        self._open.discard(name)

    def column(self, parts: tuple[str, ...], kind: Any, comment: str | None) -> None:
        """The row of a field and those below."""
        if len(self.rows) >= MAX_FIELDS:
            raise Unreadable(f"It has more than {MAX_FIELDS:,} fields.", code="too_large")
        kind, nullable = _without_null(kind)
        path = join_path([clean_text(part) for part in parts])
        self.rows.append(
            Column(path, self._type(kind), None, nullable, clean_text(comment) if comment else None)
        )
        self._below(parts, kind)

    def _resolved(self, kind: Any) -> Any:
        return self._named.get(kind, kind) if isinstance(kind, str) else kind

    def _type(self, kind: Any, depth: int = 0) -> str:
        kind = _without_null(self._resolved(kind))[0]
        if isinstance(kind, list):
            return "union"
        if isinstance(kind, str):
            return _AVRO_TYPES.get(kind, "struct")
        base = kind.get("type")
        if base == "array" and depth < MAX_DEPTH:
            return f"list<{self._type(kind['items'], depth + 1)}>"
        if base == "map" and depth < MAX_DEPTH:
            return f"map<string,{self._type(kind['values'], depth + 1)}>"
        if kind.get("logicalType") == "decimal":
            return f"decimal({kind.get('precision', 0)},{kind.get('scale', 0)})"
        if not isinstance(base, str):
            return self._type(base, depth + 1)
        return _AVRO_LOGICAL.get(str(kind.get("logicalType")), _AVRO_TYPES.get(base, "unknown"))

    def _below(self, parts: tuple[str, ...], kind: Any) -> None:
        kind = _without_null(self._resolved(kind))[0]
        if not isinstance(kind, dict) or len(parts) > MAX_DEPTH:
            return
        if kind.get("type") in ("record", "error"):
            self.fields(parts, kind)
        elif kind.get("type") == "array":
            self._below((*parts, "[]"), kind["items"])
        elif kind.get("type") == "map":
            self._below((*parts, "{value}"), kind["values"])


def _without_null(kind: Any) -> tuple[Any, bool]:
    """A union of one type and null is that type, nullable."""
    if not isinstance(kind, list):
        return kind, kind == "null"
    others = [one for one in kind if one != "null"]
    return (others[0] if len(others) == 1 else others), len(others) < len(kind)
