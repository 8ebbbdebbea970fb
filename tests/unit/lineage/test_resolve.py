"""Which assets names mean, among several that might be meant."""

from __future__ import annotations

import pytest

from catalog import naming
from catalog.history.store import Store
from catalog.lineage.resolve import EXACT, FOLDED, GUESSED, Resolution, resolve
from catalog.lineage.spelling import Where
from catalog.model import Alias
from catalog.sql import TableRef, path_ref
from tests.support import rows
from tests.unit.lineage.estate import DUCK, PG, Estate


def ref(*parts: str, quoted: bool = False) -> TableRef:
    return TableRef(parts, (quoted,) * len(parts))


def means(
    store: Store,
    asked: TableRef,
    *,
    space: str = PG,
    database: str | None = "shop",
    schema: str | None = "public",
) -> Resolution:
    platform = naming.platform_of(space)
    with store.write("system") as unit:
        key = Estate(unit, space).namespace(space)
    where = Where(key, space, platform, naming.case_rule_of(platform), database, schema)
    with store.connect() as connection:
        return resolve(connection, [(where, asked)])[where, asked]


def test_the_exact_spelling_comes_first(store: Store) -> None:
    with store.write("system") as unit:
        estate = Estate(unit)
        for name in ("shop.public.Orders", "shop.public.orders", "shop.public.ORDERS"):
            estate.asset(name)
    found = means(store, ref("Orders"))
    assert ([asset.name for asset in found.assets], found.confidence) == (
        ["shop.public.orders"],
        EXACT,
    )
    assert means(store, ref("Orders", quoted=True)).assets[0].name == "shop.public.Orders"


def test_another_spelling_is_found_folded_unless_the_case_was_quoted(store: Store) -> None:
    with store.write("system") as unit:
        Estate(unit).asset("shop.public.Orders")
    found = means(store, ref("orders"))
    assert (len(found.assets), found.confidence) == (1, FOLDED)
    assert means(store, ref("orders", quoted=True)).missing == (PG, "shop.public.orders", "table")


def test_quotes_do_not_matter_where_the_platform_does_not_tell_case(store: Store) -> None:
    with store.write("system") as unit:
        Estate(unit, DUCK).asset("shop.public.Orders")
    found = means(store, ref("ORDERS", quoted=True), space=DUCK)
    assert [asset.name for asset in found.assets] == ["shop.public.Orders"]


def test_several_that_fit_alike_are_none(store: Store) -> None:
    with store.write("system") as unit:
        estate = Estate(unit)
        estate.asset("shop.public.OrderS")
        estate.asset("shop.public.ORDERS")
    assert means(store, ref("orders")).assets == ()


@pytest.mark.parametrize(("state", "kept"), [("removed", "Orders"), ("referenced", "Orders")])
def test_what_lives_comes_before_what_does_not(store: Store, state: str, kept: str) -> None:
    with store.write("system") as unit:
        estate = Estate(unit)
        estate.asset("shop.public.Orders")
        estate.asset("shop.public.ORDERS", state=state)
    assert means(store, ref("orders")).assets[0].name == f"shop.public.{kept}"


def test_a_removed_table_is_still_what_its_name_means(store: Store) -> None:
    with store.write("system") as unit:
        Estate(unit).asset("shop.public.orders", state="removed")
    assert means(store, ref("orders")).assets[0].state == "removed"


def test_an_old_name_leads_to_the_renamed_table(store: Store) -> None:
    with store.write("system") as unit:
        estate = Estate(unit)
        old = "shop.public.orders"
        rows.add(
            unit,
            Alias(
                asset=estate.asset("shop.public.sales"),
                namespace=estate.namespace(PG),
                asset_class="data",
                name=old,
                name_key=naming.name_key(old),
                origin="rename",
                created_at=unit.now,
            ),
        )
    assert means(store, ref("orders")).assets[0].name == "shop.public.sales"


def test_without_a_database_the_only_ending_is_a_guess(store: Store) -> None:
    with store.write("system") as unit:
        estate = Estate(unit)
        estate.asset("shop.public.orders")
        estate.asset("shop.archive.orders")
    found = means(store, ref("public", "orders"), database=None)
    assert ([asset.name for asset in found.assets], found.confidence) == (
        ["shop.public.orders"],
        GUESSED,
    )
    both = means(store, ref("orders"), database=None, schema=None)
    assert both.missing == (PG, "orders", "table")


def test_a_reference_does_not_hide_the_dataset_around_it(store: Store) -> None:
    with store.write("system") as unit:
        estate = Estate(unit, DUCK)
        estate.asset("/lake/in/a.csv", space="file", state="referenced", kind="dataset")
        estate.asset("/lake/in", space="file", kind="dataset")
    assert means(store, path_ref("/lake/in/a.csv"), space=DUCK).assets[0].name == "/lake/in"


def test_tables_where_names_are_paths_are_a_problem(store: Store) -> None:
    found = means(store, ref("orders"), space="file")
    assert found.assets == ()
    assert found.missing is None
    assert "only paths" in (found.problem or "")
