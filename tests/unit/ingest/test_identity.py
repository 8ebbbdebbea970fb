"""Which asset a record is, and what stays with it: cases that went wrong once."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from catalog.access import users
from catalog.assets import past, resolve
from catalog.crawling import records
from catalog.curation.edit import edit
from catalog.curation.patch import FactPatch
from catalog.history.store import Store, table_of
from catalog.lineage.parse import parse_pending
from catalog.model import Asset, Change, Column, Edge, Fact, Sighting, StatementUse
from catalog.naming import id_text
from tests.support.crawls import NAMESPACE, FakeSource, table

ASSET, CHANGE, COLUMN = table_of(Asset), table_of(Change), table_of(Column)
SIGHTING, USE = table_of(Sighting), table_of(StatementUse)
EDGE, FACT = table_of(Edge), table_of(Fact)
ROOT = users.local_viewer("root")


def rows(store: Store, statement: Any) -> list[Any]:
    with store.connect() as connection:
        return list(connection.execute(statement).all())


def asset(store: Store, name: str) -> Any:
    return rows(store, select(ASSET).where(ASSET.c.name == name))[0]


def last_sequence(store: Store) -> int:
    return int(rows(store, select(CHANGE.c.sequence).order_by(CHANGE.c.sequence.desc()))[0][0])


def as_of(store: Store, name: str, sequence: int) -> Any:
    uid = id_text(asset(store, name).uid)
    with store.connect() as connection:
        return past.as_of(connection, ROOT, resolve.resolve_id(connection, ROOT, uid), sequence)


def describe(store: Store, name: str, column: str | None, text: str) -> None:
    uid = id_text(asset(store, name).uid)
    with store.write(ROOT.actor) as unit:
        edit(unit, ROOT, uid, column, FactPatch(description=text))


def test_a_parent_that_nobody_describes_is_referenced(store: Store) -> None:
    source = FakeSource(store)
    source.put(table("shop.p.a", "x", parent="shop.p"), table("shop.q.a", "x", parent="shop.q"))
    crawl = source.run()
    assert (crawl.new, asset(store, "shop.p").state) == (2, "referenced")
    assert asset(store, "shop.q.a").parent == asset(store, "shop.q").key


def test_a_column_id_keeps_its_number_through_turns(store: Store) -> None:
    source = FakeSource(store)
    fields = [records.Field(path, id=str(n)) for n, path in enumerate("abc")]
    source.put(records.Asset(NAMESPACE, "s.t", "table", columns=tuple(fields), id="1"))
    source.run()
    turned = [records.Field(path, id=str(n)) for n, path in enumerate("bca")]
    source.put(records.Asset(NAMESPACE, "s.t", "table", columns=tuple(turned), id="1"))
    source.run()
    found = rows(store, select(COLUMN.c.number, COLUMN.c.path).order_by(COLUMN.c.number))
    assert [tuple(row) for row in found] == [(1, "b"), (2, "c"), (3, "a")]


def test_past_columns_keep_their_facts_when_the_table_is_made_anew(store: Store) -> None:
    """The number that was ``a`` becomes ``b``, then loses the id by which it was known."""
    source = FakeSource(store)

    def put(path: str, column: str, table_id: str) -> int:
        fields = (records.Field(path, id=column),)
        source.put(records.Asset(NAMESPACE, "s.t", "table", columns=fields, id=table_id))
        source.run()
        return last_sequence(store)

    put("a", "1", "x")
    describe(store, "s.t", "a", "the first")
    then = last_sequence(store)
    put("b", "1", "x")
    put("b", "9", "y")
    assert [(one.path, one.description) for one in as_of(store, "s.t", then).columns] == [
        ("a", "the first")
    ]


def test_who_crawls_decides_over_who_pushed_before(store: Store) -> None:
    pushed = FakeSource(store, name="dbt", kind="push")
    pushed.put(table("s.t", "a", description="pushed"))
    pushed.run()
    then = last_sequence(store)
    crawled = FakeSource(store)
    crawled.put(table("s.t", "a", "b", description="crawled"))
    crawled.run()
    found = asset(store, "s.t")
    assert (found.source, found.description) == (crawled.key, "crawled")
    assert as_of(store, "s.t", then).source == "dbt"


def test_an_id_belongs_to_one_asset(store: Store) -> None:
    """``new`` is renamed onto ``old``, which keeps its curation; then it is renamed once more."""
    source = FakeSource(store)
    filler = [table(f"s.f{i}", "x", id=f"f{i}") for i in range(8)]
    source.put(table("s.old", "x", id="1"), table("s.new", "x", id="2"), *filler)
    source.run()
    key = asset(store, "s.old").key
    source.put(table("s.old", "x", id="2"), *filler)
    source.run()
    assert rows(store, select(SIGHTING.c.asset).where(SIGHTING.c.stable_id == "2")) == [(key,)]
    source.put(table("s.other", "x", id="2"), *filler)
    source.run()
    assert asset(store, "s.other").key == key


def test_a_table_without_id_in_the_place_of_one_that_was_renamed(store: Store) -> None:
    """One batch holds both; the asset goes with one of them, never with both."""
    source = FakeSource(store)
    source.put(table("s.a", "x", id="1"))
    source.run()
    source.put(table("s.a", "y"), table("s.b", "x", id="1"))
    crawl = source.run()
    assert (crawl.seen, crawl.changed, crawl.new) == (2, 1, 1)
    assert len(rows(store, select(ASSET.c.key))) == 2


def test_a_name_that_another_source_still_sees_is_not_free(store: Store) -> None:
    """``b`` is dropped and ``a`` renamed onto it, but the other source lists both as before."""
    pushed = FakeSource(store, name="dbt", kind="push")
    pushed.put(table("s.a", "x"), table("s.b", "x"))
    pushed.run()
    source = FakeSource(store)
    filler = [table(f"s.f{i}", "x", id=f"f{i}") for i in range(8)]
    source.put(table("s.a", "x", id="1"), table("s.b", "x", id="2"), *filler)
    source.run()
    key = asset(store, "s.b").key
    source.put(table("s.a", "x", id="1"), *filler)
    source.run()
    source.put(table("s.b", "x", id="1"), *filler)
    source.run()
    named = rows(store, select(ASSET.c.key).where(ASSET.c.name == "s.b"))
    assert [row.key for row in named] == [key]


def facts(store: Store, key: int) -> set[str]:
    return {row.value for row in rows(store, select(FACT.c.value).where(FACT.c.asset == key))}


def test_a_rename_onto_a_name_that_sql_spoke_of_already(store: Store) -> None:
    """The view's lineage was read before the crawl that finds the renamed table."""
    source = FakeSource(store)
    source.put(table("s.orders", "x", id="1"))
    source.run()
    key = asset(store, "s.orders").key
    describe(store, "s.orders", None, "what it is")
    other = FakeSource(store, name="dbt", kind="push")
    other.put(*view("s.v", "SELECT x FROM s.sales"))
    other.run()
    parse_pending(store)
    early = asset(store, "s.sales")
    assert early.state == "referenced"
    source.put(table("s.sales", "x", id="1"))
    crawl = source.run()
    assert (crawl.renamed, crawl.new, crawl.removed) == (1, 0, 0)
    found = asset(store, "s.sales")
    assert (found.key, found.state, facts(store, key)) == (key, "crawled", {'"what it is"'})
    edges = rows(store, select(EDGE.c.from_asset).where(EDGE.c.to_asset == asset(store, "s.v").key))
    assert {row.from_asset for row in edges} == {key}
    with store.connect() as connection:  # whoever kept the dropped id finds the table
        assert resolve.resolve_id(connection, ROOT, id_text(early.uid)).key == key


