"""The page of one column: what it is, where it comes from, what it feeds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import Path
from sqlalchemy import Connection
from starlette.responses import Response

from catalog.assets.columns import named_column, one_column
from catalog.assets.resolve import Match, resolve_id
from catalog.assets.views import ColumnView, Key
from catalog.errors import NotFound
from catalog.lineage import graph
from catalog.lineage.views import EdgeView, Graph, Node
from catalog.pages.asset_head import Head, head_in
from catalog.pages.edit import own_flag
from catalog.pages.frame import page
from catalog.serving.call import Call, CallArg
from catalog.serving.routing import Router

router = Router("/assets", "pages")
NEIGHBOURS: Final = 100


@dataclass(frozen=True)
class Neighbour:
    """A column on the other side of an edge. ``path`` None: the asset as a whole.

    ``indirect``: it decides which rows there are, its values do not flow.
    """

    node: Node
    path: str | None
    indirect: bool


@router.get("/{id}/column", include_in_schema=False)
def column(
    call: CallArg, id: Annotated[str, Path()], path: str, as_of: str | None = None
) -> Response:
    """A column by its field path; a path in another case is found too."""
    with call.connect() as connection:
        match = resolve_id(connection, call.viewer, id)
        head = head_in(connection, call, match, as_of=as_of)
        one = _column(connection, call, match, head, path)
        around = _around(connection, call, head, one.path)
        mine = own_flag(connection, call.viewer, one.flags)
    call.viewed(match.key)
    return page(
        call,
        "column/column.html",
        here="/browse",
        head=head,
        column=one,
        mine=mine,
        keys=keys_of(head.view.keys, one.path),
        up=neighbours(around, one.path, up=True),
        down=neighbours(around, one.path, up=False),
        cut=around is not None and around.truncated,
    )


def _column(connection: Connection, call: Call, match: Match, head: Head, path: str) -> ColumnView:
    if head.as_of is None:
        return one_column(connection, call.viewer, match, path)
    found = next((one for one in head.view.columns or () if one.path == path), None)
    if found is None:
        raise NotFound(
            f"{match.name} had no column {path!r} then.", remedy="Look at its columns of that day."
        )
    return found


def _around(connection: Connection, call: Call, head: Head, path: str) -> Graph | None:
    """One hop of columns on both sides; of now only."""
    if head.as_of is not None:
        return None
    return graph.traverse(
        connection,
        call.viewer,
        head.match.key,
        depth=1,
        budget=2 * NEIGHBOURS,
        column=named_column(connection, head.match, path).path,
        indirect=True,
    )


def neighbours(around: Graph | None, path: str, *, up: bool) -> list[Neighbour]:
    """The columns one hop away on one side, by asset and path."""
    if around is None:
        return []
    nodes = {node.id: node for node in around.nodes}
    found: dict[tuple[str, str | None], Neighbour] = {}
    for edge in around.column_edges or ():
        near, far, other = _ends(edge, up)
        if near != (around.root, path) or far not in nodes:
            continue
        indirect = edge.kind == "indirect"
        known = found.get((far, other))
        if known is None or known.indirect:
            found[far, other] = Neighbour(nodes[far], other, indirect)
    ordered = sorted(found.values(), key=lambda one: (one.indirect, one.node.name, one.path or ""))
    return ordered[:NEIGHBOURS]


def _ends(edge: EdgeView, up: bool) -> tuple[tuple[str, str | None], str, str | None]:
    """((asset, column) on this side, asset, column on the other side)."""
    if up:
        return (edge.target, edge.target_column), edge.source, edge.source_column
    return (edge.source, edge.source_column), edge.target, edge.target_column


def keys_of(keys: list[Key], path: str) -> list[Key]:
    """The keys of the asset that this column is part of."""
    return [key for key in keys if path in key.columns]
