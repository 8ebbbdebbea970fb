"""Every form in which people have a name."""

from __future__ import annotations

import pytest

from catalog.access.expression import Equals, Not
from catalog.access.viewer import SYSTEM, install_policy
from catalog.assets.resolve import Match, resolve
from catalog.crawling.records import Field
from catalog.errors import Ambiguous, BadInput, NotFound
from catalog.history.store import Store
from tests.unit.assets.estate import LAKE, WAREHOUSE, Estate


@pytest.fixture
def estate(store: Store) -> Estate:
    made = Estate(store)
    made.source("wh")
    made.source("lake", kind="local")
    made.asset(WAREHOUSE, "shop.public", kind="schema", source="wh")
    for name in ("orders", "customers", "Odd.Name"):
        quoted = f'"{name}"' if "." in name else name
        made.asset(
            WAREHOUSE, f"shop.public.{quoted}", source="wh", columns=(Field("id"), Field("a.b"))
        )
    made.asset(WAREHOUSE, "shop.archive.customers", source="wh")
    made.asset(LAKE, "raw/orders", kind="dataset", source="lake")
    made.asset("file", "/srv/lake/events", kind="dataset", source="lake")
    made.asset(WAREHOUSE, "shop.old.gone", state="removed", source="wh")
    made.asset(WAREHOUSE, "shop.old.ghost", state="referenced")
    return made


def find(estate: Estate, name: str, **more: str | None) -> Match:
    with estate.store.connect() as connection:
        return resolve(connection, SYSTEM, name, **more)


@pytest.mark.parametrize(
    ("name", "found", "by"),
    [
        (f"{WAREHOUSE}/shop.public.orders", "shop.public.orders", "name"),
        (f"{WAREHOUSE}/SHOP.public.Orders", "shop.public.orders", "folded"),
        (f"{LAKE}/raw/orders", "raw/orders", "name"),
        ("file/srv/lake/events", "/srv/lake/events", "name"),
        ("wh.shop.public.orders", "shop.public.orders", "source"),
        ("wh.Shop.Public.Orders", "shop.public.orders", "source"),
        ("lake.raw/orders", "raw/orders", "source"),
        ("s3a://lake/raw/orders/", "raw/orders", "location"),
        ("s3n://lake/raw/orders/day=1/part-0.parquet", "raw/orders", "location"),
        ("file:///srv/lake/events/2024/x.csv.gz", "/srv/lake/events", "location"),
        ("/srv/lake/events", "/srv/lake/events", "location"),
        ("public.orders", "shop.public.orders", "suffix"),
        ("PUBLIC.ORDERS", "shop.public.orders", "suffix"),
        ('"Odd.Name"', 'shop.public."Odd.Name"', "suffix"),
        (
            "urn:li:dataset:(urn:li:dataPlatform:postgres,shop.public.orders,PROD)",
            "shop.public.orders",
            "urn",
        ),
        ("urn:li:dataset:(urn:li:dataPlatform:s3,lake/raw/orders,PROD)", "raw/orders", "urn"),
        (f"{WAREHOUSE}/shop.old.gone", "shop.old.gone", "name"),
        (f"{WAREHOUSE}/shop.old.ghost", "shop.old.ghost", "name"),
    ],
)
def test_a_form_finds_its_asset(estate: Estate, name: str, found: str, by: str) -> None:
    match = find(estate, name)
    assert (match.row.name, match.matched_by) == (found, by)


def test_an_id_and_the_pair(estate: Estate) -> None:
    match = find(estate, "shop.public.orders", namespace=WAREHOUSE)
    assert match.matched_by == "name"
    assert find(estate, match.id).key == match.key
    assert find(estate, match.name).key == match.key


@pytest.mark.parametrize("name", ["shop.old.gone", "gone", "ghost"])
def test_removed_and_referenced_are_not_found_by_suffix(estate: Estate, name: str) -> None:
    with pytest.raises(NotFound):
        find(estate, name)


def test_a_suffix_that_fits_several_names_them(estate: Estate) -> None:
    with pytest.raises(Ambiguous) as caught:
        find(estate, "customers")
    names = {one.name for one in caught.value.details["candidates"]}
    assert names == {"shop.public.customers", "shop.archive.customers"}


def test_a_misspelled_name_gets_suggestions(estate: Estate) -> None:
    with pytest.raises(NotFound) as caught:
        find(estate, f"{WAREHOUSE}/shop.public.custmers")
    assert "shop.public.customers" in {one.name for one in caught.value.details["did_you_mean"]}
    with pytest.raises(NotFound) as caught:
        find(estate, f"{WAREHOUSE}/shop.nowhere.orders")
    assert "shop.public.orders" in {one.name for one in caught.value.details["did_you_mean"]}


def test_aliases_and_namespaces_that_are_aliases(estate: Estate) -> None:
    key = find(estate, "wh.shop.public.orders").key
    estate.alias(key, "svc.shop.public.orders")
    estate.alias(key, "shop.public.bestellungen", WAREHOUSE)
    with estate.store.write("user:test") as unit:
        estate.namespace(unit, "postgres://old:5432", alias_of=estate.namespaces[WAREHOUSE])
    for name in (
        "svc.shop.public.orders",
        f"{WAREHOUSE}/shop.public.bestellungen",
        "postgres://old:5432/shop.public.bestellungen",
    ):
        assert (find(estate, name).key, find(estate, name).matched_by) == (key, "alias")
    assert find(estate, "postgres://old:5432/shop.public.orders").key == key


def test_a_column_behind_the_name(estate: Estate) -> None:
    match = find(estate, f"{WAREHOUSE}/shop.public.orders#a.b")
    assert (match.row.name, match.column) == ("shop.public.orders", "a.b")
    assert find(estate, "public.orders#id").column == "id"
    assert find(estate, "public.orders", column="id").column == "id"


def test_a_class_tells_two_of_one_name_apart(estate: Estate) -> None:
    estate.asset(LAKE, "raw/orders", kind="folder", source="lake")
    with pytest.raises(Ambiguous):
        find(estate, f"{LAKE}/raw/orders")
    assert find(estate, f"{LAKE}/raw/orders", asset_class="container").row.kind == "folder"
    assert find(estate, "s3://lake/raw/orders/x.csv").row.kind == "dataset"


def test_what_is_not_visible_is_not_there(estate: Estate) -> None:
    before = install_policy(lambda _viewer: Not(Equals("source", "lake")))
    try:
        for name in (
            f"{LAKE}/raw/orders",
            "s3a://lake/raw/orders",
            "raw/orders",
            "lake.raw/orders",
        ):
            with pytest.raises(NotFound) as caught:
                find(estate, name)
            assert all(one.namespace != LAKE for one in caught.value.details["did_you_mean"])
        assert find(estate, "orders").row.name == "shop.public.orders"
    finally:
        install_policy(before)


def test_models_and_nonsense(estate: Estate) -> None:
    with pytest.raises(NotFound, match="no model"):
        find(estate, "models:/churn/3")
    estate.asset("models:", "churn/3", kind="model_version", state="own")
    match = find(estate, "models:/churn/3")
    assert (match.matched_by, match.version) == ("model_uri", "3")
    for name in ("", "  ", "x" * 30_000):
        with pytest.raises(BadInput):
            find(estate, name)
    for name in ("a\0b", "\ud800", "'; drop table asset --", "#", ".", "/", "//", '"', "a." * 500):
        with pytest.raises(NotFound):
            find(estate, name)
