"""Reads hostile files in child processes: a file that kills its reader costs that file only.

Native parsers abort the process on some files, valid ones too, and small files can ask for
gigabytes. `Workers` keeps a few children (spawned, never forked), gives each item to one of them,
watches its resident memory and its time, and answers with an `Outcome` per item. Frames are JSON
decoded to the declared type, so a child that a file has taken over cannot run code in here.
"""

from __future__ import annotations

import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Generic, TypeVar, get_type_hints

import msgspec

from catalog.crawling.child import Child, ChildEnded
from catalog.crawling.worker import Call, Reply, frame
from catalog.errors import CatalogError, Unavailable

ItemT = TypeVar("ItemT")
ValueT = TypeVar("ValueT")

ALLOWED: Final = ("catalog.reading", "crawlers")
_CHUNK_BYTES: Final = 32 * 1024  # below a pipe's size, so that neither side waits for the other
_CHUNK_ITEMS: Final = 16
_REPAIR: Final = "Repair or replace it, or exclude it by a pattern of the source."
_HELPS: Final = {
    "vanished": "Nothing is to be done: the next crawl looks again.",
    "memory": "Exclude it, or let the source's readers take more memory.",
}


@dataclass(frozen=True)
class Failure:
    """Why an item has no value. ``code``: a stable word (unreadable, killed, timeout, memory,
    vanished, denied, too_large ...), ``why`` a sentence, ``hint`` what to do."""

    code: str
    why: str
    hint: str | None = None


@dataclass(frozen=True)
class Outcome(Generic[ValueT]):
    """What came of one item: ``value``, or ``failure`` when it could not be read."""

    value: ValueT | None = None
    failure: Failure | None = None


class _Task:
    """An item on its way; ``reply`` is set once, under the pool's condition."""

    __slots__ = ("body", "reply")

    def __init__(self, body: bytes) -> None:
        self.body = body
        self.reply: Reply | None = None


