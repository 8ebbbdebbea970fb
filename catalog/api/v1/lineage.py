"""Where data comes from and where it goes: the graph, neighbours of a hub, evidence."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from fastapi import Query

from catalog.api.v1.assets import REF
from catalog.api.v1.by_name import (
    EXAMPLE_ID,
    Asked,
    AsOfQuery,
    ColumnQuery,
    CursorQuery,
    LimitQuery,
    Pair,
    of_asset,
    told,
)
from catalog.assets import moments, resolve
from catalog.assets.columns import named_column
from catalog.assets.views import Page
from catalog.lineage import evidence as reasons
from catalog.lineage import graph
from catalog.lineage.views import EvidenceView, Graph, Node
from catalog.serving.call import Call
from catalog.serving.routing import Router

router = Router("/api/v1", "lineage")
pair = Pair(router)


class Evidence(msgspec.Struct, frozen=True):
    """The reasons to believe an edge, the surest first. ``target``: id of the other asset."""

    target: str
    items: list[EvidenceView]
    total: int
    next: str | None = None


GraphOf = of_asset("GraphOf", Graph)
NodePage = of_asset("NodePage", Page[Node])
EvidenceOf = of_asset("EvidenceOf", Evidence)
_NODE: dict[str, Any] = {
    "id": EXAMPLE_ID,
    "url": f"http://127.0.0.1:8585/assets/{EXAMPLE_ID}",
    "asset_class": "data",
    "kind": "table",
    "platform": "postgres",
    "namespace": "postgres://db:5432",
    "name": "shop.public.orders",
    "label": "orders",
    "state": "crawled",
    "title": None,
    "flag": None,
    "level": 0,
    "columns": [],
    "more_up": 0,
    "more_down": 0,
}


@pair.get(
    "/lineage",
    returns=GraphOf,
    summary="Lineage of an asset or a column",
    example={
        **REF,
        "root": EXAMPLE_ID,
        "column": None,
        "direction": "both",
        "depth": 3,
        "nodes": [_NODE],
        "edges": [],
        "column_edges": None,
        "truncated": False,
        "column_edges_truncated": False,
    },
)
def lineage(
    call: Call,
    asked: Asked,
    *,
    direction: Literal["up", "down", "both"] = "both",
    depth: Annotated[int, Query(description="Hops, 1 to 100.")] = 3,
    column: ColumnQuery = None,
    columns: Annotated[
        bool, Query(description="Also the column edges between the assets shown.")
    ] = False,
    indirect: Annotated[
        bool, Query(description="With `column`: also what decides which rows there are.")
    ] = False,
    budget: Annotated[int, Query(description="Nodes at most, 1 to 5,000.")] = graph.DEFAULT_BUDGET,
    as_of: AsOfQuery = None,
) -> object:
    """What leads to an asset (up) and what it leads to (down), within depth and budget.

    With `column` the trace of that column. What is not drawn is counted on the nodes.
    """
    moments.refuse_as_of(as_of, "Lineage")
    with call.connect() as connection:
        match = asked.match(connection, call.viewer, column)
        path = match.column and named_column(connection, match, match.column).path
        found = graph.traverse(
            connection,
            call.viewer,
            match.key,
            direction=direction,
            depth=depth,
            budget=budget,
            column=path,
            columns=columns,
            indirect=indirect,
        )
    return told(GraphOf, match, found)


@pair.get(
    "/neighbours",
    returns=NodePage,
    summary="Assets one hop away",
    example={**REF, "items": [_NODE], "total": 1, "at_least": None, "next": None},
)
def neighbours(
    call: Call,
    asked: Asked,
    *,
    direction: Literal["up", "down"],
    limit: LimitQuery = 50,
    cursor: CursorQuery = None,
    as_of: AsOfQuery = None,
) -> object:
    """All neighbours of a node that has more than a graph draws, by name, in pages."""
    moments.refuse_as_of(as_of, "Lineage")
    with call.connect() as connection:
        match = asked.match(connection, call.viewer)
        page = reasons.neighbours(
            connection, call.viewer, match.key, direction, cursor=cursor, limit=limit
        )
    return told(NodePage, match, page)


@pair.get(
    "/evidence",
    returns=EvidenceOf,
    summary="Why data is believed to flow from an asset to another",
    example={
        **REF,
        "target": EXAMPLE_ID,
        "items": [
            {
                "origin": "statement",
                "confidence": 1.0,
                "first_seen": "2026-11-01T03:00:00Z",
                "last_seen": "2026-11-22T03:00:00Z",
                "statement": None,
                "run": None,
            }
        ],
        "total": 1,
        "next": None,
    },
)
def evidence(
    call: Call,
    asked: Asked,
    *,
    to: Annotated[str, Query(description="The asset that the data flows to: a name in any form.")],
    column: ColumnQuery = None,
    to_column: Annotated[str | None, Query(description="Field path of its column.")] = None,
) -> object:
    """Statements and runs behind one edge, the surest first, at most 200."""
    with call.connect() as connection:
        match = asked.match(connection, call.viewer, column)
        target = resolve.resolve(connection, call.viewer, to, column=to_column)
        items = reasons.evidence(
            connection,
            call.viewer,
            match.key,
            target.key,
            source_column=match.column,
            target_column=target.column,
        )
    return told(EvidenceOf, match, Evidence(target.id, items, len(items)))
