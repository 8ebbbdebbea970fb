"""What names in statements mean: tables, paths, globs, temporary tables, nothing known."""

from __future__ import annotations

import pytest

from catalog.history.store import Store
from catalog.lineage.parse import parse_pending, parse_use
from tests.unit.lineage.estate import DUCK, PG, Estate, edge_names, states
from tests.unit.lineage.support import changes, use_row


def test_what_is_nowhere_becomes_a_referenced_asset(store: Store) -> None:
    with store.write("system") as unit:
        estate = Estate(unit)
        view = estate.asset("shop.marts.v", ["a"], kind="view")
        estate.use(
            'WITH c AS (SELECT a FROM Gone.T JOIN other.public."U" USING (a)) SELECT a FROM c',
            view,
        )
    parse_pending(store, inline=True)
    found = states(store)
    assert found == {
        f"{PG}/shop.marts.v": "crawled",
        f"{PG}/shop.gone.t": "referenced",
        f"{PG}/other.public.U": "referenced",
    }
    assert len(changes(store, "referenced")) == 2
    assert edge_names(store) == {"t -> v", "U -> v"}


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("SELECT a FROM public.orders", {"orders -> v", "orders.a -> v.a"}),
        ("SELECT a FROM PUBLIC.ORDERS", {"orders -> v", "orders.a -> v.a"}),
        ("SELECT a FROM orders", {"orders -> v", "orders.a -> v.a"}),
        ('SELECT a FROM "Orders"', {"Orders -> v", "Orders.a -> v.a"}),
        ("SELECT a FROM archive.public.orders", {"orders -> v"}),
    ],
)
def test_a_name_finds_its_asset(store: Store, text: str, names: set[str]) -> None:
    with store.write("system") as unit:
        estate = Estate(unit)
        estate.asset("shop.public.orders", ["a"])
        estate.asset("shop.public.Orders", ["a"])
        estate.asset("archive.public.orders")
        view = estate.asset("shop.marts.v", ["a"], kind="view")
        use = estate.use(text, view)
    parse_use(store, use)
    assert edge_names(store) == names
    assert "referenced" not in states(store).values()


def lake_estate(store: Store, text: str) -> int:
    with store.write("system") as unit:
        estate = Estate(unit, DUCK)
        for name, columns in (
            ("/lake/raw/flights", ["carrier", "month"]),
            ("/lake/raw/airports.json", ["faa", "location", "location.lat"]),
            ("/lake", ["x"]),
        ):
            estate.asset(name, columns, space="file", kind="dataset")
        estate.asset("raw/orders", ["id"], space="s3://lake", kind="dataset")
        view = estate.asset("shop.main.v", ["carrier"], kind="view")
        return estate.use(
            text,
            view,
            dialect="duckdb",
            default_database="shop",
            default_schema="main",
        )


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (
            "CREATE VIEW v AS SELECT carrier FROM read_parquet('/lake/raw/flights/*/*.parquet')",
            {"flights -> v", "flights.carrier -> v.carrier"},
        ),
        (
            "CREATE VIEW v AS SELECT location.lat AS carrier FROM '/lake/raw/airports.json'",
            {"airports.json -> v", "airports.json.location.lat -> v.carrier"},
        ),
        (
            "CREATE VIEW v AS SELECT id AS carrier FROM read_csv('s3a://lake/raw/orders/1.csv')",
            {"orders -> v", "orders.id -> v.carrier"},
        ),
        (
            "CREATE VIEW v AS SELECT * FROM read_parquet('/lake/deep/er/*.parquet')",
            {"lake -> v", "lake.x -> v.carrier"},
        ),
    ],
)
def test_paths_find_the_dataset_with_the_longest_prefix(
    store: Store, text: str, names: set[str]
) -> None:
    use = lake_estate(store, text)
    counts = parse_use(store, use)
    assert counts.problems == 0
    assert edge_names(store) == names


def test_a_glob_over_datasets_means_all_of_them(store: Store) -> None:
    with store.write("system") as unit:
        estate = Estate(unit, DUCK)
        folder = estate.asset("/lake/raw", space="file", kind="folder", asset_class="container")
        for name in ("a", "b", "other"):
            estate.asset(f"/lake/raw/{name}", ["x"], space="file", kind="dataset", parent=folder)
        view = estate.asset("shop.main.v", ["x"], kind="view")
        use = estate.use(
            "SELECT x FROM read_parquet('/lake/raw/[ab]/*.parquet')", view, dialect="duckdb"
        )
    parse_use(store, use)
    assert edge_names(store) == {"a -> v", "b -> v", "a.x -> v.x", "b.x -> v.x"}


def test_a_path_that_is_nowhere_is_referenced_where_it_must_be(store: Store) -> None:
    use = lake_estate(
        store, "CREATE VIEW v AS SELECT * FROM read_csv('s3://new/in/*.csv'), 'rel.parquet'"
    )
    counts = parse_use(store, use)
    assert states(store)["s3://new/in"] == "referenced"
    assert counts.problems == 1
    assert "relative" in use_row(store, use).problem
    assert edge_names(store) == {"in -> v"}


def test_a_script_is_chained_through_its_temporary_tables(store: Store) -> None:
    with store.write("system") as unit:
        estate = Estate(unit)
        estate.asset("shop.public.a", ["x"])
        estate.asset("shop.public.b", ["y"])
        use = estate.use(
            "CREATE TEMP TABLE t AS SELECT x AS z FROM a; INSERT INTO b (y) SELECT z FROM t;",
            kind="script",
            default_database="shop",
            default_schema="public",
        )
    parse_use(store, use)
    assert edge_names(store) == {"a -> b", "a.x -> b.y"}
    assert len(states(store)) == 2
