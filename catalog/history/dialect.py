"""All SQL that differs between SQLite and PostgreSQL, in one file."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Connection,
    Engine,
    Table,
    create_engine,
    event,
    literal,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.pool import QueuePool
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

BUSY_MILLISECONDS = 10_000
_EAGER_SECONDS = 1.0
CHANGE_LOCK = 0x0CA7_A106  # advisory lock held for the insert of changes and the commit
QUEUE_LOCK = 0x0CA7_A107  # advisory lock held while a job is taken
ROLE_LOCK = 0x0CA7_A108  # first half of the advisory locks that roles and owners are


def make_engine(url: str, connections: int = 8) -> Engine:
    """An engine with the store's rules: own transaction control, WAL, foreign keys, UTC.

    A connection begins with ``BEGIN``, or ``BEGIN IMMEDIATE`` under the execution option
    ``begin="IMMEDIATE"``: with deferred transactions writers fail "locked" under load.
    """
    if url.startswith("sqlite"):
        engine = create_engine(
            url,
            poolclass=QueuePool,
            pool_size=connections,
            max_overflow=4,
            connect_args={"timeout": 10.0, "check_same_thread": False},
        )
        event.listen(engine, "connect", _sqlite_connect)
        event.listen(engine, "begin", _sqlite_begin)
        return engine
    engine = create_engine(url, pool_size=connections, max_overflow=4, pool_pre_ping=True)
    event.listen(engine, "connect", _postgres_connect)
    return engine


def _sqlite_connect(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # the driver's own transaction control is off
    cursor = connection.cursor()
    for pragma in (
        "journal_mode=WAL",
        "wal_autocheckpoint=4000",  # 16 MB: each checkpoint writes pages all over the file
        "synchronous=NORMAL",
        "foreign_keys=ON",
        f"busy_timeout={BUSY_MILLISECONDS}",
        "cache_size=-32768",
        "temp_store=MEMORY",
        "trusted_schema=OFF",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _sqlite_begin(connection: Connection) -> None:
    driver: Any = connection.connection.driver_connection
    if connection.get_execution_options().get("begin") == "IMMEDIATE":
        if not _begin_immediate(driver):
            connection.exec_driver_sql("BEGIN IMMEDIATE")  # waits once more; its errors have names
    else:
        # Touches no file. Through SQLAlchemy it would cost as much as a small query.
        driver.execute("BEGIN").close()


def _begin_immediate(driver: Any) -> bool:
    """Whether the write lock was had within a second.

    SQLite's own waiting sleeps up to 100 ms between two looks and so misses the pauses that a
    crawl leaves for people; this looks every other millisecond.
    """
    cursor = driver.cursor()
    cursor.execute("PRAGMA busy_timeout=0")
    try:
        end = time.monotonic() + _EAGER_SECONDS
        while True:
            try:
                cursor.execute("BEGIN IMMEDIATE")
                return True
            except sqlite3.OperationalError as error:
                if "locked" not in str(error) or time.monotonic() > end:
                    return False
                time.sleep(0.002)
    finally:
        cursor.execute(f"PRAGMA busy_timeout={BUSY_MILLISECONDS}")
        cursor.close()


def _postgres_connect(connection: Any, _record: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET TIME ZONE 'UTC'")
    connection.commit()


def insert(connection: Connection, table: Table) -> Any:
    """The dialect's INSERT, which knows ON CONFLICT on both engines."""
    if connection.dialect.name == "sqlite":
        return sqlite.insert(table)
    return postgresql.insert(table)


_INSERTS: dict[tuple[str, str, tuple[str, ...]], str] = {}


def bulk_insert(
    connection: Connection,
    table: Table,
    columns: Sequence[str],
    rows: Iterable[Sequence[Any]],
) -> None:
    """Inserts tuples as they are, without SQLAlchemy's processing of each value.

    Values must already be what the driver takes (int, str, bytes, float, bool, None).
    """
    rows = rows if isinstance(rows, list) else list(rows)
    if not rows:
        return
    dialect = connection.dialect
    cached = (dialect.name, table.name, tuple(columns))
    statement = _INSERTS.get(cached)
    if statement is None:
        statement = _INSERTS[cached] = _insert_text(dialect, table, columns)
    connection.exec_driver_sql(statement, rows)


def _insert_text(dialect: Dialect, table: Table, columns: Sequence[str]) -> str:
    quote = dialect.identifier_preparer.quote
    mark = "?" if dialect.name == "sqlite" else "%s"
    names = ", ".join(quote(table.c[name].name) for name in columns)
    return f"INSERT INTO {quote(table.name)} ({names}) VALUES ({', '.join([mark] * len(columns))})"


def next_keys(connection: Connection, table: Table, count: int) -> range:
    """Reserves integer keys for rows that are inserted with their keys given.

    On SQLite the caller holds the write lock, so the largest key plus one is free; where the
    table is AUTOINCREMENT the largest ever given counts, so that a deleted key never returns.
    On PostgreSQL the sequence of the column gives them.
    """
    key = table.c["key"]
    quote = connection.dialect.identifier_preparer.quote
    if connection.dialect.name == "sqlite":
        top = connection.exec_driver_sql(
            f"SELECT max({quote(key.name)}) FROM {quote(table.name)}"
        ).scalar()
        given = None
        if table.dialect_options["sqlite"]["autoincrement"]:
            given = connection.exec_driver_sql(
                "SELECT seq FROM sqlite_sequence WHERE name = ?", (table.name,)
            ).scalar()
        first = max(top or 0, given or 0) + 1
        return range(first, first + count)
    # One set-returning call; the numbers of one call need not be adjacent under concurrency,
    # so the block is reserved by moving the sequence under a lock of its own.
    connection.exec_driver_sql(
        "SELECT pg_advisory_xact_lock(%s, hashtext(%s))", (CHANGE_LOCK, table.name)
    )
    sequence = f"pg_get_serial_sequence('\"{table.name}\"', 'key')"
    first = connection.exec_driver_sql(f"SELECT nextval({sequence})").scalar_one()
    if count > 1:
        connection.exec_driver_sql(f"SELECT setval({sequence}, %s)", (first + count - 1,))
    return range(first, first + count)


