"""From a graph to what a template draws: cards with rows, paths, jobs, what is not drawn.

No markup here: texts and numbers only. Sizes follow the fonts of ``catalog.css``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from catalog.lineage.views import CardColumns, EdgeView, Graph, Job, Node
from catalog.naming import leaf
from catalog.pages.graph_address import Wanted, evidence_path
from catalog.pages.graph_layout import PORT, Box, Layout, layout, route
from catalog.pages.graph_more import at_border, beyond, hidden, more_card
from catalog.pages.graph_shapes import (
    FOOT,
    HEAD,
    MORE_HEIGHT,
    ROW,
    WIDTH,
    Card,
    ColumnLine,
    Foot,
    Line,
    Picture,
    Round,
    Row,
    shortened,
    where_of,
)
from catalog.pages.texts import asset_path

FEW_COLUMNS: Final = 3
"""Columns of a closed card; of the asset in focus twice as many."""
FEW_CARDS: Final = 60
"""Above this many cards only the one in focus and the opened ones show columns."""
DENSE: Final = 300
_JOB: Final = 22.0
"""From a job's round node to the card that it writes; jobs below each other stand 20 apart."""
_JOB_STEP: Final = 20.0
_JOB_NAME: Final = 14.0
_MOST_JOBS: Final = 3
_NAME_LENGTH: Final = 20
_SUB_LENGTH: Final = 25
_COLUMN_LENGTH: Final = 21


@dataclass
class _Sheet:
    """A card before it has a place."""

    node: Node
    name: str
    shown: list[str]
    rest: int
    opened: bool
    jobs: list[Job] = field(default_factory=list)
    other_jobs: bool = False

    @property
    def height(self) -> float:
        least = HEAD + ROW * len(self.shown) + (FOOT if self.rest or self.opened else 0.0)
        return max(least, PORT + _JOB_STEP * (len(self.jobs) + self.other_jobs) + 2)

    def row_y(self, path: str | None) -> float | None:
        """The middle of a row, from the card's upper side."""
        if path is None or path not in self.shown:
            return None
        return HEAD + ROW * (self.shown.index(path) + 0.5)


def draw(
    graph: Graph,
    wanted: Wanted,
    columns: Mapping[str, CardColumns],
    flows: Sequence[EdgeView],
) -> Picture:
    """The picture of a graph. ``columns``, ``flows``: as `catalog.lineage.cards` says of it."""
    return _Drawing(graph, wanted, columns, flows).picture()


