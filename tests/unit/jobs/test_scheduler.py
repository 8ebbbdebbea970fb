"""The scheduler: due sources once, dead processes' work again, one scheduler at a time."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from catalog.history.store import Store, table_of
from catalog.jobs.leases import Leases
from catalog.jobs.local import LocalQueue
from catalog.jobs.queue import Job
from catalog.jobs.scheduler import CRAWL_JOB, Scheduler, enqueue_crawl_job
from catalog.model import Crawl, Source, UserSession, clock
from catalog.naming import id_text, new_id
from catalog.sources import crawls
from catalog.sources.owners import current_owner, split_owner
from tests.unit.sources.support import add_crawl, add_source, rows, write

DEAD = f"{split_owner(current_owner())[0]}:{os.getpid()}:1"
START = clock.from_text("2026-03-01T00:00:30Z")


class Clock:
    now = START

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def time() -> Iterator[Clock]:
    made = Clock()
    with clock.fixed(made):
        yield made


@pytest.fixture
def queue(store: Store) -> LocalQueue:
    return LocalQueue(store)


def make(store: Store, queue: LocalQueue, home: Path, **more: Any) -> Scheduler:
    return Scheduler(store, queue, Leases(store, home), **more)


def hourly(store: Store, name: str = "wh", **more: Any) -> int:
    schedule = '{"cron": "0 * * * *", "zone": "UTC"}'
    values = {"schedule": schedule, "next_due_at": START + clock.HOUR, **more}
    return add_source(store, name, **values)


def jobs(queue: LocalQueue) -> list[Job]:
    return list(queue.list(names=(CRAWL_JOB,)))


def end_all(store: Store, queue: LocalQueue) -> None:
    for row in rows(store, Crawl):
        store.run(partial(crawls.finish, crawl=row.key, state="succeeded"), "system")
    while (job := queue.take(current_owner(), [CRAWL_JOB])) is not None:
        queue.finish(job)


def test_down_for_three_days_with_an_hourly_schedule_runs_once(
    store: Store, queue: LocalQueue, tmp_path: Path, time: Clock
) -> None:
    hourly(store)
    scheduler = make(store, queue, tmp_path)
    scheduler.tick()
    assert jobs(queue) == []
    time.now += 3 * clock.DAY
    make(store, queue, tmp_path).tick()
    (job,) = jobs(queue)
    (crawl,) = rows(store, Crawl)
    assert (crawl.trigger, crawl.state, job.arguments) == (
        "schedule",
        "queued",
        {"crawl": id_text(crawl.uid)},
    )
    end_all(store, queue)
    for _ in range(3):
        scheduler.tick()
    assert len(jobs(queue)) == 1
    assert rows(store, Source)[0].next_due_at == clock.from_text("2026-03-04T01:00:00Z")
    time.now = clock.from_text("2026-03-04T01:00:00Z")
    scheduler.tick()
    assert len(jobs(queue)) == 2


def test_a_source_that_is_being_crawled_is_left_out_this_time(
    store: Store, queue: LocalQueue, tmp_path: Path, time: Clock
) -> None:
    source = hourly(store)
    add_crawl(store, source, "running", owner=current_owner())
    time.now += clock.HOUR
    scheduler = make(store, queue, tmp_path)
    scheduler.tick()
    assert jobs(queue) == []
    assert rows(store, Source)[0].next_due_at > time.now
    assert scheduler.holds_role()
    scheduler.stop()


def test_paused_and_removed_sources_start_nothing(
    store: Store, queue: LocalQueue, tmp_path: Path, time: Clock
) -> None:
    hourly(store, paused=True)
    hourly(store, "gone", removed_at=1)
    time.now += clock.DAY
    make(store, queue, tmp_path).tick()
    assert rows(store, Crawl) == []


def test_crawls_of_dead_processes_are_taken_up_with_one_job_each(
    store: Store, queue: LocalQueue, tmp_path: Path, time: Clock
) -> None:
    with_job, without = add_source(store, "a"), add_source(store, "b")
    woken = threading.Event()
    crawl = store.run(lambda unit: _with_job(unit, queue, with_job), "system")
    job = queue.take(DEAD, [CRAWL_JOB])
    assert job is not None
    write(store, table_of(Crawl).update().values(state="running", owner=DEAD))
    add_crawl(store, without, "running", owner=DEAD)
    living = add_crawl(store, add_source(store, "c"), "running", owner=current_owner())
    make(store, queue, tmp_path, on_work=woken.set).tick()
    assert {row.key: row.state for row in rows(store, Crawl)}[living] == "running"
    assert [row.state for row in rows(store, Crawl)] == ["queued", "queued", "running"]
    found = [(one.state, str(one.arguments["crawl"])) for one in jobs(queue)]
    assert sorted(name for _, name in found) == sorted({crawl, id_text(rows(store, Crawl)[1].uid)})
    assert {state for state, _ in found} == {"waiting"}
    assert woken.is_set()


def _with_job(unit: Any, queue: LocalQueue, source: int) -> str:
    crawl = crawls.enqueue_crawl(unit, "user:1", source)
    enqueue_crawl_job(queue, unit, crawl)
    return crawl


def test_a_crawl_whose_job_failed_for_good_ends_with_the_reason(
    store: Store, queue: LocalQueue, tmp_path: Path, time: Clock
) -> None:
    crawl = store.run(lambda unit: _with_job(unit, queue, add_first(unit)), "system")
    job = queue.take(current_owner(), [CRAWL_JOB])
    assert job is not None
    queue.fail(job, "No such crawler.", retry=False)
    scheduler = make(store, queue, tmp_path)
    scheduler.tick()
    assert rows(store, Crawl)[0].state == "queued"
    time.now += 2 * clock.MINUTE
    scheduler.tick()
    (row,) = rows(store, Crawl)
    assert (row.state, row.why, id_text(row.uid)) == ("failed", "No such crawler.", crawl)


def add_first(unit: Any) -> int:
    table = table_of(Source)
    values = {"uid": new_id(), "name": "wh", "kind": "push", "created_at": 1}
    return int(
        unit.connection.execute(table.insert().values(**values).returning(table.c.key)).scalar_one()
    )


def test_whole_crawls_share_a_lock_and_people_go_first(
    store: Store, queue: LocalQueue, time: Clock
) -> None:
    source = add_source(store)

    def work(unit: Any) -> None:
        for trigger, subset in (("schedule", None), ("refresh", ["a"])):
            crawl = crawls.enqueue_crawl(unit, "system", source, trigger, subset)
            enqueue_crawl_job(queue, unit, crawl)

    store.run(work, "system")
    refresh, scheduled = jobs(queue)
    assert refresh.lock_key is None
    assert scheduled.lock_key == f"source:{id_text(rows(store, Source)[0].uid)}"
    assert refresh.priority > scheduled.priority


def test_once_a_day_it_cleans(store: Store, queue: LocalQueue, tmp_path: Path, time: Clock) -> None:
    add_session(store, expires=START - 1)
    add_session(store, expires=START + clock.DAY * 30)
    queue.enqueue("x")
    job = queue.take(current_owner(), ["x"])
    assert job is not None
    queue.finish(job)
    calls: list[int] = []
    scheduler = make(store, queue, tmp_path, daily=[lambda: calls.append(1)])
    for _ in range(3):
        scheduler.tick()
        time.now += clock.HOUR
    assert len(calls) == 1
    assert len(rows(store, UserSession)) == 1
    assert len(queue.list()) == 1
    time.now += 8 * clock.DAY
    scheduler.tick()
    assert len(calls) == 2
    assert list(queue.list()) == []


def add_session(store: Store, expires: int) -> None:
    from catalog.model import Person, User

    if not rows(store, User):
        write(store, table_of(Person).insert().values(uid=new_id(), name="p", created_at=1))
        person = rows(store, Person)[0].key
        write(store, table_of(User).insert().values(uid=new_id(), login="p", person=person,
                                                    created_at=1))  # fmt: skip
    values = {"uid": new_id(), "hash": new_id(), "created_at": 1, "expires_at": expires}
    write(store, table_of(UserSession).insert().values(user=rows(store, User)[0].key, **values))


def test_what_fails_does_not_keep_the_rest_from_being_done(
    store: Store, queue: LocalQueue, tmp_path: Path, time: Clock
) -> None:
    done: list[str] = []

    def broken() -> None:
        raise RuntimeError("index is damaged")

    hourly(store)
    time.now += clock.HOUR
    scheduler = make(store, queue, tmp_path, every_tick=[broken, lambda: done.append("next")])
    scheduler.tick()
    assert done == ["next"]
    assert len(jobs(queue)) == 1


def test_one_scheduler_at_a_time_and_a_clean_stop(
    store: Store, queue: LocalQueue, tmp_path: Path
) -> None:
    ticked, other = threading.Event(), threading.Event()
    first = make(store, queue, tmp_path, every_tick=[ticked.set])
    first.start()
    assert ticked.wait(10)
    second = make(store, queue, tmp_path, every_tick=[other.set])
    assert not second.holds_role()
    first.stop()
    third = make(store, queue, tmp_path)
    assert third.holds_role()
    third.stop()
    assert not other.is_set()
