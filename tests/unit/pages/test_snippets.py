"""Snippets and copies of columns: right per platform, quoted rightly, and run where they can be."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from catalog.assets.views import AssetView, ColumnView, Key
from catalog.naming import leaf
from catalog.pages.copies import copied
from catalog.pages.quoting import quoted, variable
from catalog.pages.snippets import snippets

AWKWARD = ("order", 'a "b"', "Größe", "it's", "plain")


def column(path: str, kind: str = "int64", native: str | None = None, **more: Any) -> ColumnView:
    values: dict[str, Any] = {"position": 1, "nullable": None, "keys": [], "description": None}
    values |= more
    return ColumnView(
        path=path, type=kind, native_type=native, default=None, comment=None, title=None,
        description_origin=None, owners=[], tags=[], flag=None, flags=[], etag="0", **values,
    )  # fmt: skip


def view(namespace: str, name: str, platform: str, **more: Any) -> AssetView:
    """An asset of which only what snippets look at matters."""
    lists = {"owners", "tags", "flags", "keys", "partition_keys", "parents", "aliases"}
    values: dict[str, Any] = {
        field.name: [] if field.name in lists else None
        for field in msgspec.structs.fields(AssetView)
    }
    values |= {
        "id": "x", "asset_class": "data", "kind": "table", "platform": platform,
        "namespace": namespace, "name": name, "label": leaf(name, platform), "state": "crawled",
        "properties": {}, "columns": [], "columns_total": 0,
    }  # fmt: skip
    return AssetView(**{**values, **more})


def by_key(asset: AssetView) -> dict[str, str]:
    return {one.key: one.text for one in snippets(asset)}


def run(code: str, name: str) -> Any:
    """What the snippet leaves in its variable."""
    space: dict[str, Any] = {}
    exec(compile(code, "snippet", "exec"), space)
    return space[name]


def columns_of(names: Sequence[str]) -> list[ColumnView]:
    return [column('"' + one.replace('"', '""') + '"' if '"' in one else one) for one in names]


def test_names_are_quoted_where_they_must_be() -> None:
    assert quoted("orders", "postgres") == "orders"
    assert quoted("Orders", "postgres") == '"Orders"'
    assert quoted("Orders", "duckdb") == "Orders"
    assert quoted("ORDERS", "snowflake") == "ORDERS"
    assert quoted("orders", "snowflake") == '"orders"'
    assert quoted("order", "duckdb") == '"order"'
    assert quoted('a"b', "sqlite") == '"a""b"'
    assert quoted("a`b c", "bigquery") == "`a``b c`"
    assert quoted("a]b c", "sqlserver") == "[a]]b c]"
    assert variable("flights-2013.csv") == "flights_2013"
    assert variable("class") == "data"
    assert variable("2013") == "data"


def test_no_keyword_of_the_engines_here_stays_bare() -> None:
    with duckdb.connect() as duck, sqlite3.connect(":memory:") as lite:
        words = duck.execute("SELECT DISTINCT keyword_name FROM duckdb_keywords()").fetchall()
        for at, (word,) in enumerate(words):
            for platform, con in (("duckdb", duck), ("sqlite", lite)):
                name = quoted(word, platform)
                con.execute(f"CREATE TABLE {name} ({name} INTEGER)")
                con.execute(f"SELECT {name} FROM {name}")
                con.execute(f"ALTER TABLE {name} RENAME TO done_{at}")


def test_a_duckdb_table_can_be_read(tmp_path: Path) -> None:
    file = tmp_path / "it's a.duckdb"
    parts = ", ".join(f"{quoted(one, 'duckdb')} INTEGER" for one in AWKWARD)
    with duckdb.connect(str(file)) as con:
        con.execute(f'CREATE SCHEMA "my s"; CREATE TABLE "my s"."T 1" ({parts})')
        con.execute('INSERT INTO "my s"."T 1" VALUES (1, 2, 3, 4, 5)')
    name = '"it\'s a"."my s"."T 1"'.replace('"', "")
    asset = view(f"duckdb://{file}", name, "duckdb", columns=columns_of(AWKWARD))
    made = by_key(asset)
    assert set(made) == {"sql", "duckdb", "arrow", "pandas", "spark"}
    with duckdb.connect() as con:
        assert con.execute(made["duckdb"]).fetchall() == [(1, 2, 3, 4, 5)]
        assert con.execute(made["sql"]).fetchall() == [(1, 2, 3, 4, 5)]
    assert run(made["arrow"], "t_1").column_names == list(AWKWARD)


def test_an_sqlite_table_can_be_read(tmp_path: Path) -> None:
    file = tmp_path / "a#b?.db"
    with sqlite3.connect(file) as con:
        parts = ", ".join(quoted(one, "sqlite") for one in AWKWARD)
        con.execute(f'CREATE TABLE "the table" ({parts})')
        con.execute('INSERT INTO "the table" VALUES (1, 2, 3, 4, 5)')
    name = "a#b?.main.the table"
    asset = view(f"sqlite://{file}", name, "sqlite", columns=columns_of(AWKWARD))
    made = by_key(asset)
    assert sqlite3.connect(file).execute(made["sql"]).fetchall() == [(1, 2, 3, 4, 5)]
    assert run(made["arrow"], "the_table").to_pylist() == [
        dict(zip(AWKWARD, (1, 2, 3, 4, 5), strict=True))
    ]
    compile(made["pandas"], "pandas", "exec")


def test_a_postgres_table_names_host_port_and_database() -> None:
    asset = view("postgres://db.example.com:5433", "shop.public.Orders", "postgres",
                 columns=columns_of(["id", "Total"]))  # fmt: skip
    made = by_key(asset)
    assert made["sql"] == 'SELECT id, "Total"\nFROM public."Orders"\nLIMIT 100;'
    assert "host=db.example.com port=5433 dbname=shop" in made["duckdb"]
    assert "postgresql+psycopg://db.example.com:5433/shop" in made["pandas"]
    assert "jdbc:postgresql://db.example.com:5433/shop" in made["spark"]
    for key in ("arrow", "pandas", "spark"):
        compile(made[key], key, "exec")


def lake(tmp_path: Path, form: str, **more: Any) -> AssetView:
    path = str(tmp_path / "my data")
    return view("file", path, "file", kind="dataset", location=f"file://{path.replace(' ', '%20')}",
                format=form, **more)  # fmt: skip


def read_all(asset: AssetView, expected: list[tuple[Any, ...]]) -> None:
    made = by_key(asset)
    with duckdb.connect() as con:
        assert sorted(con.execute(made["sql"]).fetchall()) == expected
    assert run(made["duckdb"], "my_data").count("*").fetchall() == [(len(expected),)]
    table = run(made["arrow"], "my_data")
    names = [one.path for one in asset.columns or ()][:5]
    assert sorted(tuple(row[name] for name in names) for row in table.to_pylist()) == expected
    for key in ("pandas", "spark"):
        compile(made[key], key, "exec")


def test_parquet_in_hive_folders_can_be_read(tmp_path: Path) -> None:
    for month in (1, 2):
        folder = tmp_path / "my data" / f"month={month}"
        folder.mkdir(parents=True)
        pq.write_table(pa.table({"id": [month * 10]}), folder / "part.parquet")
    asset = lake(tmp_path, "parquet", partition_keys=["month"], properties={"grouping": "hive"},
                 columns=columns_of(["id", "month"]))  # fmt: skip
    read_all(asset, [(10, 1), (20, 2)])
    assert "hive_partitioning = true" in by_key(asset)["sql"]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_csv_with_its_delimiter_can_be_read(tmp_path: Path, delimiter: str) -> None:
    folder = tmp_path / "my data" / "deep"
    folder.mkdir(parents=True)
    (folder / "a.csv").write_text(f"id{delimiter}n\n1{delimiter}2\n")
    asset = lake(tmp_path, "csv", columns=columns_of(["id", "n"]),
                 properties={"delimiter": delimiter, "header": True})  # fmt: skip
    read_all(asset, [(1, 2)])


@pytest.mark.parametrize("layout", ["array", "lines"])
def test_json_can_be_read(tmp_path: Path, layout: str) -> None:
    folder = tmp_path / "my data"
    folder.mkdir()
    rows = [{"id": 1, "n": 2}, {"id": 3, "n": 4}]
    text = json.dumps(rows) if layout == "array" else "\n".join(map(json.dumps, rows))
    (folder / "a.json").write_text(text)
    asset = lake(tmp_path, "json", columns=columns_of(["id", "n"]),
                 properties={"grouping": "folder", "layout": layout})  # fmt: skip
    read_all(asset, [(1, 2), (3, 4)])
    assert ("multiLine" in by_key(asset)["spark"]) == (layout == "array")


def test_a_table_format_is_read_as_a_table_not_as_its_files(tmp_path: Path) -> None:
    asset = lake(tmp_path, "parquet", properties={"table_format": "delta"})
    made = by_key(asset)
    assert "delta_scan(" in made["sql"]
    assert "DeltaTable(" in made["arrow"]
    assert 'format("delta")' in made["spark"]
    assert "read_parquet" not in "".join(made.values())


def test_an_object_store_keeps_its_address() -> None:
    asset = view("s3://lake", "raw/orders", "s3", kind="dataset", format="parquet",
                 location="s3://lake/raw/orders", columns=columns_of(["id"]))  # fmt: skip
    made = by_key(asset)
    assert "read_parquet('s3://lake/raw/orders/**/*')" in made["sql"]
    assert '"s3a://lake/raw/orders"' in made["spark"]


def test_what_cannot_be_used_has_no_snippet() -> None:
    assert snippets(view("postgres://h:1", "a.b.c", "postgres", state="removed")) == []
    assert snippets(view("postgres://h:1", "a.b", "postgres", asset_class="container")) == []
    assert snippets(view("s3://lake", "raw", "s3")) == []


# --- copies ---------------------------------------------------------------------------------


@pytest.fixture
def orders() -> AssetView:
    """A table of a lake with all that is awkward."""
    return view(
        "file", "/lake/my orders", "file", location="file:///lake/my%20orders",
        description='Says "hello": # all',
        keys=[Key("primary", ["id"], None, None, [])],
        columns=[
            column("id", nullable=False, keys=["primary"], description="yes: it's\nthe key"),
            column("order", "string"),
            column('"a.b"', "decimal(10,2)"),
            column("at", "timestamptz"),
            column("tags", "list<string>"),
            column("items", "list<struct>"),
            column("items[].sku", "string"),
            column("items[].n", "int32"),
            column("place", "struct"),
            column("place.lat", "float64"),
            column("prices", "map<string,int64>"),
            column("on", "boolean"),
        ],
    )  # fmt: skip


NAMES = ["id", "order", "a.b", "at", "tags", "items", "place", "prices", "on"]


def test_create_table_runs_and_select_reads_it(orders: AssetView) -> None:
    with duckdb.connect() as con:
        con.execute(copied(orders, "ddl"))
        found = con.sql(copied(orders, "select"))
        assert found.columns == NAMES
        kinds = dict(zip(found.columns, map(str, found.types), strict=True))
    assert kinds["a.b"] == "DECIMAL(10,2)"
    assert kinds["tags"] == "VARCHAR[]"
    assert kinds["items"] == "STRUCT(sku VARCHAR, n INTEGER)[]"
    assert kinds["place"] == "STRUCT(lat DOUBLE)"
    assert kinds["prices"] == "MAP(VARCHAR, BIGINT)"
    assert "PRIMARY KEY (id)" in copied(orders, "ddl")


def test_a_database_keeps_its_own_types() -> None:
    asset = view("postgres://h:1", "db.public.t", "postgres",
                 columns=[column("Id", "int32", "integer", nullable=False)])  # fmt: skip
    assert copied(asset, "ddl") == 'CREATE TABLE public.t (\n    "Id" integer NOT NULL\n);'
    assert copied(asset, "select") == 'SELECT\n    "Id"\nFROM public.t'


def test_dbt_yaml_says_what_it_should(orders: AssetView) -> None:
    model = yaml.safe_load(copied(orders, "dbt"))["models"][0]
    assert model["name"] == "my orders"
    assert model["description"] == 'Says "hello": # all'
    assert [one["name"] for one in model["columns"]] == NAMES
    assert model["columns"][0]["description"] == "yes: it's\nthe key"
    assert model["columns"][0]["data_tests"] == ["unique", "not_null"]


def test_the_pyarrow_schema_is_one(orders: AssetView) -> None:
    schema = run(copied(orders, "pyarrow"), "schema")
    assert schema.names == NAMES
    assert not schema.field("id").nullable
    assert schema.field("a.b").type == pa.decimal128(10, 2)
    assert schema.field("items").type == pa.list_(
        pa.struct([pa.field("sku", pa.string()), pa.field("n", pa.int32())])
    )
    assert schema.field("prices").type == pa.map_(pa.string(), pa.int64())
    assert schema.field("at").type == pa.timestamp("us", tz="UTC")
