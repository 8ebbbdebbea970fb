"""A crawl: what it writes, what it leaves alone, and that its ledgers add up."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import func, select

from catalog.access.viewer import SYSTEM
from catalog.assets import resolve
from catalog.crawling import records
from catalog.errors import DiskFull, Unreachable
from catalog.history.store import Store, table_of
from catalog.ingest import vanish
from catalog.model import Asset, Change, Column, Hold, Measure, Scope, Sighting, metadata
from tests.support.crawls import FakeSource, table

ASSET, COLUMN, CHANGE = table_of(Asset), table_of(Column), table_of(Change)
HOLD, SIGHTING, MEASURE = table_of(Hold), table_of(Sighting), table_of(Measure)
SCOPE = table_of(Scope)


def rows(store: Store, statement: Any) -> list[Any]:
    with store.connect() as connection:
        return list(connection.execute(statement).all())


def asset(store: Store, name: str) -> Any:
    return rows(store, select(ASSET).where(ASSET.c.name == name))[0]


def live(store: Store) -> set[str]:
    found = rows(
        store, select(ASSET.c.name).where(ASSET.c.state == "crawled", ASSET.c.asset_class == "data")
    )
    return {row.name for row in found}


def sums(row: Any) -> bool:
    return (
        row.listed == row.used + row.filtered + row.failed_objects
        and row.seen == row.new + row.changed + row.unchanged + row.failed
    )


def test_the_first_crawl_makes_assets_with_columns_and_parents(store: Store) -> None:
    source = FakeSource(store)
    source.put(
        records.Asset(source.namespaces[0], "shop.public", "schema", "container"),
        table("shop.public.orders", "id", "total:decimal", parent="shop.public"),
    )
    crawl = source.run()
    assert (crawl.state, crawl.seen, crawl.new) == ("succeeded", 2, 2)
    found = asset(store, "shop.public.orders")
    assert found.parent == asset(store, "shop.public").key
    names = rows(store, select(COLUMN.c.path).where(COLUMN.c.asset == found.key))
    assert [row.path for row in names] == ["id", "total"]


def test_the_same_again_writes_nothing_but_the_crawl(store: Store) -> None:
    source = FakeSource(store)
    source.put(
        *[
            table(f"shop.public.t{i}", "a", "b", measures={"rows": records.Measure(i)})
            for i in range(30)
        ]
    )
    source.run()
    tables = ("asset", "column", "sighting", "change", "measure", "asset_attribute", "alias")

    def counts() -> list[int]:
        from catalog.model import metadata

        return [
            rows(store, select(func.count()).select_from(metadata.tables[name]))[0][0]
            for name in tables
        ]

    before = counts(), rows(store, select(ASSET)), rows(store, select(MEASURE))
    crawl = source.run()
    assert (crawl.unchanged, crawl.new, crawl.changed) == (30, 0, 0)
    assert (counts(), rows(store, select(ASSET)), rows(store, select(MEASURE))) == before


def test_a_changed_column_keeps_the_numbers_of_the_others(store: Store) -> None:
    source = FakeSource(store)
    source.put(table("shop.public.t", "a", "b", "c"))
    source.run()
    source.put(table("shop.public.t", "c", "a:text", "d"))
    crawl = source.run()
    assert (crawl.changed, sums(crawl)) == (1, True)
    found = rows(
        store,
        select(COLUMN.c.path, COLUMN.c.number, COLUMN.c.live, COLUMN.c.type).order_by(
            COLUMN.c.number
        ),
    )
    assert [tuple(row) for row in found] == [
        ("a", 1, True, "text"),
        ("b", 2, False, "int64"),
        ("c", 3, True, "int64"),
        ("d", 4, True, "int64"),
    ]
    change = rows(store, select(CHANGE).where(CHANGE.c.what == "schema"))
    assert len(change) == 1
    source.put(table("shop.public.t", "a:text", "b", "c", "d"))
    source.run()
    again = rows(store, select(COLUMN.c.number).where(COLUMN.c.path == "b", COLUMN.c.live))
    assert [row.number for row in again] == [2]


def test_what_vanishes_is_removed_and_comes_back(store: Store) -> None:
    source = FakeSource(store)
    source.put(*[table(f"s.t{i}", "a") for i in range(10)])
    source.run()
    source.put(*[table(f"s.t{i}", "a") for i in range(9)])
    crawl = source.run()
    assert (crawl.state, crawl.removed, crawl.held) == ("succeeded", 1, 0)
    assert asset(store, "s.t9").state == "removed"
    source.put(*[table(f"s.t{i}", "a") for i in range(10)])
    crawl = source.run()
    assert (crawl.restored, crawl.changed, sums(crawl)) == (1, 1, True)
    assert asset(store, "s.t9").state == "crawled"


def test_an_incomplete_listing_removes_nothing(store: Store) -> None:
    source = FakeSource(store)
    source.put(*[table(f"s.t{i}", "a") for i in range(10)])
    source.run()
    source.put(table("s.t0", "a"))
    source.complete["public"] = False
    crawl = source.run()
    assert (crawl.state, crawl.removed, crawl.held) == ("partial", 0, 0)
    assert len(live(store)) == 10


def test_the_brake_holds_and_releases(store: Store) -> None:
    source = FakeSource(store)
    source.put(*[table(f"s.t{i}", "a") for i in range(10)])
    source.run()
    source.put(*[table(f"s.t{i}", "a") for i in range(3)])
    crawl = source.run()
    assert (crawl.held, crawl.removed) == (7, 0)
    assert len(rows(store, select(HOLD).where(HOLD.c.ended_at.is_(None)))) == 7
    crawl = source.run()
    assert (crawl.held, crawl.removed) == (0, 0), "those that are held stay held"
    source.put(*[table(f"s.t{i}", "a") for i in range(5)])
    source.run()
    left = rows(store, select(HOLD).where(HOLD.c.ended_at.is_(None)))
    assert len(left) == 5
    assert len(live(store)) == 10


def test_an_empty_listing_is_always_held(store: Store) -> None:
    source = FakeSource(store)
    source.put(table("s.t0", "a"))
    source.run()
    source.put()
    assert (source.run().held, live(store)) == (1, {"s.t0"})


def test_a_scope_missing_from_a_complete_list_counts_as_empty(store: Store) -> None:
    source = FakeSource(store)
    source.put(table("s.t0", "a"))
    source.put(table("r.t0", "a"), scope="other")
    source.run()
    del source.content["other"]
    source.listed = False
    assert source.run().held == 0
    source.listed = True
    assert source.run().held == 1


def test_one_scope_fails_and_the_other_stands(store: Store) -> None:
    source = FakeSource(store)
    source.put(table("s.t0", "a"))
    source.put(table("r.t0", "a"), scope="other")
    source.run()
    source.put(scope="public")
    source.fails["public"] = RuntimeError("broken")
    crawl = source.run()
    assert (crawl.state, crawl.unchanged) == ("partial", 1)
    assert live(store) == {"s.t0", "r.t0"}
    source.fails["public"] = Unreachable("no host")
    assert source.run().state == "failed"


def test_a_rename_with_a_stable_id_moves_the_asset(store: Store) -> None:
    source = FakeSource(store)
    source.put(table("s.old", "a", id="1"), table("s.other", "a", id="2"))
    source.run()
    key = asset(store, "s.old").key
    source.put(table("s.new", "a", id="1"), table("s.other", "a", id="2"))
    crawl = source.run()
    assert (crawl.renamed, crawl.changed, crawl.removed, sums(crawl)) == (1, 1, 0, True)
    assert asset(store, "s.new").key == key


def test_a_swap_moves_both(store: Store) -> None:
    source = FakeSource(store)
    source.put(table("s.a", "x", id="1"), table("s.b", "y", id="2"))
    source.run()
    a, b = asset(store, "s.a").key, asset(store, "s.b").key
    source.put(table("s.a", "y", id="2"), table("s.b", "x", id="1"))
    crawl = source.run()
    assert (crawl.renamed, crawl.removed, crawl.new, sums(crawl)) == (2, 0, 0, True)
    assert (asset(store, "s.a").key, asset(store, "s.b").key) == (b, a)


def test_dropped_and_created_again_is_the_same_asset(store: Store) -> None:
    source = FakeSource(store)
    source.put(table("s.a", "x", id="1"))
    source.run()
    key = asset(store, "s.a").key
    source.put(table("s.a", "x", "y", id="9"))
    crawl = source.run()
    assert (crawl.changed, crawl.renamed, crawl.new) == (1, 0, 0)
    assert asset(store, "s.a").key == key
    assert rows(store, select(CHANGE.c.what).where(CHANGE.c.what == "recreated"))


def test_renamed_onto_a_removed_name(store: Store) -> None:
    source = FakeSource(store)
    filler = [table(f"s.f{i}", "x", id=f"f{i}") for i in range(8)]
    source.put(table("s.a", "x", id="1"), table("s.b", "y", id="2"), *filler)
    source.run()
    a, b = asset(store, "s.a").key, asset(store, "s.b").key
    source.put(table("s.a", "x", id="1"), *filler)
    assert source.run().removed == 1
    source.put(table("s.b", "x", id="1"), *filler)
    crawl = source.run()
    assert (crawl.renamed, crawl.removed, sums(crawl)) == (1, 0, True)
    found = {row.key: row for row in rows(store, select(ASSET).where(ASSET.c.name == "s.b"))}
    assert (found[a].state, found[b].state) == ("crawled", "removed")


def test_a_new_table_renamed_onto_a_dropped_one_keeps_the_name_s_curation(store: Store) -> None:
    source = FakeSource(store)
    filler = [table(f"s.f{i}", "x", id=f"f{i}") for i in range(8)]
    source.put(table("s.orders", "x", id="1"), table("s.orders_new", "x", id="2"), *filler)
    source.run()
    key = asset(store, "s.orders").key
    source.put(table("s.orders", "x", id="2"), *filler)
    crawl = source.run()
    assert (crawl.removed, crawl.renamed, sums(crawl)) == (1, 0, True)
    assert asset(store, "s.orders").key == key
    assert asset(store, "s.orders_new").state == "removed"


def test_a_restored_dump_changes_no_asset(store: Store) -> None:
    source = FakeSource(store)
    source.put(*[table(f"s.t{i}", "x", id=f"{i}") for i in range(450)])
    source.run()
    keys = {row.name: row.key for row in rows(store, select(ASSET))}
    source.put(*[table(f"s.t{i}", "x", id=f"new{i}") for i in range(450)])
    crawl = source.run()
    assert (crawl.changed, crawl.new, crawl.removed, crawl.held) == (450, 0, 0, 0)
    assert {row.name: row.key for row in rows(store, select(ASSET))} == keys


def test_two_sources_that_disagree_write_nothing_the_second_time(store: Store) -> None:
    one = FakeSource(store, name="one")
    two = FakeSource(store, name="two", kind="push")
    one.put(table("s.t", "a", description="from one"))
    two.put(table("s.t", "a", "b", description="from two"))
    one.run(), two.run()
    last = rows(store, select(func.max(CHANGE.c.sequence)))
    for source in (one, two, one, two):
        assert source.run().unchanged == 1
    assert rows(store, select(func.max(CHANGE.c.sequence))) == last
    assert asset(store, "s.t").description == "from one"


def test_an_asset_stays_while_one_source_sees_it(store: Store) -> None:
    one = FakeSource(store, name="one")
    two = FakeSource(store, name="two", kind="push")
    filler = [table(f"s.f{i}", "x") for i in range(8)]
    one.put(table("s.t", "a", description="from one"), *filler)
    two.put(table("s.t", "a", "b", description="from two"))
    one.run(), two.run()
    one.put(*filler)
    one.run()
    found = asset(store, "s.t")
    assert (found.state, found.description, found.source) == ("crawled", "from two", two.key)
    columns = rows(store, select(COLUMN.c.path).where(COLUMN.c.asset == found.key, COLUMN.c.live))
    assert [row.path for row in columns] == ["a", "b"]


def test_a_crawler_upgrade_is_named_as_the_cause(store: Store) -> None:
    source = FakeSource(store)
    source.put(table("s.t", "a"))
    source.run()
    source.version = 2
    source.put(table("s.t", "a:int32"))
    source.run()
    found = rows(store, select(CHANGE.c.cause).where(CHANGE.c.what == "schema"))
    assert [row.cause for row in found] == ["crawler 1 -> 2"]


def test_filtered_by_a_new_pattern_is_not_held(store: Store) -> None:
    source = FakeSource(store)
    source.put(*[table(f"s.t{i}", "a") for i in range(10)])
    source.run()
    source.put(table("s.t0", "a"))
    crawl = source.run(refused_by=lambda name: "exclude s.t*" if name != "s.t0" else None)
    assert (crawl.removed, crawl.held) == (9, 0)
    causes = {row.cause for row in rows(store, select(CHANGE).where(CHANGE.c.what == "removed"))}
    assert causes == {"filtered by exclude s.t*"}


def test_a_refresh_covers_what_it_names_and_holds_what_it_misses(store: Store) -> None:
    source = FakeSource(store)
    source.put(*[table(f"s.t{i}", "a") for i in range(10)])
    source.run()
    source.put(table("s.t1", "a", "b"), table("s.new", "a"))
    crawl = source.run(subset=["s.t1", "s.t5"])
    assert (crawl.changed, crawl.new, crawl.held, crawl.removed) == (1, 0, 1, 0)
    assert "s.new" not in live(store)


def test_what_lies_outside_the_allowed_namespaces_is_refused(store: Store) -> None:
    source = FakeSource(store)
    source.put(table("s.t", "a", namespace="postgres://elsewhere:5432"))
    crawl = source.run()
    assert (crawl.state, crawl.failed, live(store)) == ("partial", 1, set())


def test_names_with_nul_and_surrogates_are_kept_visibly(store: Store) -> None:
    source = FakeSource(store)
    source.put(table("s.a\x00b", "x\x00y"), table("s.\ud800", "z"))
    assert source.run().new == 2
    assert live(store) == {"s.a\\u0000b", "s.\\ud800"}


def test_a_failed_asset_is_kept(store: Store) -> None:
    source = FakeSource(store)
    source.put(table("s.t", "a"), table("s.u", "a"))
    source.run()
    problem = records.Problem(
        "s.t", "broken", namespace=source.namespaces[0], name="s.t", objects=0
    )
    source.put(problem, table("s.u", "a"))
    crawl = source.run()
    assert (crawl.state, crawl.failed, crawl.removed, crawl.held) == ("partial", 1, 0, 0)


def test_unchanged_that_the_store_does_not_know_is_read_anew(store: Store) -> None:
    source = FakeSource(store)
    source.put(*[table(f"s.t{i}", "a") for i in range(4)])
    source.run()
    known = [records.Unchanged(source.namespaces[0], f"s.t{i}") for i in range(4)]
    source.put(*known, *[records.Unchanged(source.namespaces[0], f"s.x{i}") for i in range(1500)])
    crawl = source.run()
    assert (crawl.state, crawl.unchanged, crawl.failed) == ("partial", 4, 1500)
    assert (crawl.removed, crawl.held, sums(crawl)) == (0, 0, True)
    scopes = rows(store, select(SCOPE.c.state).where(SCOPE.c.source == source.key))
    assert [row.state for row in scopes] == [None]


def test_an_asset_reported_twice_is_a_failure(store: Store) -> None:
    source = FakeSource(store)
    source.put(table("s.t", "a"))
    source.run()
    source.put(table("s.t", "a"), table("s.t", "a"))
    crawl = source.run()
    assert (crawl.unchanged, crawl.failed, crawl.state) == (1, 1, "partial")


def test_statements_and_failures_outside_the_namespaces_touch_no_asset(store: Store) -> None:
    other = "postgres://other:5432"
    owner = FakeSource(store, name="owner", namespaces=(other,))
    owner.put(table("shop.v", "a", kind="view", namespace=other))
    owner.run()
    pushy = FakeSource(store, name="pushy", kind="push")
    pushy.put(
        records.Statement("SELECT 1 AS a", "postgres", other, defines="shop.v"),
        records.Problem("x", "broken", namespace=other, name="shop.v", objects=0),
        records.Filtered(other, "shop.v", "exclude *"),
    )
    crawl = pushy.run()
    assert (crawl.state, crawl.failed_objects, sums(crawl)) == ("partial", 1, True)
    assert (
        rows(store, select(func.count()).select_from(metadata.tables["statement_use"]))[0][0] == 0
    )
    problems = rows(store, select(metadata.tables["crawl_problem"].c.asset))
    assert {row.asset for row in problems} == {None}
    assert asset(store, "shop.v").state == "crawled"


def test_an_empty_listing_is_held_whatever_a_filter_leaves_out(store: Store) -> None:
    source = FakeSource(store)
    source.put(*[table(f"s.t{i}", "a") for i in range(4)])
    source.run()
    source.put()
    crawl = source.run(refused_by=lambda name: "exclude s.t0" if name == "s.t0" else None)
    assert (crawl.held, crawl.removed) == (3, 1)


def test_a_record_read_before_a_refresh_wrote_is_dropped(store: Store) -> None:
    source = FakeSource(store)
    source.put(table("s.t", "x"))
    source.run()

    class Overtaken(FakeSource):
        """While the whole crawl has read the old table, a refresh writes the new one."""

        def __post_init__(self) -> None:
            self.key = source.key

        def crawl(self, *arguments: Any) -> Any:
            source.put(table("s.t", "x", "y"))
            source.run(subset=["s.t"])
            yield table("s.t", "x", description="old")
            yield records.Done(True, {})

    slow = Overtaken(store)
    slow.put(table("s.t", "x"))
    crawl = slow.run()
    assert (crawl.state, crawl.unchanged, crawl.removed, sums(crawl)) == ("succeeded", 1, 0, True)
    found = rows(store, select(COLUMN.c.path).where(COLUMN.c.live).order_by(COLUMN.c.number))
    assert [row.path for row in found] == ["x", "y"]


def test_an_upgrade_that_changes_ids_names_its_cause(store: Store) -> None:
    source = FakeSource(store)
    source.put(table("s.t", "a", id="1"))
    source.run()
    source.version = 2
    source.put(table("s.t", "a:int32", id="oid/1"))
    source.run()
    found = rows(store, select(CHANGE.c.what, CHANGE.c.cause).where(CHANGE.c.what != "created"))
    assert {row.cause for row in found} == {"crawler 1 -> 2"}


def test_two_sources_do_not_overwrite_each_other_s_measures(store: Store) -> None:
    def counted(count: int, day: str) -> records.Asset:
        return table(
            "s.t",
            "a",
            measures={"rows": records.Measure(count)},
            partitions=(records.Partition(f"d={day}", {"d": day}),),
        )

    one = FakeSource(store, name="one")
    two = FakeSource(store, name="two", kind="push")
    two.put(counted(5000, "2"))
    one.put(counted(1, "1"))
    two.run(), one.run()

    def stored() -> list[Any]:
        return [
            rows(store, select(MEASURE)),
            rows(store, select(metadata.tables["partition"])),
            rows(store, select(func.max(CHANGE.c.sequence))),
        ]

    before = stored()
    assert before[0][0].value == 1
    for source in (two, one, two, one):
        source.run()
    assert stored() == before


def test_a_full_disk_at_the_end_ends_the_crawl(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = FakeSource(store)
    source.put(*[table(f"s.t{i}", "a") for i in range(10)])
    source.run()
    source.put(*[table(f"s.t{i}", "a") for i in range(9)])

    def full(*_arguments: Any, **_more: Any) -> int:
        raise DiskFull("The disk is full.")

    monkeypatch.setattr(vanish, "withdraw", full)
    crawl = source.run()
    assert (crawl.state, crawl.why) == ("failed", "The disk is full.")


def test_a_name_that_goes_to_and_fro_leaves_one_alias(store: Store) -> None:
    source = FakeSource(store)
    for name in ("a", "b", "a", "b", "a"):
        source.put(table(f"s.{name}", "x", id="1"))
        source.run()
    found = rows(store, select(metadata.tables["alias"].c.name))
    assert [row.name for row in found] == ["s.b"]


def test_a_quoted_name_is_found_as_clients_send_it(store: Store) -> None:
    source = FakeSource(store)
    source.put(table('shop.public."a.b"', "x"))
    source.run()
    with store.connect() as connection:
        found = resolve.resolve(connection, SYSTEM, f"{source.namespaces[0]}/shop.public.a.b")
    assert (found.matched_by, found.key) == ("alias", asset(store, 'shop.public."a.b"').key)
