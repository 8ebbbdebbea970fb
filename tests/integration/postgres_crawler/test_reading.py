"""How the PostgreSQL crawler reads: few statements, one snapshot, nothing left open."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from catalog.crawling import (
    Asset,
    Done,
    Objects,
)
from tests.integration.postgres_crawler.support import assets, crawl, opened
from tests.support.postgres import Database
from tests.support.postgres import Postgres as Server


class CountingCursor(psycopg.Cursor[Any]):
    """Counts the statements that are sent."""

    sent = 0

    def execute(self, *arguments: Any, **options: Any) -> CountingCursor:
        type(self).sent += 1
        super().execute(*arguments, **options)
        return self

    def stream(self, *arguments: Any, **options: Any) -> Iterator[Any]:
        type(self).sent += 1
        return super().stream(*arguments, **options)


def test_statements_do_not_grow_with_tables(
    postgres: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain, sent = psycopg.connect, []

    def counting(*arguments: Any, **options: Any) -> psycopg.Connection[Any]:
        return plain(*arguments, **options, cursor_factory=CountingCursor)

    for tables in (10, 1000):
        database = postgres.create_database()
        database.run(
            ";".join(
                f"CREATE TABLE t{number} (id int PRIMARY KEY);"
                f"CREATE VIEW v{number} AS SELECT * FROM t{number}"
                for number in range(tables)
            )
        )
        CountingCursor.sent = 0
        with monkeypatch.context() as patch:
            patch.setattr(psycopg, "connect", counting)
            found = crawl(database)
        assert len(assets(found)) == 2 + 2 * tables
        sent.append(CountingCursor.sent)
        names = [one.name for one in found["public"] if isinstance(one, Asset)][1:]
        assert names == sorted(names)
        database.drop()
    assert sent[0] == sent[1] > 5


def test_all_scopes_of_a_database_are_one_snapshot(postgres_database: Database) -> None:
    postgres_database.run("CREATE SCHEMA a", "CREATE SCHEMA b", "CREATE TABLE b.moving (x int)")
    with opened(postgres_database) as crawler:
        _, a, b, _ = crawler.scopes({}).scopes
        first = list(crawler.crawl(a, None))
        postgres_database.run("ALTER TABLE b.moving SET SCHEMA a")
        second = list(crawler.crawl(b, None))
        names = [one.name for one in first + second if isinstance(one, Asset)]
        assert [name.partition(".")[2] for name in names] == ["a", "b", "b.moving"]
        # Asked once more, it looks again.
        again = [one.name for one in crawler.crawl(a, None) if isinstance(one, Asset)]
        assert again[-1].endswith("a.moving")


def test_an_abandoned_stream_leaves_no_transaction(filled: Database) -> None:
    with opened(filled) as crawler:
        scope = crawler.scopes({}).scopes[-1]
        stream = iter(crawler.crawl(scope, None))
        next(stream)
        next(stream)
        assert sessions_are(1, filled)
        stream.close()  # type: ignore[attr-defined]
        assert sessions_are(0, filled)
        assert isinstance(list(crawler.crawl(scope, None))[-1], Done)
    assert sessions_are(0, filled)


def sessions_are(expected: int, database: Database) -> bool:
    """Whether the catalog has so many connections, after a moment for those that just ended."""
    with psycopg.connect(database.url(), autocommit=True) as connection:
        for _ in range(50):
            row = connection.execute(
                "SELECT count(*) FROM pg_stat_activity"
                " WHERE application_name = 'catalog' AND datname = current_database()"
            ).fetchone()
            assert row is not None
            if row[0] == expected:
                return True
            time.sleep(0.01)
    return False


def test_two_scopes_at_once(filled: Database) -> None:
    with opened(filled) as crawler:
        *_, public, sales = crawler.scopes({}).scopes
        pairs = zip(crawler.crawl(public, None), crawler.crawl(sales, None), strict=False)
        assert len(list(pairs)) > 3


def test_patterns_leave_out_with_partitions_counted(filled: Database) -> None:
    found = crawl(filled, exclude=["*.sales.orders"])
    (ledger,) = (one for one in found["sales"] if isinstance(one, Objects))
    assert (ledger.listed, ledger.used, ledger.filtered) == (6, 3, 3)
    assert "sales.orders" not in assets(found)


def test_other_databases(postgres: Server, postgres_database: Database) -> None:
    other = postgres.create_database()
    other.run("CREATE TABLE elsewhere (a int)")
    pattern = other.name.replace("_", "?")
    with opened(postgres_database, databases=[pattern, postgres_database.name]) as crawler:
        scopes = crawler.scopes({})
        names = [scope.name for scope in scopes.scopes]
        assert scopes.complete
        assert set(names) == {
            name + suffix
            for name in (other.name, postgres_database.name)
            for suffix in ("", ".public")
        }
        records = [one for scope in scopes.scopes for one in crawler.crawl(scope, None)]
        assert f"{other.name}.public.elsewhere" in [
            one.name for one in records if isinstance(one, Asset)
        ]
    with opened(postgres_database, databases=["missing", postgres_database.name]) as crawler:
        scopes = crawler.scopes({})
        assert not scopes.complete
        assert "missing" in str(scopes.why)
        assert len(scopes.scopes) == 2
    other.drop()
