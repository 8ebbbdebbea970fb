"""What a picture of a graph says beside its nodes and edges: columns, owners, how much there is."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, bindparam, func, select

from catalog.access.sqlfilter import visible_assets
from catalog.access.viewer import Viewer
from catalog.assets.people import names_of
from catalog.history.store import table_of
from catalog.lineage import adjacency
from catalog.lineage.adjacency import Way
from catalog.lineage.graph import MAX_DEPTH, MOST_COLUMN_EDGES, root_row
from catalog.lineage.views import CardColumns, ColumnPair, EdgeView, OwnerName
from catalog.model import Asset, AssetAttribute, Column
from catalog.naming import id_bytes, id_text

MOST_PATHS: Final = 200
"""Columns of one asset that a card lists."""
MOST_PAIRS: Final = 500
_ASSET = table_of(Asset)
_ATTRIBUTE = table_of(AssetAttribute)
_COLUMN = table_of(Column)
_UIDS: Any = bindparam("uids", expanding=True)


class Reach(NamedTuple):
    """How many assets lie up and down, at any distance. ``more``: these are not all."""

    up: int
    down: int
    more: bool


def columns_of(
    connection: Connection, viewer: Viewer, assets: Sequence[str], listed: Collection[str]
) -> dict[str, CardColumns]:
    """How many live columns visible assets (public ids) have; paths, the first 200 in their
    order, of those that are ``listed``. Assets without columns are left out."""
    viewer.require("read")
    keys = _keys(connection, viewer, assets)
    totals: dict[int, int] = {}
    paths: dict[int, list[str]] = {}
    for chunk in adjacency.chunks(sorted(keys)):
        totals.update((row[0], row[1]) for row in connection.execute(_TOTALS, {"keys": chunk}))
    shown = [key for key, uid in keys.items() if uid in listed]
    for chunk in adjacency.chunks(sorted(shown)):
        found = connection.execute(_PATHS, {"keys": chunk, "most": MOST_PATHS})
        for asset, path in found:
            paths.setdefault(asset, []).append(path)
    return {keys[key]: CardColumns(total, paths.get(key, [])) for key, total in totals.items()}


_TOTALS = (
    select(_COLUMN.c.asset, func.count())
    .where(_COLUMN.c.asset.in_(bindparam("keys", expanding=True)), _COLUMN.c.live)
    .group_by(_COLUMN.c.asset)
)
_RANKED = (
    select(
        _COLUMN.c.asset,
        _COLUMN.c.path,
        func.row_number()
        .over(partition_by=_COLUMN.c.asset, order_by=(_COLUMN.c.position, _COLUMN.c.number))
        .label("place"),
    )
    .where(_COLUMN.c.asset.in_(bindparam("keys", expanding=True)), _COLUMN.c.live)
    .subquery()
)
_PATHS = (
    select(_RANKED.c.asset, _RANKED.c.path)
    .where(_RANKED.c.place <= bindparam("most"))
    .order_by(_RANKED.c.asset, _RANKED.c.place)
)


def column_edges(connection: Connection, viewer: Viewer, assets: Sequence[str]) -> list[EdgeView]:
    """The edges from column to column among visible assets (public ids), at most 5,000."""
    viewer.require("read")
    keys = _keys(connection, viewer, assets)
    rows = [
        row
        for row in adjacency.columns_between(connection, list(keys), MOST_COLUMN_EDGES)
        if row.to_column
    ]
    ends = {(row.from_asset, row.from_column) for row in rows}
    ends |= {(row.to_asset, row.to_column) for row in rows}
    paths = adjacency.paths(connection, ends)
    return [
        EdgeView(
            source=keys[row.from_asset],
            target=keys[row.to_asset],
            source_column=paths.get((row.from_asset, row.from_column)),
            target_column=paths.get((row.to_asset, row.to_column)),
            kind=row.kind,
            via=None,
            evidence=row.evidence,
        )
        for row in rows
    ]


def owners_of(
    connection: Connection, viewer: Viewer, assets: Sequence[str]
) -> dict[str, list[OwnerName]]:
    """Who answers for visible assets (public ids), inherited owners too."""
    viewer.require("read")
    keys = _keys(connection, viewer, assets)
    found: list[tuple[int, str]] = []
    for chunk in adjacency.chunks(sorted(keys)):
        found += ((row[0], row[1]) for row in connection.execute(_OWNERS, {"keys": chunk}))
    names = names_of(connection, sorted({value for _, value in found}))
    owners: dict[str, list[OwnerName]] = {}
    for asset, value in found:
        named = names.owner(value)
        owners.setdefault(keys[asset], []).append(OwnerName(named.type, named.name))
    return owners


_OWNERS = (
    select(_ATTRIBUTE.c.asset, _ATTRIBUTE.c.value)
    .where(
        _ATTRIBUTE.c.asset.in_(bindparam("keys", expanding=True)),
        _ATTRIBUTE.c.attribute == "owner",
        _ATTRIBUTE.c.value != "",
    )
    .order_by(_ATTRIBUTE.c.asset, _ATTRIBUTE.c.value)
)


def reach(
    connection: Connection,
    viewer: Viewer,
    asset: int | bytes,
    ways: Sequence[Way] = ("up", "down"),
    *,
    most: int = 1_000,
) -> Reach:
    """Counts what leads to an asset and what it leads to, until ``most`` are found each way."""
    viewer.require("read")
    root = root_row(connection, viewer, asset)
    counts: dict[Way, int] = {"up": 0, "down": 0}
    more = False
    for way in ways:
        seen, frontier = {root.key}, [root.key]
        for _ in range(MAX_DEPTH):
            reached: set[int] = set()
            for _near, far in adjacency.step(connection, viewer, frontier, way, most + 1):
                if far not in seen:
                    reached.add(far)
                if len(seen) + len(reached) - 1 > most:
                    break
            seen |= reached
            frontier = sorted(reached)
            if not frontier or len(seen) - 1 > most:
                break
        counts[way] = min(len(seen) - 1, most)
        more = more or len(seen) - 1 > most
    return Reach(counts["up"], counts["down"], more)


def column_pairs(
    connection: Connection, viewer: Viewer, source: int | bytes, target: int | bytes
) -> list[ColumnPair]:
    """The columns of ``source`` that flow into those of ``target``, at most 500; first
    those that give values.

    No target column: the source column decides which rows the target has.
    """
    viewer.require("read")
    start, end = root_row(connection, viewer, source), root_row(connection, viewer, target)
    rows = [
        row
        for row in adjacency.columns_between(connection, [start.key, end.key], 4 * MOST_PAIRS)
        if (row.from_asset, row.to_asset) == (start.key, end.key)
    ][:MOST_PAIRS]
    ends = {(row.from_asset, row.from_column) for row in rows}
    ends |= {(row.to_asset, row.to_column) for row in rows}
    paths = adjacency.paths(connection, ends)
    found = [
        ColumnPair(
            paths[row.from_asset, row.from_column],
            paths.get((row.to_asset, row.to_column)),
            row.kind,
            row.evidence,
        )
        for row in rows
        if (row.from_asset, row.from_column) in paths
    ]
    return sorted(found, key=lambda pair: pair.kind != "direct")


def _keys(connection: Connection, viewer: Viewer, assets: Sequence[str]) -> dict[int, str]:
    """Public ids of the visible ones by key."""
    uids = [uid for uid in map(id_bytes, dict.fromkeys(assets)) if uid is not None]
    statement = select(_ASSET.c.key, _ASSET.c.uid).where(
        _ASSET.c.uid.in_(_UIDS), visible_assets(viewer)
    )
    found: dict[int, str] = {}
    for chunk in adjacency.chunks(uids):
        rows: Any = connection.execute(statement, {"uids": chunk})
        found.update((row.key, id_text(row.uid)) for row in rows)
    return found
