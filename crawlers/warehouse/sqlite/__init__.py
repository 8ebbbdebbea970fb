"""Crawler of SQLite files: read-only, in a process of its own, writing nothing beside them.

SQLite keeps no comments, owners or stable ids. Row counts are exact if they fit into the time
allowed, else ``ANALYZE``'s estimates; bytes come from ``dbstat`` where SQLite was built with it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pydantic

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
from catalog.crawling.filedb import Listing
from catalog.crawling.isolation import Failure, Workers
from crawlers.warehouse.sqlite.reading import (
    COMPANIONS,
    IN_PLACE,
    NEEDS_COPY,
    SCHEMA,
    WRITABLE,
    Arguments,
    read,
)

MAGIC = b"SQLite format 3\x00"


class SQLiteConfig(filedb.FileConfig):
    """Where the file is, and how much time reading it may take."""

    count_seconds: float = pydantic.Field(
        default=2.0,
        ge=0,
        le=600,
        description="Seconds that counting rows and bytes may take together; 0: do not count.",
    )


class SQLite(Crawler[SQLiteConfig]):
    """One file is one scope: ``STEM`` (database), ``STEM.main`` (schema), ``STEM.main.TABLE``."""

    kind = "sqlite"
    title = "SQLite file"
    version = 1
    Config = SQLiteConfig
    examples = ('{"path": "/srv/app/orders.db"}',)

    def __init__(self, config: SQLiteConfig) -> None:
        super().__init__(config)
        self._path = localfile.absolute(config.path)
        seconds = 120 + config.lock_wait + 2 * config.count_seconds
        self._workers = Workers(count=1, seconds=seconds, allow=filedb.COPIES)

    def check(self) -> CheckResult:
        """Opens the file and counts what it holds."""
        try:
            listing = self._listing(count_seconds=0.0)
        except errors.SourceError as error:
            return CheckResult(False, error.message, error.remedy)
        return CheckResult(True, f"{self._path} holds {len(listing.relations)} tables and views.")

    def namespaces(self) -> tuple[str, ...]:
        """``sqlite:///absolute/path.db``."""
        return (localfile.namespace("sqlite", self.config.path),)

    def scopes(self, state: Mapping[str, Any]) -> Scopes:
        """The file. Whether it is there shows when it is crawled."""
        return Scopes([Scope(SCHEMA)])

    def crawl(
        self, scope: Scope, state: Mapping[str, Any] | None, only: Sequence[str] | None = None
    ) -> Iterator[Record]:
        """All of the file; neither ``state`` nor ``only`` would save anything."""
        found = localfile.require_file(self._path, "SQLite")
        listing = self._listing(self.config.count_seconds)
        listing.file_bytes = found.st_size
        listing.modified = found.st_mtime
        reporter = filedb.Reporter(
            self.namespaces()[0], "sqlite", self.config, sqltypes.sqlite_type
        )
        yield from reporter.records(listing)

    def close(self) -> None:
        """Ends the reading process."""
        self._workers.close()

    @classmethod
    def claims(cls, target: str) -> dict[str, Any] | None:
        """An existing file that begins as SQLite files do."""
        return {"path": target} if localfile.has_magic(target, MAGIC) else None

    # -- reading ------------------------------------------------------------------------------

    def _listing(self, count_seconds: float) -> Listing:
        localfile.require_file(self._path, "SQLite")
        arguments = self._arguments(self._path, IN_PLACE, count_seconds)
        what = str(self._path)
        result = filedb.read_isolated(self._workers, read, arguments, what, accept=NEEDS_COPY)
        return self._from_copy(result, count_seconds) if isinstance(result, Failure) else result

    def _from_copy(self, failure: Failure, count_seconds: float) -> Listing:
        with filedb.private_copy(
            self._workers, self._path, COMPANIONS, self.config, failure.why
        ) as copy:
            arguments = self._arguments(copy, WRITABLE, count_seconds)
            result = filedb.read_isolated(self._workers, read, arguments, str(self._path))
        if isinstance(result, Failure):
            raise errors.Unreadable(f"{self._path}: {result.why}", remedy=result.hint)
        return result

    def _arguments(self, path: Path, mode: str, count_seconds: float) -> Arguments:
        database = localfile.database_name(self._path)
        return Arguments(str(path), mode, database, self.config.lock_wait, count_seconds)
