"""Crawler of DuckDB files: read-only, in a process of its own, nothing loaded, nothing written.

DuckDB keeps the columns of a view with the view, so that those over ``read_parquet()`` are known
although access to other files is off. Its object ids change from one opening to the next: none is
reported. Row counts are DuckDB's own estimates.
"""

from __future__ import annotations

import re
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from catalog.crawling import (
    CheckResult,
    Crawler,
    Record,
    Scope,
    Scopes,
    errors,
    filedb,
    localfile,
    sqltypes,
)
from catalog.crawling.filedb import Column, Constraint, FileConfig, Listing, Relation
from catalog.crawling.isolation import Failure, Workers

if TYPE_CHECKING:
    import duckdb

MAGIC, MAGIC_OFFSET = b"DUCK", 8
COMPANIONS = (".wal",)
SCOPE = "file"
_LOCKED = "locked"
_POLL_SECONDS = 0.2
_READ_SECONDS = 120.0
_INSTALL = "pip install duckdb"


class Arguments(msgspec.Struct, frozen=True):
    """What the reading process is told. ``path`` is the file to open, maybe a copy."""

    path: str


class DuckDB(Crawler[FileConfig]):
    """One file is one scope: ``STEM`` (database), ``STEM.SCHEMA``, ``STEM.SCHEMA.TABLE``."""

    kind = "duckdb"
    title = "DuckDB file"
    version = 1
    Config = FileConfig
    examples = ('{"path": "/srv/shop.duckdb", "exclude": ["shop.staging.*"]}',)

    def __init__(self, config: FileConfig) -> None:
        super().__init__(config)
        self._path = localfile.absolute(config.path)
        self._workers = Workers(count=1, seconds=_READ_SECONDS, allow=filedb.COPIES)

    def check(self) -> CheckResult:
        """Opens the file and counts what it holds."""
        try:
            listing = self._listing()
        except errors.SourceError as error:
            return CheckResult(False, error.message, error.remedy)
        return CheckResult(True, f"{self._path} holds {len(listing.relations)} tables and views.")

    def namespaces(self) -> tuple[str, ...]:
        """``duckdb:///absolute/path.duckdb``."""
        return (localfile.namespace("duckdb", self.config.path),)

    def scopes(self, state: Mapping[str, Any]) -> Scopes:
        """The file. Whether it is there shows when it is crawled."""
        return Scopes([Scope(SCOPE)])

    def crawl(
        self, scope: Scope, state: Mapping[str, Any] | None, only: Sequence[str] | None = None
    ) -> Iterator[Record]:
        """All of the file; neither ``state`` nor ``only`` would save anything."""
        found = localfile.require_file(self._path, "DuckDB")
        listing = self._listing()
        listing.file_bytes = found.st_size
        listing.modified = found.st_mtime
        reporter = filedb.Reporter(
            self.namespaces()[0], "duckdb", self.config, sqltypes.duckdb_type
        )
        yield from reporter.records(listing)

    def close(self) -> None:
        """Ends the reading process."""
        self._workers.close()

    @classmethod
    def claims(cls, target: str) -> dict[str, Any] | None:
        """An existing file with DuckDB's magic bytes."""
        return {"path": target} if localfile.has_magic(target, MAGIC, MAGIC_OFFSET) else None

    # -- reading ------------------------------------------------------------------------------

    def _listing(self) -> Listing:
        """What the file holds; waits for the owner's lock, then reads a private copy."""
        localfile.require_file(self._path, "DuckDB")
        deadline = time.monotonic() + self.config.lock_wait
        while True:
            result = self._read(self._path, accept=_LOCKED)
            if not isinstance(result, Failure):
                return result
            if time.monotonic() >= deadline:
                return self._from_copy(result)
            time.sleep(_POLL_SECONDS)

    def _from_copy(self, locked: Failure) -> Listing:
        with filedb.private_copy(
            self._workers, self._path, COMPANIONS, self.config, locked.why
        ) as copy:
            try:
                result = self._read(copy)
            except errors.Unreadable as error:  # the owner wrote while it was copied
                raise errors.Unreadable(
                    f"{self._path}: {locked.why} A copy of it cannot be read: {error.message}",
                    remedy=locked.hint,
                ) from error
        if isinstance(result, Failure):
            raise errors.Unreadable(f"{self._path}: {result.why}", remedy=result.hint)
        return result

    def _read(self, path: Path, accept: str | None = None) -> Listing | Failure:
        arguments = Arguments(str(path))
        return filedb.read_isolated(self._workers, read, arguments, str(self._path), accept)


# --- in the reading process -------------------------------------------------------------------

_CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "enable_external_access": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "allow_community_extensions": "false",
    "memory_limit": "512MB",
    "threads": "1",
    "temp_directory": "",
}
_HOLDER = re.compile(r"held in (.*?) \(PID (\d+)\)")


def read(arguments: Arguments) -> Listing:
    """The listing of a file. Runs in a child process; raises `SourceError`s."""
    try:
        import duckdb
    except ImportError as error:
        raise errors.MissingDriver(
            "The package duckdb is not installed.",
            remedy=f"Install it: {_INSTALL}",
            code="missing_driver",
        ) from error
    try:
        with closing(_connect(arguments.path)) as connection:
            return _Reader(connection).listing()
    except duckdb.Error as error:
        raise _translated(str(error)) from error


def _connect(path: str) -> duckdb.DuckDBPyConnection:
    import duckdb

    connection = duckdb.connect(path, read_only=True, config=_CONFIG)
    connection.execute("SET lock_configuration = true")
    return connection


