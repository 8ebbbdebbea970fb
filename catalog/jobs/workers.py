"""Starts worker processes when there is work, ends them with this one, and notes their crashes.

Children are spawned, never forked, and end when they are idle. One job runs in a child at a time.
"""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from typing import Final

from pydantic import SecretStr

from catalog.jobs.queue import Queue
from catalog.settings import Settings
from catalog.sources.owners import is_alive, split_owner

_POLL_SECONDS: Final = 0.5
_GRACE_SECONDS: Final = 10.0
_LONGEST_PAUSE: Final = 60.0
_log = logging.getLogger("catalog.jobs")


class Workers:
    """At most ``count`` children that take jobs with these names.

    ``setup``: ``module:function`` that registers handlers in the child, for example
    ``catalog.wiring:register_handlers``. ``idle``: seconds after which a child without work
    ends. ``alive``: whether the process that holds a job lives.
    """

    def __init__(
        self,
        queue: Queue,
        settings: Settings,
        setup: str,
        names: Sequence[str],
        *,
        count: int = 2,
        idle: float = 20.0,
        alive: Callable[[str | None], bool] = is_alive,
    ) -> None:
        self._queue, self._names, self._count = queue, list(names), count
        self._command = [sys.executable, "-P", "-m", "catalog.jobs.child", "--setup", setup]
        self._command += ["--names", ",".join(names), "--idle", str(idle)]
        self._environment = child_environment(settings)
        self._alive = alive
        self._children: list[subprocess.Popen[bytes]] = []
        self._crashes, self._pause_until = 0, 0.0
        self._wake, self._stop = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Watches the queue in a thread."""
        self._thread = threading.Thread(target=self._run, name="workers", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """Work was enqueued: look now instead of within half a second."""
        self._wake.set()

    @property
    def pids(self) -> list[int]:
        """Process ids of the children that live."""
        return [child.pid for child in self._children if child.poll() is None]

    def tick(self) -> None:
        """Notes what ended, starts what is needed."""
        self._reap()
        if time.monotonic() < self._pause_until:
            return
        missing = self._queue.ready(self._names) - (len(self._children) - self._busy())
        for _ in range(min(missing, self._count - len(self._children))):
            self._children.append(self._spawn())

    def stop(self, grace: float = _GRACE_SECONDS) -> None:
        """Asks all children to stop, ends those that have not after ``grace`` seconds; their
        jobs go back to the queue."""
        self._stop.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join()
        for child in self._children:
            child.send_signal(signal.SIGTERM)  # does nothing to one that has ended
        deadline = time.monotonic() + grace
        for child in self._children:
            try:
                child.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        self._reap()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self.tick()
            except Exception:  # the store may be locked or away for a moment
                _log.exception("The workers could not be looked after; trying again.")
            self._wake.wait(_POLL_SECONDS)
            self._wake.clear()

    def _busy(self) -> int:
        held = {split_owner(job.owner or "")[1] for job in self._queue.list(states=("running",))}
        return sum(child.pid in held for child in self._children)

    def _spawn(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,  # its end tells the child that we are gone
            stdout=subprocess.DEVNULL,
            env=self._environment,
        )

    def _reap(self) -> None:
        ended = [child for child in self._children if child.poll() is not None]
        for child in ended:
            self._children.remove(child)
            if child.stdin is not None:
                child.stdin.close()
            self._note_end(child.returncode)
        if ended:
            code = ended[-1].returncode
            self._queue.recover(self._alive, f"The process that did it ended: {_reason(code)}.")

    def _note_end(self, code: int) -> None:
        """Children that crash at once are not started again and again without a pause."""
        if code == 0:
            self._crashes = 0
            return
        _log.error("A worker process ended: %s.", _reason(code))
        self._crashes += 1
        pause = min(2.0 ** (self._crashes - 1), _LONGEST_PAUSE)
        self._pause_until = time.monotonic() + (pause if self._crashes > 1 else 0.0)


def _reason(code: int) -> str:
    if code < 0:
        name = signal.Signals(-code).name if -code in set(signal.Signals) else str(-code)
        return f"killed by {name}" + (" (out of memory?)" if name == "SIGKILL" else "")
    return f"exit code {code}"


def child_environment(settings: Settings) -> dict[str, str]:
    """This process's environment with these settings, whatever way they were set here."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CATALOG_")}
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        if isinstance(value, SecretStr):
            value = value.get_secret_value()
        if value is not None:
            kept[f"CATALOG_{name.upper()}"] = str(value)
    # The child imports what this process would, and nothing from the working folder.
    kept["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if os.path.isabs(path))
    return kept
