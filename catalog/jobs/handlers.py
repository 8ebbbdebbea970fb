"""Job handlers by name. `catalog.wiring` registers them; this room imports no use case."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from catalog.errors import BadInput, Conflict, NotAllowed, NotFound
from catalog.history.store import Store
from catalog.jobs.queue import Job, Queue
from catalog.settings import Settings

Handler = Callable[..., None]
"""``handler(context, **arguments)``; arguments are those of the job."""
_ASK_SECONDS: Final = 0.5
# Trying again changes nothing about these.
FINAL_ERRORS: Final = (BadInput, NotAllowed, NotFound, Conflict)
_handlers: dict[str, Handler] = {}


class Stopped(Exception):
    """Raised by `JobContext.check` when the handler is to stop; the handler lets it pass."""


@dataclass
class JobContext:
    """What a handler gets: the open store, the settings, and whether it should stop."""

    store: Store
    settings: Settings
    queue: Queue
    job: Job
    stop: threading.Event
    told: str | None = None  # "cancelled" or "stopping", once the handler was told so
    _asked: float = -1e9

    def cancelled(self) -> bool:
        """Whether to stop now; cheap enough to ask between records (the store is asked twice a
        second). A handler that then returns is cancelled, or given back if the process stops."""
        if self.told is not None:
            return True
        if self.stop.is_set():
            self.told = "stopping"
        elif time.monotonic() - self._asked >= _ASK_SECONDS:
            self._asked = time.monotonic()
            if self.queue.is_cancelled(self.job.id):
                self.told = "cancelled"
        return self.told is not None

    def stopping(self) -> bool:
        """Whether it is the process that stops: what is undone will be taken up again."""
        return self.cancelled() and self.told == "stopping"

    def check(self) -> None:
        """Raises `Stopped` if `cancelled`."""
        if self.cancelled():
            raise Stopped


def register(name: str, function: Handler) -> None:
    """Makes a handler known. Registering another one under a known name is a mistake."""
    known = _handlers.setdefault(name, function)
    if known is not function:
        raise ValueError(f"two handlers for jobs named {name!r}")


def names() -> list[str]:
    """Names of all known jobs, sorted."""
    return sorted(_handlers)


def run_one(
    queue: Queue, owner: str, among: list[str], make_context: Callable[[Job], JobContext]
) -> str | None:
    """Takes one job, does it, and notes its end; answers its state, None if there was none.

    Whatever the handler raises is noted with the job. A failed job is tried again unless the
    error says that this is of no use.
    """
    job = queue.take(owner, among)
    if job is None:
        return None
    context = make_context(job)
    try:
        _handlers[job.name](context, **job.arguments)
    except Stopped:
        pass
    except Exception as error:
        return _failed(context, error)
    return _ended(context)


def _ended(context: JobContext) -> str:
    if context.told == "stopping":
        context.queue.release(context.job)
        return "waiting"
    state = context.told or "done"
    context.queue.finish(context.job, state)
    return state


def _failed(context: JobContext, error: Exception) -> str:
    if context.told is not None:  # it was on its way out; the error is a consequence
        return _ended(context)
    final = isinstance(error, FINAL_ERRORS)
    return context.queue.fail(context.job, _line(error), retry=not final)


def _line(error: Exception) -> str:
    text = str(error) or "no message"
    return (
        text if type(error).__module__.startswith("catalog.") else f"{type(error).__name__}: {text}"
    )


def forget(name: str) -> Any:
    """Takes a handler out again (tests)."""
    return _handlers.pop(name, None)
