"""Neighbours that a picture of lineage counts instead of drawing, and where they are seen.

Those within the depth get a card of their own, those behind the border a figure beside the card
that they belong to.
"""

from __future__ import annotations

from catalog.lineage.views import Graph, Node
from catalog.naming import leaf
from catalog.pages.graph_address import Wanted
from catalog.pages.graph_shapes import WIDTH, Beyond, More


def at_border(node: Node, hops: int) -> bool:
    """Whether the neighbours further out lie behind the depth that was asked for."""
    return abs(node.level) >= hops


def _missing(node: Node, graph: Graph) -> list[tuple[str, int]]:
    """Ways in which neighbours of a card are missing that were asked for, and how many."""
    found = []
    if node.more_up and graph.direction != "down" and node.level <= 0:
        found.append(("up", node.more_up))
    if node.more_down and graph.direction != "up" and node.level >= 0:
        found.append(("down", node.more_down))
    return found


def hidden(graph: Graph, wanted: Wanted) -> dict[str, tuple[Node, str]]:
    """Cards for neighbours within the depth that are not drawn, by a name of their own."""
    return {
        f"more {way} {node.id}": (node, way)
        for node in graph.nodes
        if not at_border(node, wanted.hops)
        for way, _ in _missing(node, graph)
    }


def beyond(node: Node, wanted: Wanted, graph: Graph) -> list[Beyond]:
    """Figures beside a card at the border."""
    if not at_border(node, wanted.hops):
        return []
    found = []
    for way, count in _missing(node, graph):
        what = "columns" if graph.column is not None else "assets"
        label = f"{count:,} more {what} {way} from {leaf(node.name, node.platform)}"
        href = _onwards(node, wanted, graph)
        side, anchor = (-6, "end") if way == "up" else (WIDTH + 6, "start")
        found.append(Beyond(f"+{count:,}", label, href, side, anchor))
    return found


def _onwards(node: Node, wanted: Wanted, graph: Graph) -> str:
    """Where missing neighbours are seen: further along the column, or around the asset."""
    if graph.column is not None:
        return wanted.url(depth=min(100, wanted.hops * 2), view=wanted.view)
    return wanted.about(node.id)


def more_card(node: Node, way: str, wanted: Wanted, graph: Graph, x: float, y: float) -> More:
    """A card in the place of neighbours; it leads to where they are seen."""
    count = dict(_missing(node, graph))[way]
    sub, href = "with this one in focus", _onwards(node, wanted, graph)
    if node.id == graph.root:
        wider = wanted.wider()
        sub = "draw more of them" if wider else "see them as a list"
        href = wider or wanted.url(view="list", direction=way, depth=1, column=None)
    elif graph.column is not None:
        sub, href = "see all as a list", wanted.url(view="list", depth=100)
    label = f"{count:,} more {way} from {leaf(node.name, node.platform)}: {sub}"
    return More(f"+{count:,} more", sub, label, href, x, y)
