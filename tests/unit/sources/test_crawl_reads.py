"""Lists of crawls and problems: pages, both sums, and nothing told to who may not see it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import event, insert
from sqlmodel import Session

from catalog.access.expression import Equals
from catalog.access.viewer import SYSTEM, Viewer, install_policy
from catalog.errors import BadInput, NotFound
from catalog.history.store import Store, table_of
from catalog.model import Crawl, CrawlProblem, CrawlScope, clock
from catalog.naming import id_text, new_id
from catalog.sources import crawl_reads, problems
from catalog.sources.ledger import COUNTS
from catalog.sources.problems import Seen
from tests.unit.sources.support import (
    add_asset,
    add_crawl,
    add_scope,
    add_source,
    rows,
    write,
)

READER = Viewer("user:2", "viewer")


@pytest.fixture
def only_t() -> Iterator[None]:
    """Others than admins see the asset t alone."""
    before = install_policy(lambda _viewer: Equals("name", "t"))
    yield
    install_policy(before)


def test_pages_of_crawls(store: Store) -> None:
    wh, lake = add_source(store, "wh"), add_source(store, "lake")
    for _ in range(5):
        add_crawl(store, wh, "succeeded", subset='["a"]')
    add_crawl(store, lake, "failed")
    with store.read() as session:
        first = crawl_reads.list_crawls(session, SYSTEM, source="wh", limit=2)
        assert (first.total, len(first.items)) == (5, 2)
        second = crawl_reads.list_crawls(session, SYSTEM, source="wh", limit=3, after=first.next)
        assert (len(second.items), second.next) == (3, None)
        assert len({one.id for one in (*first.items, *second.items)}) == 5
        assert first.items[0].subset == ("a",)
        every = crawl_reads.list_crawls(session, SYSTEM)
        assert [one.source for one in every.items] == ["lake", *["wh"] * 5]
        (failed,) = crawl_reads.list_crawls(session, SYSTEM, states=["failed"]).items
        assert failed.source == "lake"
        for wrong in ({"limit": 0}, {"limit": 1001}, {"after": id_text(new_id())}, {"after": "x"}):
            with pytest.raises(BadInput):
                crawl_reads.list_crawls(session, SYSTEM, **wrong)


def page_after(session: Session, after: str | None) -> Any:
    return crawl_reads.list_crawls(session, SYSTEM, source="wh", after=after)


def steps(session: Session, work: Callable[[], Any]) -> tuple[Any, int]:
    """What it answers, and how many hundreds of instructions SQLite needed for it; PostgreSQL
    does not count, so 0."""
    raw: Any = session.connection().connection.driver_connection
    if not hasattr(raw, "set_progress_handler"):
        return work(), 0
    count = 0

    def one_more() -> int:
        nonlocal count
        count += 1
        return 0

    raw.set_progress_handler(one_more, 100)
    try:
        return work(), count
    finally:
        raw.set_progress_handler(None, 0)


def test_a_page_behind_ten_thousand_crawls_reads_a_page(store: Store) -> None:
    """The last page costs the database the same work as the first: both step into an index."""
    wh = add_source(store, "wh")
    now = clock.now()
    counts = dict.fromkeys(COUNTS, 0)
    many: list[dict[str, Any]] = [
        {"uid": new_id(), "source": wh, "state": "succeeded", "queued_at": now + n,
         "trigger": "person", "actor": "system", "crawler_version": 1, "cancel": False, **counts}
        for n in range(10_000)
    ]  # fmt: skip
    with store.write("system") as unit:
        unit.connection.execute(insert(table_of(Crawl)), many)
    oldest = id_text(many[50]["uid"])
    with store.read() as session:
        page, counted = steps(session, lambda: page_after(session, oldest))
        _, first = steps(session, lambda: page_after(session, None))
    assert (page.total, len(page.items), page.next) == (10_000, 50, None)
    assert counted <= 1.2 * first


def test_detail_with_both_sums(store: Store) -> None:
    wh = add_source(store, "wh")
    sums = {"listed": 3, "used": 2, "failed_objects": 1, "seen": 2, "new": 2}
    crawl = add_crawl(store, wh, "partial", **{**sums, "listed": 4, "used": 3})
    for name, part in (("b", sums), ("a", {"listed": 1, "used": 1})):
        scope = add_scope(store, wh, name)
        values = {"crawl": crawl, "scope": scope, "state": "complete", **part}
        write(store, table_of(CrawlScope).insert().values(**values))
    store.run(lambda unit: problems.note(unit, wh, None, crawl, [Seen("x", "y", "z")]), "system")
    uid = id_text(rows(store, Crawl)[0].uid)
    with store.read() as session:
        detail = crawl_reads.get_crawl(session, SYSTEM, uid)
        assert [scope.name for scope in detail.scopes] == ["a", "b"]
        assert (detail.problems, detail.holds, detail.adds_up) == (1, 0, ())
        with pytest.raises(NotFound):
            crawl_reads.get_crawl(session, SYSTEM, "nothing")
    write(store, table_of(Crawl).update().values(used=99))
    with store.read() as session:
        wrong = crawl_reads.get_crawl(session, SYSTEM, uid).adds_up
    assert any("Objects" in sentence for sentence in wrong)
    assert any("together" in sentence for sentence in wrong)


def _note(store: Store, source: int, crawl: int, *seen: Seen) -> None:
    store.run(lambda unit: problems.note(unit, source, None, crawl, seen), "system")


def test_problems_open_muted_and_resolved(store: Store) -> None:
    wh = add_source(store, "wh")
    crawl = add_crawl(store, wh, "partial")
    _note(store, wh, crawl, *(Seen("unreadable", name, "No.") for name in "abc"))
    muted = id_text(rows(store, CrawlProblem)[0].uid)
    later = clock.now() + clock.DAY
    store.run(lambda unit: problems.mute(unit, SYSTEM, muted, "old", later), "user:1")
    _note(store, wh, crawl + 1, *(Seen("unreadable", name, "No.") for name in "ab"))
    store.run(lambda unit: problems.resolve_unseen(unit, wh, None, crawl + 1), "system")

    def listed(**more: object) -> set[str]:
        with store.read() as session:
            found = crawl_reads.list_problems(session, SYSTEM, **more)  # type: ignore[arg-type]
            assert found.total == len(found.items)
            return {one.what for one in found.items}

    assert listed() == {"b"}
    assert listed(muted=True) == {"a", "b"}
    assert listed(resolved=True) == {"b", "c"}
    assert listed(source="wh", resolved=True, muted=True) == {"a", "b", "c"}
    assert listed(crawl=id_text(rows(store, Crawl)[0].uid), resolved=True) == {"c"}
    with clock.fixed(lambda: later + 1):
        assert listed() == {"a", "b"}  # the muting has ended


@pytest.mark.usefixtures("only_t")
def test_names_that_a_viewer_may_not_see_are_told_nowhere(store: Store) -> None:
    wh = add_source(store, "wh")
    asset = add_asset(store, wh, "t", {wh: "present"})
    crawl = add_crawl(store, wh, "partial", subset='["canary"]')
    scope = add_scope(store, wh, "canary")
    write(store, table_of(CrawlScope).insert().values(crawl=crawl, scope=scope))
    _note(store, wh, crawl, Seen("x", "canary", "z"), Seen("x", "t", "z", asset=asset))
    lake = add_source(store, "lake-canary")
    add_crawl(store, lake)
    uid = id_text(rows(store, Crawl)[0].uid)
    with store.read() as session:
        told = repr(
            (
                crawl_reads.list_crawls(session, READER),
                crawl_reads.get_crawl(session, READER, uid),
                crawl_reads.list_problems(session, READER),
            )
        )
        assert crawl_reads.list_problems(session, READER).total == 1
        assert crawl_reads.list_crawls(session, READER).total == 1
        every = repr(crawl_reads.list_problems(session, SYSTEM))
    assert "canary" not in told
    assert "canary" in every


def test_the_number_of_queries_does_not_depend_on_the_number_of_crawls(store: Store) -> None:
    counts = []
    wh = add_source(store, "wh")
    for number in (1, 10):
        for _ in range(number):
            add_crawl(store, wh, "succeeded")
        seen: list[str] = []

        def count(_c: object, _cursor: object, statement: str, *_rest: object) -> None:
            seen.append(statement)  # noqa: B023

        event.listen(store.engine, "before_cursor_execute", count)
        with store.read() as session:
            crawl_reads.list_crawls(session, READER, source="wh")
        event.remove(store.engine, "before_cursor_execute", count)
        counts.append(len(seen))
    assert counts[0] == counts[1] <= 4  # BEGIN, the source, the count, the page
