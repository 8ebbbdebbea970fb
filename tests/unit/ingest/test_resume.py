"""A crawl whose process dies goes on in another one as if nothing had happened."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from catalog.crawling import records
from catalog.history import points
from catalog.history.store import Store, table_of
from catalog.ingest.crawl import run_crawl
from catalog.model import Asset, Hold
from tests.support.crawls import NAMESPACE, FakeSource, table

ASSET, HOLD = table_of(Asset), table_of(Hold)
Kill = Callable[[str, int], None]


class Killed(BaseException):
    """The process ends here."""


@pytest.fixture
def kill(monkeypatch: pytest.MonkeyPatch) -> Kill:
    """``kill(point, n)``: dies at the n-th time that it comes by the point, once."""

    def arm(name: str, left: int) -> None:
        def at(point: str) -> None:
            nonlocal left
            left -= point == name
            if left == 0:
                left = -1
                raise Killed

        monkeypatch.setattr(points, "at", at)

    return arm


def interrupted(source: FakeSource, subset: list[str] | None = None) -> Any:
    """Crawls until it is killed, then goes on; the crawl's row."""
    key = source.queue(subset)
    with pytest.raises(Killed):
        run_crawl(source.store, key, source, crawler_version=1, config_key="k")
    run_crawl(source.store, key, source, crawler_version=1, config_key="k")
    return source.row(key)


def two_scopes(store: Store, **columns: str) -> FakeSource:
    source = FakeSource(store)
    source.put(table("s.a", "x"), table("s.b", "x"))
    source.put(table("r.a", "x"), scope="other")
    source.run()
    return source


def view(name: str, text: str) -> tuple[records.Record, ...]:
    return (
        table(name, "x", kind="view"),
        records.Statement(text, "postgres", NAMESPACE, defines=name),
    )


def test_a_refresh_does_not_miss_what_it_found_before(store: Store, kill: Kill) -> None:
    source = two_scopes(store)
    kill("scope close", 2)  # the first scope is closed, the second one not yet
    crawl = interrupted(source, ["s.a", "r.a"])
    assert (crawl.state, crawl.unchanged, crawl.held) == ("succeeded", 2, 0)


def test_it_begins_twice_and_writes_once(store: Store, kill: Kill) -> None:
    """Killed again before it had counted anything, it still knows what it wrote at first."""
    source = FakeSource(store)
    source.put(table("s.a", "x"), table("s.b", "x"))
    kill("after commit", 1)
    key = source.queue()
    with pytest.raises(Killed):
        run_crawl(store, key, source, crawler_version=1, config_key="k")
    kill("scope close", 1)
    with pytest.raises(Killed):
        run_crawl(store, key, source, crawler_version=1, config_key="k")
    run_crawl(store, key, source, crawler_version=1, config_key="k")
    crawl = source.row(key)
    assert (crawl.seen, crawl.new, crawl.unchanged) == (2, 2, 0)


def test_a_new_definition_is_a_change_also_after_a_resume(store: Store, kill: Kill) -> None:
    source = FakeSource(store)
    source.put(*view("s.v", "SELECT x FROM s.t"))
    source.run()
    source.put(*view("s.v", "SELECT x FROM s.u"))
    kill("after commit", 1)
    crawl = interrupted(source)
    assert (crawl.changed, crawl.unchanged) == (1, 0)


def test_what_another_source_knew_is_new_to_this_one_also_after_a_resume(
    store: Store, kill: Kill
) -> None:
    FakeSource(store, name="dbt", kind="push", content={"all": [table("s.a", "x")]}).run()
    source = FakeSource(store)
    source.put(table("s.a", "x", "y"))
    kill("after commit", 1)
    crawl = interrupted(source)
    assert (crawl.new, crawl.changed) == (1, 0)


def test_a_swap_in_a_scope_that_fails_is_not_lost(store: Store, kill: Kill) -> None:
    source = FakeSource(store)
    source.put(table("s.a", "x", id="1"), table("s.b", "y", id="2"))
    source.put(table("r.a", "x"), scope="other")
    source.run()
    source.put(table("s.a", "y", id="2"), table("s.b", "x", id="1"))
    source.fails["public"] = RuntimeError("broken")
    kill("scope close", 1)  # the other scope: the swap waits for its end
    crawl = interrupted(source)
    assert (crawl.state, crawl.renamed, crawl.changed) == ("partial", 2, 2)


def test_a_failed_asset_that_was_asked_for_is_not_held(store: Store) -> None:
    source = two_scopes(store)
    source.put(records.Problem("s.a", "broken", namespace=NAMESPACE, name="s.a", objects=0))
    crawl = source.run(subset=["s.a"])
    assert (crawl.failed, crawl.held) == (1, 0)
    with store.connect() as connection:
        assert connection.execute(select(HOLD)).all() == []
