"""Effective values: who wins, and that the store is set with a constant number of statements."""

from __future__ import annotations

from typing import Any

from sqlalchemy import event

from catalog.assets.effective import (
    FactRow,
    effective_flag,
    effective_text,
    effective_values,
    refresh_effective,
)
from catalog.assets.reports import merged
from catalog.crawling import records
from catalog.history import dialect
from catalog.history.store import Store
from catalog.history.unit import Unit, dump
from catalog.model import Account, Asset, Person
from catalog.naming import id_text, new_id
from tests.support import rows

ORDERS = records.Asset(
    namespace="postgres://db:5432",
    name="shop.public.orders",
    kind="table",
    description="from the source",
    owners=("etl",),
    tags=("sales", "class/pii/email"),
)


def fact(name: str, value: Any, item: str = "", layer: str = "curated", **more: Any) -> FactRow:
    return FactRow(name, item, layer, dump(value), more.get("confidence"), more.get("at", 1))


def test_text_is_curated_then_crawled_then_inferred() -> None:
    inferred = [
        fact("title", "weak", layer="inferred", confidence=0.4),
        fact("title", "strong", layer="inferred", confidence=0.9),
    ]
    assert effective_text("title", None, inferred) == "strong"
    assert effective_text("title", "crawled", inferred) == "crawled"
    assert effective_text("title", "crawled", [*inferred, fact("title", "mine")]) == "mine"


def test_a_curated_empty_text_hides_the_source() -> None:
    assert effective_text("description", "crawled", [fact("description", "")]) is None


def test_the_most_severe_flag_stands() -> None:
    flags = [fact("flag", {"kind": kind}, item=kind) for kind in ("endorsed", "warned")]
    assert effective_flag([]) is None
    assert effective_flag(flags) == "warned"
    assert effective_flag([*flags, fact("flag", {"kind": "deprecated"})]) == "deprecated"


def test_tags_add_up_and_curated_owners_replace() -> None:
    def owner_of(name: str) -> str:
        return f"account:wh/{name}"

    crawled = effective_values(ORDERS, [fact("tag", None, item="gold")], owner_of)
    assert crawled.attributes == {
        ("tag", "sales"),
        ("tag", "class/pii/email"),
        ("classification", "pii/email"),
        ("tag", "gold"),
        ("owner", "account:wh/etl"),
    }
    curated = effective_values(ORDERS, [fact("owner", None, item="team:1/steward")], owner_of)
    assert ("owner", "team:1") in curated.attributes
    assert ("owner", "account:wh/etl") not in curated.attributes
    nobody = effective_values(ORDERS, [fact("owner", None)], owner_of)
    assert not any(name == "owner" for name, _ in nobody.attributes)


def test_the_store_is_set_and_a_second_time_writes_nothing(store: Store) -> None:
    with store.write("system") as unit:
        key = _orders(unit)
        assert refresh_effective(unit, [key]) == {key}
        row = unit.session.get(Asset, key, populate_existing=True)
        assert row is not None
        assert row.description == "from the source"
        assert ("owner", "account:wh/etl") in rows.attributes(unit, key)
        before = dialect.rows_written(unit.connection)
        assert refresh_effective(unit, [key]) == set()
        assert dialect.rows_written(unit.connection) == before


def test_what_is_gone_leaves_the_row(store: Store) -> None:
    with store.write("system") as unit:
        key = _orders(unit)
        refresh_effective(unit, [key])
        bare = records.Asset(namespace=ORDERS.namespace, name=ORDERS.name, kind="table")
        refresh_effective(unit, [key], {key: bare})
        row = unit.session.get(Asset, key, populate_existing=True)
        assert row is not None
        assert row.description is None
        assert rows.attributes(unit, key) == set()


def test_an_account_that_is_joined_is_its_person(store: Store) -> None:
    with store.write("system") as unit:
        key = _orders(unit)
        person = Person(uid=new_id(), name="Ada", created_at=1)
        of = rows.add(unit, person)
        row = unit.session.get(Asset, key)
        assert row is not None
        rows.add(unit, Account(uid=new_id(), source=row.source, name="etl", person=of))
        refresh_effective(unit, [key])
        assert ("owner", f"person:{id_text(person.uid)}") in rows.attributes(unit, key)


def test_the_source_that_decides_comes_first_others_fill_in(store: Store) -> None:
    with store.write("system") as unit:
        other, owning = rows.source(unit, "dbt", rank=9), rows.source(unit, "wh")
        key = rows.asset(unit, rows.namespace(unit), source=owning)
        rows.sighting(unit, key, other, ORDERS)
        rows.sighting(unit, key, owning, _says("wh"))
        refresh_effective(unit, [key])
        assert _description(unit, key) == "wh"
        assert ("owner", "account:dbt/etl") in rows.attributes(unit, key)
        together = merged([_says("wh"), ORDERS])
        assert refresh_effective(unit, [key], {key: together}) == set()


def test_a_withdrawn_sighting_loses_but_is_not_forgotten(store: Store) -> None:
    with store.write("system") as unit:
        space = rows.namespace(unit)
        key, alone = rows.asset(unit, space), rows.asset(unit, space, "shop.public.gone")
        owning, other = rows.source(unit, "wh"), rows.source(unit, "dbt")
        rows.sighting(unit, key, owning, _says("wh"), state="withdrawn")
        rows.sighting(unit, key, other, _says("dbt"))
        rows.sighting(unit, alone, owning, _says("last words"), state="withdrawn")
        refresh_effective(unit, [key, alone])
        assert _description(unit, key) == "dbt"
        assert _description(unit, alone) == "last words"


def test_statements_do_not_grow_with_the_batch(store: Store) -> None:
    with store.write("system") as unit:
        space = rows.namespace(unit)
        by = rows.source(unit)
        keys = [rows.asset(unit, space, f"shop.public.t{number}") for number in range(60)]
        for key in keys:
            rows.sighting(unit, key, by, ORDERS)
        few = _statements(unit, keys[:2])
        assert _statements(unit, keys[2:]) == few
        assert few <= 8


def _statements(unit: Unit, keys: list[int]) -> int:
    count = 0

    def counted(*_: Any) -> None:
        nonlocal count
        count += 1

    engine = unit.connection.engine
    event.listen(engine, "before_cursor_execute", counted)
    try:
        assert refresh_effective(unit, keys) == set(keys)
    finally:
        event.remove(engine, "before_cursor_execute", counted)
    return count


def _orders(unit: Unit) -> int:
    space, by = rows.namespace(unit), rows.source(unit)
    key = rows.asset(unit, space, source=by)
    rows.sighting(unit, key, by, ORDERS)
    return key


def _says(text: str) -> records.Asset:
    return records.Asset(
        namespace=ORDERS.namespace, name=ORDERS.name, kind="table", description=text
    )


def _description(unit: Unit, key: int) -> str | None:
    row = unit.session.get(Asset, key, populate_existing=True)
    assert row is not None
    return row.description