class Workers:
    """A pool of reading processes. They start when needed and end after ``idle_seconds``.

    ``memory_mb`` (resident) and ``seconds`` hold for each item. Functions must be module-level in
    `ALLOWED` packages, or in a module that the crawler names in ``allow`` (``allow=(__name__,)``).
    May be used from several threads.
    """

    def __init__(
        self,
        count: int = 2,
        memory_mb: int = 1024,
        seconds: float = 30.0,
        idle_seconds: float = 20.0,
        allow: Iterable[str] = (),
    ) -> None:
        self._count, self._memory_mb = count, memory_mb
        self._seconds, self._idle_seconds = seconds, idle_seconds
        self._allowed = (*ALLOWED, *allow)
        self._changed = threading.Condition()
        self._queue: deque[_Task] = deque()
        self._lanes: dict[threading.Thread, Child | None] = {}
        self._ending: set[threading.Thread] = set()
        self._idle = 0
        self._closed = False
        self._broken: CatalogError | None = None

    # -- for crawlers -----------------------------------------------------------------------

    def map_ordered(
        self, function: Callable[[ItemT], ValueT], items: Iterable[ItemT]
    ) -> Iterator[tuple[ItemT, Outcome[ValueT]]]:
        """Each item with its outcome, in the items' order; a bounded number is under way.

        Items and values must have a JSON form that msgspec knows (paths as bytes: not every path
        is text). Raises `Unavailable` when children cannot be started at all.
        """
        name, decoder = self._checked(function)
        waiting: deque[tuple[ItemT, _Task]] = deque()
        window = self._count * _CHUNK_ITEMS * 2
        try:
            for item in items:
                waiting.append((item, self._submit(name, item)))
                while len(waiting) >= window or (waiting and waiting[0][1].reply is not None):
                    yield self._next(waiting, decoder)
            while waiting:
                yield self._next(waiting, decoder)
        finally:
            self._cancel({id(task) for _, task in waiting})

    def run(self, function: Callable[[ItemT], ValueT], item: ItemT) -> Outcome[ValueT]:
        """The outcome of a single item."""
        return next(self.map_ordered(function, (item,)))[1]

    def close(self) -> None:
        """Ends all children, busy ones too."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            lanes = {**dict.fromkeys(self._ending), **self._lanes}
        for lane, child in lanes.items():
            if child is not None:
                child.kill()
            lane.join()

    def __enter__(self) -> Workers:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.close()

    def pids(self) -> list[int]:
        """Process ids of the children that live now."""
        with self._changed:
            return [child.pid for child in self._lanes.values() if child is not None]

    # -- handing out ------------------------------------------------------------------------

    def _checked(self, function: Callable[[Any], ValueT]) -> tuple[str, msgspec.json.Decoder[Any]]:
        module, name = function.__module__, function.__qualname__
        if getattr(sys.modules.get(module), name, None) is not function:
            raise ValueError(f"{module}:{name} is not a module-level function.")
        if not any(module == root or module.startswith(root + ".") for root in self._allowed):
            raise ValueError(f"{module}:{name} is outside {', '.join(self._allowed)}.")
        return f"{module}:{name}", msgspec.json.Decoder(get_type_hints(function)["return"])

    def _submit(self, name: str, item: Any) -> _Task:
        argument = msgspec.Raw(msgspec.json.encode(item))
        task = _Task(frame(msgspec.json.encode(Call(name, argument, self._seconds))))
        with self._changed:
            if self._closed:
                raise Unavailable("The reading processes are closed.")
            self._queue.append(task)
            if len(self._queue) > self._idle and len(self._lanes) < self._count:
                lane = threading.Thread(target=self._serve, daemon=True, name="reading")
                self._lanes[lane] = None
                lane.start()
            self._changed.notify_all()
        return task

    def _next(
        self, waiting: deque[tuple[ItemT, _Task]], decoder: msgspec.json.Decoder[Any]
    ) -> tuple[ItemT, Outcome[Any]]:
        item, task = waiting.popleft()
        with self._changed:
            while task.reply is None:
                if self._broken is not None:
                    raise self._broken
                if self._closed:
                    raise Unavailable("The reading processes were closed.")
                self._changed.wait()
        return item, _outcome(task.reply, decoder)

    def _cancel(self, tasks: set[int]) -> None:
        with self._changed:
            self._queue = deque(task for task in self._queue if id(task) not in tasks)

    # -- one lane: a thread and its child ----------------------------------------------------

    def _serve(self) -> None:
        lane = threading.current_thread()
        child: Child | None = None
        try:
            while chunk := self._take(lane):
                child = self._work(lane, child, chunk)
        except CatalogError as error:  # children cannot be started
            with self._changed:
                self._broken = error
        finally:
            if child is not None:
                child.release()
            with self._changed:
                self._lanes.pop(lane, None)
                self._ending.discard(lane)
                self._changed.notify_all()

    def _take(self, lane: threading.Thread) -> list[_Task]:
        """The next tasks for a lane; empty when it shall end. Leaves enough for the others."""
        with self._changed:
            self._idle += 1
            self._changed.wait_for(lambda: self._queue or self._closed, self._idle_seconds)
            self._idle -= 1
            if self._closed or not self._queue:
                self._lanes.pop(lane, None)  # from here on a new task starts a new lane
                self._ending.add(lane)
                return []
            most = max(1, min(_CHUNK_ITEMS, len(self._queue) // (2 * self._count)))
            chunk = [self._queue.popleft()]
            size = len(chunk[0].body)
            while len(chunk) < most and size + len(self._queue[0].body) <= _CHUNK_BYTES:
                size += len(self._queue[0].body)
                chunk.append(self._queue.popleft())
            return chunk

    def _work(
        self, lane: threading.Thread, child: Child | None, chunk: list[_Task]
    ) -> Child | None:
        """Runs the tasks; a task that ends the child gets the blame, the rest a new child."""
        pending = deque(chunk)
        while pending and not self._closed:
            child = child or self._started(lane)
            if not child.send(b"".join(task.body for task in pending)):
                self._drop(lane, child)  # it died while idle: nobody's fault
                child = None
                continue
            try:
                while pending:
                    self._finish(pending, child.receive(self._seconds))
            except ChildEnded as ended:
                self._drop(lane, child)
                child = None
                blame = Reply(code=ended.code, why=ended.why, hint=ended.hint)
                self._finish(pending, msgspec.json.encode(blame))
        if child is not None and child.bloated():
            self._drop(lane, child)
            return None
        return child

    def _started(self, lane: threading.Thread) -> Child:
        child = Child(self._memory_mb)
        with self._changed:
            self._lanes[lane] = child
            closed = self._closed
        if closed:
            child.kill()
        return child

    def _drop(self, lane: threading.Thread, child: Child) -> None:
        child.release()
        with self._changed:
            if lane in self._lanes:
                self._lanes[lane] = None

    def _finish(self, pending: deque[_Task], body: bytes) -> None:
        try:
            reply = _replies.decode(body)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            reply = Reply(code="unreadable", why="The reader answered with something else.")
        with self._changed:
            pending.popleft().reply = reply
            self._changed.notify_all()


_replies = msgspec.json.Decoder(Reply)


def _outcome(reply: Reply, decoder: msgspec.json.Decoder[Any]) -> Outcome[Any]:
    if reply.code is not None or not bytes(reply.value):
        return Outcome(failure=_failure(reply.code or "unreadable", reply.why, reply.hint))
    try:
        return Outcome(value=decoder.decode(reply.value))
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        return Outcome(failure=_failure("unreadable", f"The reader's answer is not valid: {error}"))


def _failure(code: str, why: str | None, hint: str | None = None) -> Failure:
    """Every failure says what helps; who knows no better remedy leaves it to this."""
    return Failure(code, why or "No reason.", hint or _HELPS.get(code, _REPAIR))
