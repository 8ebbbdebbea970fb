"""Statements to edges: SELECT, CREATE and INSERT here, the others in their own files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sqlglot import exp

from catalog.sql import changes, files_and_ddl
from catalog.sql.flows import (
    Result,
    fitting,
    flows_of,
    has_property,
    listed_columns,
    names_of,
    new_scope,
    parsed_as,
    table_of,
    top_level,
)
from catalog.sql.names import file_refs, table_ref
from catalog.sql.query import Reader
from catalog.sql.refs import Parsed, TableRef, path_ref
from catalog.sql.relations import Column, Name, Output


def read(tree: exp.Expr, reader: Reader, target_columns: Sequence[str] | None = None) -> Result:
    """One statement's edges, and the output that its target gets, where there is one.

    ``target_columns``: the target's real columns, if known; else its schema is asked for.
    """
    for kind, handler in _HANDLERS.items():
        if isinstance(tree, kind):
            return handler(tree, reader, target_columns)
    if isinstance(tree, (exp.Query, exp.Pivot)):
        return _query(tree, reader, target_columns)
    return Parsed(), None


# --- SELECT ---------------------------------------------------------------------------------


def _query(tree: exp.Expr, reader: Reader, target_columns: Sequence[str] | None) -> Result:
    into = _into(tree)
    output = reader.query(tree, new_scope())
    if into is None:
        names = fitting(output, target_columns)
        return parsed_as(
            "select", reader, None, flows_of(output, names), names=names_of(output)
        ), output
    ref = table_ref(into.this)
    temporary = bool(into.args.get("temporary")) or _is_temporary_name(ref)
    flows = flows_of(output, fitting(output, target_columns or reader.paths(ref)))
    parsed = parsed_as(
        "create_table", reader, ref, flows, names=names_of(output), temporary=temporary
    )
    return parsed, output


def _into(tree: exp.Expr) -> exp.Expr | None:
    """``SELECT .. INTO t``; in a union the first branch says it."""
    while isinstance(tree, (exp.SetOperation, exp.Subquery)):
        tree = tree.this
    into = tree.args.get("into")
    return into if isinstance(into, exp.Into) and isinstance(into.this, exp.Table) else None


def _is_temporary_name(ref: TableRef) -> bool:
    return bool(ref.parts) and ref.parts[-1].startswith(("#", "@"))


# --- CREATE ---------------------------------------------------------------------------------


def _create(tree: exp.Expr, reader: Reader, target_columns: Sequence[str] | None) -> Result:
    table = table_of(tree.this)
    what = str(tree.args.get("kind") or "").upper()
    body = tree.args.get("expression")
    if what not in ("TABLE", "VIEW") or table is None:
        if isinstance(body, exp.Query):
            reader.query(body, new_scope())
        return parsed_as("other", reader, None, ()), None
    kind = "create_view" if what == "VIEW" else "create_table"
    target = table_ref(table)
    temporary = has_property(tree, exp.TemporaryProperty) or _is_temporary_name(target)
    copied = _copied(tree)
    if copied is not None:
        return _create_like(kind, target, reader, copied, temporary)
    listed = listed_columns(tree.this)
    if body is None:
        names = tuple(listed) if listed is not None else None
        output = Output([Column(Name(n, n)) for n in listed or ()])
        return parsed_as(kind, reader, target, (), names=names, temporary=temporary), output
    scope = reader.with_ctes(tree, new_scope())
    output = reader.query(body, scope)
    target = _forwarded(tree) or target
    names_list = listed
    if names_list is None:
        names_list = fitting(output, target_columns or reader.paths(target))
    flows = flows_of(output, names_list)
    shown = tuple(listed) if listed is not None else names_of(output)
    parsed = parsed_as(kind, reader, target, flows, names=shown, temporary=temporary)
    return parsed, _under(output, listed, reader)


def _under(output: Output, listed: Sequence[str] | None, reader: Reader) -> Output:
    """The output under the listed column names, as later statements see it."""
    if listed is None:
        return output
    return Output([Column(Name(name, name), origins) for name, origins in flows_of(output, listed)])


def _copied(tree: exp.Expr) -> exp.Table | None:
    """``CREATE TABLE a LIKE b``, ``CLONE b``."""
    clone = tree.args.get("clone")
    if clone is not None and isinstance(clone.this, exp.Table):
        table: exp.Table = clone.this
        return table
    properties = tree.args.get("properties")
    nodes = list(properties.expressions) if properties is not None else []
    if isinstance(tree.this, exp.Schema):
        nodes += tree.this.expressions
    for node in nodes:
        if isinstance(node, exp.LikeProperty) and isinstance(node.this, exp.Table):
            return node.this
    return None


def _create_like(
    kind: str, target: TableRef, reader: Reader, copied: exp.Table, temporary: bool
) -> tuple[Parsed, Output]:
    output = reader.table(table_ref(copied))
    parsed = parsed_as(
        kind, reader, target, flows_of(output, None), names=names_of(output), temporary=temporary
    )
    return parsed, output


def _forwarded(tree: exp.Expr) -> TableRef | None:
    """ClickHouse's ``MATERIALIZED VIEW v TO t`` writes into t."""
    properties = tree.args.get("properties")
    for node in properties.expressions if properties is not None else ():
        if isinstance(node, exp.ToTableProperty):
            table = table_of(node.this)
            return table_ref(table) if table is not None else None
    return None


