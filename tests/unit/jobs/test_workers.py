"""Worker processes: they do jobs, end when idle, and survive or report every kind of death."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from catalog.history.store import Store, table_of
from catalog.jobs import handlers
from catalog.jobs.child import work
from catalog.jobs.local import LocalQueue
from catalog.jobs.queue import Queue
from catalog.jobs.workers import Workers, child_environment
from catalog.model import QueuedJob, clock
from catalog.settings import Settings
from catalog.sources.owners import is_alive
from tests.support import jobhandlers
from tests.unit.sources.support import write

SETUP = "tests.support.jobhandlers:register"
ROOT = str(Path(__file__).resolve().parents[3])


@pytest.fixture(autouse=True)
def _importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ROOT)


@pytest.fixture
def queue(sqlite_store: Store) -> Queue:
    return LocalQueue(sqlite_store)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path, disk_reserve=0)


@pytest.fixture
def make_workers(queue: Queue, settings: Settings) -> Iterator[Callable[..., Workers]]:
    made: list[Workers] = []

    def make(**more: Any) -> Workers:
        made.append(Workers(queue, settings, SETUP, jobhandlers.NAMES, **more))
        return made[-1]

    yield make
    for workers in made:
        workers.stop(grace=0.1)


def until(condition: Callable[[], object], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_children_do_the_jobs_and_end_when_idle(
    queue: Queue, make_workers: Callable[..., Workers], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    ids = [queue.enqueue("write", {"path": str(out), "text": str(n)}) for n in range(5)]
    workers = make_workers(count=2, idle=0.3)
    workers.start()
    until(lambda: all(queue.get(job).state == "done" for job in ids))
    lines = [line.split() for line in out.read_text().splitlines()]
    assert sorted(text for text, _ in lines) == ["0", "1", "2", "3", "4"]
    assert str(os.getpid()) not in {pid for _, pid in lines}
    until(lambda: workers.pids == [])


def test_never_more_children_than_allowed_and_none_for_nothing(
    queue: Queue, make_workers: Callable[..., Workers], tmp_path: Path
) -> None:
    workers = make_workers(count=1, idle=30)
    workers.tick()
    assert workers.pids == []
    for n in range(3):
        queue.enqueue("wait", {"path": str(tmp_path / f"begun{n}")})
    for _ in range(3):
        workers.tick()
    assert len(workers.pids) == 1


def test_a_killed_child_is_noted_and_the_job_is_tried_again(
    sqlite_store: Store, queue: Queue, make_workers: Callable[..., Workers], tmp_path: Path
) -> None:
    job = queue.enqueue("die", {"path": str(tmp_path / "died")})
    workers = make_workers(count=1, idle=30)
    workers.start()
    until(lambda: queue.get(job).error is not None)
    assert "SIGKILL" in (queue.get(job).error or "")
    write(sqlite_store, table_of(QueuedJob).update().values(not_before=0))  # spares us the wait
    until(lambda: queue.get(job).state == "done")
    assert queue.get(job).attempts == 2


def test_stop_gives_the_job_back(
    queue: Queue, make_workers: Callable[..., Workers], tmp_path: Path
) -> None:
    begun = tmp_path / "begun"
    job = queue.enqueue("wait", {"path": str(begun)})
    workers = make_workers(count=1, idle=30)
    workers.start()
    until(begun.exists)
    before = time.monotonic()
    workers.stop(grace=10)
    assert time.monotonic() - before < 5
    assert workers.pids == []
    assert (queue.get(job).state, queue.get(job).attempts) == ("waiting", 0)


def test_stop_ends_a_child_that_does_not_listen(
    queue: Queue, make_workers: Callable[..., Workers], tmp_path: Path
) -> None:
    begun = tmp_path / "begun"
    job = queue.enqueue("stubborn", {"path": str(begun)})
    workers = make_workers(count=1, idle=30)
    workers.start()
    until(begun.exists)
    workers.stop(grace=0.2)
    assert gone(int(begun.read_text()))
    assert queue.get(job).state == "waiting"
    assert "SIGKILL" in (queue.get(job).error or "")


def test_cancel_reaches_the_handler(
    queue: Queue, make_workers: Callable[..., Workers], tmp_path: Path
) -> None:
    begun = tmp_path / "begun"
    job = queue.enqueue("wait", {"path": str(begun)})
    make_workers(count=1, idle=30).start()
    until(begun.exists)
    assert queue.cancel(job) == "running"
    until(lambda: queue.get(job).state == "cancelled", 5)


def test_children_die_with_a_parent_that_is_killed(
    queue: Queue, settings: Settings, tmp_path: Path
) -> None:
    begun = tmp_path / "begun"
    job = queue.enqueue("wait", {"path": str(begun)})
    program = f"""
