"""The PostgreSQL crawler on a real server."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

from catalog.crawling import (
    Asset,
    Done,
    Field,
    Objects,
    Problem,
    Record,
    Statement,
    errors,
    registry,
)
from crawlers.warehouse.postgres import Postgres, queries
from crawlers.warehouse.postgres.connecting import PostgresConfig, Session, config_of_url
from tests.support.postgres import PASSWORD_GROUP, Database
from tests.support.postgres import Postgres as Server
from tests.support.warehouses import fill_postgres

Crawled = dict[str, list[Record]]


@contextmanager
def opened(database: Database, **config: object) -> Iterator[Postgres]:
    crawler = Postgres(
        PostgresConfig.model_validate(
            {
                "host": database.server.socket,
                "database": database.name,
                "user": database.server.user,
                **config,
            }
        )
    )
    try:
        yield crawler
    finally:
        crawler.close()


def crawl(database: Database, **config: object) -> Crawled:
    """Records by scope; the database's own name is cut off scopes."""
    with opened(database, **config) as crawler:
        return {
            scope.name.removeprefix(f"{database.name}."): list(crawler.crawl(scope, None))
            for scope in crawler.scopes({}).scopes
        }


def assets(crawled: Crawled) -> dict[str, Asset]:
    """Assets by name below the database."""
    found = [one for records in crawled.values() for one in records if isinstance(one, Asset)]
    return {asset.name.partition(".")[2]: asset for asset in found}


@pytest.fixture(scope="module")
def filled(postgres: Server) -> Iterator[Database]:
    database = fill_postgres(postgres.create_database())
    yield database
    database.drop()


@pytest.fixture(scope="module")
def crawled(filled: Database) -> Crawled:
    return crawl(filled)


@pytest.fixture
def role(postgres: Server) -> Iterator[str]:
    """A role without any right, that must give its password ``right``."""
    postgres.run(f"CREATE ROLE reader LOGIN PASSWORD 'right' IN ROLE {PASSWORD_GROUP}")
    yield "reader"
    postgres.run("DROP ROLE reader")


# --- what is reported -------------------------------------------------------------------------


def test_kinds(crawled: Crawled, filled: Database) -> None:
    kinds = {name: asset.kind for name, asset in assets(crawled).items() if "DROP" not in name}
    assert kinds == {
        "": "database",
        "empty": "schema",
        "public": "schema",
        "public.customers": "table",
        "sales": "schema",
        "sales.days": "materialized_view",
        "sales.orders": "table",
        "sales.scratch": "table",
        "sales.totals": "view",
    }
    assert list(crawled) == [filled.name, "empty", "public", "sales"]
    assert assets(crawled)["sales.orders"].parent == f"{filled.name}.sales"
    assert {asset.namespace for asset in assets(crawled).values()} == {"postgres://localhost:5432"}


def test_columns(crawled: Crawled) -> None:
    columns = assets(crawled)["public.customers"].columns
    assert columns is not None
    assert [(c.path, c.type, c.native_type, c.nullable, c.id) for c in columns] == [
        ("id", "int64", "bigint", False, "1"),
        ("email", "string", "public.email", True, "2"),
        ("mood", "enum", "public.mood", True, "3"),
        ("homes", "list<struct>", "public.address[]", True, "4"),
        ("homes[].street", "string", "text", None, "4.1"),
        ("homes[].city", "string", "text", None, "4.2"),
        ("tags", "list<string>", "text[]", True, "5"),
    ]
    assert columns[0].default == "GENERATED ALWAYS AS IDENTITY"
    assert columns[1].comment == "As typed"
    assert columns[2].default == "'good'::public.mood"
    view = assets(crawled)["sales.totals"].columns
    assert view is not None
    assert {column.nullable for column in view} == {None}


def test_keys(crawled: Crawled, filled: Database) -> None:
    keys = {key.kind: key for key in assets(crawled)["sales.orders"].keys}
    assert keys["primary"].columns == ("id", "customer", "at")
    assert keys["foreign"].columns == ("customer",)
    assert keys["foreign"].references == f"{filled.name}.public.customers"
    assert keys["foreign"].references_columns == ("id",)
    # Partial indexes and those over expressions make no column unique; INCLUDE adds none.
    unique = assets(crawled)["sales.scratch"].keys
    assert [(key.kind, key.name, key.columns) for key in unique] == [
        ("unique", "scratch_unique", ("a",))
    ]


