"""Traversal: level by level from one asset or column, each node once, within a budget of nodes.

Paths are never enumerated, so cycles and diamonds cost nothing. What is not drawn is counted on
the nodes where it is missing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from sqlalchemy import Connection, select

from catalog.access.viewer import Viewer
from catalog.assets.links import asset_url
from catalog.errors import BadInput, NotFound
from catalog.history.store import table_of
from catalog.lineage import adjacency
from catalog.lineage.adjacency import Pair, Row, Way
from catalog.lineage.views import EdgeView, Graph, Job, Node
from catalog.model import Column
from catalog.naming import id_text, leaf

Direction = Literal["up", "down", "both"]
MAX_DEPTH: Final = 100
DEFAULT_BUDGET: Final = 200
MAX_BUDGET: Final = 5_000
FAN: Final = 100
"""Neighbours of one node that are drawn; the others are counted, and listed by `neighbours`."""
MOST_COLUMN_EDGES: Final = 5_000
_COLUMN = table_of(Column)
_OVER: Final = object()


@dataclass
class _Walk:
    """What was reached. ``levels``: asset -> hops, negative upstream. ``expanded``: assets whose
    neighbours of a way were asked for; if some are not drawn, the graph is truncated."""

    budget: int
    levels: dict[int, int] = field(default_factory=dict)
    expanded: set[tuple[int, Way]] = field(default_factory=set)
    pairs: dict[Pair, None] = field(default_factory=dict)
    flows: dict[Row, None] = field(default_factory=dict)
    cut: bool = False

    def reach(self, asset: int, level: int) -> bool:
        """Whether the asset is drawn."""
        if asset in self.levels:
            return True
        if len(self.levels) >= self.budget:
            self.cut = True
            return False
        self.levels[asset] = level
        return True

    def reach_column(self, pair: Pair, level: int) -> bool:
        """Whether the column is drawn; the budget counts columns as well as assets."""
        if pair in self.pairs:
            return True
        if len(self.pairs) >= self.budget:
            self.cut = True
            return False
        if not self.reach(pair[0], level):
            return False
        self.pairs[pair] = None
        return True


def traverse(
    connection: Connection,
    viewer: Viewer,
    asset: int | bytes,
    *,
    direction: Direction = "both",
    depth: int = 3,
    budget: int = DEFAULT_BUDGET,
    fan: int = FAN,
    column: str | None = None,
    columns: bool = False,
    indirect: bool = False,
) -> Graph:
    """The graph around an asset (key or public id): what it is made of (up), what it feeds (down).

    ``depth``: hops, 1 to 100. ``budget``: nodes, 1 to 5,000, the asset itself among them; of one
    node at most ``fan`` neighbours are drawn. ``column``: field path; follows column edges only,
    with ``indirect`` those too that decide which rows there are. ``columns``: also the column
    edges between the nodes, at most 5,000. Raises `NotFound` and `BadInput`.
    """
    viewer.require("read")
    _check(direction, depth, budget, fan)
    root = root_row(connection, viewer, asset)
    ways: tuple[Way, ...] = ("up", "down") if direction == "both" else (direction,)
    walk = _Walk(budget, {root.key: 0})
    if column is None:
        _alternate([_walk(connection, viewer, walk, root.key, way, depth, fan) for way in ways])
    else:
        start = (root.key, column_number(connection, root, column))
        walk.pairs[start] = None
        _alternate([_trace(connection, viewer, walk, start, way, depth, indirect) for way in ways])
    builder = _Builder(connection, viewer, walk)
    if column is None:
        return builder.graph(root, direction, depth, columns)
    return builder.trace(root, direction, depth, column)


def _check(direction: str, depth: int, budget: int, fan: int) -> None:
    if direction not in ("up", "down", "both"):
        raise BadInput(f"There is no direction {direction!r}.", remedy="Use up, down or both.")
    for name, value, most in (
        ("depth", depth, MAX_DEPTH),
        ("budget", budget, MAX_BUDGET),
        ("fan", fan, MAX_BUDGET),
    ):
        if not 1 <= value <= most:
            raise BadInput(
                f"{name} is {value}.", remedy=f"Use a number from 1 to {most:,}.", parameter=name
            )


def root_row(connection: Connection, viewer: Viewer, asset: int | bytes) -> Any:
    """The visible asset by key or public id; raises `NotFound`."""
    row = adjacency.asset_row(connection, viewer, asset)
    if row is None:
        raise NotFound("There is no such asset.", remedy="Search for it, or look at its name.")
    return row


def column_number(connection: Connection, root: Any, path: str) -> int:
    """The number of a column by its field path; a live one comes before one that vanished."""
    found = connection.execute(
        select(_COLUMN.c.number)
        .where(_COLUMN.c.asset == root.key, _COLUMN.c.path == path)
        .order_by(_COLUMN.c.live.desc(), _COLUMN.c.number.desc())
        .limit(1)
    ).scalar()
    if found is None:
        raise NotFound(
            f"{root.name} has no column {path!r}.", remedy="Look at the list of its columns."
        )
    return int(found)


# --- walking --------------------------------------------------------------------------------


def _alternate(walks: list[Iterator[None]]) -> None:
    """Level by level in turn, so that one direction does not use up the budget of the other."""
    while walks:
        walks = [walk for walk in walks if next(walk, _OVER) is not _OVER]


def _walk(
    connection: Connection, viewer: Viewer, walk: _Walk, root: int, way: Way, depth: int, fan: int
) -> Iterator[None]:
    """Assets in one direction, breadth first; one level at a time."""
    sign = -1 if way == "up" else 1
    frontier, visited = [root], {root}
    for level in range(1, depth + 1):
        walk.expanded.update((asset, way) for asset in frontier)
        reached: list[int] = []
        for _, far in adjacency.step(connection, viewer, frontier, way, fan):
            if far in visited:
                continue
            if not walk.reach(far, sign * level):
                return
            visited.add(far)
            reached.append(far)
        if not reached:
            return
        frontier = reached
        yield


def _trace(
    connection: Connection,
    viewer: Viewer,
    walk: _Walk,
    start: Pair,
    way: Way,
    depth: int,
    indirect: bool,
) -> Iterator[None]:
    """Columns in one direction, breadth first; the budget counts columns."""
    sign = -1 if way == "up" else 1
    frontier, followed = [start], {start}
    for level in range(1, depth + 1):
        reached: list[Pair] = []
        steps = adjacency.step_columns(connection, viewer, frontier, way, indirect=indirect)
        for _, far, row in steps:
            if not walk.reach_column(far, sign * level):
                continue
            walk.flows[row] = None
            if row.kind == "direct" and far not in followed:
                followed.add(far)
                reached.append(far)
        if not reached:
            return
        frontier = reached
        yield


# --- building -------------------------------------------------------------------------------


class _Builder:
    """Makes the read model of a walk: descriptions, edges, and counts of what is missing."""

    def __init__(self, connection: Connection, viewer: Viewer, walk: _Walk) -> None:
        self.connection, self.viewer, self.walk = connection, viewer, walk
        self.rows = adjacency.described(connection, viewer, walk.levels)
        self.keys = sorted(self.rows)
        self.ids = {key: id_text(row.uid) for key, row in self.rows.items()}
        self.paths: dict[Pair, str] = {}
        self.jobs: dict[int, Job] = {}
        self.passed: dict[int, list[Pair]] = {}
        for pair in sorted(walk.pairs):
            self.passed.setdefault(pair[0], []).append(pair)

    def graph(self, root: Any, direction: Direction, depth: int, columns: bool) -> Graph:
        """Assets, with the column edges between them if asked for."""
        tables = adjacency.between(self.connection, self.keys)
        flows: list[Row] = []
        if columns:
            flows = adjacency.columns_between(self.connection, self.keys, MOST_COLUMN_EDGES + 1)
        self._prepare([*tables, *flows])
        drawn = {(row.from_asset, row.to_asset) for row in tables}
        more = missing_neighbours(self.connection, self.viewer, self.keys, drawn)
        nodes = [self._node(key, more) for key in self._ordered()]
        return Graph(
            root=id_text(root.uid),
            column=None,
            direction=direction,
            depth=depth,
            nodes=nodes,
            edges=[self._edge(row) for row in tables],
            column_edges=[self._edge(row) for row in flows[:MOST_COLUMN_EDGES]]
            if columns
            else None,
            truncated=self.walk.cut or any(more[way][key] for key, way in self.walk.expanded),
            column_edges_truncated=len(flows) > MOST_COLUMN_EDGES,
        )

    def trace(self, root: Any, direction: Direction, depth: int, column: str) -> Graph:
        """Columns, with the table edges that their assets have among them."""
        rows = list(self.walk.flows)
        joined = {(row.from_asset, row.to_asset) for row in rows}
        tables = [
            row
            for row in adjacency.between(self.connection, self.keys)
            if (row.from_asset, row.to_asset) in joined
        ]
        self._prepare([*tables, *rows])
        more = _missing_columns(self.connection, self.viewer, self.walk.pairs)
        return Graph(
            root=id_text(root.uid),
            column=column,
            direction=direction,
            depth=depth,
            nodes=[self._node(key, more) for key in self._ordered()],
            edges=[self._edge(row) for row in tables],
            column_edges=[self._edge(row) for row in rows],
            truncated=self.walk.cut,
            column_edges_truncated=False,
        )

    def _prepare(self, rows: Sequence[Row]) -> None:
        pairs = {(row.from_asset, row.from_column) for row in rows}
        pairs |= {(row.to_asset, row.to_column) for row in rows}
        self.paths = adjacency.paths(self.connection, pairs | self.walk.pairs.keys())
        via = {row.via for row in rows if row.via}
        found = adjacency.described(self.connection, self.viewer, via) if via else {}
        self.jobs = {
            key: Job(id_text(job.uid), asset_url(job.uid), job.name) for key, job in found.items()
        }

    def _ordered(self) -> list[int]:
        """The asset itself first, then by distance, then by name."""
        levels = self.walk.levels
        return sorted(
            self.rows,
            key=lambda key: (abs(levels[key]), levels[key], self.rows[key].name, key),
        )

    def _node(self, key: int, more: dict[Way, Counter[int]]) -> Node:
        passed = [self.paths.get(pair) for pair in self.passed.get(key, ())]
        return node_view(
            self.rows[key],
            level=self.walk.levels[key],
            columns=[path for path in passed if path is not None],
            more_up=more["up"][key],
            more_down=more["down"][key],
        )

    def _edge(self, row: Row) -> EdgeView:
        return EdgeView(
            source=self.ids[row.from_asset],
            target=self.ids[row.to_asset],
            source_column=self.paths.get((row.from_asset, row.from_column)),
            target_column=self.paths.get((row.to_asset, row.to_column)),
            kind=row.kind,
            via=self.jobs.get(row.via),
            evidence=row.evidence,
        )


def node_view(row: Any, *, level: int, columns: list[str], more_up: int, more_down: int) -> Node:
    """A node of a row of `adjacency.described`."""
    return Node(
        id=id_text(row.uid),
        url=asset_url(row.uid),
        asset_class=row.asset_class,
        kind=row.kind,
        platform=row.platform,
        namespace=row.namespace,
        name=row.name,
        label=leaf(row.name, row.platform),
        state=row.state,
        title=row.title,
        flag=row.flag,
        level=level,
        columns=columns,
        more_up=more_up,
        more_down=more_down,
    )


def missing_neighbours(
    connection: Connection, viewer: Viewer, keys: Sequence[int], drawn: Iterable[tuple[int, int]]
) -> dict[Way, Counter[int]]:
    """Neighbours of each node that are not drawn. ``drawn``: (from, to)."""
    ups, downs = Counter[int](), Counter[int]()
    for source, target in drawn:
        ups[target] += 1
        downs[source] += 1
    more: dict[Way, Counter[int]] = {"up": Counter(), "down": Counter()}
    shown: dict[Way, Counter[int]] = {"up": ups, "down": downs}
    for way in shown:
        for key, total in adjacency.degrees(connection, viewer, keys, way).items():
            more[way][key] = total - shown[way][key]
    return more


def _missing_columns(
    connection: Connection, viewer: Viewer, pairs: Iterable[Pair]
) -> dict[Way, Counter[int]]:
    """Columns one hop away from the traced ones that are not drawn, by asset."""
    drawn = set(pairs)
    known = [pair for pair in drawn if pair[1]]
    more: dict[Way, Counter[int]] = {"up": Counter(), "down": Counter()}
    ways: tuple[Way, ...] = ("up", "down")
    for way in ways:
        seen = {
            (near[0], far)
            for near, far, _ in adjacency.step_columns(
                connection, viewer, known, way, indirect=False
            )
            if far not in drawn
        }
        more[way].update(asset for asset, _ in seen)
    return more