import time
from catalog.history.store import Store, table_of
from catalog.jobs.local import LocalQueue
from catalog.jobs.workers import Workers
from catalog.settings import settings
queue = LocalQueue(Store(settings().store_url))
Workers(queue, settings(), {SETUP!r}, ["wait"], idle=30).start()
time.sleep(300)
"""
    parent = subprocess.Popen(
        [sys.executable, "-c", program], env=child_environment(settings), stderr=subprocess.DEVNULL
    )
    until(begun.exists)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    until(lambda: gone(int(begun.read_text())) or not is_alive(queue.get(job).owner), 5)
    assert queue.get(job).state == "waiting"


def test_children_that_crash_at_once_are_not_started_on_and_on(
    queue: Queue, settings: Settings, capfd: pytest.CaptureFixture[str]
) -> None:
    queue.enqueue("write", {"path": "x", "text": "x"})
    workers = Workers(queue, settings, "no.such.module:register", ["write"], count=1)
    started: set[int] = set()
    deadline = time.monotonic() + 3
    while time.monotonic() < deadline:
        workers.tick()
        started.update(workers.pids)
        time.sleep(0.02)
    workers.stop()
    assert 1 <= len(started) <= 3
    assert "no" in capfd.readouterr().err


# --- handlers, in this process ---------------------------------------------------------------


@pytest.fixture
def do(sqlite_store: Store, settings: Settings, queue: Queue) -> Iterator[Callable[[], str]]:
    jobhandlers.register()
    stop = threading.Event()

    def run_one() -> str:
        return str(
            handlers.run_one(
                queue,
                "host:1:1",
                handlers.names(),
                lambda job: handlers.JobContext(sqlite_store, settings, queue, job, stop),
            )
        )

    yield run_one
    for name in jobhandlers.NAMES:
        handlers.forget(name)


def test_an_error_is_noted_without_secrets_and_tried_again(
    queue: Queue, do: Callable[[], str]
) -> None:
    job = queue.enqueue("fail")
    assert do() == "waiting"
    assert queue.get(job).error == "RuntimeError: postgres://db does not answer"


def test_an_error_of_the_request_is_final(queue: Queue, do: Callable[[], str]) -> None:
    job = queue.enqueue("refuse")
    assert do() == "failed"
    assert queue.get(job).error == "That is wrong."


def test_wrong_arguments_are_a_failure_of_the_job(queue: Queue, do: Callable[[], str]) -> None:
    job = queue.enqueue("refuse", {"surprise": 1})
    do()
    assert "surprise" in (queue.get(job).error or "")


def test_two_handlers_for_one_name_are_a_mistake() -> None:
    handlers.register("x", jobhandlers.write)
    handlers.register("x", jobhandlers.write)
    with pytest.raises(ValueError, match="two handlers"):
        handlers.register("x", jobhandlers.wait)
    handlers.forget("x")


def test_a_stopped_process_takes_nothing_new(
    sqlite_store: Store, settings: Settings, queue: Queue, do: Callable[[], str]
) -> None:
    queue.enqueue("refuse")
    stop = threading.Event()
    stop.set()
    assert work(sqlite_store, settings, queue, handlers.names(), 0, stop) == 0
    assert queue.ready(["refuse"]) == 1
    assert clock.now() > 0


def test_the_childs_environment_holds_the_settings(tmp_path: Path) -> None:
    made = Settings(home=tmp_path, database_url="postgresql://me@/db", port=1, scheduler=False)  # type: ignore[arg-type]
    environment = child_environment(made)
    assert environment["CATALOG_DATABASE_URL"] == "postgresql://me@/db"
    assert environment["CATALOG_HOME"] == str(tmp_path)
    assert (environment["CATALOG_PORT"], environment["CATALOG_SCHEDULER"]) == ("1", "False")
    assert "CATALOG_BASE_URL" not in environment