def _translated(message: str) -> errors.Unreadable:
    holder = _HOLDER.search(message)
    if holder is not None:
        return errors.Unreadable(
            f"It is held by the process with PID {holder.group(2)} ({holder.group(1)}).",
            remedy="Crawl when that process has closed it, or raise lock_wait or copy_limit_mb.",
            code=_LOCKED,
        )
    return errors.Unreadable(
        f"DuckDB cannot read it: {message.splitlines()[0]}.",
        remedy="It is damaged, encrypted, written by a newer DuckDB, or no DuckDB file.",
    )


_DATABASE_SQL = "SELECT database_name, comment FROM duckdb_databases() WHERE NOT internal"
_SCHEMAS_SQL = """
    SELECT oid, schema_name, to_json(s)->>'parent_schema_oid', comment FROM duckdb_schemas() s
    WHERE database_name = current_database()
      AND schema_name NOT IN ('information_schema', 'pg_catalog')"""
_RELATIONS_SQL = """
    SELECT table_oid, schema_oid, table_name, 'table', comment, to_json(tags)::VARCHAR,
           NULL, estimated_size
    FROM duckdb_tables()
    WHERE NOT internal AND NOT temporary AND database_name = current_database()
    UNION ALL
    SELECT view_oid, schema_oid, view_name, 'view', comment, to_json(tags)::VARCHAR, sql, NULL
    FROM duckdb_views()
    WHERE NOT internal AND NOT temporary AND database_name = current_database()"""
_COLUMNS_SQL = """
    SELECT table_oid, column_name, data_type, is_nullable, column_default, comment
    FROM duckdb_columns() WHERE NOT internal AND database_name = current_database()
    ORDER BY table_oid, column_index"""
_KEYS_SQL = """
    SELECT table_oid, constraint_type, constraint_column_names, constraint_name,
           referenced_table, referenced_column_names
    FROM duckdb_constraints()
    WHERE constraint_type IN ('PRIMARY KEY', 'UNIQUE', 'FOREIGN KEY')
      AND database_name = current_database()
    ORDER BY table_oid, constraint_index"""
_INDEXES_SQL = """
    SELECT table_oid, index_name, expressions FROM duckdb_indexes()
    WHERE is_unique AND NOT is_primary AND database_name = current_database()
    ORDER BY table_oid, index_name"""
_KINDS = {"PRIMARY KEY": "primary", "UNIQUE": "unique", "FOREIGN KEY": "foreign"}


class _Reader:
    """Reads one connection with a number of statements that does not grow with the tables."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection

    def _rows(self, statement: str) -> list[tuple[Any, ...]]:
        return self._connection.execute(statement).fetchall()

    def listing(self) -> Listing:
        self._connection.execute("BEGIN")
        database, comment = self._rows(_DATABASE_SQL)[0]
        schemas = _schema_paths(self._rows(_SCHEMAS_SQL))
        relations = {
            row[0]: _relation(schemas[row[1]].path, row) for row in self._rows(_RELATIONS_SQL)
        }
        self._read_columns(relations)
        self._read_keys(relations)
        return Listing(database, list(schemas.values()), list(relations.values()), comment)

    def _read_columns(self, relations: Mapping[int, Relation]) -> None:
        found: dict[int, list[Column]] = defaultdict(list)
        for oid, name, kind, nullable, default, comment in self._rows(_COLUMNS_SQL):
            # Of a view's columns DuckDB does not know whether they can be null.
            view = oid in relations and relations[oid].kind == "view"
            found[oid].append(Column(name, kind, None if view else nullable, default, comment))
        for oid, relation in relations.items():
            relation.columns = found.get(oid)
            if relation.columns is None:
                relation.problem = "DuckDB has not kept its columns."

    def _read_keys(self, relations: Mapping[int, Relation]) -> None:
        for oid, kind, columns, name, other, others in self._rows(_KEYS_SQL):
            if oid not in relations:
                continue
            relation = relations[oid]
            # A foreign key never leaves its schema.
            references = [*relation.schema, other] if other else []
            key = Constraint(_KINDS[kind], columns, name, references, others or [])
            relation.keys.append(key)
        for oid, name, expressions in self._rows(_INDEXES_SQL):
            if oid in relations and (names := _index_columns(expressions, relations[oid])):
                relations[oid].keys.append(Constraint("unique", names, name))


def _schema_paths(rows: Sequence[tuple[Any, ...]]) -> dict[int, filedb.Schema]:
    """Schemas by oid; since DuckDB 2 a schema may lie in another one."""
    by_oid = {row[0]: row for row in rows}

    def path(oid: int) -> list[str]:
        _, name, parent, _ = by_oid[oid]
        above = int(parent) if parent is not None else None
        return [*(path(above) if above in by_oid and above is not None else []), name]

    return {oid: filedb.Schema(path(oid), row[3]) for oid, row in by_oid.items()}


def _relation(schema: list[str], row: tuple[Any, ...]) -> Relation:
    _, _, name, kind, comment, tags, sql, rows = row
    relation = Relation(schema, name, kind, comment=comment, sql=sql, rows=rows)
    relation.properties = msgspec.json.decode(tags or "{}", type=dict[str, str])
    relation.rows_how = "estimate"
    return relation


_INDEX_PART = re.compile(r"""'?((?:"(?:[^"]|"")*")|[^,'"\[\]]+)'?(?:, |$)""")


def _index_columns(expressions: str, relation: Relation) -> list[str]:
    """The columns of a unique index (``[a, '"b c"']``); none if it is over an expression."""
    parts = _INDEX_PART.findall(expressions.removeprefix("[").removesuffix("]"))
    names = [part[1:-1].replace('""', '"') if part[0] == '"' else part for part in parts]
    known = {column.name for column in relation.columns or []}
    return names if names and all(name in known for name in names) else []
