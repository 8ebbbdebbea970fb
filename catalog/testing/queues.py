"""Contract of the queue port: subclass `QueueContract` and give it a fixture ``queue``.

::

    class TestMine(QueueContract):
        @pytest.fixture
        def queue(self, store): return MyQueue(store)
"""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from catalog.errors import BadInput, NotFound
from catalog.jobs.queue import Job, Queue
from catalog.model import clock

ME, OTHER = "host:1:1", "host:2:2"


def _take(queue: Queue, name: str = "work", owner: str = ME) -> Job:
    job = queue.take(owner, [name])
    assert job is not None
    return job


class _Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = clock.now()

    def __call__(self) -> int:
        return self.now


class QueueContract:
    """What every queue must do, on every store it supports."""

    def test_a_job_is_taken_once_and_done(self, queue: Queue) -> None:
        """From waiting through running to done; arguments arrive as they were given."""
        job_id = queue.enqueue("work", {"id": "a", "n": 1, "f": 0.5, "yes": True, "none": None})
        assert queue.get(job_id).state == "waiting"
        job = _take(queue)
        assert (job.id, job.state, job.attempts, job.owner) == (job_id, "running", 1, ME)
        assert job.arguments == {"id": "a", "n": 1, "f": 0.5, "yes": True, "none": None}
        assert queue.take(OTHER, ["work"]) is None
        queue.finish(job)
        assert queue.get(job_id).state == "done"
        assert queue.take(ME, ["work"]) is None

    def test_only_scalars_are_arguments(self, queue: Queue) -> None:
        """Anything else would tie a job to the code that made it."""
        with pytest.raises(BadInput, match="scalars"):
            queue.enqueue("work", {"rows": [1, 2]})  # type: ignore[dict-item]
        assert list(queue.list()) == []

    def test_only_known_names_are_taken(self, queue: Queue) -> None:
        """A process takes what it has handlers for."""
        queue.enqueue("strange")
        assert queue.take(ME, ["work"]) is None
        assert queue.ready(["work"]) == 0
        assert queue.ready(["work", "strange"]) == 1

    def test_higher_priority_first_then_older_first(self, queue: Queue) -> None:
        """The order of taking."""
        for n, priority in enumerate((0, 5, 0, 5)):
            queue.enqueue("work", {"n": n}, priority=priority)
        assert [_take(queue).arguments["n"] for _ in range(4)] == [1, 3, 0, 2]

    def test_not_before(self, queue: Queue) -> None:
        """A job waits for its time."""
        now = _Clock()
        with clock.fixed(now):
            queue.enqueue("work", not_before=now.now + clock.HOUR)
            assert queue.take(ME, ["work"]) is None
            now.now += clock.HOUR
            assert queue.take(ME, ["work"]) is not None

    def test_the_same_lock_key_never_runs_side_by_side(self, queue: Queue) -> None:
        """Another key does, and so does none; the next one comes after the first is done."""
        for n in range(2):
            queue.enqueue("work", {"n": n}, lock_key="a")
        queue.enqueue("work", {"n": 2}, lock_key="b")
        queue.enqueue("work", {"n": 3})
        assert queue.ready(["work"]) == 3
        first = _take(queue)
        assert [_take(queue).arguments["n"] for _ in range(2)] == [2, 3]
        assert queue.ready(["work"]) == 0
        assert queue.take(OTHER, ["work"]) is None
        queue.finish(first)
        assert _take(queue).arguments["n"] == 1

    def test_many_takers_at_once(self, queue: Queue) -> None:
        """Threads taking together: each job once, at most one per lock key at a time."""
        for n in range(24):
            queue.enqueue("work", {"n": n}, lock_key=f"key{n % 3}")
        taken: list[object] = []
        running: set[str | None] = set()
        mistakes: list[str] = []
        guard = threading.Lock()

        def taker(owner: str) -> None:
            while (job := self._next(queue, owner)) is not None:
                with guard:
                    if job.lock_key in running:
                        mistakes.append(job.id)
                    running.add(job.lock_key)
                    taken.append(job.arguments["n"])
                with guard:
                    running.discard(job.lock_key)
                queue.finish(job)

        threads = [threading.Thread(target=taker, args=(f"host:{n}:1",)) for n in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert mistakes == []
        assert sorted(taken) == list(range(24))  # type: ignore[type-var]

    @staticmethod
    def _next(queue: Queue, owner: str) -> Job | None:
        """A job; None only when nothing is waiting any more."""
        pause = threading.Event()
        while queue.list(states=("waiting",), limit=1):
            if (job := queue.take(owner, ["work"])) is not None:
                return job
            pause.wait(0.005)
        return None

    def test_a_failure_waits_longer_each_time_and_ends(self, queue: Queue) -> None:
        """Retries with backoff; after the last attempt it has failed and says why."""
        now = _Clock()
        with clock.fixed(now):
            job_id = queue.enqueue("work")
            waits: list[int] = []
            while True:
                job = _take(queue)
                if queue.fail(job, "no luck") == "failed":
                    break
                assert queue.take(ME, ["work"]) is None
                waits.append(queue.get(job_id).not_before - now.now)
                now.now += waits[-1]
        assert waits
        assert waits == sorted(set(waits))
        failed = queue.get(job_id)
        assert (failed.state, failed.error, failed.attempts) == (
            "failed",
            "no luck",
            len(waits) + 1,
        )
        assert failed.ended_at is not None

    def test_a_failure_that_trying_again_cannot_mend(self, queue: Queue) -> None:
        """It fails at once; secrets in its text are taken out."""
        queue.enqueue("work")
        job = _take(queue)
        assert queue.fail(job, "no postgres://me:pa55@db/x", retry=False) == "failed"
        assert "pa55" not in (queue.get(job.id).error or "")

    def test_cancel(self, queue: Queue) -> None:
        """A waiting job is cancelled at once, a running one is asked."""
        waiting = queue.enqueue("work", not_before=clock.now() + clock.DAY)
        assert queue.cancel(waiting) == "cancelled"
        queue.enqueue("work")
        job = _take(queue)
        assert not queue.is_cancelled(job.id)
        assert queue.cancel(job.id) == "running"
        assert queue.is_cancelled(job.id)
        queue.finish(job, "cancelled")
        assert queue.get(job.id).state == "cancelled"
        assert queue.cancel(job.id) == "cancelled"

    def test_unknown_ids(self, queue: Queue) -> None:
        """Nothing is invented for an id that is none."""
        unknown = "01890000-0000-7000-8000-000000000000"
        calls: list[Callable[[str], object]] = [queue.get, queue.cancel]
        for call in calls:
            for job_id in (unknown, "no id"):
                with pytest.raises(NotFound):
                    call(job_id)
        assert queue.is_cancelled(unknown)

    def test_release_gives_it_back_undone(self, queue: Queue) -> None:
        """The process stops: no attempt is counted, the next one takes it at once."""
        queue.enqueue("work")
        queue.release(_take(queue))
        again = _take(queue, owner=OTHER)
        assert (again.attempts, again.owner) == (1, OTHER)

    def test_dead_owners_jobs_return(self, queue: Queue) -> None:
        """A job of a process that died is tried again; that of one that lives is left alone."""
        now = _Clock()
        with clock.fixed(now):
            for _ in range(2):
                queue.enqueue("work")
            dead, living = _take(queue, owner=OTHER), _take(queue)
            assert queue.recover(lambda owner: owner == ME, "It died.") == 1
            assert queue.get(living.id).state == "running"
            back = queue.get(dead.id)
            assert (back.state, back.error, back.owner) == ("waiting", "It died.", None)
            queue.finish(dead)  # it was not dead after all, but the job is no longer its own
            assert queue.get(dead.id).state == "waiting"
            now.now = back.not_before
            assert _take(queue).id == dead.id

    def test_a_job_that_kills_its_process_ends(self, queue: Queue) -> None:
        """Dying counts as an attempt, else it would go on for ever."""
        now = _Clock()
        with clock.fixed(now):
            job_id = queue.enqueue("work")
            for _ in range(50):
                now.now += clock.HOUR
                if queue.take(OTHER, ["work"]) is None:
                    break
                queue.recover(lambda _owner: False, "It died.")
        assert queue.get(job_id).state == "failed"

    def test_list_newest_first_in_pages(self, queue: Queue) -> None:
        """Pages by the last id; filters by state, name and lock key."""
        ids = [queue.enqueue("work", lock_key=f"k{n}") for n in range(5)]
        queue.enqueue("other")
        page = queue.list(names=("work",), limit=2)
        assert [job.id for job in page] == ids[:2:-1]
        rest = queue.list(names=("work",), limit=10, before=page[-1].id)
        assert [job.id for job in rest] == ids[2::-1]
        assert [job.id for job in queue.list(lock_key="k3")] == [ids[3]]
        assert list(queue.list(states=("done",))) == []

    def test_clean_forgets_only_what_ended_before(self, queue: Queue) -> None:
        """Waiting and running jobs are never forgotten."""
        done, running, waiting = (queue.enqueue("work") for _ in range(3))
        queue.finish(_take(queue))
        _take(queue)
        assert queue.clean(clock.now() - clock.HOUR) == 0
        assert queue.clean(clock.now() + clock.HOUR) == 1
        assert {job.id for job in queue.list()} == {running, waiting}
        assert done not in {running, waiting}
