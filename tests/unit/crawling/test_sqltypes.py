"""Native SQL types become normalized types and nested field paths."""

from __future__ import annotations

import pytest

from catalog import naming
from catalog.crawling import sqltypes
from catalog.crawling.sqltypes import duckdb_type, postgres_scalar, sqlite_type
from catalog.types import NESTED_TYPES, SCALAR_TYPES


@pytest.mark.parametrize(
    ("native", "normalized"),
    [
        ("integer", "int32"),
        ("numeric", "decimal"),
        ("numeric(10,2)", "decimal(10,2)"),
        ("numeric(5)", "decimal(5,0)"),
        ("numeric(2,-3)", "decimal(2,-3)"),
        ("character varying(20)", "string"),
        ("timestamp(3) without time zone", "timestamp"),
        ("timestamp with time zone", "timestamptz"),
        ("time(6) with time zone", "timetz"),
        ("bit varying(5)", "bit"),
        ('"char"', "string"),
        ("public.geometry(Point,4326)", "geometry"),
        ("extensions.citext", "string"),
        ('"my.schema".hstore', "map<string,string>"),
        ("int4range", "unknown"),
    ],
)
def test_postgres(native: str, normalized: str) -> None:
    assert postgres_scalar(native).text == normalized
    assert postgres_scalar(native).native == native


@pytest.mark.parametrize(
    ("native", "normalized"),
    [
        ("INTEGER", "int64"),
        ("tinyint(1)", "int64"),
        ("VARCHAR(80)", "string"),
        ("NVARCHAR", "string"),
        ("double precision", "float64"),
        ("decimal(10, 2)", "decimal(10,2)"),
        ("DATETIME", "timestamp"),
        ("blob", "binary"),
        ("", "unknown"),
        ("STRING", "decimal"),  # SQLite's own rule: no word that it knows means NUMERIC
        ("CHARINT", "int64"),  # INT comes first
    ],
)
def test_sqlite_follows_the_affinity_rules(native: str, normalized: str) -> None:
    assert sqlite_type(native).text == normalized


@pytest.mark.parametrize(
    ("native", "normalized"),
    [
        ("INTEGER", "int32"),
        ("UHUGEINT", "uint128"),
        ("DECIMAL(18,3)", "decimal(18,3)"),
        ("TIMESTAMP WITH TIME ZONE", "timestamptz"),
        ("TIMESTAMP_NS", "timestamp"),
        ("ENUM('a, b', 'it''s)')", "enum"),
        ("VARCHAR[]", "list<string>"),
        ("INTEGER[3]", "list<int32>"),
        ("VARCHAR[][]", "list<list<string>>"),
        ("MAP(VARCHAR, DECIMAL(4,1))", "map<string,decimal(4,1)>"),
        ("STRUCT(a INTEGER, b VARCHAR)", "struct"),
        ("STRUCT(a INTEGER)[]", "list<struct>"),
        ("UNION(n INTEGER, s VARCHAR)", "union"),
        ("ENUM('x')[]", "list<enum>"),
        ('"NULL"', "null"),
        ("SOMETHING NEW", "unknown"),
        ("STRUCT(a", "unknown"),
        ("STRUCT(", "unknown"),
        ("", "unknown"),
        ("INTEGER)", "unknown"),
    ],
)
def test_duckdb(native: str, normalized: str) -> None:
    assert duckdb_type(native).text == normalized


def test_nested_members_have_paths_and_native_types() -> None:
    native = 'STRUCT("x.y" INTEGER, tags VARCHAR[], prices MAP(VARCHAR, STRUCT(net INTEGER[])))[]'
    found = list(sqltypes.fields("items", duckdb_type(native), nullable=False, comment="c"))
    assert [(field.path, field.type, field.native_type) for field in found] == [
        ("items", "list<struct>", native),
        ('items[]."x.y"', "int32", "INTEGER"),
        ("items[].tags", "list<string>", "VARCHAR[]"),
        ("items[].prices", "map<string,struct>", "MAP(VARCHAR, STRUCT(net INTEGER[]))"),
        ("items[].prices{value}.net", "list<int32>", "INTEGER[]"),
    ]
    assert (found[0].nullable, found[0].comment) == (False, "c")
    assert naming.split_path(found[4].path) == ["items", "[]", "prices", "{value}", "net"]


def test_a_quoted_member_keeps_its_quotes_apart() -> None:
    (_, inner) = sqltypes.fields("a", duckdb_type('STRUCT("q""z" VARCHAR)'))
    assert inner.path == 'a."q""z"'


def test_depth_is_bounded() -> None:
    deep = "STRUCT(a " * 5000 + "INTEGER" + ")" * 5000
    assert duckdb_type(deep).text == "unknown"


def test_normalized_words_are_the_vocabulary() -> None:
    known = {*SCALAR_TYPES, *NESTED_TYPES}
    tables = (sqltypes._POSTGRES, sqltypes._DUCKDB, sqltypes._SQLITE)
    words = {word.split("<")[0] for table in tables for word in table.values()}
    assert words <= known


def test_members_have_the_ids_of_their_columns() -> None:
    member = sqltypes.SqlType("string", "text", id="2")
    address = sqltypes.SqlType("struct", "address", (("city", member),))
    homes = sqltypes.list_of(address, "address[]")
    assert [field.id for field in sqltypes.nested("homes", homes, "4")] == ["4.2"]
    assert [field.id for field in sqltypes.nested("homes", homes)] == [None]
