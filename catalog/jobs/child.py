"""A worker process: ``python -m catalog.jobs.child --setup MODULE:FUNCTION --names A,B``.

Opens the store named by the settings, takes jobs until none comes for a while, and ends. It ends
too when its standard input does, because then its parent is gone, and on SIGTERM; in both cases
the job at hand is asked to stop and goes back to the queue.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
import time
from collections.abc import Sequence
from importlib import import_module
from typing import Final

from catalog.history.store import Store
from catalog.jobs import handlers
from catalog.jobs.leases import Leases
from catalog.jobs.local import LocalQueue
from catalog.jobs.queue import Job, Queue
from catalog.settings import Settings, settings
from catalog.sources.owners import current_owner

_POLL_SECONDS: Final = 0.2
_CONNECTIONS: Final = 4
_ORPHAN_GRACE_SECONDS: Final = 10.0
_NICE: Final = 5  # answers to people come before crawls


def main(arguments: Sequence[str] | None = None) -> int:
    """Works until idle or told to stop; the exit code is 0 then."""
    given = _parser().parse_args(arguments)
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent acts
    os.nice(_NICE)
    _stop_with_parent(stop)
    _run_setup(given.setup)
    chosen = settings()
    store = Store(
        chosen.store_url,
        home=chosen.home,
        disk_reserve=chosen.disk_reserve,
        connections=_CONNECTIONS,
    )
    lease = Leases(store, chosen.home).announce()
    try:
        queue = LocalQueue(store)
        work(store, chosen, queue, given.names.split(","), given.idle, stop)
    finally:
        if lease is not None:
            lease.release()
        store.close()
    return 0


def work(
    store: Store,
    chosen: Settings,
    queue: Queue,
    names: list[str],
    idle: float,
    stop: threading.Event,
) -> int:
    """Takes jobs until there was none for ``idle`` seconds or ``stop`` is set; how many it did."""
    owner = current_owner()
    done, last = 0, time.monotonic()

    def context(job: Job) -> handlers.JobContext:
        return handlers.JobContext(store, chosen, queue, job, stop)

    while not stop.is_set():
        if handlers.run_one(queue, owner, names, context) is not None:
            done, last = done + 1, time.monotonic()
        elif time.monotonic() - last >= idle:
            break
        else:
            stop.wait(_POLL_SECONDS)
    return done


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m catalog.jobs.child", description=__doc__)
    parser.add_argument("--setup", required=True, help="module:function that registers handlers")
    parser.add_argument("--names", required=True, help="names of the jobs to take")
    parser.add_argument(
        "--idle", type=float, default=20.0, help="seconds without work to end after"
    )
    return parser


def _run_setup(name: str) -> None:
    """Named by our own parent on the command line, never by what comes from outside."""
    module, _, function = name.partition(":")
    getattr(import_module(module), function)()


def _stop_with_parent(stop: threading.Event) -> None:
    """The parent holds the other end of standard input; it closes when the parent dies, even by
    kill -9. A handler that does not stop in time is ended with the process."""

    def watch() -> None:
        while os.read(0, 4096):
            pass
        stop.set()
        time.sleep(_ORPHAN_GRACE_SECONDS)
        os._exit(3)

    threading.Thread(target=watch, daemon=True, name="parent-watch").start()


if __name__ == "__main__":
    sys.exit(main())