def test_descriptions_owners_measures(crawled: Crawled, filled: Database) -> None:
    customers = assets(crawled)["public.customers"]
    assert (customers.description, customers.owners) == ("Who buys", ("postgres",))
    assert assets(crawled)["public"].description == "Shop"
    assert (customers.measures["rows"].value, customers.measures["rows"].how) == (0, "estimate")
    with psycopg.connect(filled.url()) as connection:
        size = connection.execute("SELECT pg_total_relation_size('customers')").fetchone()
    assert size is not None
    assert customers.measures["bytes"].value == size[0] > 0
    # Never analyzed: not 0 rows but unknown.
    assert "rows" not in assets(crawled)["sales.scratch"].measures
    assert assets(crawled)["sales.scratch"].properties == {"unlogged": True}
    assert not assets(crawled)["sales.totals"].measures


def test_partitions_are_rows(crawled: Crawled, filled: Database) -> None:
    orders = assets(crawled)["sales.orders"]
    assert orders.partition_keys == ("at",)
    assert orders.partitions is not None
    assert {one.path.rpartition(".")[2]: one.values for one in orders.partitions} == {
        "orders_2023": {"at": "FROM ('2023-01-01 00:00:00+00') TO ('2024-01-01 00:00:00+00')"},
        "orders_2024_1": {
            "at": "FROM ('2024-01-01 00:00:00+00') TO ('2025-01-01 00:00:00+00')",
            "customer": "1",
        },
    }
    assert orders.measures["partitions"].value == 2
    assert "rows" not in orders.measures  # not analyzed


def test_rows_of_a_partitioned_table_are_those_of_its_leaves(postgres_database: Database) -> None:
    postgres_database.run(
        "CREATE TABLE p (a int) PARTITION BY LIST (a)",
        "CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1)",
        "CREATE TABLE p2 PARTITION OF p DEFAULT",
        "INSERT INTO p SELECT i % 2 FROM generate_series(1, 100) i",
        "ANALYZE p",
    )
    found = assets(crawl(postgres_database))["public.p"]
    assert found.measures["rows"].value == 100
    assert found.partitions is not None
    assert [(one.values, one.rows) for one in found.partitions] == [
        ({"a": "1"}, 50),
        ({"a": "DEFAULT"}, 50),
    ]


def test_definitions_have_all_schemas_written_out(crawled: Crawled, filled: Database) -> None:
    records = crawled["sales"]
    for name, kind in (("totals", "view"), ("days", "materialized_view")):
        statement = records[records.index(assets(crawled)[f"sales.{name}"]) + 1]
        assert isinstance(statement, Statement)
        assert "FROM sales.orders" in statement.text
        assert (statement.kind, statement.dialect) == (kind, "postgres")
        assert statement.defines == f"{filled.name}.sales.{name}"
        assert statement.default_schema == "sales"


def test_ids_survive_a_rename_and_tell_databases_apart(postgres_database: Database) -> None:
    postgres_database.run("CREATE TABLE a (x int)", "CREATE TABLE b (x int)")
    before = assets(crawl(postgres_database))
    postgres_database.run(
        "ALTER TABLE a RENAME TO c", "ALTER TABLE c RENAME COLUMN x TO y", "DROP TABLE b"
    )
    postgres_database.run("CREATE TABLE b (x int)")
    after = assets(crawl(postgres_database))
    assert after["public.c"].id == before["public.a"].id
    assert after["public.b"].id != before["public.b"].id
    assert after["public.c"].columns is not None
    assert (after["public.c"].columns[0].path, after["public.c"].columns[0].id) == ("y", "1")
    ids = [asset.id for asset in after.values()]
    assert len(set(ids)) == len(ids)


def test_a_dropped_column_is_gone_and_numbers_stay(postgres_database: Database) -> None:
    postgres_database.run(
        "CREATE TABLE t (a int, b int, c int, UNIQUE (c))", "ALTER TABLE t DROP COLUMN b"
    )
    table = assets(crawl(postgres_database))["public.t"]
    assert table.columns is not None
    assert [(column.path, column.id) for column in table.columns] == [("a", "1"), ("c", "3")]
    assert table.keys[0].columns == ("c",)


