"""Queries to outputs: which columns of which tables each column of the result is made of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlglot import exp

from catalog.naming import join_path
from catalog.sql import dialects
from catalog.sql.from_items import add_join, add_source, renamed
from catalog.sql.refs import TableRef
from catalog.sql.relations import (
    NOTHING,
    Column,
    Item,
    Name,
    Origins,
    Output,
    Relation,
    Scope,
    Star,
    of_table,
    union,
)

# sqlglot has a name for these, but databases call such columns each in their own way.
_UNNAMED = (exp.Literal, exp.Bracket, exp.JSONExtract, exp.Boolean, exp.Null)
# Parts of a SELECT that are read on their own; all others decide which rows there are.
_OWN_PARTS = frozenset({"expressions", "from_", "joins", "laterals", "with_", "into", "hint"})


class Reader:
    """Reads the queries of one statement and collects the tables that they name.

    ``schemas``: field paths by `TableRef.key` and, lower-cased, by dotted name. ``temporary``:
    outputs of the script's temporary tables, which are looked through.
    """

    def __init__(
        self,
        dialect: str,
        schemas: Mapping[str, Sequence[str]],
        temporary: Mapping[str, Output] | None = None,
        *,
        lateral_aliases: bool | None = None,
    ) -> None:
        self.dialect = dialect
        self.schemas = schemas
        self.temporary = temporary or {}
        self.lateral = (
            dialect in dialects.LATERAL_ALIASES if lateral_aliases is None else lateral_aliases
        )
        self.sources: dict[TableRef, None] = {}
        self.filters: set[tuple[TableRef, str]] = set()

    # -- names ------------------------------------------------------------------------------

    def name(self, identifier: exp.Expr) -> Name:
        """The name in an identifier (or in anything that holds one)."""
        text = identifier.name
        if isinstance(identifier, exp.Identifier) and identifier.args.get("quoted"):
            return Name(text, text)
        return Name(text, dialects.fold_unquoted(text, self.dialect))

    def paths(self, ref: TableRef) -> Sequence[str] | None:
        """The schema of a table, None if unknown."""
        found = self.schemas.get(ref.key)
        return found if found is not None else self.schemas.get(ref.key.lower())

    def table(self, ref: TableRef) -> Output:
        """Output of a table that the statement reads; notes it as a source."""
        hidden = self.temporary.get(ref.key.lower())
        if hidden is not None:
            behind = {origin for column in hidden.columns() for origin, _ in column.origins}
            for item in hidden.items:
                if isinstance(item, Star):
                    behind.update(item.refs)
            self.sources.update(dict.fromkeys(sorted(behind, key=lambda found: found.key)))
            return hidden
        self.sources[ref] = None
        return of_table(ref, self.paths(ref))

    # -- queries ----------------------------------------------------------------------------

    def query(self, node: exp.Expr, outer: Scope) -> Output:
        """Output of any query expression."""
        node, outer = self._unwrapped(node, outer)
        if isinstance(node, exp.SetOperation):
            return self._set_operation(node, outer)
        if isinstance(node, exp.Select):
            return self._select(node, outer)
        if isinstance(node, exp.Values):
            return self.values(node, outer)
        if isinstance(node, (exp.Insert, exp.Update, exp.Delete)):
            return self._returning(node, outer)
        if isinstance(node, (exp.Table, exp.Pivot)):
            scope = self.inside(outer)
            add_source(self, node, scope)
            return Output([item for r in scope.relations for item in r.output.items])
        self.walk(node, outer)
        return Output([])

    def _returning(self, node: exp.Expr, outer: Scope) -> Output:
        """``WITH gone AS (DELETE FROM t .. RETURNING a)``: columns of the table it changes."""
        scope = self.inside(outer)
        table = node.this.this if isinstance(node.this, exp.Schema) else node.this
        if isinstance(table, exp.Table):
            add_source(self, table, scope)
        for part in ("expression", "where"):
            if node.args.get(part) is not None:
                self.walk(node.args[part], scope)
        returning = node.args.get("returning")
        items: list[Item] = []
        for projection in returning.expressions if returning is not None else ():
            items.extend(self._projection(projection, scope))
        return Output(items)

    def _unwrapped(self, node: exp.Expr, outer: Scope) -> tuple[exp.Expr, Scope]:
        """The query inside brackets, with the CTEs written before them."""
        while True:
            outer = self.with_ctes(node, outer)
            plain = isinstance(node, (exp.Subquery, exp.Paren)) and not node.args.get("joins")
            if not plain:
                return node, outer
            node = node.this

    def inside(self, outer: Scope) -> Scope:
        """A new scope inside another one."""
        return Scope(ctes=outer.ctes, outer=outer)

    def with_ctes(self, node: exp.Expr, outer: Scope) -> Scope:
        """The scope that also sees the node's own CTEs."""
        clause = node.args.get("with_")
        if clause is None:
            return outer
        scope = Scope(ctes=dict(outer.ctes), outer=outer)
        for cte in clause.expressions:
            output = self._cte(cte, scope, bool(clause.args.get("recursive")))
            scope.ctes = {**scope.ctes, cte.alias.lower(): output}
        return scope

    def _cte(self, cte: exp.Expr, scope: Scope, recursive: bool) -> Output:
        alias = cte.args.get("alias")
        body = cte.this
        if recursive and isinstance(body, exp.SetOperation):
            # The first branch says what the name stands for in the others.
            anchor = renamed(self, self.query(body.left, scope), alias)
            inner = Scope(ctes={**scope.ctes, cte.alias.lower(): anchor}, outer=scope)
            return union(anchor, [self.query(body.right, inner)])
        return renamed(self, self.query(body, scope), alias)

    def _set_operation(self, node: exp.SetOperation, outer: Scope) -> Output:
        branches: list[exp.Expr] = []
        flows: list[bool] = []  # whether the branch's values can appear in the result
        current: exp.Expr = node
        while isinstance(current, exp.SetOperation):
            branches.append(current.expression)
            flows.append(not isinstance(current, exp.Except))
            for part in ("order", "limit"):
                if part in current.args and current.args[part] is not None:
                    self.walk(current.args[part], outer)
            current = current.this
            outer = self.with_ctes(current, outer)
        first = self.query(current, outer)
        others = []
        for branch, flow in zip(reversed(branches), reversed(flows), strict=True):
            output = self.query(branch, outer)
            if flow:
                others.append(output)
            else:
                self.filters.update(o for column in output.columns() for o in column.origins)
        return union(first, others, by_name=bool(node.args.get("by_name")))

    def values(self, node: exp.Expr, outer: Scope) -> Output:
        """Columns of VALUES: what subqueries in their place bring along."""
        columns: list[Column] = []
        for row in node.expressions:
            cells = row.expressions if isinstance(row, exp.Tuple) else [row]
            for at, cell in enumerate(cells):
                origins = self.origins(cell, outer)
                if at == len(columns):
                    columns.append(Column(None, origins))
                elif origins:
                    columns[at] = Column(None, columns[at].origins | origins)
        return renamed(self, Output(columns), node.args.get("alias"))

    def _select(self, node: exp.Select, outer: Scope) -> Output:
        scope = self.inside(outer)
        source = node.args.get("from_")
        if source is not None:
            add_source(self, source.this, scope)
        for join in node.args.get("joins") or ():
            add_join(self, join, scope)
        for lateral in node.args.get("laterals") or ():
            add_source(self, lateral, scope)
        items: list[Item] = []
        scope.lateral = self.lateral
        for projection in node.expressions:
            items.extend(self._projection(projection, scope))
        scope.lateral = True  # ORDER BY, HAVING and, in many dialects, GROUP BY see aliases
        for part, value in node.args.items():
            if value and part not in _OWN_PARTS:
                self.walk(value, scope)
        return Output(items)

    # -- the select list --------------------------------------------------------------------

    def _projection(self, node: exp.Expr, scope: Scope) -> Iterator[Item]:
        if isinstance(node, exp.Star):
            yield from self._star(node, scope.relations, scope)
            return
        if isinstance(node, exp.Column) and isinstance(node.this, exp.Star):
            relation = scope.relation([part.name.lower() for part in node.parts[:-1]])
            if relation is not None:
                yield from self._star(node.this, [relation], scope)
            return
        value = node.this if isinstance(node, exp.Alias) else node
        if isinstance(value, exp.Columns):
            yield Star(())
            return
        origins = self.origins(value, scope)
        if isinstance(node, exp.Aliases):
            for alias in node.args["expressions"]:
                yield Column(self.name(alias), origins)
            return
        name = self._output_name(node)
        if name is not None:
            self._remember_alias(name, node, origins, scope)
        yield Column(name, origins)

    def _output_name(self, node: exp.Expr) -> Name | None:
        if isinstance(node, exp.Alias):
            return self.name(node.args["alias"])
        if isinstance(node, exp.Column):
            return self.name(node.this)
        if isinstance(node, exp.Dot):
            return self.name(node.expression)
        if isinstance(node, exp.Cast) and self.dialect not in dialects.CASTS_KEEP_NAMES:
            return None
        text = "" if isinstance(node, _UNNAMED) else node.output_name
        return Name(text, text) if text and text != "*" else None

    def _remember_alias(self, name: Name, node: exp.Expr, origins: Origins, scope: Scope) -> None:
        key = name.folded.lower()
        if not isinstance(node, exp.Alias) or key in scope.aliases:
            return
        # `trim(name) AS name, upper(name)`: the second means the column, so does the first.
        if not any(column.name.lower() == key for column in node.this.find_all(exp.Column)):
            scope.aliases[key] = origins

    def _star(self, star: exp.Expr, relations: Sequence[Relation], scope: Scope) -> Iterator[Item]:
        excluded = star.args.get("except_") or star.args.get("except") or ()
        without = {node.name.lower() for node in excluded}
        replaced = {
            node.alias.lower(): self.origins(node.this, scope)
            for node in star.args.get("replace") or ()
        }
        renamed = {
            node.this.name.lower(): self.name(node.args["alias"])
            for node in star.args.get("rename") or ()
            if isinstance(node, exp.Alias)
        }
        given: set[str] = set()
        for relation in relations:
            if relation.rest is not None and not relation.output.items:
                yield Star(())
            for item in relation.output.items:
                if isinstance(item, Star):
                    hidden = without | set(replaced) | set(renamed)
                    yield Star(item.refs, item.without | hidden)
                    continue
                key = item.name.folded.lower() if item.name is not None else ""
                if key in without or (key in scope.shared and key in given):
                    continue
                given.add(key)
                origins = item.origins
                if key in scope.shared and len(relations) > 1 and item.name is not None:
                    origins = scope.resolve(item.name)
                yield Column(renamed.get(key, item.name), replaced.get(key, origins))

    # -- expressions ------------------------------------------------------------------------

    def origins(self, node: exp.Expr, scope: Scope) -> Origins:
        """The columns that an expression is made of, subqueries included."""
        found: set[tuple[TableRef, str]] = set()
        stack: list[exp.Expr] = [node]
        while stack:
            current = stack.pop()
            if isinstance(current, exp.Column):
                found |= self._column(current, scope, [])
            elif isinstance(current, exp.Dot):
                self._dot(current, scope, found, stack)
            elif isinstance(current, exp.Query):
                for column in self.query(current, scope).columns():
                    found |= column.origins
            elif isinstance(current, exp.Exists):
                self.query(current.this, scope)
            elif isinstance(current, exp.Lambda):
                hidden = {parameter.name.lower() for parameter in current.expressions}
                found |= self.origins(
                    current.this,
                    Scope(scope.ctes, outer=scope, hidden=scope.hidden | hidden),
                )
            else:
                stack.extend(current.iter_expressions())
        return frozenset(found)

    def walk(self, value: Any, scope: Scope) -> None:
        """Reads what decides about rows: its columns are filters, its subqueries sources."""
        for node in value if isinstance(value, list) else [value]:
            if isinstance(node, exp.Expr):
                self.filters |= self.origins(node, scope)

    def _dot(
        self,
        node: exp.Dot,
        scope: Scope,
        found: set[tuple[TableRef, str]],
        stack: list[exp.Expr],
    ) -> None:
        """``expression.field.field``: fields of the column at its root."""
        fields: list[str] = []
        root: exp.Expr = node
        while isinstance(root, (exp.Dot, exp.Paren)):
            if isinstance(root, exp.Dot):
                if not isinstance(root.expression, exp.Identifier):
                    stack.append(root.expression)
                fields.insert(0, root.expression.name)
            root = root.this
        if isinstance(root, exp.Column):
            found |= self._column(root, scope, fields)
        else:
            stack.append(root)

    def _column(self, node: exp.Column, scope: Scope, fields: Sequence[str]) -> Origins:
        """Origins of ``[[catalog.]db.]table.column`` or ``column.field.field``."""
        parts = node.parts
        if isinstance(parts[-1], exp.Star):
            return NOTHING
        for cut in range(len(parts) - 1, 0, -1):
            relation = scope.relation([part.name.lower() for part in parts[:cut]])
            if relation is not None:
                inner = [part.name for part in parts[cut + 1 :]] + list(fields)
                return self._field(relation.column(self.name(parts[cut])) or NOTHING, inner)
        inner = [part.name for part in parts[1:]] + list(fields)
        if len(parts) > 2:  # a table that is not in FROM: nothing to hold on to
            return NOTHING
        return self._field(scope.resolve(self.name(parts[0])), inner)

    def _field(self, origins: Origins, fields: Sequence[str]) -> Origins:
        """The nested field, where the schema lists it; else the column that holds it."""
        if not fields:
            return origins
        return frozenset((ref, self._deepest(ref, path, fields)) for ref, path in origins)

    def _deepest(self, ref: TableRef, path: str, fields: Sequence[str]) -> str:
        known = set(self.paths(ref) or ())
        for name in fields:
            deeper = path + "." + join_path([name])
            if deeper not in known:
                break
            path = deeper
        return path
