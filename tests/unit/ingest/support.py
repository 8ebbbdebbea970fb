"""What a test of a crawl looks at: rows of the store, and whether ledgers add up."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from catalog.history.store import Store, table_of
from catalog.model import Asset, Change, Column, Hold, Measure, Scope, Sighting

ASSET, COLUMN, CHANGE = table_of(Asset), table_of(Column), table_of(Change)
HOLD, SIGHTING, MEASURE = table_of(Hold), table_of(Sighting), table_of(Measure)
SCOPE = table_of(Scope)


def rows(store: Store, statement: Any) -> list[Any]:
    """All rows of a statement."""
    with store.connect() as connection:
        return list(connection.execute(statement).all())


def asset(store: Store, name: str) -> Any:
    """The row of an asset."""
    return rows(store, select(ASSET).where(ASSET.c.name == name))[0]


def live(store: Store) -> set[str]:
    """Names of the data assets that are there."""
    found = rows(
        store, select(ASSET.c.name).where(ASSET.c.state == "crawled", ASSET.c.asset_class == "data")
    )
    return {row.name for row in found}


def sums(row: Any) -> bool:
    """Whether a crawl's counts of objects and of assets add up."""
    return (
        row.listed == row.used + row.filtered + row.failed_objects
        and row.seen == row.new + row.changed + row.unchanged + row.failed
    )