def test_wide_tables_and_odd_names(postgres_database: Database) -> None:
    columns = ",".join(f'"c.{number}" int' for number in range(1600))
    postgres_database.run(
        f"CREATE TABLE wide ({columns})",
        'CREATE SCHEMA "a.b ""c"""',
        'CREATE TABLE "a.b ""c"""."x;y \u2603" ("p q" int PRIMARY KEY, "{r}" text[])',
        "CREATE TABLE none ()",
    )
    found = assets(crawl(postgres_database))
    wide = found["public.wide"].columns
    assert wide is not None
    assert len(wide) == 1600
    assert wide[0].path == '"c.0"'
    odd = found['"a.b ""c"""."x;y \u2603"'.replace('"x;y \u2603"', "x;y \u2603")]
    assert odd.columns is not None
    assert [column.path for column in odd.columns] == ["p q", '"{r}"']
    assert odd.keys[0].columns == ("p q",)
    assert found["public.none"].columns == ()


def test_names_without_an_encoding(postgres: Server) -> None:
    postgres.run("CREATE DATABASE bytes ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0")
    database = Database(postgres, "bytes")
    url = database.url() + "&client_encoding=SQL_ASCII"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(b'CREATE SCHEMA "\xe9"')
        connection.execute(b'CREATE TABLE "\xe9"."caf\xe9" ("d\xe9\xe8" int PRIMARY KEY)')
        connection.execute(b'CREATE TABLE "\xe9"."\xc3\xa9t\xc3\xa9" ("a\\\\x" int)')
    found = assets(crawl(database))
    database.drop()
    assert {"\\xe9", "\\xe9.caf\\xe9", "\\xe9.été"} <= found.keys()
    table = found["\\xe9.caf\\xe9"]
    assert table.columns is not None
    assert table.columns[0].path == "d\\xe9\\xe8"
    assert table.keys[0].columns == ("d\\xe9\\xe8",)
    assert found["\\xe9.été"].columns == (Field("a\\\\x", "int32", "integer", True, id="1"),)


def test_temporary_tables_and_system_schemas_are_left_out(postgres_database: Database) -> None:
    with psycopg.connect(postgres_database.url(), autocommit=True) as connection:
        connection.execute("CREATE TEMP TABLE passing (a int)")
        assert set(assets(crawl(postgres_database))) == {"", "public"}


def test_texts_do_not_depend_on_the_session(postgres_database: Database) -> None:
    postgres_database.run(
        "CREATE TABLE t (at timestamptz DEFAULT '2024-01-01 00:00:00+00')",
        f"ALTER DATABASE {postgres_database.name} SET timezone = 'Asia/Tokyo'",
        f"ALTER DATABASE {postgres_database.name} SET datestyle = 'German'",
    )
    columns = assets(crawl(postgres_database))["public.t"].columns
    assert columns is not None
    assert columns[0].default == "'2024-01-01 00:00:00+00'::timestamp with time zone"


# --- how it is read ---------------------------------------------------------------------------


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


# --- what is refused --------------------------------------------------------------------------


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


# --- configs ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "config"),
    [
        (
            "postgresql://ann:p%40ss@db.example.com:5433/shop?sslmode=require",
            {
                "host": "db.example.com",
                "port": 5433,
                "user": "ann",
                "password": "p@ss",
                "database": "shop",
                "sslmode": "require",
            },
        ),
        ("postgres://db", {"host": "db"}),
        ("postgresql://ann@/", {"user": "ann", "database": "ann"}),
        (
            "postgresql:///shop?host=/run/pg&port=7",
            {"host": "/run/pg", "port": 7, "database": "shop"},
        ),
        ("postgresql+psycopg://h/d", {"host": "h", "database": "d"}),
        ("mysql://h/d", None),
        ("postgresql://h:port/d", None),
        ("/srv/file", None),
    ],
)
def test_claims(url: str, config: dict[str, Any] | None) -> None:
    assert config_of_url(url) == config
    if config is not None:
        assert registry.claim(url) == ("postgres", config)
        PostgresConfig.model_validate(config)


@pytest.mark.parametrize(
    ("config", "namespace"),
    [
        ({"host": "DB.Example.com"}, "postgres://db.example.com:5432"),
        ({"host": "/run/postgresql", "port": 5433}, "postgres://localhost:5433"),
        ({"host": "::1"}, "postgres://[::1]:5432"),
        ({"namespace": "postgresql://u:p@prod:5432/"}, "postgres://prod:5432"),
    ],
)
def test_namespaces(config: dict[str, Any], namespace: str) -> None:
    assert Postgres(PostgresConfig.model_validate(config)).namespaces() == (namespace,)


def test_queries_name_no_schema_but_pg_catalog() -> None:
    texts = [text for name, text in vars(queries).items() if name.isupper()]
    assert not any("information_schema." in text for text in texts)
