"""Where the cards of a graph stand and which way its edges take: pure geometry.

Boxes with sizes and edges between them go in, positions and lanes come out, left to right. The
order of boxes within a rank, so that few edges cross, is found by ``fast_sugiyama``; ranks and
heights are ours, since it knows neither boxes of different size nor edges that point back.

The library ends the whole process on an edge from a box to itself, and its default ranking takes
seconds for 1,500 edges. It is therefore given what it handles well and alike at every run: no
cycle, numbers for names, and every edge exactly one rank long.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from fast_sugiyama import from_edges

from catalog.pages.graph_ranks import ranks_of, without_cycles

SPACE: Final = 26.0
"""Between boxes of one rank."""
LANE: Final = 14.0
"""Room that an edge takes when it passes a rank."""
GAP: Final = 100.0
WIDEST_GAP: Final = 190.0
PORT: Final = 22.0
"""Below the upper side of a box: where its edges begin and end."""
_ROUNDS: Final = 3
_MOST_TO_TRANSPOSE: Final = 400
_MOST_PASSAGES: Final = 4_000
Pair = tuple[str, str]


@dataclass(frozen=True)
class Box:
    """What is to be placed. ``above``: room over it that must stay free (for names of jobs)."""

    id: str
    width: float
    height: float
    above: float = 0.0


@dataclass(frozen=True)
class Place:
    """Where a box stands: its upper left corner."""

    x: float
    y: float
    width: float
    height: float
    rank: int

    @property
    def right(self) -> float:
        """Its right side."""
        return self.x + self.width

    @property
    def bottom(self) -> float:
        """Its lower side."""
        return self.y + self.height


@dataclass(frozen=True)
class Lane:
    """The way between two boxes: the ranks it passes as (left, right, y).

    ``back``: the edge points to the left or stays in its rank; it goes around, at ``under``.
    """

    spans: tuple[tuple[float, float, float], ...] = ()
    back: bool = False
    under: float = 0.0


@dataclass(frozen=True)
class Layout:
    """Places by id, lanes by (source, target), and how large the whole is."""

    places: Mapping[str, Place]
    lanes: Mapping[Pair, Lane]
    width: float
    height: float


@dataclass
class _Item:
    """A box, or the passage of an edge through a rank. ``y``: where its port is."""

    height: float
    above: float
    port: float
    rank: int
    y: float = 0.0
    before: list[int] = field(default_factory=list)
    after: list[int] = field(default_factory=list)


def layout(boxes: Sequence[Box], edges: Iterable[Pair]) -> Layout:
    """Places all boxes; none overlaps another. The same input gives the same picture.

    ``edges`` may hold cycles; those of a box to itself, those that occur again and those to what
    is no box are left out. Boxes that come first stand further to the left where a cycle leaves
    it open.
    """
    number = {box.id: index for index, box in enumerate(boxes)}
    known = dict.fromkeys(
        (number[source], number[target])
        for source, target in edges
        if source != target and source in number and target in number
    )
    ranks = ranks_of(len(boxes), without_cycles(len(boxes), list(known)))
    # Some of what was left out of a knot leads to the right after all.
    forward = sorted(edge for edge in known if ranks[edge[0]] < ranks[edge[1]])
    items = [_Item(box.height, box.above, PORT, ranks[at]) for at, box in enumerate(boxes)]
    passages = _connect(items, forward)
    rows = _ordered(items, len(boxes))
    _settle(items, rows)
    return _drawn(boxes, items, rows, known, passages)


def _connect(
    items: list[_Item], edges: Sequence[tuple[int, int]]
) -> dict[tuple[int, int], list[int]]:
    """Joins the items, with a passage in every rank that an edge crosses; returns the passages."""
    found: dict[tuple[int, int], list[int]] = {}
    free = _MOST_PASSAGES
    for source, target in sorted(edges, key=lambda edge: items[edge[1]].rank - items[edge[0]].rank):
        passed: list[int] = []
        found[source, target] = passed
        free -= items[target].rank - items[source].rank - 1
        if free < 0:  # a very deep graph: what spans most of it is drawn straight
            continue
        at = source
        for rank in range(items[source].rank + 1, items[target].rank):
            items.append(_Item(0.0, LANE / 2, 0.0, rank))
            passed.append(len(items) - 1)
            _join(items, at, passed[-1])
            at = passed[-1]
        _join(items, at, target)
    return found


def _join(items: list[_Item], source: int, target: int) -> None:
    items[source].after.append(target)
    items[target].before.append(source)


# --- order and height -----------------------------------------------------------------------


def _ordered(items: Sequence[_Item], boxes: int) -> list[list[int]]:
    """The items of each rank from top to bottom, with few crossings.

    A box without predecessors gets a helping chain from the first rank on: so the ranks that the
    library finds are ours.
    """
    edges = [(at, other) for at, item in enumerate(items) for other in item.after]
    free = len(items)
    most = free + _MOST_PASSAGES
    for at in range(boxes):
        rank = items[at].rank
        if not items[at].before and items[at].after and rank and free + rank <= most:
            edges += pairwise([*range(free, free + rank), at])
            free += rank
    place: dict[int | str, tuple[int, float]] = {}
    found = from_edges(
        edges,
        ranking_type="up",
        transpose=len(edges) < _MOST_TO_TRANSPOSE,
        dummy_vertices=False,
        check_layout=False,
    )
    # Parts that are not connected come in any order.
    for positions, *_ in found:
        first = min(int(at) for at, _ in positions)
        place |= {at: (first, x) for at, (x, _) in positions}
    rows: list[list[int]] = [[] for _ in range(max((item.rank for item in items), default=-1) + 1)]
    for at, item in enumerate(items):
        rows[item.rank].append(at)
    for row in rows:
        row.sort(key=lambda at: (*place.get(at, (at, 0.0)), at))
    return rows


def _settle(items: Sequence[_Item], rows: Sequence[Sequence[int]]) -> None:
    """Moves each rank towards its neighbours, in its order and without overlap."""
    for row in rows:
        _spread(items, row, [0.0] * len(row))
    for _ in range(_ROUNDS):
        for row in rows[1:]:
            _spread(items, row, [_wish(items, at, items[at].before) for at in row])
        for row in reversed(rows[:-1]):
            _spread(items, row, [_wish(items, at, items[at].after) for at in row])
    for row in rows[1:]:
        wishes = [_wish(items, at, [*items[at].before, *items[at].after]) for at in row]
        _spread(items, row, wishes)


def _wish(items: Sequence[_Item], at: int, near: Sequence[int]) -> float:
    """Where an item would like to be: in the middle of its neighbours."""
    if not near:
        return items[at].y
    return sum(items[other].y for other in near) / len(near)


def _spread(items: Sequence[_Item], row: Sequence[int], wishes: Sequence[float]) -> None:
    """Puts a rank as near to its wishes as its order and the distances allow (least squares).

    With the distances taken out, what remains is a sequence that may not fall: neighbours that
    would fall are pooled at their mean.
    """
    offsets, free = [], 0.0
    for at in row:
        item = items[at]
        # A card needs space around it, passages of edges lie close together.
        free += item.above + item.port
        offsets.append(free)
        free += item.height - item.port + (SPACE if item.height else LANE / 2)
    pools: list[tuple[float, int]] = []
    for wish, offset in zip(wishes, offsets, strict=True):
        total, count = wish - offset, 1
        while pools and pools[-1][0] / pools[-1][1] > total / count:
            before = pools.pop()
            total, count = total + before[0], count + before[1]
        pools.append((total, count))
    at = 0
    for total, count in pools:
        for _ in range(count):
            items[row[at]].y = total / count + offsets[at]
            at += 1


# --- the picture ----------------------------------------------------------------------------


def _drawn(
    boxes: Sequence[Box],
    items: Sequence[_Item],
    rows: Sequence[Sequence[int]],
    edges: Iterable[tuple[int, int]],
    passages: Mapping[tuple[int, int], Sequence[int]],
) -> Layout:
    lift = min((item.y - item.port - item.above for item in items), default=0.0)
    lefts, widths = _columns(boxes, items, rows)
    places = {
        box.id: Place(
            lefts[items[at].rank],
            round(items[at].y - items[at].port - lift, 1),
            box.width,
            box.height,
            items[at].rank,
        )
        for at, box in enumerate(boxes)
    }
    lanes = _lanes(boxes, items, edges, passages, places, lefts, widths, lift)
    bottom = max((place.bottom for place in places.values()), default=0.0)
    low = max((lane.under for lane in lanes.values()), default=0.0)
    passing = max((y for lane in lanes.values() for *_, y in lane.spans), default=0.0)
    right = lefts[-1] + widths[-1] if lefts else 0.0
    return Layout(places, lanes, right, max(bottom, low, passing))


def _lanes(
    boxes: Sequence[Box],
    items: Sequence[_Item],
    edges: Iterable[tuple[int, int]],
    passages: Mapping[tuple[int, int], Sequence[int]],
    places: Mapping[str, Place],
    lefts: Sequence[float],
    widths: Sequence[float],
    lift: float,
) -> dict[Pair, Lane]:
    lanes: dict[Pair, Lane] = {}
    corridors: dict[tuple[int, int], list[float]] = {}
    rooms = sorted(
        (places[box.id].y - box.above, places[box.id].bottom, places[box.id].rank) for box in boxes
    )
    for source, target in edges:
        ends = (boxes[source].id, boxes[target].id)
        passed = passages.get((source, target))
        if passed is None:
            end, start = places[ends[1]], places[ends[0]]
            crossed = (end.rank, start.rank)
            if crossed not in corridors:
                corridors[crossed] = _corridors(rooms, *crossed)
            wish = (start.y + end.y) / 2 + PORT
            under = min(corridors[crossed], key=lambda y: abs(y - wish))
            lanes[ends] = Lane(back=True, under=under)
            continue
        spans = []
        for at in passed:
            left, rank = lefts[items[at].rank], items[at].rank
            spans.append((left, left + widths[rank], round(items[at].y - lift, 1)))
        lanes[ends] = Lane(tuple(spans))
    return lanes


def _corridors(rooms: Iterable[tuple[float, float, int]], first: int, last: int) -> list[float]:
    """Heights at which a level line through some ranks crosses no card and no name above one.

    ``rooms``: upper side, lower side and rank of each card, from the top.
    """
    found: list[float] = []
    low = 0.0
    for top, bottom, rank in rooms:
        if not first <= rank <= last:
            continue
        if low and top - low > SPACE * 0.75:
            found.append(round((low + top) / 2, 1))
        low = max(low, bottom)
    return [*found, round(low + SPACE / 2, 1)]


def _columns(
    boxes: Sequence[Box], items: Sequence[_Item], rows: Sequence[Sequence[int]]
) -> tuple[list[float], list[float]]:
    """Left side and width of each rank. The gaps grow with the edges that cross them."""
    widths = [max((boxes[at].width for at in row if at < len(boxes)), default=0.0) for row in rows]
    lefts, left = [], 0.0
    for row, width in zip(rows, widths, strict=True):
        lefts.append(left)
        left += width + min(WIDEST_GAP, GAP + sum(len(items[at].after) for at in row))
    return lefts, widths


def route(lane: Lane, start: tuple[float, float], end: tuple[float, float]) -> str:
    """The path of an edge from a right side to a left side, as SVG writes it."""
    (x, y), (to_x, to_y) = start, end
    if lane.back:
        low = _text(lane.under)
        return (
            f"M{_text(x)} {_text(y)}C{_text(x + 70)} {_text(y)} {_text(x + 70)} {low} {_text(x)} "
            f"{low}H{_text(to_x)}C{_text(to_x - 70)} {low} {_text(to_x - 70)} {_text(to_y)} "
            f"{_text(to_x)} {_text(to_y)}"
        )
    path = f"M{_text(x)} {_text(y)}"
    for left, right, level in lane.spans:
        path += f"{_bend(x, y, left, level)}H{_text(right)}"
        x, y = right, level
    return path + _bend(x, y, to_x, to_y)


def _bend(x: float, y: float, to_x: float, to_y: float) -> str:
    if y == to_y:
        return f"H{_text(to_x)}"
    middle = _text((x + to_x) / 2)
    return f"C{middle} {_text(y)} {middle} {_text(to_y)} {_text(to_x)} {_text(to_y)}"


def _text(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