def lock_change_log(connection: Connection) -> None:
    """Makes sequence order the order of commits. SQLite has one writer anyway."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(%s)", (CHANGE_LOCK,))


def lock_queue(connection: Connection) -> None:
    """Lets one process at a time take a job, so that a lock key is never held twice."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(%s)", (QUEUE_LOCK,))


def try_role_lock(connection: Connection, role: str) -> bool:
    """PostgreSQL: a session-level advisory lock for a role, if nobody holds it."""
    return bool(
        connection.exec_driver_sql(
            "SELECT pg_try_advisory_lock(%s, hashtext(%s))", (ROLE_LOCK, role)
        ).scalar()
    )


def free_role_lock(connection: Connection, role: str) -> None:
    """PostgreSQL: lets go of a role."""
    connection.exec_driver_sql("SELECT pg_advisory_unlock(%s, hashtext(%s))", (ROLE_LOCK, role))


def rows_written(connection: Connection) -> int:
    """Rows inserted, updated or deleted by this connection so far, counted by the database."""
    if connection.dialect.name == "sqlite":
        return int(connection.exec_driver_sql("SELECT total_changes()").scalar_one())
    return int(
        connection.exec_driver_sql(
            "SELECT coalesce(sum(n_tup_ins + n_tup_upd + n_tup_del), 0) "
            "FROM pg_stat_xact_all_tables WHERE schemaname = 'public'"
        ).scalar_one()
    )


def engine_facts(connection: Connection) -> tuple[str, str, int]:
    """(name, version, bytes of the store) of the engine."""
    if connection.dialect.name == "sqlite":
        version = connection.exec_driver_sql("SELECT sqlite_version()").scalar_one()
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        size = connection.exec_driver_sql("PRAGMA page_size").scalar_one()
        return "SQLite", str(version), int(pages) * int(size)
    version = connection.exec_driver_sql("SHOW server_version").scalar_one()
    size = connection.exec_driver_sql("SELECT pg_database_size(current_database())").scalar_one()
    return "PostgreSQL", str(version), int(size)


def is_retryable(error: BaseException) -> bool:
    """Deadlock or serialization failure of PostgreSQL: the unit may be repeated as a whole."""
    return getattr(getattr(error, "orig", None), "sqlstate", None) in ("40001", "40P01")


def is_locked(error: BaseException) -> bool:
    """SQLite's "database is locked" after the busy time-out."""
    return "database is locked" in str(getattr(error, "orig", ""))


def is_disk_full(error: BaseException) -> bool:
    """No space left, said by either engine."""
    origin = getattr(error, "orig", None)
    return "disk is full" in str(origin) or getattr(origin, "sqlstate", None) == "53100"


class _Glob(FunctionElement[bool]):
    """column, pattern of SQLite's GLOB, pattern of PostgreSQL's LIKE: each takes its own."""

    type = Boolean()
    inherit_cache = True
    name = "glob_match"


def glob(column: ColumnElement[Any], pattern: str) -> ColumnElement[bool]:
    """``*`` any run, ``?`` one character, all else itself; letter case counts on both engines."""
    return _Glob(column, literal(_glob_pattern(pattern)), literal(_like_pattern(pattern)))


def _glob_pattern(pattern: str) -> str:
    return pattern.replace("[", "[[]")


_LIKE = str.maketrans({"\\": "\\\\", "%": "\\%", "_": "\\_", "*": "%", "?": "_"})


def _like_pattern(pattern: str) -> str:
    return pattern.translate(_LIKE)


@compiles(_Glob, "sqlite")
def _glob_sqlite(element: _Glob, compiler: SQLCompiler, **more: Any) -> str:
    column, pattern, _ = element.clauses
    return f"({compiler.process(column, **more)} GLOB {compiler.process(pattern, **more)})"


@compiles(_Glob, "postgresql")
def _glob_postgres(element: _Glob, compiler: SQLCompiler, **more: Any) -> str:
    column, _, pattern = element.clauses
    return f"({compiler.process(column, **more)} LIKE {compiler.process(pattern, **more)})"


def has_prefix(column: ColumnElement[str], prefix: str) -> ColumnElement[bool]:
    """The column begins with the text; a range over code points, so that an index serves it."""
    lower: ColumnElement[bool] = column >= prefix
    after = _after(prefix)
    return lower if after is None else lower & (column < after)


def _after(prefix: str) -> str | None:
    """The first text behind all that begin with the prefix, or None if there is none."""
    for position in range(len(prefix) - 1, -1, -1):
        point = ord(prefix[position]) + 1
        if point <= 0x10FFFF:  # surrogates are no text: the next one after U+D7FF is U+E000
            return prefix[:position] + chr(0xE000 if 0xD800 <= point <= 0xDFFF else point)
    return None
