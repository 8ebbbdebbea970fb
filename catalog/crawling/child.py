"""One child process of `catalog.crawling.isolation` as its parent sees it."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from typing import Final

import psutil

from catalog.crawling.worker import LENGTH, MAX_FRAME, READY
from catalog.errors import Unavailable

_POLL_SECONDS: Final = 0.05
_START_SECONDS: Final = 60.0
# A reader needs no secrets; whatever takes it over shall find none in its environment.
_KEPT_VARIABLES: Final = (
    "PATH",
    "HOME",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "TZ",
    "TZDIR",
    "TMPDIR",
    "LD_LIBRARY_PATH",
    "DYLD_LIBRARY_PATH",
    "SYSTEMROOT",
)


class ChildEnded(Exception):
    """The child died or was killed: ``code``, ``why`` and ``hint`` blame the item it was at."""

    def __init__(self, code: str, why: str, hint: str | None = None) -> None:
        super().__init__(why)
        self.code, self.why, self.hint = code, why, hint


def _environment() -> dict[str, str]:
    kept = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
    # The child imports exactly what the parent would, in the same order, and nothing from the
    # working folder, which may be the very folder of hostile files.
    kept["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if os.path.isabs(path))
    kept["OMP_NUM_THREADS"] = kept["OPENBLAS_NUM_THREADS"] = "1"
    return kept


class Child:
    """A spawned reader; not safe for two threads but for `kill`."""

    def __init__(self, memory_mb: int) -> None:
        """Starts it and waits until it is ready; raises `Unavailable` if it never is."""
        self._limit = memory_mb * 1024 * 1024
        self._memory_mb = memory_mb
        self._buffer = bytearray()
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "catalog.crawling.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=_environment(),
            bufsize=0,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._in, self._out = self._process.stdin.fileno(), self._process.stdout.fileno()
        self._watched = psutil.Process(self._process.pid)
        self._await_ready()

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    def _await_ready(self) -> None:
        try:
            if self.receive(_START_SECONDS) == READY:
                return
            reason = "it answered something else"
        except ChildEnded as ended:
            reason = ended.why
        self.kill()
        raise Unavailable(
            f"A reading process did not start: {reason}",
            remedy="Check that the catalog is installed completely and that processes may be made.",
        )

    def send(self, data: bytes) -> bool:
        """Writes frames; False if the child is gone."""
        view = memoryview(data)
        try:
            while view:
                view = view[os.write(self._in, view) :]
        except (BrokenPipeError, OSError):
            return False
        return True

    def receive(self, seconds: float) -> bytes:
        """The next frame's text. Raises `ChildEnded` when the child dies, or kills it when it
        takes longer than ``seconds`` or holds more memory than it may."""
        deadline = time.monotonic() + seconds
        check_at = 0.0
        while (body := self._whole_frame()) is None:
            readable = select.select([self._out], [], [], _POLL_SECONDS)[0]
            if readable:
                chunk = os.read(self._out, 1 << 18)
                if not chunk:
                    raise self._died(seconds)
                self._buffer += chunk
            now = time.monotonic()
            if now >= check_at:
                check_at = now + _POLL_SECONDS
                self._check_memory()
            if not readable and now >= deadline:
                self.kill()
                raise ChildEnded(
                    "timeout",
                    f"Reading it took longer than {seconds:g} s.",
                    "Raise the crawler's time limit, or exclude it.",
                )
        return body

    def _whole_frame(self) -> bytes | None:
        if len(self._buffer) < LENGTH.size:
            return None
        (length,) = LENGTH.unpack_from(self._buffer)
        if length > MAX_FRAME:
            self.kill()
            raise ChildEnded("unreadable", "The reader answered with a frame that is too long.")
        end = LENGTH.size + length
        if len(self._buffer) < end:
            return None
        body = bytes(self._buffer[LENGTH.size : end])
        del self._buffer[:end]
        return body

    def resident(self) -> int:
        """Resident memory in bytes; 0 when the child is gone."""
        try:
            return int(self._watched.memory_info().rss)
        except psutil.Error:
            return 0

    def bloated(self) -> bool:
        """Whether what it kept from earlier items is over half of what it may hold."""
        return self.resident() > self._limit // 2

    def _check_memory(self) -> None:
        if self.resident() > self._limit:
            self.kill()
            raise ChildEnded(
                "memory",
                f"Reading it took more than {self._memory_mb:,} MB.",
                "Raise the crawler's memory limit, or exclude it.",
            )

    def _died(self, seconds: float) -> ChildEnded:
        status = self._process.wait()
        if status == -signal.SIGALRM:
            return ChildEnded("timeout", f"Reading it took longer than {seconds:g} s.")
        if status < 0:
            hint = "The machine may be short of memory." if status == -signal.SIGKILL else None
            return ChildEnded("killed", f"Reading it killed the reader (signal {-status}).", hint)
        return ChildEnded("killed", f"Reading it ended the reader (exit code {status}).")

    def kill(self) -> None:
        """Ends it at once; safe to call twice and from another thread."""
        self._process.kill()
        self._process.wait()

    def release(self) -> None:
        """Kills it and closes the pipes."""
        self.kill()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()
