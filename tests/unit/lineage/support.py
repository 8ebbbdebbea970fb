"""What tests of lineage share: estates that are linked, rows to look at, assets to hide."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import select

from catalog.access.expression import Equals, Not
from catalog.access.viewer import install_policy
from catalog.history.store import Store, table_of
from catalog.model import (
    Change,
    StatementUse,
)
from tests.unit.lineage.estate import Estate

USE = table_of(StatementUse)
_CHANGE = table_of(Change)


def use_row(store: Store, key: int) -> Any:
    """The row of a use of a statement."""
    with store.connect() as connection:
        return connection.execute(select(USE).where(USE.c.key == key)).one()


def changes(store: Store, what: str) -> list[Any]:
    """Changes of one sort, in order."""
    with store.connect() as connection:
        return list(connection.execute(select(_CHANGE).where(_CHANGE.c.what == what)))


def chain(store: Store) -> Estate:
    """raw -> staging -> mart, two views."""
    with store.write("system") as unit:
        estate = Estate(unit)
        estate.asset("shop.raw.orders", ["id", "amount", "day"])
        staging = estate.asset("shop.staging.orders", ["id", "cents"], kind="view")
        mart = estate.asset("shop.marts.totals", ["day_total"], kind="view")
        estate.use("SELECT id, amount * 100 AS cents FROM raw.orders WHERE day > '2020'", staging)
        estate.use("SELECT sum(cents) FROM staging.orders", mart)
    return estate


@contextmanager
def hidden(name: str) -> Iterator[None]:
    """Nobody sees the asset of this name."""
    before = install_policy(lambda _viewer: Not(Equals("name", name)))
    try:
        yield
    finally:
        install_policy(before)


def estate(store: Store, *pairs: tuple[str, str], **columns: list[str]) -> dict[str, int]:
    """Assets by one-letter names, linked; ``columns`` gives some of them columns."""
    with store.write("system") as unit:
        made = Estate(unit)
        names = sorted({end.partition(".")[0] for pair in pairs for end in pair} | columns.keys())
        for name in names:
            made.asset(name, columns.get(name, []))
        made.link(*pairs)
        return made.keys
