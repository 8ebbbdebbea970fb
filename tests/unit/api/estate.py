"""Fixture ``shop``: the application over a small estate that real crawls brought in.

The sources ``wh`` (a warehouse) and ``lake``, and ``zanzibar``, whose assets some must not see:
they share names, lineage and a container with the others. `hidden` hides them.
"""

from __future__ import annotations

import copy
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from catalog.access.expression import Equals, Everything, Expression, Not
from catalog.access.viewer import Viewer, install_policy
from catalog.crawling import records
from catalog.history.store import Store, table_of
from catalog.lineage import parse
from catalog.model import Asset, Namespace, Source
from catalog.naming import canonical, id_text
from catalog.settings import Settings
from catalog.wiring import open_catalog
from tests.support.api import Api, running
from tests.support.crawls import NAMESPACE, FakeSource, table

PG = NAMESPACE
LAKE = "s3://lake"
ORDERS = f"{PG}/shop.public.orders"
SECRET = "zanzibar"
_ASSET, _NAMESPACE, _SOURCE = table_of(Asset), table_of(Namespace), table_of(Source)


@dataclass
class Shop:
    """The application (``api``), its sources, and ids by canonical name."""

    api: Api
    wh: FakeSource
    lake: FakeSource
    zanzibar: FakeSource

    @property
    def ids(self) -> dict[str, str]:
        """Canonical name -> public id."""
        return {name: uid for name, uid, _ in self._assets()}

    @property
    def secrets(self) -> set[str]:
        """Public ids of the assets of the source ``zanzibar``."""
        return {uid for _, uid, source in self._assets() if source == SECRET}

    def _assets(self) -> list[tuple[str, str, str | None]]:
        with self.api.store.connect() as connection:
            rows = connection.execute(
                select(_NAMESPACE.c.text, _ASSET.c.name, _ASSET.c.uid, _SOURCE.c.name.label("by"))
                .join(_NAMESPACE, _NAMESPACE.c.key == _ASSET.c.namespace)
                .outerjoin(_SOURCE, _SOURCE.c.key == _ASSET.c.source)
            ).all()
        return [(canonical(row[0], row[1]), id_text(row.uid), row.by) for row in rows]

    def get(self, path: str, who: str | None = "viewer", **params: Any) -> Any:
        """GET below ``/api/v1``."""
        return self.api.get(f"/api/v1{path}", who, **params)

    def patch(self, path: str, body: Any, who: str = "editor", **more: Any) -> Any:
        """PATCH below ``/api/v1``."""
        return self.api.patch(f"/api/v1{path}", who, json=body, **more)


def box(name: str, kind: str, parent: str | None = None, **more: Any) -> records.Asset:
    return records.Asset(PG, name, kind, "container", parent=parent, **more)


def view(name: str, sql: str) -> records.Statement:
    return records.Statement(text=sql, dialect="postgres", namespace=PG, defines=name, kind="view")


def _warehouse() -> list[records.Record]:
    return [
        box("shop", "database"),
        box("shop.public", "schema", "shop"),
        table("shop.public.customers", "id:int64", "mail:string", parent="shop.public"),
        table(
            "shop.public.orders",
            "id:int64",
            "customer:int64",
            "amount:decimal(10,2)",
            parent="shop.public",
            description="One row per order.",
            measures={"rows": records.Measure(1234)},
        ),
        table("shop.public.daily", "id", "amount", parent="shop.public", kind="view"),
        view("shop.public.daily", "SELECT id, amount FROM shop.public.orders"),
        table("shop.hidden.thing", "id", parent="shop.hidden"),
    ]


def _partitions() -> tuple[records.Partition, ...]:
    return tuple(
        records.Partition(
            f"dt=2026-11-{day:02}", {"dt": f"2026-11-{day:02}"}, 2, day, 100 * day, 1.7e9 - day
        )
        for day in range(1, 8)
    )


def _secrets() -> list[records.Record]:
    return [
        box("zanzibar", "database"),
        box("shop.hidden", "schema", "shop", description="of zanzibar"),
        box("zanzibar.public", "schema", "zanzibar"),
        table("zanzibar.public.orders", "id", "zanzibar_key", parent="zanzibar.public"),
        table("zanzibar.public.orderz", "id", parent="zanzibar.public"),
        table("zanzibar.public.spy", "id", parent="zanzibar.public", kind="view"),
        view("zanzibar.public.spy", "SELECT id FROM shop.public.orders"),
    ]


@pytest.fixture(scope="session")
def _shop_template(
    _store_template: tuple[Path, dict[str, str]], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, list[FakeSource]]:
    """A home in which the estate was crawled, its statements parsed, the index caught up."""
    home = tmp_path_factory.mktemp("shop")
    shutil.copyfile(_store_template[0], home / "catalog.db")
    catalog = open_catalog(Settings(home=home, disk_reserve=0), check=False)
    try:
        sources = _sources(catalog.store)
        for source in sources:
            assert source.run().state == "succeeded"
        parse.parse_pending(catalog.store)
        assert catalog.catch_up()
        with catalog.store.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        catalog.close()
    return home, sources


def _sources(store: Store) -> list[FakeSource]:
    zanzibar = FakeSource(store, SECRET)
    wh, lake = FakeSource(store, "wh"), FakeSource(store, "lake", (LAKE,))
    zanzibar.put(*_secrets(), scope="z")
    wh.put(*_warehouse())
    raw = records.Asset(
        LAKE,
        "raw/orders",
        "dataset",
        columns=(records.Field("id", "int64", "int64"),),
        location=f"{LAKE}/raw/orders",
        partition_keys=("dt",),
        partitions=_partitions(),
    )
    lake.put(raw, scope="raw")
    return [zanzibar, wh, lake]


@pytest.fixture
def shop(
    api_settings: Settings,
    _store_template: tuple[Path, dict[str, str]],
    _shop_template: tuple[Path, list[FakeSource]],
) -> Iterator[Shop]:
    """The application over the estate."""
    home, sources = _shop_template
    shutil.copytree(home, api_settings.home)
    with running(api_settings, _store_template[1]) as api:
        mine = []
        for source in sources:
            mine.append(copy.copy(source))
            mine[-1].store, mine[-1].content = api.store, dict(source.content)
        zanzibar, wh, lake = mine
        yield Shop(api, wh, lake, zanzibar)


@contextmanager
def hidden(source: str = SECRET) -> Iterator[None]:
    """Who is no admin does not see the assets of a source."""

    def policy(viewer: Viewer) -> Expression:
        return Everything() if viewer.role == "admin" else Not(Equals("source", source))

    before = install_policy(policy)
    try:
        yield
    finally:
        install_policy(before)
