"""Pushed records from the wire to the store: spooled to disk, then taken in as a crawl.

The spool lies in the home until its crawl has ended, so a push that a killed process left is
gone on with by the next one.
"""

from __future__ import annotations

import io
import os
import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

from sqlalchemy import select

from catalog.access.viewer import Viewer
from catalog.errors import BadInput, CatalogError, DiskFull, NotFound
from catalog.history.store import Store, table_of
from catalog.history.unit import Unit
from catalog.ingest import push
from catalog.jobs.queue import Queue
from catalog.jobs.scheduler import enqueue_crawl_job
from catalog.model import Crawl, Source
from catalog.naming import id_bytes
from catalog.settings import Settings
from catalog.sources import crawls
from catalog.usecases import statements

CHUNK: Final = 1 << 20
_CHECK_BYTES: Final = 16 << 20
_LEFT_OVER_SECONDS: Final = 24 * 3600
_SOURCE = table_of(Source)
_CRAWL = table_of(Crawl)


@dataclass(frozen=True)
class Target:
    """The source that is pushed to."""

    key: int
    name: str


def target(store: Store, viewer: Viewer, source: str) -> Target:
    """The source (short name or id) that the viewer may push to.

    `NotAllowed` before anything is said about whether it exists, then `NotFound`.
    """
    uid = id_bytes(source)
    condition = _SOURCE.c.name == source if uid is None else _SOURCE.c.uid == uid
    with store.connect() as connection:
        row = connection.execute(
            select(_SOURCE.c.key, _SOURCE.c.name).where(condition, _SOURCE.c.removed_at.is_(None))
        ).first()
    viewer.require("ingest", source=source if row is None else row.name)
    if row is None:
        raise NotFound(
            f"There is no source {source!r}.",
            remedy="Add it first: catalog source add push --name NAME.",
        )
    return Target(row.key, row.name)


class Spool:
    """A stream on its way to disk. Use it in ``with``: what is not kept is deleted."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._folder = settings.home / "push"
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._sweep()
        self.path = self._folder / f"new-{secrets.token_hex(8)}"
        handle = os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        self._file: IO[bytes] = os.fdopen(handle, "wb")
        self._size = self._checked = 0
        self._kept = False

    def __enter__(self) -> Spool:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        if not self._kept:
            self.path.unlink(missing_ok=True)

    def write(self, data: bytes) -> None:
        """Appends; `DiskFull` before the disk's reserve is touched."""
        self._file.write(data)
        self._size += len(data)
        if self._size - self._checked > _CHECK_BYTES:
            self._checked = self._size
            free, reserve = self._store.free_bytes(), self._store.disk_reserve
            if free < reserve:
                raise DiskFull(
                    f"The stream does not fit on the disk: {free / 1e6:,.0f} MB are free, "
                    f"{reserve / 1e6:,.0f} MB are kept in reserve.",
                    remedy="Free some space, or send fewer scopes at once.",
                )

    def header(self) -> push.Header:
        """The stream's header, once its first line is there; `BadInput`."""
        self._file.flush()
        with self.path.open("rb") as file:
            return push.read_header(file.readline(push.LONGEST_LINE))

    def move(self, crawl: str) -> None:
        """Gives the file the name by which the crawl finds it; before its unit commits."""
        self._file.close()
        moved = spool_path(self._folder, crawl)
        os.replace(self.path, moved)
        self.path = moved

    def keep(self) -> None:
        """The crawl is committed: it owns the file from now on."""
        self._kept = True

    def _sweep(self) -> None:
        """Deletes what a process killed while receiving left a day ago."""
        old = time.time() - _LEFT_OVER_SECONDS
        for path in self._folder.glob("new-*"):
            with suppress(OSError):
                if path.stat().st_mtime < old:
                    path.unlink()


def spool_path(folder: Path, crawl: str) -> Path:
    """Where the stream of a crawl (id) lies."""
    return folder / f"{crawl}.ndjson"


def accept(
    store: Store, viewer: Viewer, to: Target, spool: Spool, *, queue: Queue | None = None
) -> str:
    """Makes a spooled stream a queued crawl; answers its id. ``queue``: a worker is to run it.

    `BadInput` for a stream without a right header, `Conflict` while a whole crawl of the source
    is queued or running.
    """
    viewer.require("ingest", source=to.name)
    header = spool.header()
    if header.source is not None and header.source != to.name:
        raise BadInput(
            f"The stream is for the source {header.source!r}, it was sent to {to.name!r}.",
            remedy="Send it to the source that its header names.",
        )

    def work(unit: Unit) -> str:
        crawl = crawls.enqueue_crawl(unit, viewer.actor, to.key, "push")
        if queue is not None:
            enqueue_crawl_job(queue, unit, crawl)
        spool.move(crawl)
        return crawl

    made = store.run(work, viewer.actor)
    spool.keep()
    return made


def run_pushed(
    store: Store,
    settings: Settings,
    crawl: str,
    *,
    stopping: Callable[[], bool] = lambda: False,
) -> str:
    """Takes in the stream of a queued crawl (id); answers its state. Then the spool is deleted."""
    path = spool_path(settings.home / "push", crawl)
    row = _row(store, crawl)
    if row.state not in crawls.OPEN_STATES:
        return str(row.state)
    if not path.exists():
        why = "The records that were sent are not here any more; send them again."
        with store.write("system") as unit:
            crawls.finish(unit, row.key, "failed", why)
        return "failed"
    try:
        state = push.run_push(store, row.key, row.source, path, stopping=stopping)
    except CatalogError as error:
        with store.write("system") as unit:
            crawls.finish(unit, row.key, "failed", error.message)
        state = "failed"
    if state in crawls.END_STATES:
        path.unlink(missing_ok=True)
    return state


def push_file(
    store: Store, settings: Settings, viewer: Viewer, stream: Path | IO[bytes], source: str
) -> tuple[str, str]:
    """Takes in a file or open stream of records for a source; answers crawl id and state.

    In this process, to the end, statements parsed. `NotAllowed`, `NotFound`, `BadInput`,
    `Conflict`, `DiskFull`.
    """
    to = target(store, viewer, source)
    with Spool(store, settings) as spool:
        if isinstance(stream, Path):
            try:
                with stream.open("rb") as file:
                    _copy(file, spool)
            except OSError as error:
                raise BadInput(
                    f"{stream} cannot be read: {error.strerror}.", remedy="Name a file of records."
                ) from None
        else:
            _copy(stream, spool)
        crawl = accept(store, viewer, to, spool)
    state = run_pushed(store, settings, crawl)
    if state in ("succeeded", "partial"):
        statements.follow(store, settings)
    return crawl, state


def _copy(file: IO[bytes] | io.BufferedIOBase, spool: Spool) -> None:
    while data := file.read(CHUNK):
        spool.write(data)


def _row(store: Store, crawl: str) -> Any:
    with store.connect() as connection:
        row = connection.execute(
            select(_CRAWL.c.key, _CRAWL.c.source, _CRAWL.c.state).where(
                _CRAWL.c.uid == (id_bytes(crawl) or b"")
            )
        ).first()
    if row is None:
        raise NotFound(f"There is no crawl {crawl}.")
    return row
