"""The version part ``edges``: what led into an asset, as a document of public ids.

The document is a pure function of the store, so a past state reads like the present one::

    {"edges": [{"from": ID, "from_column": PATH or null, "to_column": PATH or null,
                "kind": "direct" or "indirect", "via": ID or null}, ...]}

Column null is the asset itself. Edges are sorted; an asset without any has no document.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Connection, and_, bindparam, select

from catalog.history.store import table_of
from catalog.history.unit import dump
from catalog.model import Asset, Column, Edge
from catalog.naming import id_text

_ASSET = table_of(Asset)
_COLUMN = table_of(Column)
_EDGE = table_of(Edge)
_FROM, _VIA = _ASSET.alias("upstream"), _ASSET.alias("via_job")
_FROM_COLUMN, _TO_COLUMN = _COLUMN.alias("from_path"), _COLUMN.alias("to_path")
_CHUNK: Final = 500

_INCOMING = (
    select(
        _EDGE.c.to_asset,
        _FROM.c.uid,
        _FROM_COLUMN.c.path.label("from_path"),
        _TO_COLUMN.c.path.label("to_path"),
        _EDGE.c.kind,
        _VIA.c.uid.label("via"),
    )
    .select_from(
        _EDGE.join(_FROM, _FROM.c.key == _EDGE.c.from_asset)
        .outerjoin(_VIA, _VIA.c.key == _EDGE.c.via)
        .outerjoin(
            _FROM_COLUMN,
            and_(
                _FROM_COLUMN.c.asset == _EDGE.c.from_asset,
                _FROM_COLUMN.c.number == _EDGE.c.from_column,
            ),
        )
        .outerjoin(
            _TO_COLUMN,
            and_(_TO_COLUMN.c.asset == _EDGE.c.to_asset, _TO_COLUMN.c.number == _EDGE.c.to_column),
        )
    )
    .where(_EDGE.c.to_asset.in_(bindparam("assets", expanding=True)))
)


def edges_document(connection: Connection, asset: int) -> bytes | None:
    """The incoming edges of an asset as they are now, or None when it has none."""
    return edges_documents(connection, [asset])[asset]


def edges_documents(connection: Connection, assets: Sequence[int]) -> dict[int, bytes | None]:
    """`edges_document` of several assets: one query for each 500 of them."""
    found: dict[int, list[tuple[Any, ...]]] = defaultdict(list)
    wanted = sorted(set(assets))
    for offset in range(0, len(wanted), _CHUNK):
        chunk = wanted[offset : offset + _CHUNK]
        for to_asset, *edge in connection.execute(_INCOMING, {"assets": chunk}):
            found[to_asset].append(tuple(edge))
    return {asset: _document(found[asset]) if asset in found else None for asset in wanted}


def _document(edges: list[tuple[Any, ...]]) -> bytes:
    described = [
        {
            "from": id_text(uid),
            "from_column": from_path,
            "to_column": to_path,
            "kind": kind,
            "via": None if via is None else id_text(via),
        }
        for uid, from_path, to_path, kind, via in edges
    ]
    described.sort(key=lambda edge: tuple(value or "" for value in edge.values()))
    return dump({"edges": described}).encode()