# --- INSERT ---------------------------------------------------------------------------------


def _insert(tree: exp.Expr, reader: Reader, target_columns: Sequence[str] | None) -> Result:
    target, listed, fixed = _insert_target(tree, reader)
    scope = reader.with_ctes(tree, new_scope())
    body = tree.args.get("expression")
    if isinstance(body, exp.Table):  # INSERT INTO t TABLE s
        output = reader.query(body, scope)
    else:
        output = reader.query(body, scope) if body is not None else Output([])
    names = listed
    if names is None and target is not None:
        columns = target_columns if target_columns is not None else reader.paths(target)
        if columns is not None:
            free = [name for name in top_level(columns) if name.lower() not in fixed]
            names = free if len(output.items) <= len(free) else None
    flows = flows_of(output, names, by_name=bool(tree.args.get("by_name")))
    if isinstance(body, exp.Values) and names is None:
        flows = []
    shown = tuple(name for name, _ in flows) if not output.is_open else None
    return parsed_as("insert", reader, target, flows, names=shown), _under(output, names, reader)


def _insert_target(
    tree: exp.Expr, reader: Reader
) -> tuple[TableRef | None, list[str] | None, set[str]]:
    """Target, its listed columns, and partition columns that have a fixed value."""
    node = tree.this
    if isinstance(node, exp.Directory):
        return path_ref(node.this.name), None, set()
    table = table_of(node)
    if table is None:
        refs = file_refs(node) if isinstance(node, exp.Expr) else []
        return (refs[0] if refs else None), None, set()
    if not isinstance(table.this, (exp.Identifier, exp.Dot)):
        refs = file_refs(table.this)
        return (refs[0] if refs else None), None, set()
    partition = table.args.get("partition") or tree.args.get("partition")
    fixed: set[str] = set()
    if isinstance(partition, exp.Partition):
        pairs = [p for p in partition.expressions if isinstance(p, exp.EQ)]
        fixed = {pair.this.name.lower() for pair in pairs}
    return table_ref(table), listed_columns(node), fixed


def _multi_insert(tree: exp.Expr, reader: Reader, target_columns: Sequence[str] | None) -> Result:
    """Snowflake's and Oracle's ``INSERT ALL INTO a INTO b SELECT``: the first target."""
    output = reader.query(tree.args["source"], new_scope())
    first = next((c.this for c in tree.expressions if isinstance(c.this, exp.Insert)), None)
    table = table_of(first.this) if first is not None else None
    target = table_ref(table) if table is not None else None
    flows = flows_of(output, listed_columns(first.this)) if first is not None else []
    return parsed_as("insert", reader, target, flows), None


Handler = Callable[[Any, Reader, Sequence[str] | None], Result]
_HANDLERS: dict[type[exp.Expr], Handler] = {
    exp.Create: _create,
    exp.Insert: _insert,
    exp.MultitableInserts: _multi_insert,
    exp.Update: changes.update,
    exp.Delete: changes.delete,
    exp.Merge: changes.merge,
    exp.Copy: files_and_ddl.copy,
    exp.LoadData: files_and_ddl.load,
    exp.Drop: files_and_ddl.drop,
    exp.TruncateTable: files_and_ddl.truncate,
    exp.Alter: files_and_ddl.alter,
    exp.Cache: files_and_ddl.cache,
    exp.Command: files_and_ddl.command,
}
