"""Reads a SQLite file's own catalog. Runs in a child process; nothing here trusts the file."""

from __future__ import annotations

import sqlite3
import threading
from collections import defaultdict
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec

from catalog.crawling import errors, filedb, localfile
from catalog.crawling.filedb import Column, Constraint, Listing, Relation

SCHEMA = "main"
COMPANIONS = ("-wal", "-journal")
NEEDS_COPY = "needs_copy"
"""Code of the failure that a private, writable copy may cure."""
IN_PLACE = ""
"""A mode: whatever reads the file where it is and writes nothing beside it."""
WRITABLE = "mode=rw"
_IMMUTABLE = "mode=ro&immutable=1"
_INTERRUPT_SECONDS = 0.02
_MOST_COUNTS = 5_000  # tables counted by one statement


class Arguments(msgspec.Struct, frozen=True):
    """What is read and how. ``path`` is the file to open, maybe a copy; ``mode`` URI parameters;
    ``wait`` seconds for a lock, ``count_seconds`` for rows and bytes together."""

    path: str
    mode: str
    database: str
    wait: float
    count_seconds: float


def read(arguments: Arguments) -> Listing:
    """The listing of a file. Runs in a child process; raises `Unreadable`."""
    path = Path(arguments.path)
    before = localfile.fingerprint(path, COMPANIONS)
    mode = arguments.mode or open_mode(path)
    try:
        with closing(_connect(arguments, mode)) as connection:
            found = _Reader(connection, arguments).listing()
    except sqlite3.OperationalError as error:
        raise _translated(str(error)) from error
    except sqlite3.DatabaseError as error:
        raise errors.Unreadable(
            f"It cannot be read as a SQLite database: {error}.",
            remedy="It is damaged, encrypted, or no SQLite file. Run PRAGMA integrity_check on it.",
        ) from error
    if mode == _IMMUTABLE and localfile.fingerprint(path, COMPANIONS) != before:
        raise _needs_copy("it was written to meanwhile")
    return found


def open_mode(path: Path) -> str:
    """URI parameters that read the file without writing beside it; `Unreadable` if none do.

    A plain read-only connection to a file in WAL mode makes ``-wal`` and ``-shm`` files, and
    ``immutable`` overlooks what a ``-wal`` file holds.
    """
    with path.open("rb") as file:
        header = file.read(20)
    if header[18:19] != b"\x02":  # the file's read version: 2 is WAL
        return "mode=ro"
    if not localfile.exists(path, "-wal"):
        return _IMMUTABLE
    if not localfile.exists(path, "-shm"):
        raise _needs_copy("its log was left behind")
    return "mode=ro&readonly_shm=1"


def _needs_copy(why: str) -> errors.Unreadable:
    return errors.Unreadable(
        f"It can only be read from a copy ({why}).",
        remedy="Open it once with the program that writes it.",
        code=NEEDS_COPY,
    )


def _translated(message: str) -> errors.SourceError:
    if "locked" in message or "busy" in message:
        return errors.Unreadable(
            f"Another process holds it locked ({message}).",
            remedy="Crawl when it is not being written to, or raise lock_wait.",
        )
    if "readonly" in message or "unable to open" in message:
        return _needs_copy(message)
    return errors.Unreadable(
        f"SQLite refuses to read it: {message}.", remedy="Run PRAGMA integrity_check on it."
    )


def _connect(arguments: Arguments, mode: str) -> sqlite3.Connection:
    uri = f"file:{quote(arguments.path)}?{mode}"
    connection = sqlite3.connect(
        uri, uri=True, timeout=arguments.wait, isolation_level=None, cached_statements=0
    )
    # Names are bytes that only should be UTF-8; no name may stop the reading of the others.
    connection.text_factory = lambda raw: raw.decode("utf-8", "backslashreplace")
    return connection