class _Drawing:
    def __init__(
        self,
        graph: Graph,
        wanted: Wanted,
        columns: Mapping[str, CardColumns],
        flows: Sequence[EdgeView],
    ) -> None:
        self.graph, self.wanted = graph, wanted
        self.numbers = {node.id: at for at, node in enumerate(graph.nodes)}
        self.flows = [
            one for one in flows if one.source_column is not None and one.target_column is not None
        ]
        self.sheets = self._sheets(columns)
        self._give_jobs()
        self.more = hidden(graph, wanted)
        self.layout = self._place()

    # --- what each card shows ---------------------------------------------------------------

    def _sheets(self, columns: Mapping[str, CardColumns]) -> dict[str, _Sheet]:
        linked: dict[str, set[str]] = {}
        for one in self.flows:
            linked.setdefault(one.source, set()).add(one.source_column or "")
            linked.setdefault(one.target, set()).add(one.target_column or "")
        sheets = {}
        for node in self.graph.nodes:
            known = columns.get(node.id, CardColumns(0, []))
            shown = self._shown(node, known.paths, linked.get(node.id, set()))
            rest = max(0, known.total - len(shown))
            name = leaf(node.name, node.platform)
            sheets[node.id] = _Sheet(node, name, shown, rest, node.id in self.wanted.expand)
        return sheets

    def _shown(self, node: Node, paths: Sequence[str], linked: set[str]) -> list[str]:
        if node.id in self.wanted.expand:
            # A column that vanished keeps its edges; it stands behind those that are there.
            return [*paths, *sorted(set(node.columns) - set(paths))]
        if self.graph.column is not None:
            known = {path: at for at, path in enumerate(paths)}
            return sorted(node.columns, key=lambda path: (known.get(path, len(known)), path))
        focus = node.id == self.graph.root
        if len(self.graph.nodes) > FEW_CARDS and not focus:
            return []
        found = [path for path in paths if path in linked]
        if focus:  # its columns can be followed, whether or not the others' are drawn
            return (found or list(paths))[: FEW_COLUMNS * 2]
        return found[:FEW_COLUMNS]

    def _give_jobs(self) -> None:
        """A job belongs to the card that it writes; a few have a node of their own."""
        for one in self.graph.edges:
            sheet = self.sheets[one.target]
            if one.via is None or one.via in sheet.jobs:
                continue
            if len(sheet.jobs) < _MOST_JOBS:
                sheet.jobs.append(one.via)
        for one in self.graph.edges:
            sheet = self.sheets[one.target]
            if sheet.jobs and (one.via is None or one.via not in sheet.jobs):
                sheet.other_jobs = True

    def _place(self) -> Layout:
        """From the left to the right; cards of one asset's missing neighbours come last."""
        ordered = sorted(self.sheets.values(), key=lambda one: (one.node.level, one.node.name))
        boxes = [Box(one.node.id, WIDTH, one.height, _JOB_NAME * len(one.jobs)) for one in ordered]
        boxes += [Box(name, WIDTH, MORE_HEIGHT) for name in self.more]
        pairs = [(one.source, one.target) for one in [*self.graph.edges, *self.flows]]
        for name, (node, way) in self.more.items():
            pairs.append((name, node.id) if way == "up" else (node.id, name))
        return layout(boxes, pairs)

    # --- paths ------------------------------------------------------------------------------

    def _lines(self) -> list[Line]:
        """One path for each pair of assets and job, and one from each job to its card."""
        lines: dict[str, Line] = {}
        for one in self.graph.edges:
            start, end = self.layout.places[one.source], self.layout.places[one.target]
            sheet = self.sheets[one.target]
            down = PORT + _JOB_STEP * self._job_place(sheet, one)
            at_job = one.via is not None and one.via in sheet.jobs
            target = (end.x - _JOB - 9 if at_job else end.x, end.y + down)
            lane = self.layout.lanes[one.source, one.target]
            d = route(lane, (start.right, start.y + PORT), target)
            href = evidence_path(self.wanted.asset, one.source, one.target)
            label = f"{self.sheets[one.source].name} to {sheet.name}: why"
            lines.setdefault(d, Line(d, href, label, one.kind == "indirect"))
            if at_job:
                last = f"M{end.x - _JOB + 9:g} {end.y + down:g}h13"
                lines.setdefault(last, Line(last))
        for name, (node, way) in self.more.items():
            pair = (name, node.id) if way == "up" else (node.id, name)
            start, end = self.layout.places[pair[0]], self.layout.places[pair[1]]
            d = route(self.layout.lanes[pair], (start.right, start.y + PORT), (end.x, end.y + PORT))
            lines.setdefault(d, Line(d))
        return list(lines.values())

    def _job_place(self, sheet: _Sheet, edge: EdgeView) -> int:
        if edge.via in sheet.jobs:
            return sheet.jobs.index(edge.via)
        return len(sheet.jobs)

    def _column_lines(self) -> list[ColumnLine]:
        traced = self.graph.column is not None
        found: dict[tuple[str, str], ColumnLine] = {}
        for one in self.flows:
            start, end = self.layout.places[one.source], self.layout.places[one.target]
            up = self.sheets[one.source].row_y(one.source_column)
            down = self.sheets[one.target].row_y(one.target_column)
            if up is None or down is None or one.source == one.target:
                continue
            source = self._key(one.source, one.source_column)
            target = self._key(one.target, one.target_column)
            lane = self.layout.lanes[one.source, one.target]
            d = route(lane, (start.right, start.y + up), (end.x, end.y + down))
            found.setdefault((source, target), ColumnLine(d, source, target, traced))
        return list(found.values())

    def _key(self, asset: str, path: str | None) -> str:
        return f"{self.numbers[asset]}.{path}"

    def _rounds(self) -> list[Round]:
        found = []
        for sheet in self.sheets.values():
            place = self.layout.places[sheet.node.id]
            for at, job in enumerate(sheet.jobs):
                y = place.y + PORT + _JOB_STEP * at
                name_y = place.y - 8 - _JOB_NAME * (len(sheet.jobs) - 1 - at)
                name = shortened(job.name, 28)
                found.append(Round(job, name, place.x - _JOB, y, name_y))
        return found

    # --- cards ------------------------------------------------------------------------------

    def _cards(self) -> list[Card]:
        into = {self._key(one.target, one.target_column) for one in self.flows}
        out = {self._key(one.source, one.source_column) for one in self.flows}
        return [self._card(sheet, into, out) for sheet in self.sheets.values()]

    def _card(self, sheet: _Sheet, into: set[str], out: set[str]) -> Card:
        node, place = sheet.node, self.layout.places[sheet.node.id]
        traced = set(node.columns) if self.graph.column is not None else set()
        rows = []
        for at, path in enumerate(sheet.shown):
            key = self._key(node.id, path)
            rows.append(
                Row(
                    key,
                    path,
                    shortened(path, _COLUMN_LENGTH),
                    self.wanted.about(node.id, path),
                    HEAD + ROW * at,
                    path in traced,
                    key in into,
                    key in out,
                )
            )
        return Card(
            node,
            place.x,
            place.y,
            sheet.height,
            shortened(sheet.name, _NAME_LENGTH),
            node.name,
            shortened(where_of(node), _SUB_LENGTH),
            node.id == self.graph.root,
            rows,
            self._foot(sheet),
            beyond(node, self.wanted, self.graph),
        )

    def _foot(self, sheet: _Sheet) -> Foot | None:
        opened = sheet.node.id in self.wanted.expand
        if not sheet.rest and not opened:
            return None
        word = "column" if sheet.rest == 1 else "columns"
        more = "more " if sheet.shown else ""
        text = f"{sheet.rest:,} {more}{word}" if sheet.rest else "fewer columns"
        href = self.wanted.expanded(sheet.node.id)
        if opened and sheet.rest:
            # What one card does not hold stands on the asset's own page.
            href = f"{asset_path(sheet.node.id)}/columns"
        return Foot(text, href, HEAD + ROW * len(sheet.shown) + 16)

    def picture(self) -> Picture:
        """Puts it together."""
        margin = 40 if any(at_border(node, self.wanted.hops) for node in self.graph.nodes) else 24
        width = int(self.layout.width) + 2 * margin + 1
        height = int(self.layout.height) + 29
        places = self.layout.places
        lines = self._lines()
        return Picture(
            width,
            height,
            f"{-margin} -14 {width} {height}",
            len({place.rank for place in places.values()}),
            self._cards(),
            lines,
            self._column_lines(),
            self._rounds(),
            [
                more_card(node, way, self.wanted, self.graph, places[name].x, places[name].y)
                for name, (node, way) in self.more.items()
            ],
            dense=len(lines) > DENSE,
        )
