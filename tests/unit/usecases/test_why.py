"""Why a name is, or is not, in the catalog."""

from __future__ import annotations

from catalog.access.viewer import SYSTEM
from catalog.crawling import records
from catalog.history.store import Store
from catalog.usecases.why import Why, why
from tests.support.crawls import NAMESPACE, SOURCE, FakeSource, table


def ask(store: Store, name: str) -> Why:
    with store.connect() as connection:
        return why(connection, SYSTEM, name)


def codes(store: Store, name: str) -> list[str]:
    return [reason.code for reason in ask(store, name).reasons]


def test_no_source_covers_it(store: Store) -> None:
    FakeSource(store)
    assert codes(store, "snowflake://org-account/A.B.C") == ["not_covered"]


def test_present_and_not_listed(store: Store) -> None:
    source = FakeSource(store)
    source.put(table("shop.public.orders", "id"))
    assert codes(store, f"{NAMESPACE}/shop.public.orders") == ["not_crawled"]
    source.run()
    assert codes(store, f"{NAMESPACE}/shop.public.orders") == ["present"]
    assert codes(store, f"{NAMESPACE}/shop.public.nothing") == ["not_listed"]


def test_filtered_by_which_pattern(store: Store) -> None:
    source = FakeSource(store)
    with store.write("system") as unit:
        unit.connection.execute(SOURCE.update().values(config='{"exclude": ["*.tmp_*"]}'))
    source.put(table("shop.public.orders", "id"))
    source.run()
    reason = ask(store, f"{NAMESPACE}/shop.public.tmp_x").reasons[0]
    assert reason.code == "filtered"
    assert "exclude *.tmp_*" in reason.message


def test_removed_when_and_held_why(store: Store) -> None:
    source = FakeSource(store)
    source.put(*[table(f"shop.public.t{i}", "id") for i in range(10)])
    source.run()
    source.put(*[table(f"shop.public.t{i}", "id") for i in range(9)])
    source.run()
    removed = ask(store, f"{NAMESPACE}/shop.public.t9").reasons[0]
    assert removed.code == "removed"
    assert removed.at
    source.put(table("shop.public.t0", "id"))
    source.run()
    held = ask(store, f"{NAMESPACE}/shop.public.t5").reasons[0]
    assert held.code == "held"
    assert "8 of 9" in held.message


def test_failed_with_what(store: Store) -> None:
    source = FakeSource(store)
    source.put(
        records.Problem(
            "shop.public.broken",
            "the file is cut off",
            hint="Copy it again.",
            namespace=NAMESPACE,
            name="shop.public.broken",
        )
    )
    source.run()
    reason = ask(store, "shop.public.broken").reasons[0]
    assert (reason.code, reason.hint) == ("failed", "Copy it again.")


def test_a_removed_asset_is_told_by_its_last_parts(store: Store) -> None:
    source = FakeSource(store)
    source.put(*[table(f"shop.public.t{i}", "id") for i in range(10)])
    source.run()
    source.put(*[table(f"shop.public.t{i}", "id") for i in range(9)])
    source.run()
    for name in ("wh.shop.public.t9", "public.t9", "t9"):
        assert codes(store, name)[0] == "removed"
