"""No form of a name goes through all assets: the plan of each statement is looked at."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from sqlalchemy import event

from catalog.access.viewer import SYSTEM
from catalog.assets.listing import Filter, assets, browse
from catalog.assets.lookup import lookup
from catalog.assets.reading import by_name
from catalog.assets.resolve import resolve
from catalog.errors import CatalogError
from catalog.history.store import Store
from tests.unit.assets.estate import LAKE, WAREHOUSE, Estate


@pytest.mark.parametrize(
    "name",
    [
        f"{WAREHOUSE}/shop.public.orders",
        f"{WAREHOUSE}/SHOP.public.orders",
        "wh.shop.public.orders",
        "public.orders",
        "s3a://lake/raw/orders/part-0",
        "urn:li:dataset:(urn:li:dataPlatform:postgres,shop.public.orders,PROD)",
        "no.such.table",
    ],
)
def test_names_are_found_through_indexes(sqlite_store: Store, name: str) -> None:
    estate = filled(sqlite_store)
    with (
        estate.store.connect() as connection,
        explained(estate.store) as plans,
        contextlib.suppress(CatalogError),
    ):
        by_name(connection, SYSTEM, name)
    assert plans
    assert [line for line in plans if line.startswith("SCAN asset")] == []


def test_lists_are_read_in_the_order_of_an_index(sqlite_store: Store) -> None:
    estate = filled(sqlite_store)
    with estate.store.connect() as connection:
        box = resolve(connection, SYSTEM, "shop.public")
        with explained(estate.store) as plans:
            assets(connection, SYSTEM, limit=1)
            browse(connection, SYSTEM, box, limit=1)
            assets(connection, SYSTEM, Filter(tag=("pii",)), order="new")
            lookup(connection, SYSTEM, [f"{WAREHOUSE}/shop.public.orders", "x" * 36])
    assert not any("TEMP B-TREE FOR ORDER BY" in line for line in plans)


def filled(store: Store) -> Estate:
    estate = Estate(store)
    estate.source("wh")
    estate.source("lake", kind="local")
    box = estate.asset(WAREHOUSE, "shop.public", kind="schema", source="wh")
    estate.asset(WAREHOUSE, "shop.public.orders", source="wh", parent=box)
    estate.asset(LAKE, "raw/orders", kind="dataset", source="lake")
    return estate


@contextlib.contextmanager
def explained(store: Store) -> Any:
    """The plan's lines of every statement that runs inside."""
    plans: list[str] = []

    def explain(connection: Any, _cursor: Any, statement: str, values: Any, *_more: Any) -> None:
        if not statement.startswith(("BEGIN", "EXPLAIN")):
            rows = connection.connection.driver_connection.execute(
                f"EXPLAIN QUERY PLAN {statement}", values
            )
            plans.extend(row[3] for row in rows)

    event.listen(store.engine, "before_cursor_execute", explain)
    try:
        yield plans
    finally:
        event.remove(store.engine, "before_cursor_execute", explain)
