"""The one place that chooses implementations and joins the rooms."""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from catalog.assets import counts
from catalog.errors import Conflict
from catalog.history import cursor, migrate
from catalog.history.store import Store
from catalog.jobs import handlers
from catalog.jobs.handlers import JobContext
from catalog.jobs.leases import INDEX_WRITER, Lease, Leases
from catalog.jobs.local import LocalQueue
from catalog.jobs.queue import OPEN_STATES, Queue
from catalog.jobs.scheduler import Scheduler
from catalog.jobs.workers import Workers
from catalog.search.engine import SearchEngine
from catalog.search.follower import Follower as IndexFollower
from catalog.settings import Settings
from catalog.usecases import crawling, removing, statements

SETUP = "catalog.wiring:register_handlers"
INDEX_JOB = "index"
PARSE_JOB = "parse"
WORK = ("crawl", PARSE_JOB)
_INDEX_LINGER = 20.0
log = logging.getLogger("catalog")


@dataclass
class Catalog:
    """An open catalog: everything that API, pages and CLI need of it."""

    settings: Settings
    store: Store
    queue: Queue
    engine: SearchEngine
    leases: Leases
    alive: Lease | None = None  # on PostgreSQL: tells other hosts that this process lives

    def close(self) -> None:
        """Closes index and store."""
        self.engine.close()
        if self.alive is not None:
            self.alive.release()
        self.store.close()

    def catch_up(self, on_progress: Callable[[int], None] | None = None) -> bool:
        """Brings the index up to the store in this process, if nobody else keeps it; True then.

        A command that finds no holder of the writer role takes it, catches up and lets go.
        """
        lease = self.leases.try_acquire(INDEX_WRITER)
        if lease is None:
            return False
        try:
            IndexFollower(self.store, self.engine).catch_up(on_progress=on_progress)
        finally:
            lease.release()
        return True


def open_store(settings: Settings) -> Store:
    """The store of the settings; the home folder is made when it is not there."""
    home = settings.make_home()
    if settings.is_sqlite:
        # Its companions take over its rights; a home that was there before may be open to others.
        os.close(os.open(home / "catalog.db", os.O_CREAT | os.O_RDWR, 0o600))
    return Store(
        settings.store_url,
        home=settings.home,
        disk_reserve=settings.disk_reserve,
        connections=settings.threads,
    )


def make_engine(settings: Settings) -> SearchEngine:
    """The search engine of the settings."""
    from catalog.search.whoosh_engine import WhooshEngine

    return WhooshEngine(settings.index_folder)


def open_catalog(settings: Settings, *, check: bool = True) -> Catalog:
    """Opens store, queue, index and roles. ``check``: refuse a store of another schema."""
    store = open_store(settings)
    try:
        if check:
            migrate.check(store)
            cursor.install_secret(_cursor_secret(store))
    except BaseException:
        store.close()
        raise
    leases = Leases(store, settings.home)
    return Catalog(
        settings=settings,
        store=store,
        queue=LocalQueue(store),
        engine=make_engine(settings),
        leases=leases,
        alive=leases.announce(),
    )


def _cursor_secret(store: Store) -> bytes:
    """Signs cursors alike in all processes of one store; a restored store refuses old ones."""
    return hashlib.blake2b(f"cursor:{store.epoch()}".encode(), digest_size=32).digest()


# --- jobs -----------------------------------------------------------------------------------


def register_handlers() -> None:
    """Handlers of all queued jobs; worker processes call it."""
    handlers.register("crawl", crawling.handle_crawl)
    handlers.register(PARSE_JOB, crawling.handle_parse)
    handlers.register(INDEX_JOB, handle_index)


def handle_index(context: JobContext) -> None:
    """Follows the change log into the index while there is something to follow."""
    import time

    lease = Leases(context.store, context.settings.home).try_acquire(INDEX_WRITER)
    if lease is None:
        return
    engine = make_engine(context.settings)
    try:
        follower = IndexFollower(context.store, engine)
        idle_since = time.monotonic()
        while not context.cancelled():
            if follower.catch_up(limit_seconds=5.0):
                idle_since = time.monotonic()
            elif time.monotonic() - idle_since > _INDEX_LINGER:
                break
            time.sleep(0.1)
    finally:
        engine.close()
        lease.release()


class Background:
    """What a serving process does beside answering: scheduler, workers, followers."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        settings = catalog.settings
        alive = catalog.leases.alive
        self._workers = Workers(catalog.queue, settings, SETUP, WORK, count=2, alive=alive)
        self._indexer = Workers(
            catalog.queue, settings, SETUP, (INDEX_JOB,), count=1, idle=5.0, alive=alive
        )
        self._scheduler = Scheduler(
            catalog.store,
            catalog.queue,
            catalog.leases,
            every_tick=(
                self._follow_index,
                self._follow_statements,
                partial(removing.continue_removals, catalog.store),
            ),
            daily=(
                partial(removing.purge_removed, catalog.store),
                self._reclass,
            ),
            on_work=self._workers.wake,
        )

    def start(self) -> None:
        """Begins; threads and children end with `stop` or with the process."""
        self._workers.start()
        self._indexer.start()
        if self._catalog.settings.scheduler:
            self._scheduler.start()

    def stop(self) -> None:
        """Ends all of it; running crawls go back to the queue and are resumed later."""
        self._scheduler.stop()
        self._indexer.stop()
        self._workers.stop()

    def wake(self) -> None:
        """Work was enqueued by a request."""
        self._workers.wake()

    def _reclass(self) -> None:
        """Popularity classes move once a day."""
        self._catalog.store.run(counts.reclass, "system")

    def _follow_index(self) -> None:
        if IndexFollower(self._catalog.store, self._catalog.engine).status().state != "current":
            self._enqueue_once(INDEX_JOB)
            self._indexer.wake()

    def _follow_statements(self) -> None:
        """Statements whose names or schemas changed are parsed again."""
        if statements.waits(self._catalog.store, self._catalog.settings):
            self._enqueue_once(PARSE_JOB)
            self._workers.wake()

    def _enqueue_once(self, name: str) -> None:
        if self._catalog.queue.list(names=(name,), states=OPEN_STATES, limit=1):
            return
        try:
            self._catalog.queue.enqueue(name, {}, lock_key=name)
        except Conflict:
            return
