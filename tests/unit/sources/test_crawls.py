"""Crawl rows: one whole crawl at a time, cancel, take-over of what dead processes ran."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from catalog.access.viewer import SYSTEM, Viewer
from catalog.errors import BadInput, Conflict, NotAllowed, NotFound
from catalog.history.store import Store, table_of
from catalog.model import Change, Crawl, CrawlScope
from catalog.naming import id_text
from catalog.sources import crawls
from catalog.sources.ledger import Ledger, add_to_crawl, ledger_of, total
from catalog.sources.owners import current_owner, is_alive, split_owner
from tests.unit.sources.support import add_crawl, add_scope, add_source, rows

ME = current_owner()
HOST = split_owner(ME)[0]
DEAD = f"{HOST}:{os.getpid()}:1"  # the process number was given again


def enqueue(store: Store, source: int, **more: object) -> str:
    return store.run(lambda unit: crawls.enqueue_crawl(unit, "user:1", source, **more), "user:1")  # type: ignore[arg-type]


def key_of(store: Store, crawl: str) -> int:
    with store.read() as session:
        return crawls.key_of(session, crawl)


def begin(store: Store, crawl: str, owner: str = ME) -> bool:
    key = key_of(store, crawl)
    return store.run(lambda unit: crawls.begin(unit, key, owner, 3), "system")


def state(store: Store, crawl: str) -> str:
    key = key_of(store, crawl)
    return next(row.state for row in rows(store, Crawl) if row.key == key)


def test_a_second_whole_crawl_is_refused_and_the_first_one_named(store: Store) -> None:
    source = add_source(store)
    first = enqueue(store, source)
    for _ in range(2):
        with pytest.raises(Conflict, match=first) as caught:
            enqueue(store, source)
        assert caught.value.details == {"crawl": first}
        begin(store, first)
    enqueue(store, source, trigger="refresh", subset=["a", "b"])
    enqueue(store, add_source(store, "other"))
    store.run(lambda unit: crawls.finish(unit, key_of(store, first), "succeeded"), "system")
    assert enqueue(store, source) != first
    assert rows(store, Change) == []


def test_a_removed_source_and_a_strange_trigger_are_refused(store: Store) -> None:
    source = add_source(store, removed_at=1)
    with pytest.raises(Conflict, match="removed"):
        enqueue(store, source)
    with pytest.raises(BadInput, match="trigger"):
        enqueue(store, source, trigger="moon")


def test_begin_and_finish(store: Store) -> None:
    crawl = enqueue(store, add_source(store))
    assert begin(store, crawl)
    (row,) = rows(store, Crawl)
    assert (row.state, row.owner, row.crawler_version) == ("running", ME, 3)
    assert row.started_at is not None
    store.run(lambda unit: crawls.finish(unit, row.key, "partial", "3 files failed."), "system")
    (row,) = rows(store, Crawl)
    assert (row.state, row.why, row.owner) == ("partial", "3 files failed.", None)
    assert row.ended_at >= row.started_at
    assert not begin(store, crawl)  # a job that arrives twice
    store.run(lambda unit: crawls.finish(unit, row.key, "failed", "late"), "system")
    assert state(store, crawl) == "partial"


def test_a_crawl_of_a_living_process_is_left_to_it(store: Store) -> None:
    crawl = enqueue(store, add_source(store))
    begin(store, crawl)
    assert not begin(store, crawl, owner=f"{HOST}:1:1")
    assert begin(store, crawl)  # its own job, given back and taken again


def test_another_running_whole_crawl_of_the_source_is_a_conflict(store: Store) -> None:
    source = add_source(store)
    add_crawl(store, source, "running", owner=ME)
    add_crawl(store, source)
    second = id_text(rows(store, Crawl)[-1].uid)
    with pytest.raises(Conflict, match="running"):
        begin(store, second)


def test_cancel(store: Store) -> None:
    source = add_source(store)
    queued = enqueue(store, source)
    cancel = crawls.request_cancel
    assert store.run(lambda unit: cancel(unit, SYSTEM, queued), "user:1") == "cancelled"
    running = enqueue(store, source)
    begin(store, running)
    key = key_of(store, running)
    with store.read() as session:
        assert not crawls.is_cancelled(session, key)
    assert store.run(lambda unit: cancel(unit, SYSTEM, running), "user:1") == "running"
    with store.read() as session:
        assert crawls.is_cancelled(session, key)
    store.run(lambda unit: crawls.finish(unit, key, "cancelled", "Asked to."), "system")
    with pytest.raises(Conflict, match="ended"):
        store.run(lambda unit: cancel(unit, SYSTEM, running), "user:1")
    with pytest.raises(NotFound):
        store.run(lambda unit: cancel(unit, SYSTEM, "nonsense"), "user:1")
    with pytest.raises(NotAllowed):
        store.run(lambda unit: cancel(unit, Viewer("user:1", "steward"), running), "user:1")


def test_a_crawl_asked_to_stop_while_its_job_went_back_ends_at_its_next_begin(store: Store) -> None:
    crawl = enqueue(store, add_source(store))
    begin(store, crawl)
    store.run(lambda unit: crawls.request_cancel(unit, SYSTEM, crawl), "user:1")
    store.run(lambda unit: crawls.requeue(unit, key_of(store, crawl)), "system")
    assert not begin(store, crawl)
    assert state(store, crawl) == "cancelled"


def test_what_a_dead_process_ran_is_queued_again_and_complete_scopes_stay(store: Store) -> None:
    source = add_source(store)
    crawl = enqueue(store, source)
    begin(store, crawl, owner=DEAD)
    key = key_of(store, crawl)
    with store.write("system") as unit:
        for name, scope_state in (("a", "complete"), ("b", "running"), ("c", "pending")):
            scope = add_scope_in(unit, source, name)
            unit.connection.execute(
                table_of(CrawlScope).insert().values(crawl=key, scope=scope, state=scope_state)
            )
    living = enqueue(store, add_source(store, "other"))
    begin(store, living)
    assert store.run(crawls.recover_dead, "system") == [crawl]
    assert (state(store, crawl), state(store, living)) == ("queued", "running")
    assert [row.state for row in rows(store, CrawlScope)] == ["complete", "pending", "pending"]
    started = rows(store, Crawl)[0].started_at
    assert begin(store, crawl)
    assert rows(store, Crawl)[0].started_at == started


def add_scope_in(unit: object, source: int, name: str) -> int:
    from catalog.model import Scope

    table = table_of(Scope)
    return int(
        unit.connection.execute(  # type: ignore[attr-defined]
            table.insert().values(source=source, name=name).returning(table.c.key)
        ).scalar_one()
    )


def test_a_process_is_told_from_a_later_one_with_its_number() -> None:
    assert is_alive(ME)
    assert not is_alive(DEAD)
    assert not is_alive(None)
    assert is_alive("elsewhere:1:1")
    child = subprocess.Popen(
        [sys.executable, "-Sc", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE
    )
    from catalog.sources.owners import _start_of

    owner = f"{HOST}:{child.pid}:{_start_of(child.pid)}"
    assert is_alive(owner)
    child.send_signal(signal.SIGKILL)
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert not is_alive(owner)  # a zombie is dead
    child.communicate()
    assert not is_alive(owner)


# --- the ledger -----------------------------------------------------------------------------


def test_both_sums_are_checked() -> None:
    good = Ledger(listed=6, used=3, filtered=2, failed_objects=1, seen=4, new=1, changed=1,
                  unchanged=1, failed=1, renamed=9, held=9)  # fmt: skip
    assert good.check() == []
    assert good.has_failures
    assert "Objects" in Ledger(listed=1).check()[0]
    assert "Assets" in Ledger(seen=1).check()[0]
    assert total([good, good]) == good + good
    assert (good + good - good) == good
    assert total([]).check() == []


def test_steps_add_up_in_crawl_and_scope(store: Store) -> None:
    source = add_source(store)
    scope, crawl = add_scope(store, source), add_crawl(store, source, "running")
    with store.write("system") as unit:
        unit.connection.execute(table_of(CrawlScope).insert().values(crawl=crawl, scope=scope))
    step = Ledger(listed=2, used=2, seen=2, new=2)
    for _ in range(3):
        store.run(lambda unit: add_to_crawl(unit, crawl, scope, step), "system")
    store.run(lambda unit: add_to_crawl(unit, crawl, None, Ledger(removed=1)), "system")
    assert ledger_of(rows(store, CrawlScope)[0]) == Ledger(listed=6, used=6, seen=6, new=6)
    (row,) = rows(store, Crawl)
    assert ledger_of(row) == Ledger(listed=6, used=6, seen=6, new=6, removed=1)
    assert row.progress_at is not None
