"""The small picture of lineage on an asset's page: four neighbours on each side. Pure geometry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from catalog.lineage.views import Graph, Node
from catalog.naming import parts_of

SIDE: Final = 4
WIDTH, HEIGHT, GAP, BETWEEN = 186, 44, 13, 51
LETTERS: Final = 22
"""What fits into a card; the whole name is in its title."""


@dataclass(frozen=True)
class Card:
    """A card at ``x``, ``y``. ``node`` None: how many more there are (``name``)."""

    x: float
    y: float
    node: Node | None
    name: str
    sub: str
    focus: bool = False


@dataclass(frozen=True)
class Mini:
    """The picture: cards, paths of edges, its size; ``up`` and ``down`` as a list too."""

    cards: tuple[Card, ...]
    edges: tuple[str, ...]
    width: int
    height: float
    up: tuple[Node, ...]
    down: tuple[Node, ...]
    more_up: int
    more_down: int
    label: str


def mini(graph: Graph, up: int, down: int) -> Mini | None:
    """The picture of a graph of depth 1; ``up`` and ``down``: how many neighbours there are."""
    if not up and not down:
        return None
    root = next(node for node in graph.nodes if node.id == graph.root)
    ups = [node for node in graph.nodes if node.level < 0]
    downs = [node for node in graph.nodes if node.level > 0]
    left, more_up = _shown(ups, up)
    right, more_down = _shown(downs, down)
    rows = max(len(left) + bool(more_up), len(right) + bool(more_down), 1)
    height = rows * HEIGHT + (rows - 1) * GAP
    middle = (height - HEIGHT) / 2
    at = 0.0 if not up else float(WIDTH + BETWEEN)
    cards = [Card(at, middle, root, short(root.label), sub_of(root), focus=True)]
    edges = []
    for side, x, more in ((left, 0.0, more_up), (right, at + WIDTH + BETWEEN, more_down)):
        column = [(node, short(node.label), sub_of(node)) for node in side]
        items: list[tuple[Node | None, str, str]] = [*column]
        if more:
            items.append((None, f"+{more:,} more", "all in the graph"))
        top = (height - len(items) * HEIGHT - (len(items) - 1) * GAP) / 2
        for place, (node, name, sub) in enumerate(items):
            y = top + place * (HEIGHT + GAP)
            cards.append(Card(x, y, node, name, sub))
            edges.append(_edge(x, y, at, middle))
    sides = 1 + bool(up) + bool(down)
    return Mini(
        cards=tuple(cards),
        edges=tuple(edges),
        width=sides * WIDTH + (sides - 1) * BETWEEN,
        height=height,
        up=tuple(left),
        down=tuple(right),
        more_up=more_up,
        more_down=more_down,
        label=f"{root.label} reads {_count(up)} and feeds {_count(down)}",
    )


def _shown(nodes: Sequence[Node], total: int) -> tuple[list[Node], int]:
    """At most four cards; one of them says how many more there are."""
    if total <= SIDE and len(nodes) >= total:
        return list(nodes), 0
    kept = list(nodes[: SIDE - 1])
    return kept, total - len(kept)


def _edge(x: float, y: float, at: float, middle: float) -> str:
    """A curve from the right side of the left card to the left side of the right one."""
    near, far = (x, y), (at, middle)
    (x1, y1), (x2, y2) = (near, far) if x < at else (far, near)
    x1, y1, y2 = x1 + WIDTH, y1 + HEIGHT / 2, y2 + HEIGHT / 2
    half = (x1 + x2) / 2
    return f"M{x1:g} {y1:g}C{half:g} {y1:g} {half:g} {y2:g} {x2:g} {y2:g}"


def short(text: str) -> str:
    """What fits into a card."""
    return text if len(text) <= LETTERS else f"{text[: LETTERS - 1]}…"


def sub_of(node: Node) -> str:
    """Where a node lives, in a few letters; that it is only referenced, if so."""
    if node.state in ("referenced", "removed"):
        return node.state
    parts = parts_of(node.name, node.platform)[:-1]
    return short_path("/".join(parts[-2:]) if node.platform in ("file", "s3") else ".".join(parts))


def short_path(text: str) -> str:
    """The end of a path, which tells more than its beginning."""
    return text if len(text) <= LETTERS + 4 else f"…{text[-LETTERS - 3 :]}"


def _count(many: int) -> str:
    return f"{many:,} asset" if many == 1 else f"{many:,} assets"
