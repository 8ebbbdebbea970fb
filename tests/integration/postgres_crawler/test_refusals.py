"""What a PostgreSQL server refuses to the crawler, and what the crawler says then."""

from __future__ import annotations

import re
from collections.abc import Iterator

import psycopg
import pytest

from catalog.crawling import (
    Done,
    Objects,
    Problem,
    errors,
)
from crawlers.warehouse.postgres import Postgres
from crawlers.warehouse.postgres.connecting import PostgresConfig, Session
from tests.integration.postgres_crawler.support import assets, crawl, opened
from tests.support.postgres import PASSWORD_GROUP, Database
from tests.support.postgres import Postgres as Server


@pytest.fixture
def role(postgres: Server) -> Iterator[str]:
    """A role without any right, that must give its password ``right``."""
    postgres.run(f"CREATE ROLE reader LOGIN PASSWORD 'right' IN ROLE {PASSWORD_GROUP}")
    yield "reader"
    postgres.run("DROP ROLE reader")


def test_a_lost_privilege_is_no_drop(postgres_database: Database, role: str) -> None:
    postgres_database.run(
        "CREATE SCHEMA closed", "CREATE TABLE closed.t (a int)", "CREATE TABLE closed.u (a int)"
    )
    found = crawl(postgres_database, user=role, password="right")
    done = found["closed"][-1]
    assert isinstance(done, Done)
    assert not done.complete
    assert "USAGE" in str(done.why)
    (problem,) = (one for one in found["closed"] if isinstance(one, Problem))
    assert (problem.code, problem.objects) == ("denied", 2)
    assert problem.hint == f'GRANT USAGE ON SCHEMA "closed" TO {role}'
    assert "closed.t" not in assets(found)
    postgres_database.run(f"GRANT USAGE ON SCHEMA closed TO {role}")
    assert "closed.t" in assets(crawl(postgres_database, user=role, password="right"))
    postgres_database.run(f"REVOKE ALL ON SCHEMA closed FROM {role}")


def test_wrong_password(postgres_database: Database, role: str) -> None:
    with pytest.raises(errors.Denied, match="password authentication failed") as caught:
        crawl(postgres_database, user=role, password="wr0ng-one")
    assert "wr0ng-one" not in str(caught.value)
    assert "password" in str(caught.value.remedy)
    with opened(postgres_database, user=role, password="wr0ng-one") as crawler:
        result = crawler.check()
    assert not result.ok
    assert result.remedy


def test_missing_database(postgres: Server) -> None:
    with pytest.raises(errors.Unreachable, match="does not exist"):
        crawl(Database(postgres, "no_such_database"))


def test_missing_role(postgres_database: Database) -> None:
    with pytest.raises(errors.Denied, match="does not exist"):
        crawl(postgres_database, user="nobody_at_all")


def test_unreachable_host() -> None:
    crawler = Postgres(PostgresConfig(host="127.0.0.1", port=1, connect_timeout=2))
    with pytest.raises(errors.Unreachable, match=re.escape("postgres://127.0.0.1:1")) as caught:
        crawler.scopes({})
    assert "host, port" in str(caught.value.remedy)


def test_a_locked_view_does_not_hang_the_crawl(filled: Database) -> None:
    with psycopg.connect(filled.url()) as connection:
        connection.execute("LOCK TABLE sales.totals IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(errors.Unreadable, match="lock timeout") as caught:
            crawl(filled, lock_wait=0.1)
        assert "lock_wait" in str(caught.value.remedy)


def test_a_connection_that_is_cut(filled: Database) -> None:
    with opened(filled) as crawler:
        scope = crawler.scopes({}).scopes[-1]
        filled.run(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = 'catalog' AND datname = current_database()"
        )
        with pytest.raises(errors.Unreachable, match="ended the connection"):
            list(crawler.crawl(scope, None))
        assert isinstance(list(crawler.crawl(scope, None))[-1], Done)


def test_the_session_can_write_nothing(filled: Database) -> None:
    with opened(filled) as crawler:
        session = Session(crawler.config, filled.name)
        with pytest.raises(errors.Unreadable, match="read-only"):
            session.rows("CREATE TABLE public.x (a int)")
        session.close()


def test_no_execute_right_on_the_clusters_identifier(
    postgres_database: Database, role: str
) -> None:
    postgres_database.run("REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC")
    found = assets(crawl(postgres_database, user=role, password="right"))
    assert str(found[""].id).startswith("0/")


def test_a_schema_that_was_dropped_is_empty(postgres_database: Database) -> None:
    postgres_database.run("CREATE SCHEMA gone")
    with opened(postgres_database) as crawler:
        _, gone, _ = crawler.scopes({}).scopes
        crawler.close()
        postgres_database.run("DROP SCHEMA gone")
        assert list(crawler.crawl(gone, None)) == [Objects(), Done()]
