"""Lineage of two assets that become one: edges and their evidence, on both sides and as ``via``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import Connection, delete, or_, select, update

from catalog.history import dialect
from catalog.history.edges import edges_documents
from catalog.history.store import table_of
from catalog.history.unit import Unit
from catalog.model import Asset, Edge, EdgeEvidence
from catalog.naming import id_text

_ASSET = table_of(Asset)
_EDGE = table_of(Edge)
_EVIDENCE = table_of(EdgeEvidence)
_ENDS: Final = ("to_asset", "to_column", "from_asset", "from_column", "kind", "via")


def move_edges(unit: Unit, keep: int, drop: int, columns: Mapping[int, int]) -> None:
    """Points all edges of ``drop`` at ``keep``; equal ones join their evidence, loops end.

    ``columns``: column number of the dropped asset -> number in the kept one. Every asset whose
    incoming edges changed keeps a version and gets a change.
    """
    connection = unit.connection
    dialect.next_keys(connection, _EDGE, 1)  # the lock that all writers of edges take
    touching = or_(_EDGE.c.from_asset == drop, _EDGE.c.to_asset == drop, _EDGE.c.via == drop)
    rows = connection.execute(select(_EDGE).where(touching).order_by(_EDGE.c.key)).all()
    if not rows:
        return
    affected = sorted({keep if row.to_asset == drop else row.to_asset for row in rows})
    before = edges_documents(connection, affected)
    for row in rows:
        _move(connection, row, _moved(row, keep, drop, columns))
    after = edges_documents(connection, affected)
    subjects = connection.execute(
        select(_ASSET.c.key, _ASSET.c.uid).where(_ASSET.c.key.in_(affected))
    )
    for key, uid in subjects.all():
        if before[key] != after[key]:
            unit.version(key, "edges", before[key])
            unit.change("lineage", subject=id_text(uid), asset=key, cause="merged")


def _moved(row: Any, keep: int, drop: int, columns: Mapping[int, int]) -> dict[str, Any]:
    ends = {name: getattr(row, name) for name in _ENDS}
    for side in ("from", "to"):
        if ends[f"{side}_asset"] == drop:
            ends[f"{side}_asset"] = keep
            ends[f"{side}_column"] = columns.get(ends[f"{side}_column"], 0)
    if ends["via"] == drop:
        ends["via"] = keep
    return ends


def _move(connection: Connection, row: Any, ends: Mapping[str, Any]) -> None:
    loop = ends["from_asset"] == ends["to_asset"] and row.from_asset != row.to_asset
    same = connection.execute(
        select(_EDGE.c.key).where(
            *(_EDGE.c[name] == value for name, value in ends.items()), _EDGE.c.key != row.key
        )
    ).scalar()
    if not loop and same is None:
        connection.execute(update(_EDGE).where(_EDGE.c.key == row.key).values(**ends))
        return
    if not loop and same is not None:
        _join_evidence(connection, row.key, same)
    connection.execute(delete(_EVIDENCE).where(_EVIDENCE.c.edge == row.key))
    connection.execute(delete(_EDGE).where(_EDGE.c.key == row.key))


def _join_evidence(connection: Connection, edge: int, same: int) -> None:
    """Evidence that the equal edge does not have moves to it."""
    have = {
        (row.origin, row.reference)
        for row in connection.execute(select(_EVIDENCE).where(_EVIDENCE.c.edge == same))
    }
    for row in connection.execute(select(_EVIDENCE).where(_EVIDENCE.c.edge == edge)).all():
        if (row.origin, row.reference) not in have:
            connection.execute(
                update(_EVIDENCE)
                .where(
                    _EVIDENCE.c.edge == edge,
                    _EVIDENCE.c.origin == row.origin,
                    _EVIDENCE.c.reference == row.reference,
                )
                .values(edge=same)
            )
