"""Native SQL types -> normalized types (`catalog.types`) and nested fields, for crawlers.

`SqlType` is a small tree; `fields` turns it into the records' `Field`s:

- a list of scalars is one field ``tags`` of type ``list<string>``;
- a struct has a field per member (``address.city``), below a list ``items[].sku``, below a map
  ``prices{value}.net``; the markers alone are never fields.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from catalog import naming
from catalog.crawling.records import Field

MAX_DEPTH: Final = 32
"""Nesting that is followed; what lies deeper is ``unknown``."""
LIST, MAP_KEY, MAP_VALUE = "[]", "{key}", "{value}"
_MARKERS: Final = frozenset({LIST, MAP_KEY, MAP_VALUE})


@dataclass(frozen=True, slots=True)
class SqlType:
    """A type: normalized ``text``, ``native`` text, and its parts by member name or marker."""

    text: str
    native: str
    parts: tuple[tuple[str, SqlType], ...] = ()
    id: str | None = None  # the system's own id of the member, below its column's


def list_of(element: SqlType, native: str) -> SqlType:
    """``list<element>``."""
    return SqlType(f"list<{element.text}>", native, ((LIST, element),))


def map_of(key: SqlType, value: SqlType, native: str) -> SqlType:
    """``map<key,value>``."""
    parts = ((MAP_KEY, key), (MAP_VALUE, value))
    return SqlType(f"map<{key.text},{value.text}>", native, parts)


def fields(
    column: str,
    kind: SqlType,
    *,
    nullable: bool | None = None,
    default: str | None = None,
    comment: str | None = None,
) -> Iterator[Field]:
    """The column's field, then its nested ones, in the order of the type."""
    path = naming.quote_field(column)
    yield Field(path, kind.text, kind.native or None, nullable, default, comment)
    if kind.parts:
        yield from nested(column, kind)


def nested(column: str, kind: SqlType, id: str | None = None) -> Iterator[Field]:
    """The fields below a column; ``id``: the column's own, before the ids of its members."""
    return _below((column,), kind, id)


def _below(path: tuple[str, ...], kind: SqlType, id: str | None) -> Iterator[Field]:
    for name, part in kind.parts:
        inner = (*path, name)
        if name in _MARKERS:
            yield from _below(inner, part, id)
            continue
        inner_id = f"{id}.{part.id}" if id and part.id else None
        yield Field(naming.join_path(inner), part.text, part.native, id=inner_id)
        yield from _below(inner, part, inner_id)


# --- scalars --------------------------------------------------------------------------------

_POSTGRES: Final[dict[str, str]] = {
    "boolean": "boolean",
    "smallint": "int16",
    "integer": "int32",
    "bigint": "int64",
    "oid": "uint32",
    "real": "float32",
    "double precision": "float64",
    "numeric": "decimal",
    "money": "decimal",
    "text": "string",
    "character varying": "string",
    "character": "string",
    "char": "string",
    "name": "string",
    "citext": "string",
    "tsvector": "string",
    "bytea": "binary",
    "date": "date",
    "time without time zone": "time",
    "time with time zone": "timetz",
    "timestamp without time zone": "timestamp",
    "timestamp with time zone": "timestamptz",
    "interval": "interval",
    "uuid": "uuid",
    "json": "json",
    "jsonb": "json",
    "xml": "xml",
    "bit": "bit",
    "bit varying": "bit",
    "inet": "inet",
    "cidr": "inet",
    "hstore": "map<string,string>",
    "vector": "list<float32>",
    "halfvec": "list<float16>",
    **dict.fromkeys(("point", "line", "lseg", "box", "path", "polygon", "circle"), "geometry"),
    "geometry": "geometry",
    "geography": "geometry",
}
_DUCKDB: Final[dict[str, str]] = {
    "BOOLEAN": "boolean",
    "TINYINT": "int8",
    "SMALLINT": "int16",
    "INTEGER": "int32",
    "BIGINT": "int64",
    "HUGEINT": "int128",
    "UTINYINT": "uint8",
    "USMALLINT": "uint16",
    "UINTEGER": "uint32",
    "UBIGINT": "uint64",
    "UHUGEINT": "uint128",
    "BIGNUM": "decimal",
    "VARINT": "decimal",
    "FLOAT": "float32",
    "DOUBLE": "float64",
    "DECIMAL": "decimal",
    "VARCHAR": "string",
    "BLOB": "binary",
    "DATE": "date",
    "TIME": "time",
    "TIME_NS": "time",
    "TIME WITH TIME ZONE": "timetz",
    "TIMESTAMP": "timestamp",
    "TIMESTAMP_S": "timestamp",
    "TIMESTAMP_MS": "timestamp",
    "TIMESTAMP_NS": "timestamp",
    "TIMESTAMP WITH TIME ZONE": "timestamptz",
    "INTERVAL": "interval",
    "UUID": "uuid",
    "JSON": "json",
    "BIT": "bit",
    "GEOMETRY": "geometry",
    "VARIANT": "variant",
    "ENUM": "enum",
    "NULL": "null",
}
_SQLITE: Final[dict[str, str]] = {
    # Names that mean something although SQLite itself knows only affinities.
    "BOOLEAN": "boolean",
    "BOOL": "boolean",
    "DATE": "date",
    "TIME": "time",
    "DATETIME": "timestamp",
    "TIMESTAMP": "timestamp",
    "TIMESTAMPTZ": "timestamptz",
    "JSON": "json",
    "JSONB": "json",
    "UUID": "uuid",
    "GUID": "uuid",
    "DECIMAL": "decimal",
    "NUMERIC": "decimal",
    "ANY": "variant",
}
_SQLITE_AFFINITY: Final = (
    # https://www.sqlite.org/datatype3.html, section 3.1: the first that is found decides.
    (("INT",), "int64"),
    (("CHAR", "CLOB", "TEXT"), "string"),
    (("BLOB",), "binary"),
    (("REAL", "FLOA", "DOUB"), "float64"),
)
_BRACKETS = re.compile(r"\s*\(([^()]*)\)")
_PRECISION = re.compile(r"\d+(?:,-?\d+)?")


