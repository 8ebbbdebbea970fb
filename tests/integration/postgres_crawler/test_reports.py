"""What the PostgreSQL crawler reports of a real server."""

from __future__ import annotations

import psycopg
import pytest

from catalog.crawling import (
    Field,
    Statement,
)
from tests.integration.postgres_crawler.support import Crawled, assets, crawl
from tests.support.postgres import Database
from tests.support.postgres import Postgres as Server


@pytest.fixture(scope="module")
def crawled(filled: Database) -> Crawled:
    return crawl(filled)


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
