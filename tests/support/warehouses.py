"""Small databases with a bit of everything, for the tests of crawlers and of what follows them."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from tests.support.postgres import Database

ODD_NAME = 'we.ird "q"; DROP TABLE x; -- \u2603'


def make_sqlite(path: Path) -> Path:
    """Two tables, keys, a view, a virtual table and one name that is hard to write."""
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(
            """
            CREATE TABLE customers (
                id INTEGER PRIMARY KEY, email VARCHAR(80) NOT NULL UNIQUE, born DATE);
            CREATE TABLE orders (
                id INTEGER PRIMARY KEY, customer INTEGER NOT NULL REFERENCES Customers,
                price DECIMAL(10,2) DEFAULT 0, "odd.name" TEXT);
            CREATE UNIQUE INDEX orders_unique ON orders (customer, price);
            CREATE UNIQUE INDEX orders_partial ON orders (price) WHERE price > 0;
            CREATE VIEW totals AS SELECT customer, sum(price) AS total FROM orders GROUP BY 1;
            CREATE VIRTUAL TABLE notes USING fts5(body);
            INSERT INTO customers VALUES (1, 'a@example.com', NULL), (2, 'b@example.com', NULL);
            """
        )
        connection.execute(f"CREATE TABLE {quoted(ODD_NAME)} (a)")
        connection.commit()
    return path


def make_duckdb(path: Path) -> Path:
    """Two schemas, keys, comments, nested columns, and a view over a file that is gone."""
    import duckdb

    parquet = path.with_suffix(".parquet")
    with closing(duckdb.connect(str(path))) as connection:
        connection.execute(f"COPY (SELECT 1 AS a, 'x' AS b) TO '{parquet}' (FORMAT parquet)")
        for statement in (
            "CREATE TABLE orders (id INTEGER PRIMARY KEY, price DECIMAL(10,2) DEFAULT 0,"
            " items STRUCT(sku VARCHAR, tags VARCHAR[], prices MAP(VARCHAR, STRUCT(net INTEGER)))[]"
            ")",
            "COMMENT ON TABLE orders IS 'What was sold'",
            "COMMENT ON COLUMN orders.price IS 'In euro'",
            "CREATE TABLE refunds (order_id INTEGER REFERENCES orders (id), note VARCHAR UNIQUE)",
            'CREATE UNIQUE INDEX one_note ON refunds (order_id, "note")',
            "CREATE SCHEMA mart",
            "CREATE VIEW mart.totals AS SELECT sum(price) AS total FROM main.orders",
            f"CREATE VIEW raw AS SELECT * FROM read_parquet('{parquet}')",
            f"CREATE TABLE {quoted(ODD_NAME)} (a INTEGER)",
            "CREATE TEMP TABLE passing (a INTEGER)",
            "INSERT INTO orders (id) VALUES (1), (2)",
        ):
            connection.execute(statement)
    parquet.unlink()
    return path


POSTGRES_STATEMENTS = (
    "COMMENT ON SCHEMA public IS 'Shop'",
    "CREATE TYPE mood AS ENUM ('good', 'bad')",
    "CREATE DOMAIN email AS varchar(80) CHECK (VALUE LIKE '%@%')",
    "CREATE TYPE address AS (street text, city text)",
    "CREATE TABLE customers (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,"
    " email email UNIQUE, mood mood DEFAULT 'good', homes address[], tags text[])",
    "COMMENT ON TABLE customers IS 'Who buys'",
    "COMMENT ON COLUMN customers.email IS 'As typed'",
    "CREATE SCHEMA sales",
    "CREATE TABLE sales.orders (id int, customer bigint REFERENCES customers,"
    " price numeric(10,2) DEFAULT 0, vat numeric GENERATED ALWAYS AS (price * 0.19) STORED,"
    " at timestamptz NOT NULL, doc jsonb, PRIMARY KEY (id, customer, at))"
    " PARTITION BY RANGE (at)",
    "CREATE TABLE sales.orders_2023 PARTITION OF sales.orders"
    " FOR VALUES FROM ('2023-01-01') TO ('2024-01-01')",
    "CREATE TABLE sales.orders_2024 PARTITION OF sales.orders"
    " FOR VALUES FROM ('2024-01-01') TO ('2025-01-01') PARTITION BY LIST (customer)",
    "CREATE TABLE sales.orders_2024_1 PARTITION OF sales.orders_2024 FOR VALUES IN ('1')",
    "CREATE UNLOGGED TABLE sales.scratch (a int, b int)",
    "CREATE UNIQUE INDEX scratch_unique ON sales.scratch (a) INCLUDE (b)",
    "CREATE UNIQUE INDEX scratch_partial ON sales.scratch (b) WHERE b > 0",
    "CREATE UNIQUE INDEX scratch_expression ON sales.scratch ((a + b))",
    "CREATE VIEW sales.totals AS SELECT customer, sum(price) AS total FROM sales.orders"
    " GROUP BY customer",
    "CREATE MATERIALIZED VIEW sales.days AS SELECT at::date AS day, count(*) AS orders"
    " FROM sales.orders GROUP BY 1",
    "CREATE SCHEMA empty",
    "ANALYZE customers",
)


def fill_postgres(database: Database) -> Database:
    """Three schemas with keys, types, partitions, views and a name that is hard to write."""
    database.run(*POSTGRES_STATEMENTS, f"CREATE TABLE {quoted(ODD_NAME)} (a int)")
    return database


def quoted(name: str) -> str:
    """A name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'