def _split(native: str) -> tuple[str, str]:
    """``numeric(10, 2)`` -> (``numeric``, ``10,2``); brackets may stand in the middle."""
    found = _BRACKETS.search(native)
    if found is None:
        return native.strip(), ""
    name = (native[: found.start()] + native[found.end() :]).strip()
    return name, found.group(1).replace(" ", "")


def _with_precision(kind: str, arguments: str) -> str:
    if kind == "decimal" and _PRECISION.fullmatch(arguments):
        return f"decimal({arguments if ',' in arguments else arguments + ',0'})"
    return kind


@lru_cache(maxsize=4096)
def postgres_scalar(native: str) -> SqlType:
    """A PostgreSQL type as ``format_type`` writes it; a schema before the name is allowed."""
    name, arguments = _split(native)
    if name not in _POSTGRES:
        name = naming.split_name(name)[-1]
    kind = _POSTGRES.get(name.strip('"'), "unknown")
    return SqlType(_with_precision(kind, arguments), native)


@lru_cache(maxsize=4096)
def sqlite_type(native: str) -> SqlType:
    """A declared SQLite type: known names, then SQLite's affinity rules; none: ``unknown``."""
    name, arguments = _split(native.upper())
    kind = _SQLITE.get(name) or _affinity(name)
    return SqlType(_with_precision(kind, arguments), native)


def _affinity(name: str) -> str:
    if not name:
        return "unknown"
    for words, kind in _SQLITE_AFFINITY:
        if any(word in name for word in words):
            return kind
    return "decimal"


# --- DuckDB: nested types as text -----------------------------------------------------------

_TOKEN = re.compile(r"""\s*("(?:[^"]|"")*"|'(?:[^']|'')*'|[()\[\],]|[^\s()\[\],"']+)""")


@lru_cache(maxsize=4096)
def duckdb_type(native: str) -> SqlType:
    """A DuckDB type as ``duckdb_columns()`` writes it; what is not understood is ``unknown``."""
    try:
        return _DuckdbParser(native).whole()
    except (IndexError, ValueError):
        return SqlType("unknown", native)


class _DuckdbParser:
    """Recursive descent over ``STRUCT(a INTEGER, "b c" VARCHAR[])[3]`` and the like."""

    def __init__(self, text: str) -> None:
        self._text = text
        found = list(_TOKEN.finditer(text))
        self._words = [match.group(1) for match in found]
        self._starts = [match.start(1) for match in found]
        self._ends = [match.end(1) for match in found]
        self._at = 0

    def whole(self) -> SqlType:
        kind = self._type(0)
        if self._at != len(self._words):
            raise ValueError(self._text)
        return kind

    def _peek(self) -> str:
        return self._words[self._at] if self._at < len(self._words) else ""

    def _take(self, expected: str | None = None) -> str:
        word = self._words[self._at]
        if expected is not None and word != expected:
            raise ValueError(self._text)
        self._at += 1
        return word

    def _since(self, start: int) -> str:
        return self._text[self._starts[start] : self._ends[self._at - 1]]

    def _type(self, depth: int) -> SqlType:
        if depth > MAX_DEPTH:
            raise ValueError(self._text)
        start = self._at
        kind = self._base(depth)
        while self._peek() == "[":
            self._take()
            if self._peek() != "]":
                self._take()  # the length of an array
            self._take("]")
            kind = list_of(kind, self._since(start))
        return kind

    def _base(self, depth: int) -> SqlType:
        start = self._at
        words = [self._take()]
        while self._peek() not in ("", "(", ")", "[", "]", ","):
            words.append(self._take())
        name = " ".join(words).strip('"')
        if name in ("STRUCT", "UNION") and self._peek() == "(":
            members = self._members(depth)
            return SqlType(name.lower(), self._since(start), members)
        if name == "MAP" and self._peek() == "(":
            return self._map(start, depth)
        arguments = self._arguments() if self._peek() == "(" else ""
        kind = _with_precision(_DUCKDB.get(name, "unknown"), arguments)
        return SqlType(kind, self._since(start))

    def _members(self, depth: int) -> tuple[tuple[str, SqlType], ...]:
        self._take("(")
        members = []
        while True:
            name = self._take()
            if name.startswith('"'):
                name = name[1:-1].replace('""', '"')
            members.append((name, self._type(depth + 1)))
            if self._take() == ")":
                return tuple(members)

    def _map(self, start: int, depth: int) -> SqlType:
        self._take("(")
        key = self._type(depth + 1)
        self._take(",")
        value = self._type(depth + 1)
        self._take(")")
        return map_of(key, value, self._since(start))

    def _arguments(self) -> str:
        self._take("(")
        words: list[str] = []
        while (word := self._take()) != ")":
            words.append(word)
        return "".join(words)


def names(columns: Sequence[str]) -> tuple[str, ...]:
    """Column names as field paths, for keys."""
    return tuple(naming.quote_field(column) for column in columns)
