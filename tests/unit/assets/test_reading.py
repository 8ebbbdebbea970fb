"""One asset whole."""

from __future__ import annotations

import time

import msgspec
import pytest
from sqlalchemy import update

from catalog.access.expression import Equals, Not
from catalog.access.viewer import SYSTEM, install_policy
from catalog.assets.reading import by_id, by_name
from catalog.assets.views import AssetView
from catalog.crawling.records import Asset, Field, Key
from catalog.errors import NotFound
from catalog.history.store import Store, table_of
from catalog.model import Source
from tests.unit.assets.estate import WAREHOUSE, Estate, counted


@pytest.fixture
def estate(store: Store) -> Estate:
    made = Estate(store)
    made.source("wh", environment="production")
    return made


def orders(estate: Estate) -> int:
    """A table of 20 columns with all that people can say of it."""
    database = estate.asset(WAREHOUSE, "shop", kind="database", source="wh")
    schema = estate.asset(WAREHOUSE, "shop.public", kind="schema", source="wh", parent=database)
    key = estate.asset(
        WAREHOUSE,
        "shop.public.orders",
        source="wh",
        parent=schema,
        description="From the source.",
        columns=tuple(Field(f"c{i}", type="int64", comment=f"Comment {i}") for i in range(20)),
        keys=(Key("foreign", ("c1",), references="shop.public.customers"),),
        owners=("app",),
        format="table",
    )
    person, user = estate.person("ada")
    estate.fact(key, "description", "From a person.", author=user)
    estate.fact(key, "owner", {}, item=f"{person}/steward", author=user)
    estate.fact(key, "tag", {}, item="pii/email", author=user)
    estate.fact(key, "flag", {"kind": "warned", "reason": "late"}, item=person, author=user)
    for number in range(1, 21):
        estate.fact(key, "description", f"About {number}", column=number, author=user)
    estate.fact(key, "tag", {}, item="pii", column=1, author=user)
    return key


def read(estate: Estate, name: str) -> AssetView:
    with estate.store.connect() as connection:
        return by_name(connection, SYSTEM, name)


def test_everything_is_there_with_its_origin(estate: Estate) -> None:
    orders(estate)
    view = read(estate, f"{WAREHOUSE}/shop.public.orders")
    assert view.description == "From a person."
    assert view.description_origin is not None
    assert (view.description_origin.layer, view.description_origin.name) == ("curated", "ada")
    assert [(one.name, one.type, one.role) for one in view.owners] == [("ada", "person", "steward")]
    assert [one.tag for one in view.tags] == ["pii/email"]
    assert [(one.kind, one.reason, one.name) for one in view.flags] == [("warned", "late", "ada")]
    assert view.flag == "warned"
    assert [one.label for one in view.parents] == ["shop", "public"]
    assert view.keys[0].references == f"{WAREHOUSE}/shop.public.customers"
    assert view.columns is not None
    assert view.columns[3].description == "About 4"
    assert [one.tag for one in view.columns[0].tags] == ["pii"]
    assert view.crawl is not None
    assert (view.crawl.source, view.complete, view.environment) == ("wh", True, "production")
    assert view.crawl.seen_at is not None


def test_at_most_five_queries_with_the_token(estate: Estate) -> None:
    orders(estate)
    for name in (f"{WAREHOUSE}/shop.public.orders", read(estate, "orders").id):
        with estate.store.connect() as connection, counted(estate.store) as seen:
            by_name(connection, SYSTEM, name)
        assert len(seen) <= 4, seen  # and one more for the token


def test_the_reply_leaves_nothing_out(estate: Estate) -> None:
    key = estate.asset(WAREHOUSE, "shop.public.bare", state="referenced")
    with estate.store.connect() as connection:
        view = by_id(connection, SYSTEM, estate.id(key))
    reply = msgspec.json.decode(msgspec.json.encode(view))
    assert set(reply) == set(AssetView.__struct_fields__)
    assert reply["columns"] is None
    assert reply["description"] is None
    assert reply["crawl"] is None
    assert reply["children"] == {"total": 0, "at_least": None}


