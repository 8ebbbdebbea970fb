"""A crawl: what it writes, what it leaves alone, and that its ledgers add up."""

from __future__ import annotations

from typing import Any

from sqlalchemy import func, select

from catalog.crawling import records
from catalog.errors import Unreachable
from catalog.history.store import Store
from catalog.model import metadata
from tests.support.crawls import FakeSource, table
from tests.unit.ingest.support import (
    ASSET,
    CHANGE,
    COLUMN,
    MEASURE,
    SCOPE,
    asset,
    live,
    rows,
    sums,
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
