"""Lists, browsing and columns: filters, pages, cursors."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import update

from catalog.access.expression import Not, Prefix
from catalog.access.viewer import SYSTEM, install_policy
from catalog.assets.columns import columns
from catalog.assets.counts import Share, curation_share
from catalog.assets.listing import Filter, assets, browse
from catalog.assets.resolve import resolve
from catalog.assets.rows import ASSET
from catalog.crawling.records import Field
from catalog.errors import BadInput
from catalog.history.store import Store
from tests.unit.assets.estate import LAKE, WAREHOUSE, Estate, counted


@pytest.fixture
def estate(store: Store) -> Estate:
    made = Estate(store)
    made.source("wh")
    made.source("lake", kind="local")
    schema = made.asset(WAREHOUSE, "shop.public", kind="schema", source="wh")
    for number in range(7):
        made.asset(
            WAREHOUSE,
            f"shop.public.t{number}",
            kind="view" if number == 6 else "table",
            source="wh",
            parent=schema,
            attributes=(("tag", "pii/email" if number else "pii2"), ("owner", "team:1")),
        )
    made.asset(WAREHOUSE, "shop.public.gone", state="removed", source="wh", parent=schema)
    made.asset(LAKE, "raw/t3", kind="dataset", source="lake", attributes=(("tag", "pii"),))
    return made


def names(estate: Estate, wanted: Filter, **more: Any) -> list[str]:
    found: list[str] = []
    cursor = None
    while True:
        with estate.store.connect() as connection:
            page = assets(connection, SYSTEM, wanted, limit=2, cursor=cursor, **more)
        found += [one.name for one in page.items]
        cursor = page.next
        if cursor is None:
            assert page.total == len(found)
            return found


def test_pages_add_up_and_filters_narrow(estate: Estate) -> None:
    tables = [f"shop.public.t{number}" for number in range(6)]
    assert names(estate, Filter(kind=("table",))) == tables
    assert names(estate, Filter(kind=("table",)), order="new") == tables[::-1]
    assert names(estate, Filter(source=("lake",))) == ["raw/t3"]
    assert names(estate, Filter(namespace=(LAKE,))) == ["raw/t3"]
    assert names(estate, Filter(state=("removed",))) == ["shop.public.gone"]
    assert names(estate, Filter(tag=("pii",), kind=("dataset", "view"))) == [
        "raw/t3",
        "shop.public.t6",
    ]
    assert "shop.public.t0" not in names(estate, Filter(tag=("pii",)))
    assert len(names(estate, Filter(owner=("team:1",)))) == 7
    assert names(estate, Filter(flag=("endorsed",))) == []
    assert len(names(estate, Filter(flag=("none",)))) == 9


def test_a_cursor_is_for_its_own_query(estate: Estate) -> None:
    with estate.store.connect() as connection:
        page = assets(connection, SYSTEM, Filter(kind=("table",)), limit=2)
        assert page.next is not None
        changed = ("A" if page.next[0] != "A" else "B") + page.next[1:]
        for wanted, cursor in (
            (Filter(kind=("view",)), page.next),
            (Filter(kind=("table",)), changed),
            (Filter(kind=("table",)), "nonsense"),
        ):
            with pytest.raises(BadInput):
                assets(connection, SYSTEM, wanted, cursor=cursor)


@pytest.mark.parametrize(
    "wanted", [Filter(kind=("tabel",)), Filter(state=("x",)), Filter(flag=("bad",))]
)
def test_unknown_words_are_named(estate: Estate, wanted: Filter) -> None:
    with estate.store.connect() as connection, pytest.raises(BadInput, match="There is no"):
        assets(connection, SYSTEM, wanted)


def test_browsing_counts_what_is_visible(estate: Estate) -> None:
    before = install_policy(lambda _viewer: Not(Prefix("name", "shop.public.t5")))
    try:
        with estate.store.connect() as connection, counted(estate.store) as seen:
            roots = browse(connection, SYSTEM, None)
        assert len(seen) == 3
        assert [one.name for one in roots.items] == ["shop.public"]
        assert roots.items[0].children is not None
        assert roots.items[0].children.total == 6
        with estate.store.connect() as connection:
            schema = resolve(connection, SYSTEM, "shop.public")
            first = browse(connection, SYSTEM, schema, limit=4)
            second = browse(connection, SYSTEM, schema, limit=4, cursor=first.next)
        found = [one.label for one in (*first.items, *second.items)]
        assert found == ["t0", "t1", "t2", "t3", "t4", "t6"]
        assert first.total == 6
    finally:
        install_policy(before)


@pytest.mark.parametrize(("few", "counted_to"), [(500, 10_000), (2, 10_000), (2, 5)])
def test_browsing_narrows_by_name_in_any_case(
    estate: Estate, monkeypatch: pytest.MonkeyPatch, few: int, counted_to: int
) -> None:
    monkeypatch.setattr("catalog.assets.listing.FEW", few)
    monkeypatch.setattr("catalog.assets.listing.COUNTED", counted_to)
    with estate.store.connect() as connection:
        schema = resolve(connection, SYSTEM, "shop.public")
        first = browse(connection, SYSTEM, schema, text="T", limit=4)
        rest = browse(connection, SYSTEM, schema, text="T", limit=4, cursor=first.next)
        assert [one.label for one in rest.items] == ["t4", "t5", "t6"]
        assert first.total == (7 if counted_to > 7 else None)
        assert [one.label for one in browse(connection, SYSTEM, schema, text="t3").items] == ["t3"]
        assert browse(connection, SYSTEM, schema, text="_3").items == []  # no wildcard
        assert [one.name for one in browse(connection, SYSTEM, None, text="ubl").items] == [
            "shop.public"
        ]
        with pytest.raises(BadInput):
            browse(connection, SYSTEM, schema, text="t3", cursor=first.next)


def test_the_share_of_curation_is_of_visible_children(
    estate: Estate, monkeypatch: pytest.MonkeyPatch
) -> None:
    with estate.store.connect() as connection:
        schema = resolve(connection, SYSTEM, "shop.public")
    estate.asset(WAREHOUSE, "shop.public.told", source="wh", parent=schema.key)
    with estate.store.write("system") as unit:
        unit.connection.execute(
            update(ASSET)
            .where(ASSET.c.name == "shop.public.told")
            .values(description="Said.", flag="endorsed")
        )
    before = install_policy(lambda _viewer: Not(Prefix("name", "shop.public.t5")))
    try:
        with estate.store.connect() as connection, counted(estate.store) as seen:
            share = curation_share(connection, SYSTEM, schema.key)
            assert share == Share(7, 1, 6, 1, whole=True)
        assert len(seen) == 2
        monkeypatch.setattr("catalog.assets.counts.SHARE_COUNTED", 3)
        with estate.store.connect() as connection:
            assert not curation_share(connection, SYSTEM, schema.key).whole
    finally:
        install_policy(before)


def test_ten_thousand_columns_in_pages(estate: Estate) -> None:
    fields = tuple(
        Field(f"c{number}", type="decimal(10,2)" if number % 2 else "string", comment="About it")
        for number in range(2_500)
    )
    key = estate.asset(WAREHOUSE, "shop.public.wide", source="wh", columns=fields)
    estate.fact(key, "tag", None, item="pii/email", column=17)
    with estate.store.connect() as connection:
        match = resolve(connection, SYSTEM, "wide")
        with counted(estate.store) as seen:
            page = columns(connection, SYSTEM, match, limit=1000)
        assert len(seen) <= 5
        assert (page.total, len(page.items), page.items[0].description) == (2500, 1000, "About it")
        rest = columns(connection, SYSTEM, match, limit=1000, cursor=page.next)
        assert rest.items[0].path == "c1000"
        assert columns(connection, SYSTEM, match, type="decimal").total == 1250
        assert [one.path for one in columns(connection, SYSTEM, match, tag="pii").items] == ["c16"]
        assert columns(connection, SYSTEM, match, text="C249").total == 11
