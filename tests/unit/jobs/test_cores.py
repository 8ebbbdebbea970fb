"""The thread that serves keeps to some cores, and so do the threads that it starts."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

pytestmark = [
    pytest.mark.skipif(
        not hasattr(os, "sched_setaffinity"), reason="The system has no processor affinity."
    ),
    pytest.mark.skipif(
        len(getattr(os, "sched_getaffinity", lambda _: ())(0)) < 2, reason="One core only."
    ),
]
SCRIPT = """
import os, threading
from concurrent.futures import ThreadPoolExecutor
from catalog.jobs import cores
every, go, seen = os.sched_getaffinity(0), threading.Event(), []
def before():
    go.wait(10)
    seen.append(os.sched_getaffinity(0))
thread = threading.Thread(target=before)
thread.start()
cores.keep_to({count})
go.set()
thread.join()
with ThreadPoolExecutor(1) as pool:
    after = pool.submit(os.sched_getaffinity, 0).result()
    given = pool.submit(lambda: (cores.take(cores.cores()), os.sched_getaffinity(0))[1]).result()
assert seen == [every] and given == every, (seen, given)
print(len(every), len(after), len(os.sched_getaffinity(0)))
"""


@pytest.mark.parametrize("count", [0, 1, 999])
def test_threads_that_come_later_keep_to_them(count: int) -> None:
    """In a process of its own: the tests keep their cores."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(count=count)],
        capture_output=True,
        text=True,
        check=True,
    )
    every, pool, own = (int(word) for word in done.stdout.split())
    assert pool == own == (1 if count == 1 else every)