_PREPARE = ("PRAGMA trusted_schema=OFF", "PRAGMA query_only=ON", "PRAGMA cell_size_check=ON")
_SCHEMA_SQL = "SELECT type, name, tbl_name, sql FROM main.sqlite_schema"
_ODD_SQL = "SELECT name, type FROM pragma_table_list WHERE schema = 'main' AND type <> 'table'"
_COLUMNS_SQL = (
    'SELECT m.name, p.name, p.type, p."notnull", p.dflt_value, p.pk, p.hidden'
    " FROM main.sqlite_schema m JOIN pragma_table_xinfo(m.name, 'main') p"
    " WHERE {which} ORDER BY m.rowid, p.cid"
)
_PLAIN = "m.type = 'table' AND m.sql NOT LIKE 'create virtual%'"
_OTHER = "(m.type = 'view' OR m.type = 'table' AND m.sql LIKE 'create virtual%')"
_FOREIGN_SQL = (
    'SELECT m.name, f.id, f."table", f."from", f."to"'
    " FROM main.sqlite_schema m JOIN pragma_foreign_key_list(m.name, 'main') f"
    " WHERE m.type = 'table' ORDER BY m.rowid, f.id, f.seq"
)
_UNIQUE_SQL = (
    "SELECT m.name, i.name, c.name"
    " FROM main.sqlite_schema m JOIN pragma_index_list(m.name, 'main') i"
    " JOIN pragma_index_info(i.name, 'main') c"
    f" WHERE {_PLAIN} AND i.\"unique\" AND NOT i.partial AND i.origin <> 'pk'"
    " ORDER BY m.rowid, i.name, c.seqno"
)
_STAT_SQL = "SELECT tbl, max(CAST(stat AS INTEGER)) FROM main.sqlite_stat1 GROUP BY tbl"
_BYTES_SQL = "SELECT name, pgsize FROM dbstat WHERE aggregate = TRUE"


