"""What crawlers of databases in files share: the listing a reading process answers with.

A crawler's reader runs in a child process (`catalog.crawling.isolation`) and returns a `Listing`;
`records` turns it into records. Names are ``database.schema.relation``, as DuckDB writes them.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TypeVar

import msgspec
import pydantic

from catalog import errors, naming
from catalog.crawling import localfile, sqltypes
from catalog.crawling.crawler import CrawlerConfig
from catalog.crawling.isolation import Failure, Workers
from catalog.crawling.records import (
    Asset,
    Done,
    Field,
    Filtered,
    Key,
    Measure,
    Objects,
    Problem,
    Record,
    Statement,
)
from catalog.crawling.sqltypes import SqlType

COPIES: Final = (localfile.__name__,)
"""What a crawler that copies gives to ``Workers(allow=...)``."""


class FileConfig(CrawlerConfig):
    """What a crawler of a database in a file can be told."""

    path: str = pydantic.Field(
        min_length=1, description="Path of the file.", examples=["/srv/app/orders.db"]
    )
    lock_wait: float = pydantic.Field(
        default=5.0, ge=0, le=300, description="Seconds to wait for a writer's lock."
    )
    copy_limit_mb: int = pydantic.Field(
        default=1024,
        ge=0,
        description="Largest file in MB that is copied when it cannot be read where it is.",
    )


class Column(msgspec.Struct, frozen=True, omit_defaults=True):
    """A column as the system lists it; ``type`` is native."""

    name: str
    type: str
    nullable: bool | None = None
    default: str | None = None
    comment: str | None = None


class Constraint(msgspec.Struct, frozen=True, omit_defaults=True):
    """A key; ``references``: name parts of the other table, below the database."""

    kind: str
    columns: list[str]
    name: str | None = None
    references: list[str] = []
    references_columns: list[str] = []


class Relation(msgspec.Struct, omit_defaults=True):
    """A table or view. ``columns`` None: not known, ``problem`` says why."""

    schema: list[str]
    name: str
    kind: str
    columns: list[Column] | None = None
    keys: list[Constraint] = []
    comment: str | None = None
    properties: dict[str, str] = {}
    sql: str | None = None
    problem: str | None = None
    rows: int | None = None
    rows_how: str = "exact"
    bytes: int | None = None


class Schema(msgspec.Struct, frozen=True, omit_defaults=True):
    """A schema; nested ones have a longer path."""

    path: list[str]
    comment: str | None = None


class Listing(msgspec.Struct, omit_defaults=True):
    """All of one database. ``file_bytes``, ``modified`` (seconds since 1970) of its file."""

    database: str
    schemas: list[Schema]
    relations: list[Relation]
    comment: str | None = None
    file_bytes: int | None = None
    modified: float | None = None


ArgumentT = TypeVar("ArgumentT")
ResultT = TypeVar("ResultT")

_ERRORS: dict[str, type[errors.SourceError]] = {
    "denied": errors.Denied,
    "vanished": errors.Unreachable,
    "missing_driver": errors.MissingDriver,
}


def read_isolated(
    workers: Workers,
    function: Callable[[ArgumentT], ResultT],
    argument: ArgumentT,
    what: str,
    accept: str | None = None,
) -> ResultT | Failure:
    """What ``function`` answers in a child; a failure becomes a `SourceError` about ``what``.

    A failure with the code ``accept`` is returned, for the caller to act on.
    """
    outcome = workers.run(function, argument)
    failure = outcome.failure
    if failure is None:
        if outcome.value is None:
            raise errors.Unreadable(f"{what}: the reader gave no answer.")
        return outcome.value
    if failure.code == accept:
        return failure
    kind = _ERRORS.get(failure.code, errors.Unreadable)
    raise kind(f"{what}: {failure.why}", remedy=failure.hint, code=failure.code)


COPY_ATTEMPTS = 3


@contextmanager
def private_copy(
    workers: Workers, path: Path, suffixes: Sequence[str], config: FileConfig, why: str
) -> Iterator[Path]:
    """A copy of the file and its companions in a folder of our own, deleted afterwards.

    A file over the config's limit is `Unreadable`, with the reason ``why`` a copy was needed; so
    is one that is written to during three attempts, for its copy might be torn.
    """
    size, limit = localfile.size_with(path, suffixes), config.copy_limit_mb * 1_000_000
    if size > limit:
        raise errors.Unreadable(
            f"{path}: {why} Its {size:,} bytes are over the limit of {limit:,} for a copy.",
            remedy="Crawl when nobody writes to it, or raise copy_limit_mb.",
        )
    with tempfile.TemporaryDirectory(prefix="catalog-copy-", ignore_cleanup_errors=True) as folder:
        copy = Path(folder) / path.name
        order = localfile.CopyOrder(str(path), str(copy), list(suffixes))
        for _ in range(COPY_ATTEMPTS):
            if read_isolated(workers, localfile.copy_once, order, str(path)) is True:
                yield copy
                return
    raise errors.Unreadable(
        f"{path}: {why} It is written to so often that no whole copy could be made.",
        remedy="Crawl when nobody writes to it.",
    )


TypeOf = Callable[[str], SqlType]


class Reporter:
    """Turns a listing into records. ``type_of``: native type text -> `SqlType`."""

    def __init__(
        self, namespace: str, dialect: str, config: CrawlerConfig, type_of: TypeOf
    ) -> None:
        self._namespace = namespace
        self._dialect = dialect
        self._config = config
        self._type_of = type_of

    def records(self, listing: Listing) -> Iterator[Record]:
        """Containers, then relations in name order, then the ledger and `Done`."""
        yield self._database(listing)
        for schema in sorted(listing.schemas, key=lambda schema: schema.path):
            yield self._schema(listing.database, schema)
        filtered = 0
        for relation in sorted(listing.relations, key=lambda found: (found.schema, found.name)):
            name = self._name(listing.database, relation)
            refused = self._config.refused_by(name)
            if refused is not None:
                filtered += 1
                yield Filtered(self._namespace, name, refused)
                continue
            yield from self._relation(listing.database, name, relation)
        listed = len(listing.relations)
        yield Objects(listed=listed, used=listed - filtered, filtered=filtered)
        yield Done()

    def _name(self, database: str, relation: Relation) -> str:
        return naming.join_name([database, *relation.schema, relation.name])

    def _database(self, listing: Listing) -> Asset:
        measures = {}
        if listing.file_bytes is not None:
            measures["bytes"] = Measure(float(listing.file_bytes))
        if listing.modified is not None:
            measures["last_written"] = Measure(listing.modified)
        return Asset(
            self._namespace,
            naming.join_name([listing.database]),
            "database",
            "container",
            description=listing.comment,
            measures=measures,
        )

    def _schema(self, database: str, schema: Schema) -> Asset:
        return Asset(
            self._namespace,
            naming.join_name([database, *schema.path]),
            "schema",
            "container",
            parent=naming.join_name([database, *schema.path[:-1]]),
            description=schema.comment,
        )

    def _relation(self, database: str, name: str, relation: Relation) -> Iterator[Record]:
        yield Asset(
            self._namespace,
            name,
            relation.kind,
            parent=naming.join_name([database, *relation.schema]),
            description=relation.comment,
            columns=None if relation.columns is None else self._fields(relation.columns),
            keys=tuple(self._key(database, key) for key in relation.keys),
            format="table" if relation.kind == "table" else None,
            properties=dict(relation.properties),
            measures=_measures(relation),
        )
        if relation.sql is not None:
            yield Statement(
                relation.sql,
                self._dialect,
                self._namespace,
                kind=relation.kind,
                defines=name,
                default_database=database,
                default_schema=".".join(relation.schema),
            )
        if relation.problem is not None:
            # The asset itself is reported, so the problem stands for no object and no asset.
            yield Problem(
                name,
                relation.problem,
                hint="Repair or drop it at the source; its columns are unknown until then.",
                code="broken_view" if relation.kind == "view" else "unreadable_table",
                objects=0,
            )

    def _fields(self, columns: list[Column]) -> tuple[Field, ...]:
        found: list[Field] = []
        for column in columns:
            kind = self._type_of(column.type)
            found.extend(
                sqltypes.fields(
                    column.name,
                    kind,
                    nullable=column.nullable,
                    default=column.default,
                    comment=column.comment,
                )
            )
        return tuple(found)

    def _key(self, database: str, key: Constraint) -> Key:
        references = naming.join_name([database, *key.references]) if key.references else None
        return Key(
            key.kind,
            sqltypes.names(key.columns),
            key.name,
            references,
            references_columns=sqltypes.names(key.references_columns),
        )


def _measures(relation: Relation) -> dict[str, Measure]:
    measures = {}
    if relation.rows is not None:
        measures["rows"] = Measure(float(relation.rows), how=relation.rows_how)
    if relation.bytes is not None:
        measures["bytes"] = Measure(float(relation.bytes))
    return measures
