"""Queries over the adjacency index: one for each hop and direction, many nodes at once.

Whatever a viewer may not see is left out in the query itself: it is neither named, nor counted,
nor passed through.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any, Final, Literal, NamedTuple

from sqlalchemy import ColumnElement, Connection, Select, and_, bindparam, func, or_, select

from catalog.access.expression import Expression
from catalog.access.sqlfilter import compile_filter, visible_assets
from catalog.access.viewer import Viewer, visible
from catalog.history.store import table_of
from catalog.model import Asset, Column, Edge, EdgeEvidence, Namespace

Way = Literal["up", "down"]
Pair = tuple[int, int]
"""(asset key, column number)"""
_ASSET = table_of(Asset)
_COLUMN = table_of(Column)
_EDGE = table_of(Edge)
_EVIDENCE = table_of(EdgeEvidence)
_NAMESPACE = table_of(Namespace)
_CHUNK: Final = 500
_FAR = _ASSET.alias("far")


class Row(NamedTuple):
    """An edge by keys, with the number of its evidence."""

    from_asset: int
    from_column: int
    to_asset: int
    to_column: int
    kind: str
    via: int
    evidence: int


def chunks(items: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """Slices of at most 500."""
    for offset in range(0, len(items), _CHUNK):
        yield items[offset : offset + _CHUNK]


def _ends(way: Way) -> tuple[Any, Any, Any, Any]:
    """(near asset, near column, far asset, far column) of the edge table, seen from the near."""
    upstream = (_EDGE.c.from_asset, _EDGE.c.from_column)
    downstream = (_EDGE.c.to_asset, _EDGE.c.to_column)
    return (*downstream, *upstream) if way == "up" else (*upstream, *downstream)


def _pairs(sees: Expression, way: Way) -> Select[Any]:
    """(near, far, sort) of table edges whose far end is visible, each pair once."""
    near, near_column, far, far_column = _ends(way)
    return (
        select(near.label("near"), far.label("far"), _FAR.c.sort.label("sort"))
        .join(_FAR, _FAR.c.key == far)
        .where(
            near.in_(bindparam("keys", expanding=True)),
            near_column == 0,
            far_column == 0,
            far != near,
            compile_filter(sees, _FAR),
        )
        .distinct()
    )


def step(
    connection: Connection, viewer: Viewer, keys: Sequence[int], way: Way, fan: int
) -> Iterator[tuple[int, int]]:
    """(node, neighbour) one hop away; of each node the first ``fan`` neighbours by name.

    One query for each 500 nodes, run when the one before is used up.
    """
    statement = _step(visible(viewer), way)
    for chunk in chunks(keys):
        found = connection.execute(statement, {"keys": chunk, "fan": fan}).all()
        yield from ((row.near, row.far) for row in found)


# Building a statement takes longer than running it: kept for each expression.
@lru_cache(maxsize=64)
def _step(sees: Expression, way: Way) -> Select[Any]:
    pairs = _pairs(sees, way).subquery()
    place = (
        func.row_number()
        .over(partition_by=pairs.c.near, order_by=(pairs.c.sort, pairs.c.far))
        .label("place")
    )
    ranked = select(pairs.c.near, pairs.c.far, place).subquery()
    return (
        select(ranked.c.near, ranked.c.far)
        .where(ranked.c.place <= bindparam("fan"))
        .order_by(ranked.c.place, ranked.c.near)
    )


@lru_cache(maxsize=64)
def _degrees(sees: Expression, way: Way) -> Select[Any]:
    pairs = _pairs(sees, way).subquery()
    return select(pairs.c.near, func.count()).group_by(pairs.c.near)


def degrees(
    connection: Connection, viewer: Viewer, keys: Sequence[int], way: Way
) -> dict[int, int]:
    """Number of visible neighbours of each node; nodes without any are left out."""
    statement = _degrees(visible(viewer), way)
    return {
        row[0]: row[1]
        for chunk in chunks(keys)
        for row in connection.execute(statement, {"keys": chunk})
    }


_COUNT = (
    select(func.count())
    .where(_EVIDENCE.c.edge == _EDGE.c.key)
    .correlate(_EDGE)
    .scalar_subquery()
    .label("evidence")
)
_ROW = (
    _EDGE.c.from_asset,
    _EDGE.c.from_column,
    _EDGE.c.to_asset,
    _EDGE.c.to_column,
    _EDGE.c.kind,
    _EDGE.c.via,
    _COUNT,
)


def step_columns(
    connection: Connection,
    viewer: Viewer,
    pairs: Collection[Pair],
    way: Way,
    *,
    indirect: bool,
) -> Iterator[tuple[Pair, Pair, Row]]:
    """(near, far, edge) of column edges one hop away.

    An indirect edge leads to the target as a whole: its number is 0. Upstream, what leads to the
    asset as a whole is given once, for one of its columns.
    """
    near, near_column, far, _ = _ends(way)
    by_asset: dict[int, set[int]] = defaultdict(set)
    for asset, number in pairs:
        by_asset[asset].add(number)
    statement = (
        select(*_ROW)
        .join(_FAR, _FAR.c.key == far)
        .where(
            near.in_(bindparam("keys", expanding=True)),
            near_column.in_(bindparam("numbers", expanding=True)),
            visible_assets(viewer, _FAR),
            _EDGE.c.from_column > 0,
            _flow(indirect),
        )
        .order_by(near, near_column, _FAR.c.sort, far, _EDGE.c.key)
    )
    for chunk in chunks(sorted(by_asset)):
        numbers = set().union(*(by_asset[asset] for asset in chunk))
        if indirect and way == "up":
            numbers.add(0)
        found = connection.execute(statement, {"keys": chunk, "numbers": sorted(numbers)})
        for row in map(Row._make, found):
            source, target = (row.from_asset, row.from_column), (row.to_asset, row.to_column)
            one, other = (target, source) if way == "up" else (source, target)
            if one[1] == 0:
                yield (one[0], min(by_asset[one[0]])), other, row
            elif one[1] in by_asset[one[0]]:
                yield one, other, row


def _flow(indirect: bool) -> ColumnElement[bool]:
    """Edges between columns; with ``indirect`` those too from a column to an asset as a whole."""
    between_columns = and_(_EDGE.c.to_column > 0, _EDGE.c.kind == "direct")
    if not indirect:
        return between_columns
    return or_(between_columns, and_(_EDGE.c.to_column == 0, _EDGE.c.kind == "indirect"))


# ``+ 0`` keeps SQLite from probing its index once for each pair of target and source.
_BETWEEN = (
    select(*_ROW)
    .where(
        _EDGE.c.to_asset.in_(bindparam("targets", expanding=True)),
        (_EDGE.c.from_asset + 0).in_(bindparam("sources", expanding=True)),
    )
    .order_by(
        _EDGE.c.to_asset,
        _EDGE.c.to_column,
        _EDGE.c.from_asset,
        _EDGE.c.from_column,
        _EDGE.c.kind,
        _EDGE.c.via,
    )
)
_TABLES = _BETWEEN.where(
    _EDGE.c.from_column == 0, _EDGE.c.to_column == 0, _EDGE.c.from_asset != _EDGE.c.to_asset
)
_COLUMNS = _BETWEEN.where(_EDGE.c.from_column > 0).limit(bindparam("most"))


def between(connection: Connection, keys: Sequence[int]) -> list[Row]:
    """All table edges among the nodes."""
    ordered = sorted(keys)
    return [
        Row(*row)
        for chunk in chunks(ordered)
        for row in connection.execute(_TABLES, {"targets": chunk, "sources": ordered})
    ]


def columns_between(connection: Connection, keys: Sequence[int], most: int) -> list[Row]:
    """Column edges among the nodes, at most ``most``."""
    ordered = sorted(keys)
    found: list[Row] = []
    for chunk in chunks(ordered):
        if len(found) >= most:
            break
        parameters = {"targets": chunk, "sources": ordered, "most": most - len(found)}
        found.extend(Row(*row) for row in connection.execute(_COLUMNS, parameters))
    return found


# --- describing -----------------------------------------------------------------------------

_DESCRIBED = select(
    _ASSET.c.key,
    _ASSET.c.uid,
    _ASSET.c.asset_class,
    _ASSET.c.kind,
    _ASSET.c.name,
    _ASSET.c.state,
    _ASSET.c.title,
    _ASSET.c.flag,
    _NAMESPACE.c.text.label("namespace"),
    _NAMESPACE.c.platform,
).join(_NAMESPACE, _NAMESPACE.c.key == _ASSET.c.namespace)


def described(connection: Connection, viewer: Viewer, keys: Iterable[int]) -> dict[int, Any]:
    """Rows of the visible ones of these assets."""
    statement = _DESCRIBED.where(
        _ASSET.c.key.in_(bindparam("keys", expanding=True)), visible_assets(viewer)
    )
    return {
        row.key: row
        for chunk in chunks(sorted(set(keys)))
        for row in connection.execute(statement, {"keys": chunk})
    }


def asset_row(connection: Connection, viewer: Viewer, asset: int | bytes) -> Any:
    """The asset by key or public id, or None when it is not there or not visible."""
    column = _ASSET.c.key if isinstance(asset, int) else _ASSET.c.uid
    return connection.execute(_DESCRIBED.where(column == asset, visible_assets(viewer))).first()


def paths(connection: Connection, pairs: Collection[Pair]) -> dict[Pair, str]:
    """Field paths of columns."""
    by_asset: dict[int, set[int]] = defaultdict(set)
    for asset, number in pairs:
        if number:
            by_asset[asset].add(number)
    found: dict[Pair, str] = {}
    for chunk in chunks(sorted(by_asset)):
        numbers = sorted(set().union(*(by_asset[asset] for asset in chunk)))
        statement = select(_COLUMN.c.asset, _COLUMN.c.number, _COLUMN.c.path).where(
            and_(_COLUMN.c.asset.in_(chunk), _COLUMN.c.number.in_(numbers))
        )
        for asset, number, path in connection.execute(statement):
            if number in by_asset[asset]:
                found[asset, number] = path
    return found
