"""A page of hits: what it shows, that it trusts the store more than the index, its queries."""

from __future__ import annotations

import pytest

from catalog.access import viewer as viewers
from catalog.access.expression import Equals, Not
from catalog.access.viewer import SYSTEM, Viewer
from catalog.errors import NotAllowed
from catalog.history.store import Store, table_of
from catalog.model import Asset, Measure, Scope, Sighting
from catalog.search.engine import FACETS, Query
from catalog.search.follower import Follower
from catalog.search.page import SearchPage, check_hits, first_line, search, similar
from catalog.search.whoosh_engine import WhooshEngine
from tests.unit.search.build import Estate
from tests.unit.search.support import counted


@pytest.fixture
def estate(store: Store) -> Estate:
    return Estate(store)


def page(store: Store, engine: WhooshEngine, query: Query, viewer: Viewer = SYSTEM) -> SearchPage:
    with store.read() as session:
        return search(session, engine, viewer, query)


def names(found: SearchPage) -> list[str]:
    return [item.name for item in found.items]


def test_what_a_hit_shows(store: Store, estate: Estate, engine: WhooshEngine) -> None:
    key = estate.asset(
        "shop.orders", description="\n One order.\nMore.", title="Orders", popularity=3
    )
    ann = estate.person("Ann Lee")
    estate.attribute(key, "owner", f"person:{ann}")
    estate.attribute(key, "tag", "pii/email")
    with store.write("crawl:1") as unit:
        scope = estate.insert(
            unit, Scope, source=estate.source, name="shop", last_complete_at=1_000_000
        )
        for table, values in (
            (
                Sighting,
                {"source": estate.source, "scope": scope, "hash": b"", "record": b"", "crawl": 1},
            ),
            (Measure, {"column": 0, "name": "last_written", "value": 2.5, "at": 1}),
        ):
            row = table(asset=key, **values)  # type: ignore[arg-type]
            unit.session.add(row)
    Follower(store, engine).catch_up()
    found = page(store, engine, Query("orders", facets=FACETS))
    (item,) = found.items
    assert (item.label, item.title, item.description) == ("orders", "Orders", "One order.")
    assert [(owner.type, owner.id, owner.name) for owner in item.owners] == [
        ("person", ann, "Ann Lee")
    ]
    assert (item.tags, item.source, item.popularity) == (["pii/email"], "wh", 3)
    assert item.data_as_of == "1970-01-01T00:00:02.500000Z"
    assert item.checked_at == "1970-01-01T00:00:01Z"
    assert item.matched == ["description", "name", "title"]
    assert (found.total, found.at_least, found.next) == (1, None, None)
    (owner,) = found.facets["owner"]
    assert (owner.value, owner.label, owner.count) == (f"person:{ann}", "Ann Lee", 1)


def test_what_the_index_does_not_know_yet(
    store: Store, estate: Estate, engine: WhooshEngine
) -> None:
    """A removed hit is left out, and the total becomes a least one."""
    keys = [estate.asset(f"shop.orders_{number}") for number in range(3)]
    Follower(store, engine).catch_up()
    estate.edit(keys[1], "removed", state="removed")
    found = page(store, engine, Query("orders"))
    assert names(found) == ["shop.orders_0", "shop.orders_2"]
    assert (found.total, found.at_least) == (None, 2)


def test_what_became_invisible_is_left_out(
    store: Store, estate: Estate, engine: WhooshEngine
) -> None:
    """The engine filters by what it has, the check by what is so now."""
    keys = [estate.asset(f"shop.orders_{number}") for number in range(2)]
    Follower(store, engine).catch_up()
    before = viewers.install_policy(lambda _viewer: Not(Equals("tag", "secret")))
    try:
        assert len(page(store, engine, Query("orders")).items) == 2
        estate.attribute(keys[0], "tag", "secret")
        found = page(store, engine, Query("orders", facets=FACETS))
        assert names(found) == ["shop.orders_1"]
        assert found.at_least == 1
        Follower(store, engine).catch_up()
        found = page(store, engine, Query("orders", facets=FACETS))
        assert (names(found), found.total, found.facets["tag"]) == (["shop.orders_1"], 1, [])
        with store.read() as session:
            assert similar(session, engine, SYSTEM, "orders_0") != []
            assert all(
                one.name != "shop.orders_0" for one in similar(session, engine, SYSTEM, "orders_0")
            )
    finally:
        viewers.install_policy(before)


def test_nothing_found_suggests(store: Store, estate: Estate, engine: WhooshEngine) -> None:
    key = estate.asset("shop.orders")
    Follower(store, engine).catch_up()
    found = page(store, engine, Query("oders kind:table"))
    assert [one.name for one in found.did_you_mean] == ["shop.orders"]
    with store.write("system") as unit:  # removed, but the index does not know
        table = table_of(Asset)
        unit.connection.execute(table.update().where(table.c.key == key).values(state="removed"))
    assert page(store, engine, Query("oders")).did_you_mean == []


def test_pages_follow_each_other(store: Store, estate: Estate, engine: WhooshEngine) -> None:
    for number in range(5):
        estate.asset(f"shop.t{number}")
    Follower(store, engine).catch_up()
    seen: list[str] = []
    offset: int | None = 0
    while offset is not None:
        found = page(store, engine, Query("shop", limit=2, offset=offset, sort="name"))
        seen += names(found)
        offset = found.next
    assert seen == [f"shop.t{number}" for number in range(5)]


@pytest.mark.parametrize("hits", [1, 20])
def test_queries_of_a_page(store: Store, estate: Estate, engine: WhooshEngine, hits: int) -> None:
    ann = estate.person("Ann")
    for number in range(hits):
        estate.attribute(estate.asset(f"shop.t{number}"), "owner", f"person:{ann}")
    Follower(store, engine).catch_up()
    with counted(store) as sent:
        assert len(page(store, engine, Query("shop", facets=FACETS)).items) == hits
    assert len(sent) <= 6


def test_who_may_not_read(store: Store, engine: WhooshEngine) -> None:
    nobody = Viewer("token:x", "viewer", frozenset({"ingest:wh"}))
    with store.read() as session:
        for ask in (
            lambda: search(session, engine, nobody, Query("x")),
            lambda: similar(session, engine, nobody, "x"),
        ):
            with pytest.raises(NotAllowed):
                ask()
        assert check_hits(session, SYSTEM, ["nonsense", ""]) == {}


def test_first_line() -> None:
    assert first_line(None) is first_line(" \n ") is None
    assert first_line("a\nb") == "a"
    cut = first_line("x" * 1000)
    assert cut is not None
    assert (len(cut), cut[-1]) == (300, "…")
