"""Names of tables and columns as SQL takes them, and texts as Python takes them. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Final

from catalog.naming import case_rule_of, split_path

# Reserved in at least one of the engines: a quoted name is right everywhere, a bare one is not.
_WORDS: Final = (
    "all alter analyse analyze and any array as asc asymmetric attach begin between bigint binary"
    " both by case cast check collate column commit constraint create cross cube current"
    " current_date current_role current_time current_timestamp current_user database date day"
    " default deferrable delete desc describe distinct do drop each else end escape except exists"
    " explain external false fetch filter first float for foreign from full function glob grant"
    " group grouping having hour if ilike in index initially inner insert int intersect interval"
    " into is isnull join key lateral leading left like limit localtime localtimestamp map match"
    " minute month natural no not nothing notnull null nulls of offset on only or order outer over"
    " overlaps partition pivot placing primary qualify range references regexp release rename"
    " replace returning right rollback rollup row rows schema second select session_user set show"
    " similar some start summarize symmetric table tablesample temp temporary then time timestamp"
    " to top trailing transaction trigger true type union unique unnest unpivot update use user"
    " using value values variadic view virtual when where window with within without year"
    " add anti asof at authorization collation columns concurrently freeze generated lambda"
    " pivot_longer pivot_wider positional semi struct symmetric tuple unpack verbose"
)
_RESERVED: Final = frozenset(_WORDS.split())
_BARE: Final = {
    "lower": re.compile(r"[a-z_][a-z0-9_]*"),
    "upper": re.compile(r"[A-Z_][A-Z0-9_]*"),
    "sensitive": re.compile(r"[A-Za-z_][A-Za-z0-9_]*"),
    "insensitive": re.compile(r"[A-Za-z_][A-Za-z0-9_]*"),
}
_BACKTICKS: Final = frozenset({"mysql", "hive", "bigquery", "unity", "clickhouse", "spark"})


def quoted(name: str, platform: str) -> str:
    """One name as the platform's SQL reads it back: bare where that is the same name."""
    bare = _BARE[case_rule_of(platform)]
    if bare.fullmatch(name) and name.lower() not in _RESERVED:
        return name
    if platform in _BACKTICKS:
        return "`" + name.replace("`", "``") + "`"
    if platform == "sqlserver":
        return "[" + name.replace("]", "]]") + "]"
    return '"' + name.replace('"', '""') + '"'


def dotted(parts: Sequence[str], platform: str) -> str:
    """A table's name of several parts."""
    return ".".join(quoted(part, platform) for part in parts)


def top_level(path: str) -> str | None:
    """The column's own name, unquoted; None for a field inside another column."""
    parts = split_path(path)
    return parts[0] if len(parts) == 1 else None


def sql_text(text: str) -> str:
    """A text as a literal of SQL."""
    return "'" + text.replace("'", "''") + "'"


def python_text(text: str) -> str:
    """A text as a literal of Python."""
    return json.dumps(text, ensure_ascii=False)


def variable(label: str) -> str:
    """A name for a Python variable: ``flights`` of ``flights-2013.csv``."""
    stem = re.sub(r"\W+", "_", label.split(".", 1)[0], flags=re.ASCII).strip("_").lower()
    return stem if re.fullmatch(r"[a-z]\w*", stem) and stem not in _PYTHON else "data"


_TAKEN: Final = (
    "and as assert async await break class con continue def del duckdb elif else except finally"
    " for from global if import in is lambda nonlocal not or pass pa pd raise return spark sqlite3"
    " try while with yield"
)
_PYTHON: Final = frozenset(_TAKEN.split())
