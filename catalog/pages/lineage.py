"""Lineage: the picture, the same as a list, and the statements behind an edge."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, Final, cast

from fastapi import Path, Query
from sqlalchemy import Connection
from starlette.responses import Response

from catalog.assets import resolve
from catalog.assets.columns import named_column
from catalog.assets.resolve import Match
from catalog.errors import BadInput
from catalog.lineage import cards, graph
from catalog.lineage import evidence as reasons
from catalog.lineage.adjacency import Way
from catalog.lineage.cards import Reach
from catalog.lineage.views import CardColumns, Graph, OwnerName
from catalog.naming import leaf
from catalog.pages.asset_head import Head, head_in
from catalog.pages.frame import page
from catalog.pages.graph_address import FAN, FANS, MOST_NODES, NODES, Wanted, expand_of
from catalog.pages.graph_list import Entry, as_csv, entries
from catalog.pages.graph_picture import FEW_CARDS, draw
from catalog.pages.graph_shapes import Picture
from catalog.serving.call import Call, CallArg
from catalog.serving.routing import Router

router = Router("/assets", "pages")
LISTED: Final = 1_000
"""Assets of the list, on pages; the CSV holds more."""
EXPORTED: Final = 5_000
ON_A_PAGE: Final = 100
BELOW: Final = 30
"""Entries of each direction below the picture; all of them are in the list."""
DEPTHS: Final = (1, 2, 3, 5, 10, 100)
AssetId = Annotated[str, Path()]
Text = Annotated[str | None, Query(max_length=4_000)]


@dataclass(frozen=True)
class Section:
    """One direction of the list. ``total``: with the entries that are not on this page."""

    way: str
    title: str
    entries: Sequence[Entry]
    total: int


@router.get("/{id}/lineage", include_in_schema=False)
def lineage(
    call: CallArg,
    id: AssetId,
    direction: Text = None,
    depth: Text = None,
    column: Text = None,
    expand: Text = None,
    fan: Text = None,
    nodes: Text = None,
    view: Text = None,
    page: Text = None,
    format: Text = None,
) -> Response:
    """Where an asset or a column comes from and where it goes."""
    wanted = Wanted(
        asset=id,
        direction=direction or "both",
        depth=_number("depth", depth),
        column=column or None,
        expand=expand_of(expand),
        fan=min(max(FANS), max(1, _number("fan", fan) or FAN)),
        nodes=min(MOST_NODES, max(1, _number("nodes", nodes) or NODES)),
        view=view if view in ("graph", "list") else None,
    )
    if format == "csv":
        return _csv(call, wanted)
    if wanted.view == "list":
        return _list(call, wanted, max(1, _number("page", page) or 1))
    return _picture(call, wanted)


def _number(name: str, text: str | None) -> int | None:
    if not text:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise BadInput(f"{name} is {text[:50]!r}.", remedy="Use a whole number.", parameter=name)
    return int(text)


# --- reading --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Read:
    """What the store says. ``wanted`` with the asset's own id and the column's own spelling."""

    match: Match
    wanted: Wanted
    graph: Graph
    head: Head | None = None


def _read(connection: Connection, call: Call, wanted: Wanted, **more: Any) -> Read:
    match = resolve.resolve_id(connection, call.viewer, wanted.asset)
    column = wanted.column and named_column(connection, match, wanted.column).path
    found = graph.traverse(
        connection,
        call.viewer,
        match.key,
        direction=cast(graph.Direction, wanted.direction),
        depth=wanted.hops,
        column=column,
        **more,
    )
    return Read(match, replace(wanted, asset=match.id, column=column), found)


def _opened(read: Read) -> list[str]:
    """The cards that show columns: of a large graph the one in focus and those opened."""
    ids = [node.id for node in read.graph.nodes]
    if len(ids) <= FEW_CARDS or read.graph.column is not None:
        return ids
    return [one for one in ids if one == read.match.id or one in read.wanted.expand]


def _ways(wanted: Wanted) -> tuple[Way, ...]:
    return ("up", "down") if wanted.direction == "both" else (cast(Way, wanted.direction),)


def _reach(connection: Connection, call: Call, read: Read) -> Reach | None:
    """How much there is in all, unless everything is drawn; a column's way is not counted."""
    whole = not read.graph.truncated and not any(
        (node.more_up if node.level <= 0 else 0) or (node.more_down if node.level >= 0 else 0)
        for node in read.graph.nodes
    )
    if whole or read.graph.column is not None:
        return None
    return cards.reach(connection, call.viewer, read.match.key, _ways(read.wanted))


def _drawn(read: Read, reach: Reach | None) -> str:
    """How complete the picture is."""
    count = len(read.graph.nodes)
    assets = "asset" if count == 1 else "assets"
    if reach is not None:
        total = 1 + reach.up + reach.down
        # An asset of a cycle lies up and down, and is drawn once.
        if reach.more or total > count:
            least = "more than " if reach.more else ""
            return f"{count:,} of {least}{max(total, count):,} assets drawn"
    if read.graph.truncated:
        return f"{count:,} {assets} drawn, more are not"
    return f"{count:,} {assets} drawn"


def _fuller(read: Read) -> str | None:
    """The address of the picture with as many cards as there can be, when some were left out."""
    cut = read.graph.truncated and len(read.graph.nodes) >= read.wanted.nodes
    return read.wanted.url(nodes=MOST_NODES) if cut and read.wanted.nodes < MOST_NODES else None


# --- pages ----------------------------------------------------------------------------------


