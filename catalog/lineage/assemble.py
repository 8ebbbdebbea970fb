"""From parsed statements to edges between assets and column numbers: pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from catalog import naming
from catalog.lineage.edges import EdgeKey
from catalog.lineage.referenced import Missing
from catalog.lineage.resolve import EXACT, Resolution
from catalog.lineage.statements import DEFINING, Use
from catalog.sql import WHOLE, Parsed, TableRef

MOST_EDGES: Final = 20_000
"""Column edges kept of one use; what has more keeps its table edges only."""
_WRITES: Final = frozenset(
    {"create_view", "create_table", "insert", "merge", "update", "delete", "copy"}
)
End = int | Missing
"""An asset's key, or what the referenced asset to make is called."""


class LiveColumn(NamedTuple):
    """A column as statements see it."""

    number: int
    path: str


@dataclass
class Columns:
    """The live columns of assets, in order, and their numbers by path."""

    of: Mapping[int, Sequence[LiveColumn]]
    _numbers: dict[int, dict[str, int]] = field(default_factory=dict)
    _folded: dict[int, dict[str, int]] = field(default_factory=dict)

    def paths(self, assets: Iterable[int]) -> list[str]:
        """Field paths of the assets, each once."""
        return list(dict.fromkeys(c.path for asset in assets for c in self.of.get(asset, ())))

    def number(self, asset: int, path: str) -> int | None:
        """The number of a column, or of the deepest field above it that is known."""
        if asset not in self._numbers:
            columns = self.of.get(asset, ())
            self._numbers[asset] = {c.path: c.number for c in columns}
            self._folded[asset] = {c.path.lower(): c.number for c in reversed(columns)}
        exact, folded = self._numbers[asset], self._folded[asset]
        parts: list[str] | None = None
        while path:
            found = exact.get(path)
            if found is None:
                found = folded.get(path.lower())
            if found is not None:
                return found
            parts = (naming.split_path(path) if parts is None else parts)[:-1]
            path = naming.join_path(parts)
        return None


@dataclass
class Assembled:
    """Edges with their confidence, and what was not understood."""

    edges: dict[tuple[End, int, End, int, str], float] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def add(
        self, source: End, column: int, target: End, to_column: int, kind: str, sure: float
    ) -> None:
        """Adds an edge; of several reasons the surest counts."""
        key = (source, column, target, to_column, kind)
        self.edges[key] = max(sure, self.edges.get(key, 0.0))

    def missing(self) -> set[Missing]:
        """Referenced assets that the edges need."""
        return {end for key in self.edges for end in (key[0], key[2]) if not isinstance(end, int)}

    def keys(self, made: Mapping[Missing, int]) -> dict[EdgeKey, float]:
        """The edges, now that every end is an asset."""
        found: dict[EdgeKey, float] = {}
        for (source, column, target, to_column, kind), sure in self.edges.items():
            start = source if isinstance(source, int) else made[source]
            end = target if isinstance(target, int) else made[target]
            if start == end and column == to_column == 0:
                continue  # a table that is written from itself: only its columns say something
            key = EdgeKey(start, column, end, to_column, kind)
            found[key] = max(sure, found.get(key, 0.0))
        return found


def own_ref(use: Use) -> TableRef | None:
    """How a statement would name the asset that the use defines."""
    if use.asset is None or use.asset_name is None:
        return None
    platform = use.asset_platform or use.where.platform
    if naming.is_path(platform):
        return TableRef(path=use.asset_name)
    parts = tuple(naming.split_name(use.asset_name))
    return TableRef(parts, (True,) * len(parts))


def assemble(
    use: Use,
    statements: Sequence[Parsed],
    resolved: Mapping[TableRef, Resolution],
    columns: Columns,
) -> Assembled:
    """All edges of a use. Statements of a script come in order, temporary tables seen through."""
    result = Assembled()
    writing = [
        one
        for one in statements
        if one.kind in _WRITES and one.target is not None and not one.temporary
    ]
    only = len({one.target for one in writing}) == 1
    for one in statements:
        result.problems.extend(one.problems)
    for one in writing:
        ends = _targets(use, one, resolved, only)
        for target, sure in ends:
            _add(one, target, sure, resolved, columns, result)
    if sum(key[1] > 0 for key in result.edges) > MOST_EDGES:
        result.problems.append(
            f"more than {MOST_EDGES:,} column edges: only those between tables are kept"
        )
        result.edges = {key: sure for key, sure in result.edges.items() if key[1] == 0}
    return result


def _targets(
    use: Use, one: Parsed, resolved: Mapping[TableRef, Resolution], only: bool
) -> list[tuple[End, float]]:
    """What a statement writes into. The only target of a definition is the asset it defines."""
    assert one.target is not None
    if use.asset is not None and use.kind in DEFINING and only:
        return [(use.asset, EXACT)]
    if one.target == own_ref(use) and use.asset is not None:
        return [(use.asset, EXACT)]
    return _ends(resolved.get(one.target))


def _ends(resolution: Resolution | None) -> list[tuple[End, float]]:
    if resolution is None:
        return []
    if resolution.assets:
        return [(asset.key, resolution.confidence) for asset in resolution.assets]
    return [] if resolution.missing is None else [(resolution.missing, resolution.confidence)]


def _add(
    one: Parsed,
    target: End,
    sure: float,
    resolved: Mapping[TableRef, Resolution],
    columns: Columns,
    result: Assembled,
) -> None:
    for ref in one.sources:
        for source, confidence in _ends(resolved.get(ref)):
            result.add(source, 0, target, 0, "direct", min(sure, confidence))
    for flow in one.columns:
        to_column = 0
        if flow.target_column != WHOLE:
            number = columns.number(target, flow.target_column) if isinstance(target, int) else None
            if number is None:
                continue
            to_column = number
        for source, confidence in _ends(resolved.get(flow.source)):
            number = columns.number(source, flow.source_column) if isinstance(source, int) else None
            if number is not None:
                result.add(source, number, target, to_column, flow.kind, min(sure, confidence))