def test_no_columns_is_not_unknown(estate: Estate) -> None:
    estate.asset(WAREHOUSE, "shop.public.empty", source="wh", columns=())
    estate.asset(WAREHOUSE, "shop.public.closed", source="wh", columns=None)
    assert read(estate, "public.empty").columns == []
    assert read(estate, "public.closed").columns is None


def test_the_etag_follows_what_people_write(estate: Estate) -> None:
    key = orders(estate)
    first = read(estate, "orders")
    estate.fact(key, "tag", {}, item="gold", layer="inferred")
    assert read(estate, "orders").etag == first.etag
    estate.fact(key, "title", "Orders")
    second = read(estate, "orders")
    assert second.etag != first.etag
    assert first.columns is not None
    assert second.columns is not None
    assert [one.etag for one in second.columns] == [one.etag for one in first.columns]


def test_the_asked_column(estate: Estate) -> None:
    orders(estate)
    assert read(estate, "orders#C3").column == "c3"
    with pytest.raises(NotFound) as caught:
        read(estate, "orders#c33")
    assert "c3" in caught.value.details["did_you_mean"]


def test_the_first_thousand_of_many_columns(estate: Estate) -> None:
    fields = tuple(Field(f"c{number}") for number in range(1_200))
    estate.asset(WAREHOUSE, "shop.public.wide", source="wh", columns=fields)
    view = read(estate, "public.wide#c1150")
    assert (len(view.columns or ()), view.columns_total, view.column) == (1000, 1200, "c1150")


def test_a_second_source_fills_what_the_first_leaves_open(estate: Estate) -> None:
    estate.source("push", kind="push")
    key = estate.asset(WAREHOUSE, "shop.public.two", source="wh", tags=("gold",))
    record = Asset(
        namespace=WAREHOUSE,
        name="shop.public.two",
        kind="table",
        description="Pushed.",
        location="s3://lake/two",
        tags=("other",),
    )
    estate.sighting(key, "push", record)
    view = read(estate, "public.two")
    assert (view.description, view.location) == ("Pushed.", "s3://lake/two")
    assert view.description_origin is not None
    assert view.description_origin.source == "push"
    assert [(one.tag, one.origin.source) for one in view.tags] == [("gold", "wh")]
    assert [(one.source, one.decides) for one in view.seen_by or ()] == [
        ("wh", True),
        ("push", False),
    ]


def test_containers_that_are_not_visible_are_no_crumbs(estate: Estate) -> None:
    orders(estate)
    before = install_policy(lambda _viewer: Not(Equals("kind", "database")))
    try:
        view = read(estate, f"{WAREHOUSE}/shop.public.orders")
        assert [one.label for one in view.parents] == ["public"]
    finally:
        install_policy(before)


def test_an_asset_of_a_removed_source_is_not_there(estate: Estate) -> None:
    key = orders(estate)
    source = table_of(Source)
    with estate.store.write("user:test") as unit:
        unit.connection.execute(update(source).values(removed_at=unit.now))
    with estate.store.connect() as connection, pytest.raises(NotFound):
        by_id(connection, SYSTEM, estate.id(key))


def test_one_read_takes_less_than_two_milliseconds(estate: Estate) -> None:
    orders(estate)
    if not estate.store.is_sqlite:
        pytest.skip("one engine is enough")
    name = f"{WAREHOUSE}/shop.public.orders"
    best = 1.0
    with estate.store.connect() as connection:
        for _ in range(30):
            began = time.perf_counter()
            msgspec.json.encode(by_name(connection, SYSTEM, name))
            best = min(best, time.perf_counter() - began)
    print(f"best {best * 1e3:.2f} ms")
    assert best < 0.002
