"""The store: reads and units of work. Only the edge commits; a unit is a read or a write."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, select
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session

from catalog.errors import DiskFull, Locked, OldProcess, OldSchema
from catalog.history import dialect
from catalog.history.holders import processes_with
from catalog.history.unit import Unit
from catalog.model import Meta

SCHEMA_VERSION = 1
"""This process's number; a store whose ``oldest_writer`` is higher refuses its writes."""
_ATTEMPTS = 3
_DISK_CHECK_SECONDS = 2.0
PEOPLE_RESERVE = 64 << 20  # what even people's edits leave free, so that commits can end
ResultT = TypeVar("ResultT")


class Store:
    """An open metadata store.

    ``home``: the folder whose disk is watched; ``disk_reserve``: bytes that crawls leave free.
    """

    def __init__(
        self,
        url: str,
        *,
        home: Path | None = None,
        disk_reserve: int = 1 << 30,
        connections: int = 8,
    ) -> None:
        self.url = url
        self.engine: Engine = dialect.make_engine(url, connections)
        self.home = home
        self.disk_reserve = disk_reserve
        self._writer = self.engine.execution_options(begin="IMMEDIATE")
        self._free: tuple[float, int] = (-1e9, 0)

    @property
    def is_sqlite(self) -> bool:
        """Whether the store is an SQLite file."""
        return self.engine.dialect.name == "sqlite"

    def close(self) -> None:
        """Closes all connections."""
        self.engine.dispose()

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session for reading; nothing it does is kept."""
        with Session(self.engine, expire_on_commit=False, autoflush=False) as session:
            yield session

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        """A connection for reading with Core statements, for hot paths."""
        with self.engine.connect() as connection:
            yield connection

    @contextmanager
    def write(self, actor: str, *, cause: str | None = None, crawl: bool = False) -> Iterator[Unit]:
        """A unit of work: commits at the end with its changes written last, or not at all.

        ``actor``: ``user:ID``, ``token:ID``, ``crawl:ID``, ``local:LOGIN`` or ``system``.
        ``crawl``: machine work, which stops earlier when the disk fills.
        Raises `DiskFull`, `OldProcess`, `Locked`.
        """
        self._check_disk(self.disk_reserve if crawl else min(PEOPLE_RESERVE, self.disk_reserve))
        with (
            self._named_errors(),
            Session(self._writer, expire_on_commit=False, autoflush=False) as session,
        ):
            refuse_old_process(session)
            unit = Unit(session, actor, cause)
            try:
                yield unit
                unit.finish()
                session.commit()
            except BaseException:
                session.rollback()
                raise

    def run(
        self,
        work: Callable[[Unit], ResultT],
        actor: str,
        *,
        cause: str | None = None,
        crawl: bool = False,
    ) -> ResultT:
        """`write` around a function, repeated up to three times on a deadlock."""
        for attempt in range(_ATTEMPTS):
            try:
                with self.write(actor, cause=cause, crawl=crawl) as unit:
                    return work(unit)
            except DBAPIError as error:
                if attempt == _ATTEMPTS - 1 or not dialect.is_retryable(error):
                    raise
                time.sleep(0.02 * (attempt + 1))
        raise AssertionError("unreachable")

    def epoch(self) -> str:
        """Random text made with the store; another one after a restore."""
        with self.connect() as connection:
            return read_meta(connection, "epoch") or ""

    def free_bytes(self) -> int:
        """Free space on the home's disk, looked up at most every two seconds."""
        if self.home is None:
            return 1 << 62
        checked, free = self._free
        now = time.monotonic()
        if now - checked > _DISK_CHECK_SECONDS:
            free = shutil.disk_usage(self.home).free
            self._free = (now, free)
        return free

    def disk_warning(self) -> str | None:
        """One sentence when less is free than crawls leave (by default 1 GB), else None."""
        free, people = self.free_bytes(), min(PEOPLE_RESERVE, self.disk_reserve)
        if free >= self.disk_reserve:
            return None
        return (
            f"Only {free / 1e6:,.0f} MB are free on the disk of {self.home}: crawls write nothing "
            f"any more, and below {people / 1e6:,.0f} MB people cannot either."
        )

    @contextmanager
    def _named_errors(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            if dialect.is_locked(error):
                raise self._locked() from error
            if dialect.is_disk_full(error):
                raise DiskFull(
                    "The disk is full; nothing was written.",
                    remedy="Free some space, then try again.",
                ) from error
            raise

    def _locked(self) -> Locked:
        database = self.engine.url.database
        holders = processes_with(Path(database)) if database else []
        named = ", ".join(f"{one.pid} ({one.name})" for one in holders)
        return Locked(
            "The store is locked by another process for more than 10 s; nothing was written.",
            remedy=f"It is opened by the process {named}: wait for it, or end it, then try again."
            if named
            else "Find the process that holds catalog.db open and end it, then try again.",
            pids=[one.pid for one in holders],
        )

    def _check_disk(self, reserve: int) -> None:
        free = self.free_bytes()
        if free < reserve:
            raise DiskFull(
                f"Only {free / 1e6:,.0f} MB are free on the disk of {self.home}; "
                f"{reserve / 1e6:,.0f} MB are kept in reserve, so nothing was written.",
                remedy="Free some space, or lower CATALOG_DISK_RESERVE.",
            )


def read_meta(connection: Connection, name: str) -> str | None:
    """A value that the store keeps of itself."""
    meta = Meta.__table__  # type: ignore[attr-defined]
    value: str | None = connection.execute(
        select(meta.c.value).where(meta.c.name == name)
    ).scalar_one_or_none()
    return value


def refuse_old_process(session: Session) -> None:
    """Raises `OldProcess` when the store was upgraded past what this process may write."""
    try:
        oldest = read_meta(session.connection(), "oldest_writer")
    except DBAPIError as error:
        if "no such table" in str(error) or "does not exist" in str(error):
            raise OldSchema(
                "The store is empty: it has no tables yet.",
                remedy="Run `catalog db upgrade` (or `catalog up`).",
            ) from error
        raise
    if oldest is not None and int(oldest) > SCHEMA_VERSION:
        raise OldProcess(
            f"The store was upgraded: it takes writes from version {oldest} on, "
            f"this process has {SCHEMA_VERSION}; nothing was written.",
            remedy="End this process and start the newer version of the catalog.",
        )


def table_of(model: Any) -> Any:
    """The Core table of a SQLModel class."""
    return model.__table__
