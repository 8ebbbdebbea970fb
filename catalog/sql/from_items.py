"""What stands in FROM: tables, files, subqueries, functions, joins and pivots as relations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from catalog.sql.names import file_refs, table_ref
from catalog.sql.refs import TableRef, path_ref
from catalog.sql.relations import (
    NOTHING,
    Column,
    Item,
    Origins,
    Output,
    Relation,
    Scope,
    Star,
    union,
)

if TYPE_CHECKING:
    from catalog.sql.query import Reader


def add_join(reader: Reader, join: exp.Expr, scope: Scope) -> None:
    """Adds a join's table to the scope; its condition decides which rows there are."""
    before = len(scope.relations)
    add_source(reader, join.this, scope)
    using = join.args.get("using")
    if using:
        scope.shared.update(name.name.lower() for name in using)
        for identifier in using:
            reader.filters.update(scope.resolve(reader.name(identifier)))
    elif (join.args.get("method") or "").upper() == "NATURAL":
        mine = [r.output.columns() for r in scope.relations[before:]]
        names = {c.name.folded.lower() for cs in mine for c in cs if c.name is not None}
        scope.shared.update(
            column.name.folded.lower()
            for relation in scope.relations[:before]
            for column in relation.output.columns()
            if column.name is not None and column.name.folded.lower() in names
        )
    if join.args.get("on") is not None:
        reader.walk(join.args["on"], scope)


def add_source(reader: Reader, node: exp.Expr, scope: Scope) -> None:
    """Adds one item of FROM, and what is joined to it inside brackets, to the scope."""
    if isinstance(node, (exp.Subquery, exp.Paren)) and _is_bracketed_join(node):
        add_source(reader, node.this, scope)
    else:
        scope.relations.append(_relation(reader, node, scope))
    for join in node.args.get("joins") or ():
        add_join(reader, join, scope)
    for lateral in node.args.get("laterals") or ():
        add_source(reader, lateral, scope)


def _relation(reader: Reader, node: exp.Expr, scope: Scope) -> Relation:
    if isinstance(node, exp.Table):
        relation = _table(reader, node, scope)
    elif isinstance(node, exp.Values):
        relation = Relation(reader.values(node, scope))
    elif isinstance(node, (exp.Subquery, exp.Query)):
        relation = Relation(reader.query(node, scope))
    elif isinstance(node, exp.Lateral) and isinstance(node.this, (exp.Subquery, exp.Query)):
        relation = Relation(reader.query(node.this, scope))
    elif isinstance(node, exp.Pivot):
        inner = reader.inside(scope)
        add_source(reader, node.this, inner)
        relation = _pivoted(reader, inner.relations[0], [node], inner)
    else:
        return _function(reader, node, scope)
    pivots = node.args.get("pivots")
    if pivots:
        relation = _pivoted(reader, relation, pivots, scope)
    alias = node.args.get("alias") or (pivots[0].args.get("alias") if pivots else None)
    if isinstance(alias, exp.TableAlias):
        relation.output = renamed(reader, relation.output, alias)
        if alias.this is not None:
            relation.alias = alias.name.lower()
    return relation


def _table(reader: Reader, node: exp.Table, scope: Scope) -> Relation:
    if isinstance(node.this, (exp.Var, exp.Literal)):  # a stage or a location
        return Relation(reader.table(path_ref(node.name)))
    if not isinstance(node.this, (exp.Identifier, exp.Dot)):
        return _table_function(reader, node, scope)
    ref = table_ref(node)
    parts = tuple(part.lower() for part in ref.parts)
    if len(parts) == 1 and parts[0] in scope.ctes:
        return Relation(scope.ctes[parts[0]], alias=parts[0])
    alias = parts[-1] if parts else None
    return Relation(reader.table(ref), alias=alias, parts=parts, ref=ref)


