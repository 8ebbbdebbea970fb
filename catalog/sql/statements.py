"""Statements to table and column edges: what is written, of what, and under which names."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from sqlglot import exp

from catalog.naming import join_path, split_path
from catalog.sql.names import file_refs, table_ref
from catalog.sql.parsing import pieces
from catalog.sql.query import Reader
from catalog.sql.refs import WHOLE, ColumnEdge, Parsed, TableRef, path_ref
from catalog.sql.relations import Column, Name, Origins, Output, Relation, Scope

Flow = tuple[str, Origins]
"""(target column's name, origins)"""


def read(
    tree: exp.Expr, reader: Reader, target_columns: Sequence[str] | None = None
) -> tuple[Parsed, Output | None]:
    """One statement's edges, and the output that its target gets, where there is one.

    ``target_columns``: the target's real columns, if known; else its schema is asked for.
    """
    for kind, handler in _HANDLERS.items():
        if isinstance(tree, kind):
            return handler(tree, reader, target_columns)
    if isinstance(tree, exp.Query):
        return _query(tree, reader, target_columns)
    return Parsed(), None


def _scope() -> Scope:
    return Scope(ctes={})


# --- what several statements share ----------------------------------------------------------


def _parsed(
    kind: str,
    reader: Reader,
    target: TableRef | None,
    flows: Iterable[Flow],
    *,
    names: tuple[str | None, ...] | None = None,
    temporary: bool = False,
    own: bool = True,
) -> Parsed:
    """The result; ``own`` False: the target's own columns are no source (UPDATE, MERGE)."""
    edges: dict[ColumnEdge, None] = {}
    for name, origins in flows:
        path = join_path([name])
        for ref, source in sorted(origins, key=lambda origin: (origin[0].key, origin[1])):
            if own or ref != target:
                edges[ColumnEdge(ref, source, path)] = None
    for ref, source in sorted(reader.filters, key=lambda origin: (origin[0].key, origin[1])):
        if own or ref != target:
            edges[ColumnEdge(ref, source, WHOLE, "indirect")] = None
    sources = tuple(ref for ref in reader.sources if own or ref != target)
    return Parsed(kind, target, sources, tuple(edges), names, temporary=temporary)


def _names(output: Output) -> tuple[str | None, ...] | None:
    if output.is_open:
        return None
    return tuple(c.name.text if c.name is not None else None for c in output.columns())


def _top_level(paths: Sequence[str]) -> list[str]:
    """Names of the columns that are no nested fields."""
    parts = [split_path(path) for path in paths]
    return [part[0] for part in parts if len(part) == 1]


def _flows(output: Output, names: Sequence[str] | None, *, by_name: bool = False) -> list[Flow]:
    """Pairs an output with the target's columns: by position up to the first star."""
    if by_name or names is None:
        return [(c.name.text, c.origins) for c in output.columns() if c.name is not None]
    flows: list[Flow] = []
    for item, name in zip(output.items, names, strict=False):
        if not isinstance(item, Column):
            break
        flows.append((name, item.origins))
    return flows


def _listed(node: exp.Expr | None) -> list[str] | None:
    """Column names written behind a target: ``t (a, b)``, ``v (a COMMENT 'x')``."""
    if not isinstance(node, exp.Schema):
        return None
    names = [c for c in node.expressions if isinstance(c, (exp.Identifier, exp.ColumnDef))]
    return [name.name for name in names] or None


def _table_of(node: exp.Expr | None) -> exp.Table | None:
    node = node.this if isinstance(node, exp.Schema) else node
    return node if isinstance(node, exp.Table) else None


def _has(node: exp.Expr, *kinds: type[exp.Expr]) -> bool:
    properties = node.args.get("properties")
    return properties is not None and any(isinstance(p, kinds) for p in properties.expressions)


# --- SELECT ---------------------------------------------------------------------------------


def _query(
    tree: exp.Expr, reader: Reader, target_columns: Sequence[str] | None
) -> tuple[Parsed, Output | None]:
    into = _into(tree)
    output = reader.query(tree, _scope())
    if into is None:
        names = _fitting(output, target_columns)
        return _parsed("select", reader, None, _flows(output, names), names=_names(output)), output
    ref = table_ref(into.this)
    temporary = bool(into.args.get("temporary")) or _is_temporary_name(ref)
    flows = _flows(output, _fitting(output, target_columns))
    parsed = _parsed("create_table", reader, ref, flows, names=_names(output), temporary=temporary)
    return parsed, output


def _into(tree: exp.Expr) -> exp.Expr | None:
    """``SELECT .. INTO t``; in a union the first branch says it."""
    while isinstance(tree, (exp.SetOperation, exp.Subquery)):
        tree = tree.this
    into = tree.args.get("into")
    return into if isinstance(into, exp.Into) and isinstance(into.this, exp.Table) else None


def _fitting(output: Output, columns: Sequence[str] | None) -> list[str] | None:
    """The target's real columns, if they are as many as the query gives."""
    if columns is None or output.is_open:
        return None
    names = _top_level(columns)
    return names if len(names) == len(output.items) else None


def _is_temporary_name(ref: TableRef) -> bool:
    return bool(ref.parts) and ref.parts[-1].startswith(("#", "@"))


# --- CREATE ---------------------------------------------------------------------------------


def _create(
    tree: exp.Expr, reader: Reader, target_columns: Sequence[str] | None
) -> tuple[Parsed, Output | None]:
    table = _table_of(tree.this)
    what = str(tree.args.get("kind") or "").upper()
    body = tree.args.get("expression")
    if what not in ("TABLE", "VIEW") or table is None:
        if isinstance(body, exp.Query):
            reader.query(body, _scope())
        return _parsed("other", reader, None, ()), None
    kind = "create_view" if what == "VIEW" else "create_table"
    target = table_ref(table)
    temporary = _has(tree, exp.TemporaryProperty) or _is_temporary_name(target)
    copied = _copied(tree)
    if copied is not None:
        return _create_like(kind, target, reader, copied, temporary)
    listed = _listed(tree.this)
    if body is None:
        names = tuple(listed) if listed is not None else None
        output = Output([Column(Name(n, n)) for n in listed or ()])
        return _parsed(kind, reader, target, (), names=names, temporary=temporary), output
    scope = reader.with_ctes(tree, _scope())
    output = reader.query(body, scope)
    target = _forwarded(tree) or target
    names_list = listed if listed is not None else _fitting(output, target_columns)
    flows = _flows(output, names_list)
    shown = tuple(listed) if listed is not None else _names(output)
    parsed = _parsed(kind, reader, target, flows, names=shown, temporary=temporary)
    return parsed, _under(output, listed, reader)


def _under(output: Output, listed: Sequence[str] | None, reader: Reader) -> Output:
    """The output under the listed column names, as later statements see it."""
    if listed is None:
        return output
    return Output([Column(Name(name, name), origins) for name, origins in _flows(output, listed)])


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
    parsed = _parsed(
        kind, reader, target, _flows(output, None), names=_names(output), temporary=temporary
    )
    return parsed, output


def _forwarded(tree: exp.Expr) -> TableRef | None:
    """ClickHouse's ``MATERIALIZED VIEW v TO t`` writes into t."""
    properties = tree.args.get("properties")
    for node in properties.expressions if properties is not None else ():
        if isinstance(node, exp.ToTableProperty):
            table = _table_of(node.this)
            return table_ref(table) if table is not None else None
    return None


# --- INSERT ---------------------------------------------------------------------------------


def _insert(
    tree: exp.Expr, reader: Reader, target_columns: Sequence[str] | None
) -> tuple[Parsed, Output | None]:
    target, listed, fixed = _insert_target(tree, reader)
    scope = reader.with_ctes(tree, _scope())
    body = tree.args.get("expression")
    if isinstance(body, exp.Table):  # INSERT INTO t TABLE s
        output = reader.query(body, scope)
    else:
        output = reader.query(body, scope) if body is not None else Output([])
    names = listed
    if names is None and target is not None:
        columns = target_columns if target_columns is not None else reader.paths(target)
        if columns is not None:
            free = [name for name in _top_level(columns) if name.lower() not in fixed]
            names = free if len(output.items) <= len(free) else None
    flows = _flows(output, names, by_name=bool(tree.args.get("by_name")))
    if isinstance(body, exp.Values) and names is None:
        flows = []
    shown = tuple(name for name, _ in flows) if not output.is_open else None
    return _parsed("insert", reader, target, flows, names=shown), _under(output, names, reader)


def _insert_target(
    tree: exp.Expr, reader: Reader
) -> tuple[TableRef | None, list[str] | None, set[str]]:
    """Target, its listed columns, and partition columns that have a fixed value."""
    node = tree.this
    if isinstance(node, exp.Directory):
        return path_ref(node.this.name), None, set()
    table = _table_of(node)
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
    return table_ref(table), _listed(node), fixed


def _multi_insert(
    tree: exp.Expr, reader: Reader, target_columns: Sequence[str] | None
) -> tuple[Parsed, Output | None]:
    """Snowflake's and Oracle's ``INSERT ALL INTO a INTO b SELECT``: the first target."""
    output = reader.query(tree.args["source"], _scope())
    first = next((c.this for c in tree.expressions if isinstance(c.this, exp.Insert)), None)
    table = _table_of(first.this) if first is not None else None
    target = table_ref(table) if table is not None else None
    flows = _flows(output, _listed(first.this)) if first is not None else []
    return _parsed("insert", reader, target, flows), None


# --- UPDATE, DELETE, MERGE ------------------------------------------------------------------


def _update(
    tree: exp.Expr, reader: Reader, target_columns: Sequence[str] | None
) -> tuple[Parsed, Output | None]:
    scope = reader.inside(reader.with_ctes(tree, _scope()))
    source = tree.args.get("from_")
    if source is not None:
        reader.add_source(source.this, scope)
    written = _written(tree.this, scope, reader)
    reader.walk(tree.args.get("where"), scope)
    by_target: dict[TableRef | None, list[Flow]] = {}
    for name, origins, qualifier in _assignments(tree.expressions, reader, scope):
        relation = scope.relation(qualifier) if qualifier else None
        ref = relation.ref if relation is not None and relation.ref is not None else written
        by_target.setdefault(ref, []).append((name, origins))
    target = next(iter(by_target), written)
    return _parsed("update", reader, target, by_target.get(target, []), own=False), None


def _written(node: exp.Expr, scope: Scope, reader: Reader) -> TableRef | None:
    """The table that UPDATE, DELETE or MERGE names: maybe by its alias in FROM."""
    if not isinstance(node, exp.Table):
        return None
    named = scope.relation([node.name.lower()]) if not node.args.get("db") else None
    if named is not None and named.ref is not None:
        return named.ref
    reader.add_source(node, scope)
    mine = scope.relation([node.alias_or_name.lower()])
    return mine.ref if mine is not None else table_ref(node)


def _assignments(
    nodes: Sequence[exp.Expr], reader: Reader, scope: Scope
) -> Iterable[tuple[str, Origins, list[str]]]:
    """``SET a = x, t.b = y, (c, d) = (SELECT ..)`` as (column, origins, table's qualifier)."""
    for node in nodes:
        if not isinstance(node, (exp.EQ, exp.PropertyEQ)):
            reader.walk(node, scope)
            continue
        left, right = node.this, node.expression
        if isinstance(left, (exp.Tuple, exp.Paren)):
            names = left.expressions or [left.this]
            for name, origins in zip(names, _each(right, len(names), reader, scope), strict=False):
                yield name.name, origins, []
        elif isinstance(left, exp.Column):
            qualifier = [part.name.lower() for part in left.parts[:-1]]
            yield left.name, reader.origins(right, scope), qualifier


def _each(node: exp.Expr, count: int, reader: Reader, scope: Scope) -> list[Origins]:
    """Origins of each of ``count`` values of a row."""
    if isinstance(node, exp.Tuple):
        return [reader.origins(value, scope) for value in node.expressions]
    if isinstance(node, exp.Query):
        output = reader.query(node, scope)
        if not output.is_open and len(output.items) == count:
            return [column.origins for column in output.columns()]
        return []
    return [reader.origins(node, scope)]


def _delete(
    tree: exp.Expr, reader: Reader, target_columns: Sequence[str] | None
) -> tuple[Parsed, Output | None]:
    scope = reader.inside(reader.with_ctes(tree, _scope()))
    for node in tree.args.get("using") or ():
        reader.add_source(node, scope)
    listed = tree.args.get("tables") or ()
    if listed and isinstance(tree.this, exp.Table):
        reader.add_source(tree.this, scope)
    written = _written(listed[0] if listed else tree.this, scope, reader)
    reader.walk(tree.args.get("where"), scope)
    return _parsed("delete", reader, written, (), own=False), None


def _merge(
    tree: exp.Expr, reader: Reader, target_columns: Sequence[str] | None
) -> tuple[Parsed, Output | None]:
    scope = reader.inside(reader.with_ctes(tree, _scope()))
    reader.add_source(tree.args["using"], scope)
    given = scope.relations[-1]
    outside = Scope(ctes=scope.ctes, outer=scope, relations=[given])
    written = _written(tree.this, scope, reader)
    reader.walk(tree.args.get("on"), scope)
    columns = target_columns
    if columns is None and written is not None:
        columns = reader.paths(written)
    flows: list[Flow] = []
    whens = tree.args.get("whens")
    for when in whens.expressions if whens is not None else ():
        reader.walk(when.args.get("condition"), scope)
        then = when.args.get("then")
        if isinstance(then, exp.Update):
            flows += _merge_update(then, reader, scope, given)
        elif isinstance(then, exp.Insert):
            flows += _merge_insert(then, reader, outside, given, columns)
    return _parsed("merge", reader, written, flows, own=False), None


def _merge_update(then: exp.Expr, reader: Reader, scope: Scope, given: Relation) -> list[Flow]:
    if any(isinstance(node, exp.Star) for node in then.expressions):
        return _flows(given.output, None)
    found = _assignments(then.expressions, reader, scope)
    return [(name, origins) for name, origins, _ in found]


def _merge_insert(
    then: exp.Expr,
    reader: Reader,
    scope: Scope,
    given: Relation,
    columns: Sequence[str] | None,
) -> list[Flow]:
    """``INSERT (a, b) VALUES (x, y)``, ``INSERT VALUES ..``, ``INSERT *``, ``INSERT ROW``."""
    values = then.args.get("expression")
    if isinstance(then.this, exp.Star) or not isinstance(values, exp.Expr):
        return _flows(given.output, None)
    if isinstance(then.this, exp.Tuple):
        names = [node.name for node in then.this.expressions]
    elif columns is not None:
        names = _top_level(columns)
    else:
        names = []
    if isinstance(values, exp.Values) and values.expressions:
        values = values.expressions[0]
    cells = values.expressions if isinstance(values, exp.Tuple) else [values]
    origins = [reader.origins(cell, scope) for cell in cells]
    return list(zip(names, origins, strict=False))


# --- files, DDL -----------------------------------------------------------------------------


def _copy(
    tree: exp.Expr, reader: Reader, target_columns: Sequence[str] | None
) -> tuple[Parsed, Output | None]:
    """``COPY t FROM files``, ``COPY (query) TO file``, ``COPY t TO file``, ``COPY INTO t``."""
    files = [ref for node in tree.args.get("files") or () for ref in _file_of(node)]
    table = _table_of(tree.this)
    if tree.args.get("kind") and table is not None:
        for ref in files:
            reader.table(ref)
        columns = _listed(tree.this)
        names = tuple(columns) if columns else None
        return _parsed("copy", reader, table_ref(table), (), names=names), None
    output = reader.query(tree.this, _scope()) if tree.this is not None else Output([])
    target = files[0] if files else None
    return _parsed("copy", reader, target, _flows(output, None), names=_names(output)), None


def _file_of(node: exp.Expr) -> list[TableRef]:
    if isinstance(node, exp.Table):
        name = node.name
        if isinstance(node.this, exp.Var) or name.startswith("@"):
            return [path_ref(node.sql())]
        return [table_ref(node)]
    if isinstance(node, exp.Literal):
        return [path_ref(node.name)]
    return [path_ref(node.name)] if node.name else []


def _load(
    tree: exp.Expr, reader: Reader, target_columns: Sequence[str] | None
) -> tuple[Parsed, Output | None]:
    path = tree.args.get("inpath")
    if isinstance(path, exp.Literal):
        reader.table(path_ref(path.name))
    table = _table_of(tree.this)
    return _parsed("copy", reader, table_ref(table) if table is not None else None, ()), None


def _drop(
    tree: exp.Expr, reader: Reader, target_columns: Sequence[str] | None
) -> tuple[Parsed, Output | None]:
    tables = [tree.this, *(tree.args.get("tables") or ())]
    table = next((node for node in tables if isinstance(node, exp.Table)), None)
    what = str(tree.args.get("kind") or "").upper()
    if table is None or what not in ("TABLE", "VIEW"):
        return Parsed(), None
    return Parsed("drop", table_ref(table)), None


def _truncate(
    tree: exp.Expr, reader: Reader, target_columns: Sequence[str] | None
) -> tuple[Parsed, Output | None]:
    table = next((node for node in tree.expressions if isinstance(node, exp.Table)), None)
    return Parsed("delete", table_ref(table) if table is not None else None), None


def _alter(
    tree: exp.Expr, reader: Reader, target_columns: Sequence[str] | None
) -> tuple[Parsed, Output | None]:
    table = _table_of(tree.this)
    if table is None or str(tree.args.get("kind") or "").upper() not in ("TABLE", "VIEW"):
        return Parsed(), None
    ref = table_ref(table)
    for action in tree.args.get("actions") or ():
        if isinstance(action, exp.AlterRename) and isinstance(action.this, exp.Table):
            return Parsed("alter", ref, renamed_to=table_ref(action.this)), None
        if isinstance(action, exp.SwapTable) and isinstance(action.this, exp.Table):
            return Parsed("alter", ref, sources=(table_ref(action.this),)), None
        if isinstance(action, exp.Query):  # ALTER VIEW v AS SELECT
            output = reader.query(action, _scope())
            flows = _flows(output, _fitting(output, target_columns))
            return _parsed("create_view", reader, ref, flows, names=_names(output)), output
    return Parsed("alter", ref), None


def _cache(
    tree: exp.Expr, reader: Reader, target_columns: Sequence[str] | None
) -> tuple[Parsed, Output | None]:
    """Spark's ``CACHE TABLE t AS SELECT``: a temporary view."""
    table, body = _table_of(tree.this), tree.args.get("expression")
    if table is None or not isinstance(body, exp.Query):
        return Parsed(), None
    output = reader.query(body, _scope())
    parsed = _parsed("create_view", reader, table_ref(table), _flows(output, None), temporary=True)
    return parsed, output


_UNLOAD = re.compile(
    r"\s*\(\s*(?:'((?:[^']|'')*)'|\$\$(.*?)\$\$|(.*))\s*\)\s*to\s*'([^']*)'", re.I | re.S
)
# What writes data: worth a problem when it cannot be read.
_WRITING = frozenset({"CREATE", "INSERT", "MERGE", "UPDATE", "COPY", "UNLOAD", "SELECT", "WITH"})


def _command(
    tree: exp.Expr, reader: Reader, target_columns: Sequence[str] | None
) -> tuple[Parsed, Output | None]:
    """What sqlglot keeps as text. ``UNLOAD ('query') TO 'path'`` is read, others say so."""
    word = str(tree.this).upper()
    found = _UNLOAD.match(tree.expression.name if tree.expression else "")
    if word == "UNLOAD" and found is not None:
        quoted, dollar, bare, path = found.groups()
        text = quoted.replace("''", "'") if quoted is not None else dollar or bare
        inner = next(pieces(text, reader.dialect), None)
        if inner is not None and isinstance(inner.tree, exp.Query):
            output = reader.query(inner.tree, _scope())
            flows = _flows(output, None)
            return _parsed("copy", reader, path_ref(path), flows, names=_names(output)), output
    problem = (f"a form of {word} that is not understood",) if word in _WRITING else ()
    return Parsed(problems=problem), None


Handler = Callable[[Any, Reader, Sequence[str] | None], tuple[Parsed, Output | None]]
_HANDLERS: dict[type[exp.Expr], Handler] = {
    exp.Create: _create,
    exp.Insert: _insert,
    exp.MultitableInserts: _multi_insert,
    exp.Update: _update,
    exp.Delete: _delete,
    exp.Merge: _merge,
    exp.Copy: _copy,
    exp.LoadData: _load,
    exp.Drop: _drop,
    exp.TruncateTable: _truncate,
    exp.Alter: _alter,
    exp.Cache: _cache,
    exp.Command: _command,
}
