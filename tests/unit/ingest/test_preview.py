"""A preview says exactly what the crawl then does, and writes nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import event, func, select

from catalog.crawling import records
from catalog.errors import Unreachable, Unreadable
from catalog.history.store import Store
from catalog.ingest.context import load_source
from catalog.ingest.forecast import CrawlPreview
from catalog.ingest.preview import preview
from catalog.model import metadata
from tests.support.crawls import NAMESPACE, FakeSource, table

Change = Callable[[FakeSource], Any]


def ten() -> list[records.Record]:
    return [table(f"shop.public.t{i}", "a", "b", id=f"oid{i}") for i in range(10)]


def view(text: str) -> list[records.Record]:
    statement = records.Statement(text, "postgres", NAMESPACE, defines="shop.public.v")
    return [table("shop.public.v", "a", kind="view"), statement]


def start(source: FakeSource) -> None:
    source.put(*ten(), *view("select 1"))
    source.put(*[table(f"shop.raw.r{i}", "x", id=f"raw{i}") for i in range(3)], scope="raw")
    assert source.run().state == "succeeded"


def look(source: FakeSource, only: Any = None, refused_by: Any = None) -> CrawlPreview:
    with source.store.connect() as connection:
        info = load_source(connection, source.key)
    more = {} if refused_by is None else {"refused_by": refused_by}
    return preview(source.store, info, source, config_key="k", only=only, **more)


def no_change(source: FakeSource) -> None:
    pass


def some_new(source: FakeSource) -> None:
    source.content["public"] += [table("shop.public.fresh", "a"), table("shop.public.more", "b")]


def one_changed(source: FakeSource) -> None:
    source.content["public"][3] = table("shop.public.t3", "a", "b", "c", id="oid3")


def other_definition(source: FakeSource) -> None:
    source.content["public"][-2:] = view("select 2")


def renamed(source: FakeSource) -> None:
    source.content["public"][3] = table("shop.public.t3_new", "a", "b", id="oid3")


def swapped(source: FakeSource) -> None:
    source.content["public"][3] = table("shop.public.t4", "a", "b", id="oid3")
    source.content["public"][4] = table("shop.public.t3", "a", "b", id="oid4")


def made_again(source: FakeSource) -> None:
    source.content["public"][3] = table("shop.public.t3", "a", "b", id="another")


def replaced_by_another(source: FakeSource) -> None:
    """``t4`` was dropped and ``t3`` renamed onto it."""
    del source.content["public"][4]
    source.content["public"][3] = table("shop.public.t4", "a", "b", id="oid3")


def moved_to_another_scope(source: FakeSource) -> None:
    moved = table("shop.raw.t3", "a", "b", id="oid3")
    del source.content["public"][3]
    source.content["raw"].append(moved)


def two_dropped(source: FakeSource) -> None:
    del source.content["public"][:2]


def most_dropped(source: FakeSource) -> None:
    del source.content["public"][:8]


def empty_listing(source: FakeSource) -> None:
    source.put(scope="raw")


def scope_gone(source: FakeSource) -> None:
    del source.content["raw"]


def scope_not_listed(source: FakeSource) -> None:
    del source.content["raw"]
    source.listed = False


def not_complete(source: FakeSource) -> None:
    del source.content["public"][:2]
    source.complete["public"] = False


def broken_scope(source: FakeSource) -> None:
    del source.content["public"][:2]
    source.content["public"].append(table("shop.public.before", "a"))
    source.fails["public"] = Unreadable("It broke.")


def failed_and_filtered(source: FakeSource) -> None:
    source.content["public"][0] = records.Problem(
        "t0", "locked", namespace=NAMESPACE, name="shop.public.t0"
    )
    source.content["public"][1] = records.Filtered(NAMESPACE, "shop.public.t1", "exclude *t1")


def reported_twice(source: FakeSource) -> None:
    source.content["public"] += [
        table("shop.public.fresh", "a"),
        table("shop.public.fresh", "a"),
    ]


def outside(source: FakeSource) -> None:
    source.content["public"].append(table("x.y", "a", namespace="mysql://elsewhere:3306"))


def not_opened(source: FakeSource) -> None:
    source.content["public"][0] = records.Unchanged(NAMESPACE, "shop.public.t0")
    source.content["public"][1] = records.Unchanged(NAMESPACE, "shop.public.never_seen")


def come_back(source: FakeSource) -> None:
    kept = source.content["public"][:2]
    two_dropped(source)
    source.run()
    source.content["public"] += kept


def come_back_unopened(source: FakeSource) -> None:
    two_dropped(source)
    source.run()
    source.content["public"].append(records.Unchanged(NAMESPACE, "shop.public.t0"))


def held_before(source: FakeSource) -> None:
    most_dropped(source)
    source.run()


def held_and_one_more(source: FakeSource) -> None:
    held_before(source)
    del source.content["public"][0]


CASES = (
    no_change,
    some_new,
    one_changed,
    other_definition,
    renamed,
    swapped,
    made_again,
    replaced_by_another,
    moved_to_another_scope,
    two_dropped,
    most_dropped,
    empty_listing,
    scope_gone,
    scope_not_listed,
    not_complete,
    broken_scope,
    failed_and_filtered,
    reported_twice,
    outside,
    not_opened,
    come_back,
    come_back_unopened,
)


@pytest.mark.parametrize("case", CASES)
def test_the_crawl_then_does_what_was_said(sqlite_store: Store, case: Change) -> None:
    source = FakeSource(sqlite_store)
    start(source)
    case(source)
    said = look(source).totals
    done = source.run()
    for name in ("seen", "new", "changed", "unchanged", "failed", "renamed", "restored"):
        assert said[name] == getattr(done, name), name
    assert said["held"] == done.held
    # What a filter leaves out counts as removed, too.
    assert said["missing"] - said["held"] == done.removed - said["filtered"]


def test_the_first_crawl_is_all_new(store: Store) -> None:
    source = FakeSource(store)
    source.put(*ten())
    said = look(source)
    assert (said.totals["new"], said.totals["seen"], said.complete) == (10, 10, True)
    assert said.scopes[0].examples["new"][0] == "shop.public.t0"


def test_names_say_what_would_go_and_why_it_is_held(store: Store) -> None:
    source = FakeSource(store)
    start(source)
    most_dropped(source)
    renamed_to = table("shop.public.t9_new", "a", "b", id="oid9")
    source.content["public"][1] = renamed_to
    public = next(one for one in look(source).scopes if one.name == "public")
    assert public.missing == 8
    assert public.held is not None
    assert "30 %" in public.held
    assert public.examples["renamed"] == ["shop.public.t9 -> shop.public.t9_new"]
    assert set(public.examples["missing"]) == {f"shop.public.t{i}" for i in range(8)}


@pytest.mark.parametrize("case", [held_before, held_and_one_more])
def test_what_is_held_stays_held(sqlite_store: Store, case: Change) -> None:
    source = FakeSource(sqlite_store)
    start(source)
    case(source)
    public = next(one for one in look(source).scopes if one.name == "public")
    assert public.held is not None
    assert source.run().removed == 0


def test_a_new_filter_holds_nothing(store: Store) -> None:
    source = FakeSource(store)
    start(source)
    del source.content["public"][:9]

    def refused_by(name: str) -> str | None:
        return "exclude t*" if name.rpartition(".")[2].startswith("t") else None

    said = look(source, refused_by=refused_by).totals
    assert (said["filtered"], said["missing"], said["held"]) == (9, 0, 0)
    assert source.run(refused_by=refused_by).held == 0


def test_names_that_were_asked_for(store: Store) -> None:
    source = FakeSource(store)
    start(source)
    del source.content["public"][0]
    asked = ["shop.public.t0", "shop.public.t1"]
    said = look(source, only=asked).totals
    done = source.run(subset=asked)
    assert (said["seen"], said["unchanged"], said["held"]) == (1, 1, 1)
    assert (done.seen, done.unchanged, done.held) == (1, 1, 1)


def test_a_scope_that_fails_is_part_of_the_answer(store: Store) -> None:
    source = FakeSource(store)
    start(source)
    source.fails["raw"] = Unreachable("No route to postgres://u:secret@db.", remedy="Look.")
    raw = next(one for one in look(source).scopes if one.name == "raw")
    assert (raw.state, raw.missing) == ("failed", 0)
    assert raw.why is not None
    assert "secret" not in raw.why


def counted(store: Store) -> dict[str, int]:
    with store.connect() as connection:
        return {
            one.name: connection.execute(select(func.count()).select_from(one)).scalar_one()
            for one in metadata.sorted_tables
        }


@pytest.mark.parametrize("case", CASES)
def test_nothing_is_written(sqlite_store: Store, case: Change) -> None:
    source = FakeSource(sqlite_store)
    start(source)
    case(source)
    before = counted(sqlite_store)
    statements: list[str] = []

    def note(_c: Any, _u: Any, statement: str, *_: Any) -> None:
        statements.append(statement.split(None, 1)[0].upper())

    event.listen(sqlite_store.engine, "before_cursor_execute", note)
    look(source)
    event.remove(sqlite_store.engine, "before_cursor_execute", note)
    assert "SELECT" in statements
    assert not {"INSERT", "UPDATE", "DELETE", "CREATE"}.intersection(statements)
    assert counted(sqlite_store) == before
