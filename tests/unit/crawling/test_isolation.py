"""Workers: a file that kills, hangs or bloats its reader costs that item and nothing else."""

from __future__ import annotations

import importlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import psutil
import pytest

from catalog.crawling.isolation import Workers

FAULTS = """
import os, signal, sys, time

def square(number: int) -> int:
    return number * number

def die(how: str) -> str:
    if how.startswith("signal "):
        os.kill(os.getpid(), int(how.split()[1]))
    if how == "exit":
        os._exit(7)
    if how == "hang":
        time.sleep(600)
    if how == "hog":
        block = bytearray(400 * 1024 * 1024)
        for at in range(0, len(block), 4096):
            block[at] = 1
        time.sleep(600)
    if how == "raise":
        raise ValueError("no good\\nsecond line")
    if how == "print":
        print("noise on standard output", flush=True)
        os.write(1, b"more noise")
    if how == "secret":
        return os.environ.get("CATALOG_SECRET", "none")
    return how

def lie(number: int) -> int:
    return "not a number"

def pid(number: int) -> int:
    return os.getpid()

def slow(number: int) -> int:
    time.sleep(0.02 * (number % 3))
    return number

def big(number: int) -> str:
    return "x" * number
"""


@pytest.fixture(scope="module")
def faults(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    folder = tmp_path_factory.mktemp("faults")
    (folder / "reader_faults.py").write_text(FAULTS)
    sys.path.insert(0, str(folder))
    yield importlib.import_module("reader_faults")
    sys.path.remove(str(folder))
    del sys.modules["reader_faults"]


@pytest.fixture(scope="module")
def workers(faults: ModuleType) -> Iterator[Workers]:
    with Workers(memory_mb=300, seconds=1.5, allow=("reader_faults",)) as pool:
        yield pool


def test_values_come_in_order_from_several_children(workers: Workers, faults: ModuleType) -> None:
    found = list(workers.map_ordered(faults.slow, range(60)))
    assert [item for item, _ in found] == list(range(60))
    assert [outcome.value for _, outcome in found] == list(range(60))
    assert len(workers.pids()) == 2


@pytest.mark.parametrize(
    ("how", "code", "why"),
    [
        (f"signal {signal.SIGABRT}", "killed", "Reading it killed the reader (signal 6)."),
        (f"signal {signal.SIGSEGV}", "killed", "Reading it killed the reader (signal 11)."),
        (f"signal {signal.SIGKILL}", "killed", "Reading it killed the reader (signal 9)."),
        ("exit", "killed", "Reading it ended the reader (exit code 7)."),
        ("hang", "timeout", "Reading it took longer than 1.5 s."),
        ("hog", "memory", "Reading it took more than 300 MB."),
        ("raise", "unreadable", "ValueError: no good second line"),
    ],
)
def test_only_the_bad_item_fails(
    workers: Workers, faults: ModuleType, how: str, code: str, why: str
) -> None:
    items = ["a", "b", how, *(f"c{n}" for n in range(20))]
    found = list(workers.map_ordered(faults.die, items))
    for item, outcome in found:
        if item == how:
            assert outcome.failure is not None
            assert (outcome.failure.code, outcome.failure.why) == (code, why)
            assert outcome.failure.hint, "every failure says what helps"
        else:
            assert (outcome.value, outcome.failure) == (item, None)


def test_many_killers_in_a_row(workers: Workers, faults: ModuleType) -> None:
    items = ["signal 6", "ok", "signal 11", "signal 6", "ok", "signal 9"]
    found = [outcome.value for _, outcome in workers.map_ordered(faults.die, items)]
    assert found == [None, "ok", None, None, "ok", None]


def test_prints_do_not_reach_the_protocol(workers: Workers, faults: ModuleType) -> None:
    assert workers.run(faults.die, "print").value == "print"


def test_the_environment_holds_no_secrets(
    faults: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CATALOG_SECRET", "hush")
    with Workers(count=1, allow=("reader_faults",)) as pool:
        assert pool.run(faults.die, "secret").value == "none"


def test_an_answer_of_another_type_is_a_failure(workers: Workers, faults: ModuleType) -> None:
    failure = workers.run(faults.lie, 1).failure
    assert failure is not None
    assert "not valid" in failure.why


def test_large_values_and_frames(workers: Workers, faults: ModuleType) -> None:
    assert len(workers.run(faults.big, 5_000_000).value or "") == 5_000_000
    failure = workers.run(faults.big, 65 * 1024 * 1024).failure
    assert failure is not None
    assert failure.code == "too_large"
    echo = workers.run(faults.die, "y" * 1_000_000)
    assert len(echo.value or "") == 1_000_000


def test_children_are_used_again(workers: Workers, faults: ModuleType) -> None:
    pids = {outcome.value for _, outcome in workers.map_ordered(faults.pid, range(40))}
    again = {outcome.value for _, outcome in workers.map_ordered(faults.pid, range(40))}
    assert len(pids | again) <= 2
    assert os.getpid() not in pids


def test_stopping_early_leaves_the_pool_usable(workers: Workers, faults: ModuleType) -> None:
    results = workers.map_ordered(faults.slow, range(10_000))
    assert next(results)[1].value == 0
    results.close()  # type: ignore[attr-defined]
    assert workers.run(faults.square, 7).value == 49


def test_items_are_taken_only_as_needed(workers: Workers, faults: ModuleType) -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for number in range(10_000):
            taken.append(number)
            yield number

    results = workers.map_ordered(faults.square, items())
    next(results)
    assert len(taken) <= 100
    results.close()  # type: ignore[attr-defined]


def test_idle_children_end_and_start_again(faults: ModuleType) -> None:
    with Workers(count=1, idle_seconds=0.2, allow=("reader_faults",)) as pool:
        first = pool.run(faults.pid, 0).value
        assert first is not None
        deadline = time.monotonic() + 5
        while psutil.pid_exists(first) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert pool.pids() == []
        assert not psutil.pid_exists(first)
        assert pool.run(faults.pid, 0).value not in (None, first)


def test_close_ends_busy_children(faults: ModuleType) -> None:
    pool = Workers(count=1, allow=("reader_faults",))
    pool.run(faults.square, 1)
    [child] = pool.pids()
    pool._submit("reader_faults:die", "hang")
    time.sleep(0.1)
    started = time.monotonic()
    pool.close()
    assert time.monotonic() - started < 5
    assert not psutil.pid_exists(child)


def test_only_module_level_functions_of_known_packages(workers: Workers) -> None:
    with pytest.raises(ValueError, match="not a module-level function"):
        workers.run(lambda x: x, 1)
    with pytest.raises(ValueError, match="outside"):
        workers.run(os.path.basename, "x")


def test_children_die_with_a_killed_parent(tmp_path: Path, faults: ModuleType) -> None:
    """Killed in the middle of an item, the parent leaves no child behind."""
    script = (
        "import sys, reader_faults\n"
        "from catalog.crawling.isolation import Workers\n"
        "pool = Workers(count=1, seconds=300, allow=('reader_faults',))\n"
        "print(pool.run(reader_faults.pid, 0).value, flush=True)\n"
        "pool.run(reader_faults.die, 'hang')\n"
    )
    path = os.pathsep.join(entry for entry in sys.path if os.path.isabs(entry))
    with subprocess.Popen(
        [sys.executable, "-c", script],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": path},
        text=True,
    ) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        time.sleep(0.3)
        parent.kill()
    deadline = time.monotonic() + 5
    while psutil.pid_exists(child) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not psutil.pid_exists(child)
