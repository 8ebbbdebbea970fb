"""What is no longer listed: removed, held by the brake, filtered, or left alone."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from catalog.errors import DiskFull
from catalog.history.store import Store
from catalog.ingest import vanish
from tests.support.crawls import FakeSource, table
from tests.unit.ingest.support import (
    CHANGE,
    HOLD,
    asset,
    live,
    rows,
    sums,
)


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


def test_an_empty_listing_is_held_whatever_a_filter_leaves_out(store: Store) -> None:
    source = FakeSource(store)
    source.put(*[table(f"s.t{i}", "a") for i in range(4)])
    source.run()
    source.put()
    crawl = source.run(refused_by=lambda name: "exclude s.t0" if name == "s.t0" else None)
    assert (crawl.held, crawl.removed) == (3, 1)


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
