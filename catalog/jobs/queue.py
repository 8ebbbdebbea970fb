"""The queue port: work by name, at least once, so every job is safe to run twice.

Implementations pass `catalog.testing.queues.QueueContract`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from catalog.history.unit import Unit

Scalar = str | int | float | bool | None
OPEN_STATES: Final = ("waiting", "running")
END_STATES: Final = ("done", "failed", "cancelled")
STATES: Final = (*OPEN_STATES, *END_STATES)
MAX_ATTEMPTS: Final = 5


@dataclass(frozen=True)
class Job:
    """A queued job. Times are microseconds, UTC. ``error``: why its last attempt failed."""

    id: str
    name: str
    arguments: Mapping[str, Scalar]
    lock_key: str | None
    priority: int
    state: str
    attempts: int
    cancel: bool
    not_before: int
    created_at: int
    started_at: int | None = None
    ended_at: int | None = None
    owner: str | None = None
    error: str | None = None


class Queue(Protocol):
    """What both queues can do. Jobs with the same lock key never run side by side."""

    def enqueue(
        self,
        name: str,
        arguments: Mapping[str, Scalar] | None = None,
        *,
        lock_key: str | None = None,
        priority: int = 0,
        not_before: int = 0,
        unit: Unit | None = None,
    ) -> str:
        """Adds a job and answers its id. ``unit``: it exists when, and only if, that commits."""
        ...

    def cancel(self, job_id: str) -> str:
        """A waiting job is cancelled at once, a running one is asked to stop. Answers its state
        then; `NotFound`."""
        ...

    def get(self, job_id: str) -> Job:
        """One job; `NotFound`."""
        ...

    def list(
        self,
        *,
        states: Sequence[str] = (),
        names: Sequence[str] = (),
        lock_key: str | None = None,
        limit: int = 100,
        before: str | None = None,
    ) -> Sequence[Job]:
        """Jobs, newest first; ``before``: the id of the last one of the page before."""
        ...

    def ready(self, names: Sequence[str]) -> int:
        """How many jobs could be taken now, counting one per lock key."""
        ...

    def take(self, owner: str, names: Sequence[str]) -> Job | None:
        """The next job for a process, now running; None if there is nothing to do.

        Higher priority first, then older first."""
        ...

    def is_cancelled(self, job_id: str) -> bool:
        """Whether it is asked to stop, or is no longer in anybody's hands."""
        ...

    def finish(self, job: Job, state: str = "done") -> None:
        """Ends a taken job: done or cancelled. Nothing happens if it was taken away."""
        ...

    def fail(self, job: Job, error: str, *, retry: bool = True) -> str:
        """Notes a failure: it waits for its next attempt, or has failed. Answers its state."""
        ...

    def release(self, job: Job) -> None:
        """Gives a taken job back undone (the process stops); no attempt is counted."""
        ...

    def recover(self, alive: Callable[[str | None], bool], why: str) -> int:
        """Running jobs whose process is dead count as failed with ``why`` and are tried again.

        Answers how many."""
        ...

    def clean(self, before: int) -> int:
        """Forgets jobs that ended before a moment; answers how many."""
        ...


def backoff(attempts: int) -> int:
    """Microseconds until the next attempt: 5 s, 20 s, 80 s, then 5 min."""
    return int(min(5 * 4 ** (attempts - 1), 300) * 1_000_000)
