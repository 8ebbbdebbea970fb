"""The columns of an asset as text to paste: SELECT list, CREATE TABLE, dbt YAML, pyarrow schema.

Pure. What lies inside other columns is written as their type where the format can say it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from catalog.assets.views import AssetView, ColumnView
from catalog.naming import is_path, parts_of, split_path
from catalog.pages.quoting import dotted, python_text, quoted

LABELS: Final = {
    "select": "SELECT list",
    "ddl": "CREATE TABLE",
    "dbt": "dbt YAML",
    "pyarrow": "pyarrow schema",
}
LANGUAGES: Final = {"select": "sql", "ddl": "sql", "dbt": "yaml", "pyarrow": "python"}
_SQL: Final = {
    "boolean": "BOOLEAN", "int8": "SMALLINT", "int16": "SMALLINT", "int32": "INTEGER",
    "int64": "BIGINT", "int128": "DECIMAL(38,0)", "uint8": "SMALLINT", "uint16": "INTEGER",
    "uint32": "BIGINT", "uint64": "DECIMAL(20,0)", "uint128": "DECIMAL(38,0)",
    "float16": "REAL", "float32": "REAL", "float64": "DOUBLE PRECISION", "decimal": "DECIMAL",
    "string": "VARCHAR", "binary": "BLOB", "date": "DATE", "time": "TIME",
    "timetz": "TIME WITH TIME ZONE", "timestamp": "TIMESTAMP",
    "timestamptz": "TIMESTAMP WITH TIME ZONE", "interval": "INTERVAL", "uuid": "UUID",
    "json": "JSON",
}  # fmt: skip
_ARROW: Final = {
    "boolean": "pa.bool_()", "int8": "pa.int8()", "int16": "pa.int16()", "int32": "pa.int32()",
    "int64": "pa.int64()", "int128": "pa.decimal128(38, 0)", "uint8": "pa.uint8()",
    "uint16": "pa.uint16()", "uint32": "pa.uint32()", "uint64": "pa.uint64()",
    "uint128": "pa.decimal256(39, 0)", "float16": "pa.float16()", "float32": "pa.float32()",
    "float64": "pa.float64()", "decimal": "pa.decimal128(38, 9)", "string": "pa.string()",
    "binary": "pa.binary()", "date": "pa.date32()", "time": 'pa.time64("us")',
    "timetz": 'pa.time64("us")', "timestamp": 'pa.timestamp("us")',
    "timestamptz": 'pa.timestamp("us", tz="UTC")', "interval": "pa.month_day_nano_interval()",
    "null": "pa.null()",
}  # fmt: skip
_MARKERS: Final = frozenset({"[]", "{key}", "{value}"})
_PARAMETERS: Final = re.compile(r"decimal\((\d+)(?:,\s*(\d+))?\)")


@dataclass
class Node:
    """A column, or what lies inside one; ``inside``: by name or marker."""

    name: str
    column: ColumnView | None = None
    inside: dict[str, Node] = field(default_factory=dict)

    @property
    def type(self) -> str:
        """The normalized type, as far as it is known."""
        return self.column.type if self.column is not None else "unknown"


def copied(view: AssetView, form: str) -> str:
    """The columns in one of `LABELS`; the view holds all of them."""
    return _FORMS[form](view, tree(view.columns or ()))


def tree(columns: Sequence[ColumnView]) -> list[Node]:
    """Columns with their fields inside them, in their order."""
    roots: dict[str, Node] = {}
    for column in columns:
        level, parts = roots, split_path(column.path)
        for part in parts[:-1]:
            level = level.setdefault(part, Node(part)).inside
        if parts:
            level.setdefault(parts[-1], Node(parts[-1])).column = column
    return list(roots.values())


def _table_name(view: AssetView) -> tuple[str, str]:
    """(name, dialect) that SQL calls it by; a dataset by its own last part."""
    if is_path(view.platform):
        return quoted(view.label, "duckdb"), "duckdb"
    parts = parts_of(view.name, view.platform)
    return dotted(parts[1:] if len(parts) == 3 else parts, view.platform), view.platform


def _select(view: AssetView, nodes: Sequence[Node]) -> str:
    name, dialect = _table_name(view)
    lines = ",\n".join(f"    {quoted(node.name, dialect)}" for node in nodes) or "    *"
    return f"SELECT\n{lines}\nFROM {name}"


# --- CREATE TABLE ---------------------------------------------------------------------------


def _ddl(view: AssetView, nodes: Sequence[Node]) -> str:
    name, dialect = _table_name(view)
    own = not is_path(view.platform)
    lines = []
    for node in nodes:
        kind = node.column.native_type if own and node.column is not None else None
        null = " NOT NULL" if node.column is not None and node.column.nullable is False else ""
        lines.append(f"    {quoted(node.name, dialect)} {kind or _sql_type(node)}{null}")
    lines += [f"    {line}" for line in _constraints(view, nodes, dialect)]
    body = ",\n".join(lines)
    return f"CREATE TABLE {name} (\n{body}\n);"


def _constraints(view: AssetView, nodes: Sequence[Node], dialect: str) -> Iterator[str]:
    there = {node.name for node in nodes}
    for key in view.keys:
        names = [split_path(path)[0] for path in key.columns if path]
        if key.kind in ("primary", "unique") and names and there.issuperset(names):
            word = "PRIMARY KEY" if key.kind == "primary" else "UNIQUE"
            yield f"{word} ({', '.join(quoted(name, dialect) for name in names)})"


def _sql_type(node: Node) -> str:
    kind = node.type
    base = kind.split("(", 1)[0].split("<", 1)[0]
    if base == "decimal" and "(" in kind:
        return kind.upper()
    if base == "struct" and node.inside:
        inner = ", ".join(f"{quoted(x.name, 'duckdb')} {_sql_type(x)}" for x in _fields(node))
        return f"STRUCT({inner})"
    if base == "list":
        return f"{_sql_type(_element(node, '[]', kind))}[]"
    if base == "map":
        return f"MAP({_sql_type(_key(node, kind))}, {_sql_type(_element(node, '{value}', kind))})"
    return _SQL.get(base, "VARCHAR")


# --- pyarrow --------------------------------------------------------------------------------


def _pyarrow(view: AssetView, nodes: Sequence[Node]) -> str:
    lines = "".join(f"    {_arrow_field(node)},\n" for node in nodes)
    return f"import pyarrow as pa\n\nschema = pa.schema([\n{lines}])"


def _arrow_field(node: Node) -> str:
    null = ", nullable=False" if node.column is not None and node.column.nullable is False else ""
    return f"pa.field({python_text(node.name)}, {_arrow_type(node)}{null})"


def _arrow_type(node: Node) -> str:
    kind = node.type
    base = kind.split("(", 1)[0].split("<", 1)[0]
    sized = _PARAMETERS.fullmatch(kind)
    if sized is not None:
        precision, scale = int(sized[1]), int(sized[2] or 0)
        return f"pa.decimal{128 if precision <= 38 else 256}({precision}, {scale})"
    if base == "struct" and node.inside:
        return f"pa.struct([{', '.join(_arrow_field(one) for one in _fields(node))}])"
    if base == "list":
        return f"pa.list_({_arrow_type(_element(node, '[]', kind))})"
    if base == "map":
        value = _arrow_type(_element(node, "{value}", kind))
        return f"pa.map_({_arrow_type(_key(node, kind))}, {value})"
    return _ARROW.get(base, "pa.string()")


def _fields(node: Node) -> list[Node]:
    return [one for name, one in node.inside.items() if name not in _MARKERS]


def _element(node: Node, marker: str, kind: str) -> Node:
    """What a list or map holds: its fields are below the marker, its type is inside ``<>``."""
    inner = node.inside.get(marker, Node(marker))
    text = kind.partition("<")[2].removesuffix(">") if "<" in kind else "unknown"
    if marker == "{value}":
        text = _split_pair(text)[1]
    return Node(marker, _typed(text), inner.inside)


def _key(node: Node, kind: str) -> Node:
    text = kind.partition("<")[2].removesuffix(">")
    return Node("{key}", _typed(_split_pair(text)[0]), node.inside.get("{key}", Node("")).inside)


def _split_pair(text: str) -> tuple[str, str]:
    """``string,list<int64>`` at its first comma outside brackets."""
    depth = 0
    for at, letter in enumerate(text):
        depth += letter in "<("
        depth -= letter in ">)"
        if letter == "," and not depth:
            return text[:at].strip(), text[at + 1 :].strip()
    return text or "string", "unknown"


def _typed(kind: str) -> ColumnView:
    return ColumnView(
        path="", position=0, type=kind or "unknown", native_type=None, nullable=None, default=None,
        comment=None, keys=[], title=None, description=None, description_origin=None, owners=[],
        tags=[], flag=None, flags=[], etag="",
    )  # fmt: skip


# --- dbt ------------------------------------------------------------------------------------


def _dbt(view: AssetView, nodes: Sequence[Node]) -> str:
    lines = ["version: 2", "", "models:", f"  - name: {_yaml(view.label)}"]
    if view.description:
        lines.append(f"    description: {_yaml(view.description)}")
    alone = {key.columns[0] for key in view.keys
             if len(key.columns) == 1 and key.kind in ("primary", "unique")}  # fmt: skip
    lines.append("    columns:")
    for node in nodes:
        column = node.column
        lines.append(f"      - name: {_yaml(node.name)}")
        lines.append(f"        data_type: {_yaml(_dbt_type(view, node))}")
        if column is None:
            continue
        if column.description:
            lines.append(f"        description: {_yaml(column.description)}")
        tests = ["unique"] if column.path in alone else []
        tests += ["not_null"] if column.nullable is False or "primary" in column.keys else []
        if tests:
            lines.append("        data_tests:")
            lines += [f"          - {test}" for test in tests]
    return "\n".join(lines)


def _dbt_type(view: AssetView, node: Node) -> str:
    own = node.column.native_type if node.column is not None else None
    return own if own and not is_path(view.platform) else _sql_type(node)


_PLAIN: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\([0-9, ]*\))?")
_WORDS: Final = frozenset({"true", "false", "yes", "no", "on", "off", "null", "y", "n"})


def _yaml(text: str) -> str:
    """A scalar of YAML: bare where that is safe, else in double quotes."""
    if _PLAIN.fullmatch(text) and text.lower() not in _WORDS:
        return text
    return python_text(text)


_FORMS: Final[dict[str, Callable[[AssetView, Sequence[Node]], str]]] = {
    "select": _select,
    "ddl": _ddl,
    "dbt": _dbt,
    "pyarrow": _pyarrow,
}
