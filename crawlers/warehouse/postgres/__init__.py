"""Crawler of PostgreSQL: one snapshot per database, read from ``pg_catalog``.

The number of statements per schema is constant; relations arrive as a stream in name order.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from fnmatch import fnmatchcase
from typing import Any

from catalog.crawling import (
    CheckResult,
    Crawler,
    Done,
    Filtered,
    Measure,
    Objects,
    Problem,
    Record,
    Scope,
    Scopes,
    errors,
    naming,
)
from crawlers.warehouse.postgres import queries
from crawlers.warehouse.postgres.building import (
    Builder,
    PartitionRow,
    Place,
    RelationRow,
    Types,
    container,
    schema_id,
)
from crawlers.warehouse.postgres.connecting import PostgresConfig, Session, config_of_url

# A snapshot keeps VACUUM from cleaning up at the source; after this many seconds a new one begins.
SNAPSHOT_SECONDS = 300.0
_GLOB = frozenset("*?[")


class Postgres(Crawler[PostgresConfig]):
    """A scope per database (``shop``: the container) and one per schema (``shop.public``)."""

    kind = "postgres"
    title = "PostgreSQL"
    version = 1
    Config = PostgresConfig
    examples = (
        '{"host": "db.example.com", "database": "shop", "user": "catalog", '
        '"password": "secret", "sslmode": "require"}',
    )

    def __init__(self, config: PostgresConfig) -> None:
        super().__init__(config)
        self._sessions: dict[str, Session] = {}

    # -- what is asked of a crawler -------------------------------------------------------------

    def check(self) -> CheckResult:
        """Connects, and says which databases and schemas can be read."""
        try:
            scopes = self.scopes({})
        except errors.SourceError as error:
            return CheckResult(False, error.message, error.remedy)
        finally:
            self.close()
        count = sum(1 for scope in scopes.scopes if scope.detail["schema"] is not None)
        message = f"{self.config.named()} can be read: {count} schemas."
        if not scopes.complete:
            return CheckResult(
                False, f"{message} {scopes.why}", "Grant CONNECT on what is missing."
            )
        return CheckResult(True, message)

    def namespaces(self) -> tuple[str, ...]:
        """``postgres://host:port``, or the one that the config gives."""
        return (self.config.named(),)

    def scopes(self, state: Mapping[str, Any]) -> Scopes:
        """Databases and their schemas, from a new snapshot of each."""
        self.close()
        found: list[Scope] = []
        failed: list[str] = []
        databases = self._databases()
        for database in databases:
            try:
                with self._session(database, None) as session:
                    schemas = session.rows(queries.SCHEMAS)
            except errors.SourceError as error:
                if len(databases) == 1:
                    raise
                failed.append(error.message)
                continue
            found.append(
                Scope(naming.join_name((database,)), {"database": database, "schema": None})
            )
            found.extend(_scope(database, oid, schema) for oid, schema in schemas)
        return Scopes(found, complete=not failed, why=" ".join(failed) or None)

    def crawl(
        self, scope: Scope, state: Mapping[str, Any] | None, only: Sequence[str] | None = None
    ) -> Iterator[Record]:
        """The records of a database or schema; ``state`` and ``only`` would save nothing."""
        database, schema = scope.detail["database"], scope.detail["schema"]
        with self._session(database, scope.name) as session:
            if schema is None:
                yield from self._database(session)
            else:
                yield from self._schema(session, schema, scope.detail["oid"])

    def close(self) -> None:
        """Ends the snapshots."""
        for session in self._sessions.values():
            session.close()
        self._sessions.clear()

    @classmethod
    def claims(cls, target: str) -> dict[str, Any] | None:
        """``postgresql://user:password@host:port/database``."""
        return config_of_url(target)

    # -- snapshots ------------------------------------------------------------------------------

    @contextmanager
    def _session(self, database: str, scope: str | None) -> Iterator[Session]:
        """The snapshot that a scope is read in: one for all scopes of a database.

        A table that moves to another schema is then seen once. Asking for a scope again asks for
        news, so it gets a newer snapshot; a scope that is being read has its own.
        """
        session = self._sessions.get(database)
        if session is None or session.busy or _is_old(session, scope):
            session = self._begin(database, replaced=session)
        session.busy = True
        if scope is not None:
            session.read.add(scope)
        try:
            yield session
        except BaseException:  # also when the reader is given up in the middle of its rows
            session.close()
            if self._sessions.get(database) is session:
                del self._sessions[database]
            raise
        finally:
            session.busy = False

    def _begin(self, database: str, replaced: Session | None) -> Session:
        for name, other in list(self._sessions.items()):
            if not other.busy:
                other.close()
                del self._sessions[name]
        session = Session(self.config, database)
        if replaced is None or not replaced.busy:
            self._sessions[database] = session
        return session

    def _databases(self) -> list[str]:
        """Names of the databases to crawl, sorted; names without wildcards need not exist."""
        patterns = self.config.databases or [self.config.database]
        plain = {name for name in patterns if not _GLOB & set(name)}
        if len(plain) == len(patterns):
            return sorted(plain)
        with self._session(self.config.database, None) as session:
            known = [row[0] for row in session.rows(queries.DATABASES)]
        matched = {name for name in known if any(fnmatchcase(name, one) for one in patterns)}
        return sorted(plain | matched)

    # -- records --------------------------------------------------------------------------------

    def _place(self, session: Session, schema: str) -> tuple[Place, tuple[Any, ...]]:
        row = session.row(queries.DATABASE)
        cluster = session.row(queries.CLUSTER)[0] if row[4] else "0"
        prefix = f"{cluster}/{row[0]}"
        return Place(self.config.named(), row[1], schema, prefix, session.version), row

    def _database(self, session: Session) -> Iterator[Record]:
        place, row = self._place(session, "")
        size = session.row(queries.DATABASE_SIZE)[0]
        yield container(
            place,
            "database",
            {
                "owner": row[2],
                "comment": row[3],
                "id": place.id_prefix,
                "measures": {"bytes": Measure(float(size))},
            },
        )
        yield Objects(listed=1, used=1)
        yield Done()

    def _schema(self, session: Session, schema: str, oid: int) -> Iterator[Record]:
        place, _ = self._place(session, schema)
        found = session.rows(queries.SCHEMA, {"schema": oid})
        if not found:  # dropped: it is empty now
            yield Objects()
            yield Done()
            return
        _, owner, comment, usable, count = found[0]
        yield container(
            place,
            "schema",
            {"owner": owner, "comment": comment, "id": schema_id(place.id_prefix, oid)},
        )
        if usable:
            yield from self._relations(session, place, oid)
        else:
            yield from self._lost(place, count)

    def _lost(self, place: Place, count: int) -> Iterator[Record]:
        """Tables that are there but not ours to read are not gone."""
        why = f"The role lacks USAGE on schema {place.schema!r}."
        hint = f"GRANT USAGE ON SCHEMA {_quoted(place.schema)} TO {self.config.user or 'the role'}"
        yield Objects(listed=count)
        yield Problem(place.parent, why, hint, code="denied", objects=count)
        yield Done(complete=False, why=why)

    def _relations(self, session: Session, place: Place, oid: int) -> Iterator[Record]:
        schema = {"schema": oid}
        builder = Builder(
            place,
            Types(session.rows(queries.TYPES, schema)),
            map(PartitionRow._make, session.rows(queries.PARTITIONS, schema)),
        )
        used = filtered = 0
        for row in map(RelationRow._make, session.stream(queries.RELATIONS, schema)):
            name = place.name(row.name)
            objects = 1 + len(builder.leaves(row.oid))
            refused = self.config.refused_by(name)
            if refused is not None:
                filtered += objects
                yield Filtered(place.namespace, name, refused)
                continue
            used += objects
            yield builder.asset(name, row)
            statement = builder.statement(name, row)
            if statement is not None:
                yield statement
        yield Objects(listed=used + filtered, used=used, filtered=filtered)
        yield Done()


def _scope(database: str, oid: int, schema: str) -> Scope:
    # By oid, for a name in a database without an encoding may not be what it is shown as.
    detail = {"database": database, "schema": schema, "oid": oid}
    return Scope(naming.join_name((database, schema)), detail)


def _is_old(session: Session, scope: str | None) -> bool:
    age = time.monotonic() - session.began
    return age > SNAPSHOT_SECONDS or (scope is not None and scope in session.read)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