class _Reader:
    """Reads one connection with a number of statements that does not grow with the tables."""

    def __init__(self, connection: sqlite3.Connection, arguments: Arguments) -> None:
        self._connection = connection
        self._arguments = arguments
        self._columns: dict[str, list[Column]] = defaultdict(list)
        self._primary: dict[str, list[tuple[int, str]]] = defaultdict(list)
        self._problems: dict[str, str] = {}

    def listing(self) -> Listing:
        for statement in (*_PREPARE, "BEGIN"):
            self._connection.execute(statement)
        objects = list(self._connection.execute(_SCHEMA_SQL))
        odd = dict(self._tolerant(_ODD_SQL))
        relations = [
            self._relation(kind, name, sql, odd.get(name))
            for kind, name, _, sql in objects
            if kind in ("table", "view")
            and not name.lower().startswith("sqlite_")
            and odd.get(name) != "shadow"
        ]
        by_name = {relation.name: relation for relation in relations}
        self._read_columns(relations)
        self._read_keys(by_name)
        self._measure(by_name, objects)
        database = self._arguments.database
        return Listing(database, [filedb.Schema([SCHEMA])], relations)

    def _tolerant(self, statement: str) -> list[tuple[Any, ...]]:
        """Rows, or none where this SQLite lacks the table or function, or its time is over."""
        rows: list[tuple[Any, ...]] = []
        try:
            for row in self._connection.execute(statement):
                rows.append(row)  # what came before an interruption counts
        except sqlite3.OperationalError:
            pass
        return rows

    @staticmethod
    def _relation(kind: str, name: str, sql: str | None, odd: str | None) -> Relation:
        relation = Relation([SCHEMA], name, kind)
        if kind == "view":
            relation.sql = sql
        elif odd == "virtual":
            relation.properties = {"virtual": "yes"}
        return relation

    # -- columns and keys ----------------------------------------------------------------------

    def _read_columns(self, relations: Iterable[Relation]) -> None:
        self._take(self._connection.execute(_COLUMNS_SQL.format(which=_PLAIN)))
        try:
            self._take(list(self._connection.execute(_COLUMNS_SQL.format(which=_OTHER))))
        except sqlite3.OperationalError:
            # One broken view fails the whole statement: only then they are asked one by one.
            self._one_by_one(relations)
        for relation in relations:
            relation.columns = self._columns.get(relation.name)
            if relation.kind == "view" and relation.columns is not None:
                # SQLite says 0 for "not null" of every column of a view: it does not know.
                relation.columns = [_no_null(column) for column in relation.columns]
            relation.problem = self._problems.get(relation.name)

    def _one_by_one(self, relations: Iterable[Relation]) -> None:
        statement = _COLUMNS_SQL.format(which="m.name = ?")
        for relation in relations:
            if relation.name in self._columns:
                continue
            try:
                self._take(list(self._connection.execute(statement, (relation.name,))))
            except sqlite3.OperationalError as error:
                self._problems[relation.name] = f"SQLite cannot resolve it: {error}."

    def _take(self, rows: Iterable[tuple[Any, ...]]) -> None:
        for table, name, kind, notnull, default, key, hidden in rows:
            if hidden == 1:  # of a virtual table, and no part of SELECT *
                continue
            rowid = key == 1 and kind.upper() == "INTEGER"
            self._columns[table].append(Column(name, kind, not (notnull or rowid), default))
            if key:
                self._primary[table].append((key, name))

    def _read_keys(self, by_name: Mapping[str, Relation]) -> None:
        for table, columns in self._primary.items():
            if table in by_name:
                names = [name for _, name in sorted(columns)]
                by_name[table].keys.append(Constraint("primary", names))
        self._read_unique(by_name)
        self._read_foreign(by_name)

    def _read_unique(self, by_name: Mapping[str, Relation]) -> None:
        found: dict[tuple[str, str], list[str | None]] = defaultdict(list)
        for table, index, column in self._connection.execute(_UNIQUE_SQL):
            found[table, index].append(column)
        for (table, index), columns in found.items():
            names = [column for column in columns if column is not None]
            if table in by_name and len(names) == len(columns):  # else over an expression
                name = None if index.startswith("sqlite_autoindex_") else index
                by_name[table].keys.append(Constraint("unique", names, name))

    def _read_foreign(self, by_name: Mapping[str, Relation]) -> None:
        spelled = {name.lower(): name for name in by_name}
        found: dict[tuple[str, int], Constraint] = {}
        for table, number, other, column, target in self._connection.execute(_FOREIGN_SQL):
            if table not in by_name:
                continue
            other = spelled.get(other.lower(), other)
            if (table, number) not in found:
                key = Constraint("foreign", [], references=[SCHEMA, other])
                found[table, number] = key
                by_name[table].keys.append(key)
            key = found[table, number]
            key.columns.append(column)
            if target is None:  # the other table's primary key is meant
                primary = sorted(self._primary.get(other, []))
                position = len(key.columns) - 1
                target = primary[position][1] if position < len(primary) else None
            if target is not None:
                key.references_columns.append(target)

    # -- measures ------------------------------------------------------------------------------

    def _measure(self, by_name: Mapping[str, Relation], objects: list[tuple[Any, ...]]) -> None:
        """Rows and bytes, as far as the time allowed goes."""
        if self._arguments.count_seconds <= 0:
            return
        for table, rows in self._tolerant(_STAT_SQL):
            if table in by_name and rows is not None:
                by_name[table].rows, by_name[table].rows_how = rows, "estimate"
        over, done = threading.Event(), threading.Event()
        clock = threading.Thread(target=self._interrupt, args=(over, done), daemon=True)
        clock.start()
        try:
            self._count(by_name, over)
            if not over.is_set():
                self._weigh(by_name, objects)
        finally:
            done.set()
            clock.join()

    def _interrupt(self, over: threading.Event, done: threading.Event) -> None:
        """Interrupts what runs when the time is over; a progress handler is never asked while
        SQLite counts, which is a single step of its machine."""
        if done.wait(self._arguments.count_seconds):
            return
        over.set()
        while not done.is_set():
            self._connection.interrupt()
            done.wait(_INTERRUPT_SECONDS)  # then again: a statement may just have begun

    def _count(self, by_name: Mapping[str, Relation], over: threading.Event) -> None:
        """``VALUES`` answers row by row, so what was counted before the time was over is kept.

        Small tables (by the last ANALYZE) come first.
        """
        tables = [one for one in by_name.values() if one.kind == "table" and not one.properties]
        tables.sort(key=lambda one: one.rows or 0)
        for start in range(0, len(tables), _MOST_COUNTS):
            if over.is_set():
                return
            chunk = tables[start : start + _MOST_COUNTS]
            terms = (
                f"({number},(SELECT count(*) FROM main.{_quoted(table.name)}))"
                for number, table in enumerate(chunk)
            )
            for number, rows in self._tolerant("VALUES " + ",".join(terms)):
                chunk[number].rows, chunk[number].rows_how = rows, "exact"

    def _weigh(self, by_name: Mapping[str, Relation], objects: list[tuple[Any, ...]]) -> None:
        """Bytes of each table with its indexes; all or nothing, half a sum would be a lie."""
        owner = {name: table for kind, name, table, _ in objects if kind in ("table", "index")}
        sums: dict[str, int] = defaultdict(int)
        try:
            for name, size in self._connection.execute(_BYTES_SQL):
                sums[owner.get(name, name)] += size
        except sqlite3.OperationalError:  # no dbstat in this SQLite, or no time left
            return
        for name, size in sums.items():
            if name in by_name:
                by_name[name].bytes = size


def _no_null(column: Column) -> Column:
    return msgspec.structs.replace(column, nullable=None)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