def _picture(call: Call, wanted: Wanted) -> Response:
    with call.connect() as connection:
        read = _read(connection, call, wanted, budget=wanted.nodes, fan=wanted.fan)
        read = replace(read, head=head_in(connection, call, read.match))
        ids, opened = [node.id for node in read.graph.nodes], _opened(read)
        columns = cards.columns_of(connection, call.viewer, ids, opened)
        flows = read.graph.column_edges
        if flows is None:
            flows = cards.column_edges(connection, call.viewer, opened)
        reach = _reach(connection, call, read)
        sections = _sections(read)
        shown = [replace(one, entries=one.entries[:BELOW]) for one in sections]
        owners = _owners(connection, call, shown)
    picture: Picture | None = None
    if len(read.graph.nodes) > 1:
        picture = draw(read.graph, read.wanted, columns, flows)
    call.viewed(read.match.key)
    return _show(
        call,
        "lineage/graph.html",
        read,
        picture=picture,
        at="{:g}".format,
        drawn=_drawn(read, reach),
        fuller=_fuller(read),
        sections=shown,
        owners=owners,
        choices=_choices(read, columns),
        paging=None,
    )


def _list(call: Call, wanted: Wanted, number: int) -> Response:
    with call.connect() as connection:
        read = _read(connection, call, wanted, budget=LISTED, **_whole(wanted))
        read = replace(read, head=head_in(connection, call, read.match))
        columns = cards.columns_of(connection, call.viewer, [read.match.id], [read.match.id])
        sections = _sections(read)
        start = (number - 1) * ON_A_PAGE
        shown = [replace(one, entries=one.entries[start : start + ON_A_PAGE]) for one in sections]
        owners = _owners(connection, call, shown)
    last = max((one.total for one in sections), default=0) > start + ON_A_PAGE
    call.viewed(read.match.key)
    return _show(
        call,
        "lineage/list.html",
        read,
        drawn=_listed(read),
        fuller=None,
        sections=shown,
        owners=owners,
        choices=_choices(read, columns),
        paging=(number, last),
    )


def _csv(call: Call, wanted: Wanted) -> Response:
    with call.connect() as connection:
        read = _read(connection, call, wanted, budget=EXPORTED, **_whole(wanted))
        sections = _sections(read)
        owners = _owners(connection, call, sections)
    text = as_csv([(one.way, one.entries) for one in sections], owners)
    name = leaf(read.match.row.name, read.match.row.platform)
    safe = re.sub(r"[^A-Za-z0-9._-]", "_", name)
    return Response(
        text,
        media_type="text/csv; charset=utf-8",
        headers={"content-disposition": f'attachment; filename="lineage_{safe[:80]}.csv"'},
    )


def _whole(wanted: Wanted) -> dict[str, Any]:
    """A list takes all neighbours; of a column all columns are followed anyway."""
    return {} if wanted.column else {"fan": EXPORTED}


def _listed(read: Read) -> str:
    count = len(read.graph.nodes) - 1
    text = f"{count:,} {'asset' if count == 1 else 'assets'} listed"
    return f"{text}, there are more: export them" if read.graph.truncated else text


def _sections(read: Read) -> list[Section]:
    titles = {"up": "Upstream: where it comes from", "down": "Downstream: what depends on it"}
    found = []
    for way in _ways(read.wanted):
        listed = entries(read.graph, read.wanted, way)
        found.append(Section(way, titles[way], listed, len(listed)))
    return found


def _owners(
    connection: Connection, call: Call, sections: Sequence[Section]
) -> dict[str, list[OwnerName]]:
    ids = [entry.node.id for section in sections for entry in section.entries]
    return cards.owners_of(connection, call.viewer, ids)


def _choices(read: Read, columns: dict[str, CardColumns]) -> list[str]:
    """Columns to choose from: the first ones, and the chosen one."""
    known = columns.get(read.match.id, CardColumns(0, [])).paths
    chosen = read.wanted.column
    return [*known, *([chosen] if chosen and chosen not in known else [])]


def _show(call: Call, template: str, read: Read, **values: Any) -> Response:
    row = read.match.row
    return page(
        call,
        template,
        here="/browse",
        head=read.head,
        label=leaf(row.name, row.platform),
        graph=read.graph,
        wanted=read.wanted,
        depths=sorted({*DEPTHS, read.wanted.hops}),
        **values,
    )


# --- evidence -------------------------------------------------------------------------------


@router.get("/{id}/lineage/evidence", include_in_schema=False)
def evidence(
    call: CallArg,
    id: AssetId,
    source: Annotated[str | None, Query(alias="from", max_length=100)] = None,
    to: Text = None,
    column: Text = None,
    to_column: Text = None,
) -> Response:
    """Why data is believed to flow from an asset to another, or between two columns."""
    with call.connect() as connection:
        viewer = call.viewer
        match = resolve.resolve_id(connection, viewer, id)
        start = resolve.resolve_id(connection, viewer, source or match.id)
        end = resolve.resolve_id(connection, viewer, to or match.id)
        items = reasons.evidence(
            connection,
            viewer,
            start.key,
            end.key,
            source_column=column or None,
            target_column=to_column or None,
        )
        pairs = cards.column_pairs(connection, viewer, start.key, end.key)
    return page(
        call,
        "lineage/evidence.html",
        here="/browse",
        match=match,
        start=_end(start),
        end=_end(end),
        column=column or None,
        to_column=to_column or None,
        items=items,
        pairs=pairs,
        most_items=len(items) >= reasons.MOST_EVIDENCE,
        most_pairs=len(pairs) >= cards.MOST_PAIRS,
    )


@dataclass(frozen=True)
class End:
    """One end of an edge."""

    id: str
    kind: str
    name: str
    label: str


def _end(match: Match) -> End:
    row = match.row
    return End(match.id, row.kind, match.name, leaf(row.name, row.platform))
