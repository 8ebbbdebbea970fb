"""What all statements share: from an output and a target's columns to edges."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlglot import exp

from catalog.naming import join_path, split_path
from catalog.sql.query import Reader
from catalog.sql.refs import WHOLE, ColumnEdge, Parsed, TableRef
from catalog.sql.relations import Column, Origins, Output, Scope

Flow = tuple[str, Origins]
"""(target column's name, origins)"""
Result = tuple[Parsed, Output | None]
"""A statement's edges, and the output that its target gets, where there is one."""


def new_scope() -> Scope:
    """The outermost scope of a statement."""
    return Scope(ctes={})


def parsed_as(
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


def names_of(output: Output) -> tuple[str | None, ...] | None:
    """Names of an output's columns, None while a star is open."""
    if output.is_open:
        return None
    return tuple(c.name.text if c.name is not None else None for c in output.columns())


def top_level(paths: Sequence[str]) -> list[str]:
    """Names of the columns that are no nested fields."""
    parts = [split_path(path) for path in paths]
    return [part[0] for part in parts if len(part) == 1]


def flows_of(output: Output, names: Sequence[str] | None, *, by_name: bool = False) -> list[Flow]:
    """Pairs an output with the target's columns: by position up to the first star."""
    if by_name or names is None:
        return [(c.name.text, c.origins) for c in output.columns() if c.name is not None]
    flows: list[Flow] = []
    for item, name in zip(output.items, names, strict=False):
        if not isinstance(item, Column):
            break
        flows.append((name, item.origins))
    return flows


def listed_columns(node: exp.Expr | None) -> list[str] | None:
    """Column names written behind a target: ``t (a, b)``, ``v (a COMMENT 'x')``."""
    if not isinstance(node, exp.Schema):
        return None
    names = [c for c in node.expressions if isinstance(c, (exp.Identifier, exp.ColumnDef))]
    return [name.name for name in names] or None


def table_of(node: exp.Expr | None) -> exp.Table | None:
    """The table behind a target that may list its columns."""
    node = node.this if isinstance(node, exp.Schema) else node
    return node if isinstance(node, exp.Table) else None


def has_property(node: exp.Expr, *kinds: type[exp.Expr]) -> bool:
    """Whether a CREATE carries one of these properties."""
    properties = node.args.get("properties")
    return properties is not None and any(isinstance(p, kinds) for p in properties.expressions)


def fitting(output: Output, columns: Sequence[str] | None) -> list[str] | None:
    """The target's real columns in the output's order, if they are as many.

    By name where all names are found, in the target's spelling; else by position.
    """
    if columns is None or output.is_open:
        return None
    names = top_level(columns)
    mine = output.columns()
    if len(names) != len(mine):
        return None
    spelled = {name.lower(): name for name in names}
    if len(spelled) < len(names):
        return names
    found = [
        names[at] if column.name is None else spelled.get(column.name.text.lower())
        for at, column in enumerate(mine)
    ]
    kept = [name for name in found if name is not None]
    return kept if len(set(kept)) == len(names) else names
