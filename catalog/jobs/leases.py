"""Roles that one process holds at a time: scheduler, index writer, serve.

On SQLite a role is an OS lock on a file in the home folder, on PostgreSQL a session-level
advisory lock on a connection of its own. Both are freed by the system when the process dies,
never by a time-out. Who does not get a role goes on without.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, Protocol

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from catalog.errors import Locked
from catalog.history import dialect
from catalog.history.store import Store
from catalog.sources.owners import current_owner, is_alive, same_host, split_owner

SCHEDULER: Final = "scheduler"
INDEX_WRITER: Final = "index-writer"
SERVE: Final = "serve"
_ROLE: Final = re.compile(r"[a-z][a-z0-9-]{0,40}")


@dataclass(frozen=True)
class Holder:
    """Who holds a role. ``owner``: ``host:pid:start``. ``address``: where it serves, if it does."""

    owner: str
    address: str | None = None

    @property
    def pid(self) -> int:
        """Process id."""
        return split_owner(self.owner)[1]


class Lease(Protocol):
    """A role that this process holds."""

    role: str

    def held(self) -> bool:
        """Whether it is still held; a lost connection to PostgreSQL loses it."""
        ...

    def release(self) -> None:
        """Lets go; safe to call twice."""
        ...


class Leases:
    """Roles over one store. ``home``: the home folder, where SQLite's locks lie."""

    def __init__(self, store: Store, home: Path) -> None:
        self._store = store
        self._folder = home / "locks"

    def try_acquire(self, role: str, *, address: str | None = None) -> Lease | None:
        """The role, or None if another process (or another part of this one) holds it."""
        if _ROLE.fullmatch(role) is None:
            raise ValueError(f"{role!r} is no role")
        if self._store.is_sqlite:
            return FileLease.acquire(role, self._folder, address)
        return AdvisoryLease.acquire(role, self._store)

    def holder(self, role: str) -> Holder | None:
        """Who holds a role in this home; None if nobody does, or nothing is known."""
        if not self._store.is_sqlite:
            return None
        return read_holder(self._folder / role)

    def announce(self) -> Lease | None:
        """On PostgreSQL, lets processes on other hosts see that this one lives; whoever runs
        crawls or jobs calls it once and keeps the lease. On SQLite nothing is needed (None)."""
        if self._store.is_sqlite:
            return None
        return AdvisoryLease.acquire(f"owner {current_owner()}", self._store)

    def alive(self, owner: str | None) -> bool:
        """Whether a process (``host:pid:start``) lives, also one on another host."""
        if self._store.is_sqlite or not owner or same_host(owner):
            return is_alive(owner)
        probe = AdvisoryLease.acquire(f"owner {owner}", self._store)
        if probe is None:
            return True
        probe.release()
        return False

    def serve(self, address: str) -> Lease | None:
        """The right to serve. A second `serve` on one SQLite home raises `Locked` with the
        first one's address and PID; on PostgreSQL it joins (None)."""
        if not self._store.is_sqlite:
            return None
        lease = self.try_acquire(SERVE, address=address)
        if lease is None:
            raise _served_already(read_holder(self._folder / SERVE), self._folder.parent)
        return lease


def _served_already(holder: Holder | None, home: Path) -> Locked:
    if holder is None:
        return Locked(
            f"Another process serves the catalog in {home}.",
            remedy="End it first, or set another CATALOG_HOME.",
        )
    return Locked(
        f"The catalog in {home} is served already: {holder.address} by process {holder.pid}.",
        remedy=f"Open {holder.address}, end that process first, or set another CATALOG_HOME.",
        address=holder.address,
        pid=holder.pid,
    )


class FileLease:
    """An OS lock on a file; the file stays, the lock goes with the process."""

    def __init__(self, role: str, handle: int) -> None:
        self.role = role
        self._handle: int | None = handle

    @classmethod
    def acquire(cls, role: str, folder: Path, address: str | None = None) -> FileLease | None:
        """The lock on ``folder/role`` if nobody has it; writes there who has it now."""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Not inherited by children (PEP 446), so that it ends with this process.
        handle = os.open(folder / role, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            return None
        except BaseException:
            os.close(handle)
            raise
        about = json.dumps(asdict(Holder(current_owner(), address))).encode()
        os.ftruncate(handle, 0)
        os.pwrite(handle, about, 0)
        return cls(role, handle)

    def held(self) -> bool:
        """Whether it was not released."""
        return self._handle is not None

    def release(self) -> None:
        """Lets go."""
        handle, self._handle = self._handle, None
        if handle is not None:
            os.ftruncate(handle, 0)
            # Closing alone is not enough: a child that is just being started still shares it.
            fcntl.flock(handle, fcntl.LOCK_UN)
            os.close(handle)


def read_holder(path: Path) -> Holder | None:
    """Who holds the lock on a file; None if it is free, or its holder has not yet said.

    Asks the process, not the lock: to try the lock could keep another one from getting it.
    """
    try:
        found = Holder(**json.loads(path.read_bytes()))
    except (FileNotFoundError, ValueError, TypeError):
        return None
    return found if is_alive(found.owner) else None


class AdvisoryLease:
    """An advisory lock of PostgreSQL on a connection that serves nothing else."""

    def __init__(self, role: str, connection: Connection) -> None:
        self.role = role
        self._connection: Connection | None = connection

    @classmethod
    def acquire(cls, role: str, store: Store) -> AdvisoryLease | None:
        """The lock, if no session has it."""
        connection = store.engine.execution_options(isolation_level="AUTOCOMMIT").connect()
        try:
            # Out of the pool: a connection that goes back would take the lock with it.
            connection.detach()
            if dialect.try_role_lock(connection, role):
                return cls(role, connection)
        except BaseException:
            connection.close()
            raise
        connection.close()
        return None

    def held(self) -> bool:
        """Asks the server; without a connection the lock is lost."""
        if self._connection is None:
            return False
        try:
            self._connection.exec_driver_sql("SELECT 1")
        except SQLAlchemyError:
            self.release()
            return False
        return True

    def release(self) -> None:
        """Lets go and closes the connection."""
        connection, self._connection = self._connection, None
        if connection is None:
            return
        with contextlib.suppress(SQLAlchemyError):
            dialect.free_role_lock(connection, self.role)
        connection.close()
