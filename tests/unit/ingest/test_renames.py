"""Names that move: renames, swaps, restored dumps, and the aliases that they leave."""

from __future__ import annotations

from sqlalchemy import select

from catalog.access.viewer import SYSTEM
from catalog.assets import resolve
from catalog.history.store import Store
from catalog.model import metadata
from tests.support.crawls import FakeSource, table
from tests.unit.ingest.support import (
    ASSET,
    CHANGE,
    asset,
    rows,
    sums,
)


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