def _table_function(reader: Reader, node: exp.Table, scope: Scope) -> Relation:
    refs = file_refs(node.this)
    if refs:
        outputs = [reader.table(ref) for ref in refs]
        if all(output.is_open for output in outputs):
            return Relation(Output([Star(tuple(refs))]))
        return Relation(union(outputs[0], outputs[1:], by_name=True))
    if isinstance(node.this, exp.Parameter):  # a T-SQL table variable
        ref = TableRef(("@" + node.this.name,), (False,))
        hidden = reader.temporary.get(ref.key.lower())
        return Relation(hidden or Output([]), alias=ref.key.lower())
    return Relation(Output([]), rest=reader.origins(node.this, scope))


def _function(reader: Reader, node: exp.Expr, scope: Scope) -> Relation:
    """UNNEST, LATERAL VIEW explode and other functions: columns made of the arguments."""
    parts = [node.this, *node.expressions] if node.this is not None else node.expressions
    origins = NOTHING.union(*(reader.origins(p, scope) for p in parts if isinstance(p, exp.Expr)))
    alias = node.args.get("alias")
    relation = Relation(Output([]), rest=origins)
    names: list[exp.Expr] = []
    if isinstance(alias, exp.TableAlias):
        names = list(alias.args.get("columns") or ())
        if alias.this is not None:
            relation.alias = alias.name.lower()
            if not names:  # a function's alias also names its only column
                names = [alias.this]
    relation.output = Output([Column(reader.name(name), origins) for name in names])
    if not relation.alias and len(names) == 1:  # UNNEST(list) AS x: x.field
        relation.alias = names[0].name.lower()
    return relation


def _pivoted(
    reader: Reader, relation: Relation, pivots: Sequence[exp.Expr], scope: Scope
) -> Relation:
    """Generated columns come of what is aggregated or turned; the others pass through."""
    inner = Scope(ctes=scope.ctes, outer=scope, relations=[relation])
    made: Origins = NOTHING
    used: Origins = NOTHING
    names: list[exp.Expr] = []
    for pivot in pivots:
        if pivot.args.get("unpivot"):
            for field in pivot.args.get("fields") or ():
                names += [*pivot.expressions, field.this]
                made = made.union(*(reader.origins(node, inner) for node in field.expressions))
            continue
        names += pivot.args.get("columns") or ()
        by_using = pivot.args.get("using")  # DuckDB: PIVOT t ON keys USING aggregates
        keys = pivot.expressions if by_using else pivot.args.get("fields") or ()
        for node in by_using or pivot.expressions:
            made |= reader.origins(node, inner)
        for node in keys:
            used |= reader.origins(node, inner)
    reader.filters |= used
    kept: list[Item] = [
        item
        for item in relation.output.items
        if not (isinstance(item, Column) and item.origins & (made | used))
    ]
    columns = [Column(reader.name(name), made) for name in names]
    return Relation(Output([*kept, *columns]), alias=relation.alias, rest=made, ref=relation.ref)


def renamed(reader: Reader, output: Output, alias: Any) -> Output:
    """The output under the column names of a table alias ``t(a, b)``."""
    names = alias.args.get("columns") if isinstance(alias, exp.TableAlias) else None
    if not names:
        return output
    items = list(output.items)
    for at, name in enumerate(names):
        if at == len(items) or isinstance(items[at], Star):
            # Positions behind a star are unknown: the name is known, its origin is not.
            return Output([*items[:at], *(Column(reader.name(n)) for n in names[at:])])
        items[at] = Column(reader.name(name), items[at].origins)  # type: ignore[union-attr]
    return Output(items)


def _is_bracketed_join(node: exp.Expr) -> bool:
    """``(a JOIN b ON ..)`` in FROM: no query, its tables keep their own names."""
    inner = node.this
    while isinstance(inner, (exp.Subquery, exp.Paren)) and not inner.args.get("alias"):
        if inner.args.get("joins"):
            return True
        inner = inner.this
    return isinstance(inner, exp.Table) and not node.args.get("alias")
