"""UPDATE, DELETE and MERGE: which columns are written, of what."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlglot import exp

from catalog.sql.flows import (
    Flow,
    Result,
    flows_of,
    new_scope,
    parsed_as,
    top_level,
)
from catalog.sql.from_items import add_source
from catalog.sql.names import table_ref
from catalog.sql.query import Reader
from catalog.sql.refs import TableRef
from catalog.sql.relations import Origins, Relation, Scope


def update(tree: exp.Expr, reader: Reader, target_columns: Sequence[str] | None) -> Result:
    """UPDATE: the SET list, by the table that it writes to."""
    scope = reader.inside(reader.with_ctes(tree, new_scope()))
    source = tree.args.get("from_")
    if source is not None:
        add_source(reader, source.this, scope)
    written = _written(tree.this, scope, reader)
    reader.walk(tree.args.get("where"), scope)
    by_target: dict[TableRef | None, list[Flow]] = {}
    for name, origins, qualifier in _assignments(tree.expressions, reader, scope):
        relation = scope.relation(qualifier) if qualifier else None
        ref = relation.ref if relation is not None and relation.ref is not None else written
        by_target.setdefault(ref, []).append((name, origins))
    target = next(iter(by_target), written)
    return parsed_as("update", reader, target, by_target.get(target, []), own=False), None


def _written(node: exp.Expr, scope: Scope, reader: Reader) -> TableRef | None:
    """The table that UPDATE, DELETE or MERGE names: maybe by its alias in FROM."""
    if not isinstance(node, exp.Table):
        return None
    named = scope.relation([node.name.lower()]) if not node.args.get("db") else None
    if named is not None and named.ref is not None:
        return named.ref
    add_source(reader, node, scope)
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


def delete(tree: exp.Expr, reader: Reader, target_columns: Sequence[str] | None) -> Result:
    """DELETE: no column flows; other tables decide which rows go."""
    scope = reader.inside(reader.with_ctes(tree, new_scope()))
    for node in tree.args.get("using") or ():
        add_source(reader, node, scope)
    listed = tree.args.get("tables") or ()
    if listed and isinstance(tree.this, exp.Table):
        add_source(reader, tree.this, scope)
    written = _written(listed[0] if listed else tree.this, scope, reader)
    reader.walk(tree.args.get("where"), scope)
    return parsed_as("delete", reader, written, (), own=False), None


def merge(tree: exp.Expr, reader: Reader, target_columns: Sequence[str] | None) -> Result:
    """MERGE: columns of UPDATE SET and INSERT of every branch."""
    scope = reader.inside(reader.with_ctes(tree, new_scope()))
    add_source(reader, tree.args["using"], scope)
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
    return parsed_as("merge", reader, written, flows, own=False), None


def _merge_update(then: exp.Expr, reader: Reader, scope: Scope, given: Relation) -> list[Flow]:
    if any(isinstance(node, exp.Star) for node in then.expressions):
        return flows_of(given.output, None)
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
        return flows_of(given.output, None)
    if isinstance(then.this, exp.Tuple):
        names = [node.name for node in then.this.expressions]
    elif columns is not None:
        names = top_level(columns)
    else:
        names = []
    if isinstance(values, exp.Values) and values.expressions:
        values = values.expressions[0]
    cells = values.expressions if isinstance(values, exp.Tuple) else [values]
    origins = [reader.origins(cell, scope) for cell in cells]
    return list(zip(names, origins, strict=False))
