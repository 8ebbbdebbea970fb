"""COPY, LOAD, UNLOAD and the statements that define without moving data."""

from __future__ import annotations

import re
from collections.abc import Sequence

from sqlglot import exp

from catalog.sql.flows import (
    Result,
    fitting,
    flows_of,
    listed_columns,
    names_of,
    new_scope,
    parsed_as,
    table_of,
)
from catalog.sql.names import table_ref
from catalog.sql.parsing import pieces
from catalog.sql.query import Reader
from catalog.sql.refs import Parsed, TableRef, path_ref
from catalog.sql.relations import Output


def copy(tree: exp.Expr, reader: Reader, target_columns: Sequence[str] | None) -> Result:
    """``COPY t FROM files``, ``COPY (query) TO file``, Snowflake's ``COPY INTO a FROM b``."""
    table = table_of(tree.this)
    reads = bool(tree.args.get("kind")) and table is not None
    if not reads or table is None:
        return _copy_out(tree, reader)
    names = listed_columns(tree.this)
    target = _place_of(table)
    output: Output | None = None
    for node in tree.args.get("files") or ():
        if isinstance(node, exp.Query):
            output = reader.query(node, new_scope())
        else:
            reader.table(_place_of(node))
    flows = flows_of(output, names) if output is not None else []
    if target.path is None and names is None:
        flows = []  # Columns of a stage are numbered, those of the target not known.
    shown = tuple(names) if names else None
    return parsed_as("copy", reader, target, flows, names=shown), None


def _copy_out(tree: exp.Expr, reader: Reader) -> Result:
    output = reader.query(tree.this, new_scope()) if tree.this is not None else Output([])
    files = [_place_of(node) for node in tree.args.get("files") or ()]
    flows = flows_of(output, None)
    names = names_of(output)
    return parsed_as("copy", reader, files[0] if files else None, flows, names=names), None


def _place_of(node: exp.Expr) -> TableRef:
    """A table by its name; a literal, a stage or anything else is a path."""
    if isinstance(node, exp.Table) and isinstance(node.this, (exp.Identifier, exp.Dot)):
        return table_ref(node)
    return path_ref(node.name or node.sql())


def load(tree: exp.Expr, reader: Reader, target_columns: Sequence[str] | None) -> Result:
    """Hive's ``LOAD DATA INPATH``."""
    path = tree.args.get("inpath")
    if isinstance(path, exp.Literal):
        reader.table(path_ref(path.name))
    table = table_of(tree.this)
    return parsed_as("copy", reader, table_ref(table) if table is not None else None, ()), None


def drop(tree: exp.Expr, reader: Reader, target_columns: Sequence[str] | None) -> Result:
    """DROP of a table or view; the first, when it names several."""
    tables = [tree.this, *(tree.args.get("tables") or ())]
    table = next((node for node in tables if isinstance(node, exp.Table)), None)
    what = str(tree.args.get("kind") or "").upper()
    if table is None or what not in ("TABLE", "VIEW"):
        return Parsed(), None
    return Parsed("drop", table_ref(table)), None


def truncate(tree: exp.Expr, reader: Reader, target_columns: Sequence[str] | None) -> Result:
    """TRUNCATE."""
    table = next((node for node in tree.expressions if isinstance(node, exp.Table)), None)
    return Parsed("delete", table_ref(table) if table is not None else None), None


def alter(tree: exp.Expr, reader: Reader, target_columns: Sequence[str] | None) -> Result:
    """ALTER TABLE: renames, swaps; ``ALTER VIEW v AS`` like CREATE."""
    table = table_of(tree.this)
    if table is None or str(tree.args.get("kind") or "").upper() not in ("TABLE", "VIEW"):
        return Parsed(), None
    ref = table_ref(table)
    for action in tree.args.get("actions") or ():
        if isinstance(action, exp.AlterRename) and isinstance(action.this, exp.Table):
            return Parsed("alter", ref, renamed_to=table_ref(action.this)), None
        if isinstance(action, exp.SwapTable) and isinstance(action.this, exp.Table):
            return Parsed("alter", ref, sources=(table_ref(action.this),)), None
        if isinstance(action, exp.Query):  # ALTER VIEW v AS SELECT
            output = reader.query(action, new_scope())
            flows = flows_of(output, fitting(output, target_columns))
            return parsed_as("create_view", reader, ref, flows, names=names_of(output)), output
    return Parsed("alter", ref), None


def cache(tree: exp.Expr, reader: Reader, target_columns: Sequence[str] | None) -> Result:
    """Spark's ``CACHE TABLE t AS SELECT``: a temporary view."""
    table, body = table_of(tree.this), tree.args.get("expression")
    if table is None or not isinstance(body, exp.Query):
        return Parsed(), None
    output = reader.query(body, new_scope())
    parsed = parsed_as(
        "create_view", reader, table_ref(table), flows_of(output, None), temporary=True
    )
    return parsed, output


_UNLOAD = re.compile(
    r"\s*\(\s*(?:'((?:[^']|'')*)'|\$\$(.*?)\$\$|(.*))\s*\)\s*to\s*'([^']*)'", re.I | re.S
)
# What writes data: worth a problem when it cannot be read.
_WRITING = frozenset({"CREATE", "INSERT", "MERGE", "UPDATE", "COPY", "UNLOAD", "SELECT", "WITH"})


def command(tree: exp.Expr, reader: Reader, target_columns: Sequence[str] | None) -> Result:
    """What sqlglot keeps as text. ``UNLOAD ('query') TO 'path'`` is read, others say so."""
    word = str(tree.this).upper()
    rest = tree.args.get("expression")
    found = _UNLOAD.match(rest.name if isinstance(rest, exp.Expr) else str(rest or ""))
    if word == "UNLOAD" and found is not None:
        quoted, dollar, bare, path = found.groups()
        text = quoted.replace("''", "'") if quoted is not None else dollar or bare
        inner = next(pieces(text, reader.dialect), None)
        if inner is not None and isinstance(inner.tree, exp.Query):
            output = reader.query(inner.tree, new_scope())
            flows = flows_of(output, None)
            return parsed_as("copy", reader, path_ref(path), flows, names=names_of(output)), output
    problem = (f"a form of {word} that is not understood",) if word in _WRITING else ()
    return Parsed(problems=problem), None