def test_a_rename_onto_a_name_that_another_source_reported_already(store: Store) -> None:
    source = FakeSource(store)
    source.put(table("s.orders", "x", id="1"))
    pushed = FakeSource(store, name="dbt", kind="push")
    pushed.put(table("s.orders", "x"), *[table(f"s.f{i}", "x") for i in range(8)])
    source.run()
    pushed.run()
    key = asset(store, "s.orders").key
    describe(store, "s.orders", "x", "the first")
    pushed.put(table("s.sales", "x"), *[table(f"s.f{i}", "x") for i in range(8)])
    pushed.run()
    describe(store, "s.sales", None, "the second")
    source.put(table("s.sales", "x", id="1"))
    crawl = source.run()
    assert (crawl.renamed, crawl.removed) == (1, 0)
    assert asset(store, "s.sales").key == key
    assert facts(store, key) == {'"the first"', '"the second"'}
    assert pushed.run().unchanged == 9


def test_two_that_one_source_sees_at_once_stay_two(store: Store) -> None:
    source = FakeSource(store)
    source.put(table("s.a", "x", id="1"))
    source.run()
    pushed = FakeSource(store, name="dbt", kind="push")
    pushed.put(table("s.a", "x"), table("s.b", "x"))
    pushed.run()
    a, b = asset(store, "s.a").key, asset(store, "s.b").key
    source.put(table("s.b", "x", id="1"), *[table(f"s.f{i}", "x", id=f"f{i}") for i in range(8)])
    source.run()
    assert (asset(store, "s.a").key, asset(store, "s.b").key) == (a, b)


def uses(store: Store, name: str) -> list[bool]:
    key = asset(store, name).key
    return [row.live for row in rows(store, select(USE.c.live).where(USE.c.asset == key))]


def view(name: str, text: str = "SELECT x FROM s.t") -> tuple[records.Record, ...]:
    definition = records.Statement(text, "postgres", NAMESPACE, defines=name)
    return table(name, "x", kind="view"), definition


def test_a_table_in_the_place_of_a_view_has_no_definition(store: Store) -> None:
    source = FakeSource(store)
    source.put(*view("s.v"))
    source.run()
    assert uses(store, "s.v") == [True]
    source.put(table("s.v", "x"))
    source.run()
    assert uses(store, "s.v") == [False]


def test_a_definition_goes_with_the_source_that_reported_it(store: Store) -> None:
    pushed = FakeSource(store, name="dbt", kind="push")
    pushed.put(*view("s.v"), *[table(f"s.t{i}", "x") for i in range(8)])
    pushed.run()
    source = FakeSource(store)
    source.put(table("s.v", "x"))
    source.run()
    pushed.put(*[table(f"s.t{i}", "x") for i in range(8)])
    pushed.run()
    assert asset(store, "s.v").state == "crawled"
    assert uses(store, "s.v") == [False]
