"""Many names at once, counts and popularity."""

from __future__ import annotations

import pytest
from sqlalchemy import insert, select

from catalog import naming
from catalog.access.expression import Equals
from catalog.access.viewer import SYSTEM, install_policy
from catalog.assets.counts import LookupCounter, at_a_glance, popularity_class, reclass
from catalog.assets.lookup import Asked, lookup
from catalog.errors import TooLarge
from catalog.history.store import Store, table_of
from catalog.model import Alias, Asset, Change, LookupCount, clock
from tests.unit.assets.estate import LAKE, WAREHOUSE, Estate, counted


@pytest.fixture
def estate(store: Store) -> Estate:
    made = Estate(store)
    made.source("wh")
    made.source("lake", kind="local")
    for number in range(5):
        made.asset(WAREHOUSE, f"shop.public.t{number}", source="wh")
    made.asset(WAREHOUSE, "shop.archive.t1", source="wh")
    made.asset(LAKE, "raw/orders", kind="dataset", source="lake")
    return made


def test_answers_come_in_order_with_their_problems(estate: Estate) -> None:
    with estate.store.connect() as connection:
        first = lookup(connection, SYSTEM, [f"{WAREHOUSE}/shop.public.t0"])[0]
        assert first.asset is not None
        asked: list[Asked] = [
            first.asset.id,
            (WAREHOUSE, "shop.public.t1"),
            f"{LAKE}/raw/orders#id",
            "t1",
            "public.t2",
            "nothing",
            "",
            first.asset.id,
        ]
        found = lookup(connection, SYSTEM, asked)
    assert [one.asset.name if one.asset else one.problem and one.problem.code for one in found] == [
        "shop.public.t0",
        "shop.public.t1",
        "raw/orders",
        "ambiguous",
        "shop.public.t2",
        "not_found",
        "bad_input",
        "shop.public.t0",
    ]
    assert [one.matched_by for one in found[:3]] == ["id", "name", "name"]
    assert found[2].column == "id"
    assert found[3].problem is not None
    assert len(found[3].problem.candidates) == 2


def test_the_number_of_queries_does_not_grow(estate: Estate) -> None:
    few: list[Asked] = [f"{WAREHOUSE}/shop.public.t0", (LAKE, "raw/orders")]
    ids = [estate.id(key) for key in range(1, 6)]
    many = [f"{WAREHOUSE}/shop.public.t{n}" for n in range(5)] * 90
    with estate.store.connect() as connection:
        with counted(estate.store) as small:
            lookup(connection, SYSTEM, [*few, ids[0]])
        with counted(estate.store) as large:
            lookup(connection, SYSTEM, [*few, *ids, *many])
        assert len(large) == len(small) <= 4
        with pytest.raises(TooLarge):
            lookup(connection, SYSTEM, ["x"] * 1001)


def test_a_dropped_id_answers_with_the_kept_asset(estate: Estate) -> None:
    dropped = naming.new_id()
    with estate.store.write("system") as unit:
        unit.connection.execute(
            insert(table_of(Alias)).values(asset=1, uid=dropped, origin="merge", created_at=1)
        )
    with estate.store.connect() as connection:
        found = lookup(connection, SYSTEM, [naming.id_text(dropped)])[0]
    assert found.asset is not None
    assert found.asset.id == estate.id(1)


def test_at_a_glance_counts_what_is_visible(estate: Estate) -> None:
    estate.asset(WAREHOUSE, "shop.public.gone", state="removed", source="wh")
    with estate.store.connect() as connection:
        glance = at_a_glance(connection, SYSTEM)
        assert (glance.total, glance.kinds) == (7, {"table": 6, "dataset": 1})
        assert glance.states == {"crawled": 7, "removed": 1}
        before = install_policy(lambda _viewer: Equals("source", "lake"))
        try:
            assert at_a_glance(connection, SYSTEM).sources == {"lake": 1}
        finally:
            install_policy(before)


def test_popularity_follows_lookups_and_fades(estate: Estate) -> None:
    counter = LookupCounter(estate.store, every=3600)
    for _ in range(10):
        assert counter.note(1) is False
    counter.note(2)
    counter.note(999)  # gone meanwhile
    assert counter.flush() == 12
    assert counter.flush() == 0
    counter.note(1)
    counter.flush()
    with estate.store.connect() as connection:
        rows = connection.execute(select(table_of(LookupCount))).all()
    today = clock.now() // clock.DAY
    assert sorted(map(tuple, rows)) == [(1, today, 11), (2, today, 1)]
    assert levels(estate, 0) == {1: 3, 2: 1}
    assert levels(estate, 0) == {1: 3, 2: 1}
    assert levels(estate, 60) == {1: 1}
    assert levels(estate, 200) == {}
    with estate.store.connect() as connection:
        what = connection.execute(
            select(table_of(Change).c.asset).where(table_of(Change).c.what == "popularity")
        ).scalars()
        assert list(what) == [1, 2, 1, 2, 1]
        assert connection.execute(select(table_of(LookupCount))).all() == []


def levels(estate: Estate, days: int) -> dict[int, int]:
    now = clock.now() + days * clock.DAY
    with clock.fixed(lambda: now), estate.store.write("system") as unit:
        reclass(unit)
    asset = table_of(Asset)
    with estate.store.connect() as connection:
        rows = connection.execute(
            select(asset.c.key, asset.c.popularity).where(asset.c.popularity > 0)
        )
        return {row.key: row.popularity for row in rows}


def test_classes_are_powers_of_three() -> None:
    weights = (0, 0.4, 1, 2, 3, 9, 6561, 1e9)
    assert [popularity_class(one) for one in weights] == [0, 0, 1, 1, 2, 3, 9, 9]
