"""The scheduler: one loop in the process that holds the role, looking every second.

Due sources get a crawl and its job; crawls and jobs of dead processes are taken up again; once a
day what is no longer needed is cleaned away. What else is to be kept alive (the index follower)
comes in as callbacks.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from sqlalchemy import delete, select

from catalog.errors import Conflict
from catalog.history.store import Store, table_of
from catalog.history.unit import Unit
from catalog.jobs.leases import SCHEDULER, Lease, Leases
from catalog.jobs.queue import OPEN_STATES, Queue
from catalog.model import Crawl, Source, UserSession, clock
from catalog.naming import id_bytes, id_text
from catalog.sources import crawls, schedules

CRAWL_JOB: Final = "crawl"
TICK_SECONDS: Final = 1.0
KEEP_JOBS: Final = 7 * clock.DAY
_RECOVER_EVERY: Final = 5 * clock.SECOND
_ROLE_EVERY: Final = 2 * clock.SECOND
_ABANDONED_AFTER: Final = clock.MINUTE
_WHY_DEAD: Final = "The process that did it died."
_CRAWL = table_of(Crawl)
_SOURCE = table_of(Source)
_SESSION = table_of(UserSession)
_log = logging.getLogger("catalog.jobs")


def enqueue_crawl_job(queue: Queue, unit: Unit, crawl_id: str) -> str:
    """The job ``crawl`` for a crawl row (public id), within the unit that made the row.

    Whole crawls of one source share a lock key, so that they never run side by side; one that
    names its assets runs beside them. People go before schedules. Answers the job's id.
    """
    row = unit.connection.execute(
        select(_CRAWL.c.subset, _CRAWL.c.trigger, _SOURCE.c.uid)
        .join(_SOURCE, _SOURCE.c.key == _CRAWL.c.source)
        .where(_CRAWL.c.uid == id_bytes(crawl_id))
    ).one()
    return queue.enqueue(
        CRAWL_JOB,
        {"crawl": crawl_id},
        lock_key=f"source:{id_text(row.uid)}" if row.subset is None else None,
        priority=0 if row.trigger == "schedule" else 10,
        unit=unit,
    )


class Scheduler:
    """Runs in a thread of the serving process; does nothing while another one holds the role.

    ``every_tick``: called each second while the role is held. ``daily``: called once a day and
    at the first tick, after the built-in cleaning. ``on_work``: called when jobs were enqueued.
    """

    def __init__(
        self,
        store: Store,
        queue: Queue,
        leases: Leases,
        *,
        every_tick: Sequence[Callable[[], object]] = (),
        daily: Sequence[Callable[[], object]] = (),
        on_work: Callable[[], None] = lambda: None,
    ) -> None:
        self._store, self._queue, self._leases = store, queue, leases
        self._every_tick, self._daily, self._on_work = every_tick, daily, on_work
        self._lease: Lease | None = None
        self._next_role = self._next_recover = self._next_daily = 0
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begins the loop in a thread of its own."""
        self._thread = threading.Thread(target=self.run, name="scheduler", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ends the loop after the tick it is in, and lets go of the role."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        if self._lease is not None:
            self._lease.release()
            self._lease = None

    def run(self) -> None:
        """The loop, until `stop`. A tick that fails is logged, and the next one tries again."""
        while not self._stop.is_set():
            try:
                if self.holds_role():
                    self.tick()
            except Exception:  # the store may be locked or away for a moment
                _log.exception("A tick of the scheduler failed; trying again.")
            self._stop.wait(TICK_SECONDS)

    def holds_role(self) -> bool:
        """Whether this process is the scheduler; asks for the role every two seconds."""
        now = clock.now()
        if now >= self._next_role:
            self._next_role = now + _ROLE_EVERY
            if self._lease is not None and not self._lease.held():
                _log.warning("The role of the scheduler was lost with the connection to the store.")
                self._lease = None
            if self._lease is None:
                self._lease = self._leases.try_acquire(SCHEDULER)
        return self._lease is not None

    def tick(self) -> None:
        """One look at everything; what fails does not keep the rest from being done."""
        now = clock.now()
        steps: list[Callable[[], object]] = [lambda: self._start_due(now)]
        if now >= self._next_recover:
            self._next_recover = now + _RECOVER_EVERY
            steps.append(self._recover)
        steps += self._every_tick
        if now >= self._next_daily:
            self._next_daily = now + clock.DAY
            steps += [lambda: self._clean(now), *self._daily]
        for step in steps:
            if self._stop.is_set():
                return
            try:
                step()
            except Exception:
                _log.exception("A step of the scheduler failed; trying again later.")

    def _start_due(self, now: int) -> None:
        """A crawl for each due source; none for one that is being crawled already."""
        with self._store.read() as session:
            keys = schedules.due(session, now)
        for key in keys:
            self._store.run(partial(self._start_one, source=key, now=now), "system")
        if keys:
            self._on_work()

    def _start_one(self, unit: Unit, source: int, now: int) -> None:
        if source not in schedules.due(unit.session, now):
            return  # paused, moved or done by somebody since
        try:
            crawl = crawls.enqueue_crawl(unit, "system", source, "schedule")
        except Conflict as conflict:
            _log.info("A scheduled crawl is left out: %s", conflict.message)
        else:
            enqueue_crawl_job(self._queue, unit, crawl)
        schedules.advance(unit, source, now)

    def _recover(self) -> None:
        """Dead processes: their jobs return; their crawls too, with a job if none came back."""
        recovered = self._queue.recover(self._leases.alive, _WHY_DEAD)
        dead = self._any_dead_crawl()
        if dead:
            self._store.run(self._recover_crawls, "system")
        if self._abandoned(clock.now()):
            self._store.run(self._end_abandoned, "system")
        if dead or recovered:
            self._on_work()

    def _any_dead_crawl(self) -> bool:
        with self._store.connect() as connection:
            owners = connection.scalars(select(_CRAWL.c.owner).where(_CRAWL.c.state == "running"))
            return not all(self._leases.alive(owner) for owner in owners if owner is not None)

    def _recover_crawls(self, unit: Unit) -> None:
        waiting = self._crawls_with_job()
        for crawl in crawls.recover_dead(unit, self._leases.alive):
            if crawl not in waiting:
                enqueue_crawl_job(self._queue, unit, crawl)

    def _crawls_with_job(self) -> set[object]:
        jobs = self._queue.list(states=OPEN_STATES, names=(CRAWL_JOB,), limit=10_000)
        return {job.arguments.get("crawl") for job in jobs}

    def _abandoned(self, now: int) -> list[tuple[int, str]]:
        """Crawls (key, id) that wait for nothing: their job failed for the last time."""
        old = select(_CRAWL.c.key, _CRAWL.c.uid).where(
            _CRAWL.c.state == "queued", _CRAWL.c.queued_at < now - _ABANDONED_AFTER
        )
        with self._store.connect() as connection:
            queued = [(row.key, id_text(row.uid)) for row in connection.execute(old)]
        if not queued:
            return []
        waiting = self._crawls_with_job()
        return [(key, crawl) for key, crawl in queued if crawl not in waiting]

    def _end_abandoned(self, unit: Unit) -> None:
        failed = {
            job.arguments.get("crawl"): job.error
            for job in reversed(self._queue.list(names=(CRAWL_JOB,), states=("failed",)))
        }
        for key, crawl in self._abandoned(unit.now):
            why = failed.get(crawl) or "No process took it up."
            crawls.finish(unit, key, "failed", why)

    def _clean(self, now: int) -> None:
        self._queue.clean(now - KEEP_JOBS)

        def sessions(unit: Unit) -> None:
            unit.connection.execute(delete(_SESSION).where(_SESSION.c.expires_at < now))

        self._store.run(sessions, "system")
