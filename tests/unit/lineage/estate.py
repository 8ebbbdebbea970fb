"""A small estate for lineage: assets with columns, uses of statements, edges as names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select

from catalog import naming
from catalog.history.store import Store, table_of
from catalog.history.unit import Unit
from catalog.ingest.statements import statement_digest
from catalog.lineage.edges import EdgeKey, write_edges
from catalog.model import Asset, Column, Edge, Namespace, Source, Statement, StatementUse
from tests.support import rows

PG = "postgres://db:5432"
DUCK = "duckdb:///srv/shop.duckdb"
_ASSET = table_of(Asset)
_COLUMN = table_of(Column)
_EDGE = table_of(Edge)
_NAMESPACE = table_of(Namespace)
_SOURCE = table_of(Source)


class Estate:
    """Builds rows in one unit; keys by name."""

    def __init__(self, unit: Unit, space: str = PG) -> None:
        self.unit = unit
        found = unit.connection.execute(select(_NAMESPACE.c.text, _NAMESPACE.c.key))
        self.spaces: dict[str, int] = {row.text: row.key for row in found}
        self.keys: dict[str, int] = {}
        self.space = space
        self.links = 0
        known = unit.connection.execute(select(_SOURCE.c.key)).scalar()
        self.source = known or rows.source(unit, "wh", (space,))

    def namespace(self, text: str) -> int:
        if text not in self.spaces:
            self.spaces[text] = rows.namespace(self.unit, text)
        return self.spaces[text]

    def asset(
        self, name: str, columns: Sequence[str] = (), *, space: str | None = None, **more: Any
    ) -> int:
        text = space or self.space
        platform = naming.platform_of(text)
        rule = naming.case_rule_of(platform)
        leaf = naming.fold(naming.leaf(name, platform), rule)
        values: dict[str, Any] = {"asset_class": "data", "kind": "table", "state": "crawled"}
        key = rows.add(
            self.unit,
            Asset(
                uid=naming.new_id(),
                namespace=self.namespace(text),
                name=name,
                name_key=naming.name_key(name),
                folded_key=naming.text_key(naming.fold(name, rule)),
                leaf_key=naming.text_key(leaf),
                sort=leaf,
                created_at=self.unit.now,
                changed_at=self.unit.now,
                **{**values, **more},
            ),
        )
        for number, path in enumerate(columns, 1):
            rows.column(self.unit, key, number, path)
        self.keys[name] = key
        return key

    def use(
        self,
        text: str,
        asset: int | None = None,
        *,
        space: str | None = None,
        dialect: str = "postgres",
        kind: str = "view",
        **more: Any,
    ) -> int:
        statement = rows.add(
            self.unit,
            Statement(
                uid=naming.new_id(),
                hash=statement_digest(text + str(naming.new_id()), dialect),
                text=text,
                dialect=dialect,
            ),
        )
        return rows.add(
            self.unit,
            StatementUse(
                uid=naming.new_id(),
                statement=statement,
                source=self.source,
                namespace=self.namespace(space or self.space),
                kind=kind,
                asset=asset,
                created_at=self.unit.now,
                **more,
            ),
        )

    def link(self, *pairs: tuple[str, str]) -> None:
        """Edges by names of assets, ``a -> b``, or of columns, ``a.x -> b.y`` (one part each).

        Each gets evidence of its own; a column edge brings no table edge.
        """
        for source, target in pairs:
            edge = EdgeKey(*self._end(source), *self._end(target))
            self.links += 1
            write_edges(self.unit, self.links, {edge: 1.0})

    def indirect(self, source: str, target: str) -> None:
        """An edge from a column to an asset as a whole."""
        self.links += 1
        edge = EdgeKey(*self._end(source), *self._end(target), kind="indirect")
        write_edges(self.unit, self.links, {edge: 1.0})

    def _end(self, text: str) -> tuple[int, int]:
        name, _, path = text.partition(".")
        if not path:
            return self.keys[name], 0
        number = self.unit.connection.execute(
            select(_COLUMN.c.number).where(
                _COLUMN.c.asset == self.keys[name], _COLUMN.c.path == path
            )
        ).scalar_one()
        return self.keys[name], number


def edge_names(store: Store) -> set[str]:
    """All edges as ``a.x -> b.y`` (last parts of names), indirect ones as ``a.x ~> b``."""
    source, target = _ASSET.alias(), _ASSET.alias()
    with store.connect() as connection:
        paths = {
            (row.asset, row.number): "." + row.path for row in connection.execute(select(_COLUMN))
        }
        found = connection.execute(
            select(_EDGE, source.c.name.label("source"), target.c.name.label("target"))
            .join(source, source.c.key == _EDGE.c.from_asset)
            .join(target, target.c.key == _EDGE.c.to_asset)
        )
        return {
            _end(row.source, paths.get((row.from_asset, row.from_column), ""))
            + (" -> " if row.kind == "direct" else " ~> ")
            + _end(row.target, paths.get((row.to_asset, row.to_column), ""))
            for row in found
        }


def _end(name: str, path: str) -> str:
    leaf = name.rsplit("/", 1)[-1] if "/" in name else naming.split_name(name)[-1]
    return leaf + path


def states(store: Store) -> dict[str, str]:
    """``namespace/name`` -> state of all data assets."""
    with store.connect() as connection:
        found = connection.execute(
            select(_ASSET.c.name, _ASSET.c.state, _NAMESPACE.c.text)
            .join(_NAMESPACE, _NAMESPACE.c.key == _ASSET.c.namespace)
            .where(_ASSET.c.asset_class == "data")
        )
        return {naming.canonical(row.text, row.name): row.state for row in found}
