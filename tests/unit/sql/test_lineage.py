"""Table and column edges of single statements and of scripts."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from catalog.sql import Parsed, TableRef, lineage, references
from tests.unit.sql.cases import FILES, QUERIES, WRITES, Case


def one(sql: str, dialect: str = "duckdb", schemas: Any = None, **options: Any) -> Parsed:
    (parsed,) = lineage(sql, dialect, schemas or {}, **options)
    return parsed


def direct(parsed: Parsed) -> set[str]:
    return {
        f"{edge.source.key}.{edge.source_column}>{edge.target_column}"
        for edge in parsed.columns
        if edge.kind == "direct"
    }


def indirect(parsed: Parsed) -> set[str]:
    return {
        f"{edge.source.key}.{edge.source_column}"
        for edge in parsed.columns
        if edge.kind == "indirect" and edge.target_column == "*"
    }


@pytest.mark.parametrize("case", [*QUERIES, *WRITES, *FILES], ids=lambda case: case.name)
def test_edges(case: Case) -> None:
    parsed = one(case.sql, case.dialect, case.schemas)
    assert parsed.problems == ()
    assert direct(parsed) == set(case.edges.split())
    assert {ref.key for ref in parsed.sources} == set(case.sources.split())
    assert (parsed.target.key if parsed.target else None) == case.target
    if case.outputs is not None:
        assert parsed.output_columns is not None
        assert " ".join(map(str, parsed.output_columns)) == case.outputs


def test_what_filters_and_joins_is_an_indirect_edge() -> None:
    parsed = one(
        "SELECT o.id FROM orders o JOIN customers c ON c.id = o.customer_id "
        "WHERE o.paid GROUP BY o.id, o.day HAVING max(o.amount) > 1"
    )
    assert direct(parsed) == {"orders.id>id"}
    assert indirect(parsed) == {
        "orders.customer_id",
        "customers.id",
        "orders.paid",
        "orders.id",
        "orders.day",
        "orders.amount",
    }


def test_a_path_is_the_literal_prefix_and_keeps_its_pattern() -> None:
    (ref,) = one("SELECT * FROM read_csv('/lake/raw/f-*/[0-9].csv')").sources
    assert (ref.path, ref.pattern, ref.parts) == ("/lake/raw", "/lake/raw/f-*/[0-9].csv", ())
    (plain,) = one("SELECT * FROM 'x/y.parquet'").sources
    assert (plain.path, plain.pattern) == ("x/y.parquet", None)


def test_references_keep_what_was_written() -> None:
    refs = references('SELECT * FROM Db."Main".Orders o JOIN t ON true', "postgres")
    assert refs == (
        TableRef(("Db", "Main", "Orders"), (False, True, False)),
        TableRef(("t",), (False,)),
    )


def test_references_leave_out_ctes_and_temporary_tables() -> None:
    script = (
        "CREATE TEMP TABLE tmp AS SELECT * FROM a; "
        "INSERT INTO target WITH c AS (SELECT * FROM tmp) SELECT * FROM c, b"
    )
    assert {ref.key for ref in references(script, "postgres")} == {"a", "b", "target"}


def test_temporary_tables_are_looked_through() -> None:
    made, filled, result = lineage(
        "CREATE TEMP TABLE tmp AS SELECT id, x FROM a; "
        "INSERT INTO tmp SELECT key, y FROM b; "
        "CREATE TABLE t AS SELECT id, max(x) AS top FROM tmp GROUP BY id",
        "postgres",
        {},
    )
    assert (made.temporary, filled.temporary, result.temporary) == (True, True, False)
    assert direct(result) == {"a.id>id", "b.key>id", "a.x>top", "b.y>top"}
    assert [ref.key for ref in result.sources] == ["a", "b"]


def test_a_table_that_the_script_made_has_a_known_schema() -> None:
    _, second = lineage(
        "CREATE TABLE a (x INT, y INT); INSERT INTO b (p, q) SELECT * FROM a", "duckdb", {}
    )
    assert direct(second) == {"a.x>p", "a.y>q"}


def test_a_bare_select_defines_the_given_target() -> None:
    target = TableRef(("db", "s", "v"), (True, True, True))
    parsed = one(
        "SELECT max(amount), 1 FROM orders",
        target=target,
        target_columns=["max(amount)", "one"],
    )
    assert (parsed.kind, parsed.target) == ("create_view", target)
    assert direct(parsed) == {"orders.amount>max(amount)"}


def test_unnamed_columns_get_the_name_that_the_target_has() -> None:
    for sql in ("CREATE VIEW v AS SELECT id, max(x) FROM t", "SELECT id, max(x) INTO v FROM t"):
        parsed = one(sql, "postgres", {"v": ["id", "max"]})
        assert direct(parsed) == {"t.id>id", "t.x>max"}


def test_columns_of_the_target_are_found_by_name_before_position() -> None:
    parsed = one("CREATE VIEW v AS SELECT a, b FROM t", schemas={"v": ["B", "A"]})
    assert direct(parsed) == {"t.a>A", "t.b>B"}
    renamed = one("CREATE VIEW v AS SELECT a, b FROM t", target_columns=["x", "y"])
    assert direct(renamed) == {"t.a>x", "t.b>y"}
    other_width = one("CREATE VIEW v AS SELECT a, b FROM t", target_columns=["x"])
    assert direct(other_width) == {"t.a>a", "t.b>b"}


def test_keys_of_schemas_may_hold_the_defaults() -> None:
    parsed = one(
        "SELECT * FROM orders, other.places",
        schemas={"shop.public.orders": ["id"], "shop.other.places": ["zip"]},
        default_database="shop",
        default_schema="public",
    )
    assert direct(parsed) == {"orders.id>id", "other.places.zip>zip"}


def test_a_rename_says_both_names() -> None:
    parsed = one("ALTER TABLE a RENAME TO b", "postgres")
    assert parsed.kind == "alter"
    assert parsed.target == TableRef(("a",), (False,))
    assert parsed.renamed_to == TableRef(("b",), (False,))


def test_statements_of_a_procedure_are_read() -> None:
    parsed = lineage(
        "CREATE PROCEDURE load() AS BEGIN\n"
        "  INSERT INTO a (x) SELECT y FROM b;\n"
        "  IF done THEN UPDATE c SET z = d.z FROM d; END IF;\n"
        "END",
        "tsql",
        {},
    )
    found = {direct_edge for p in parsed for direct_edge in direct(p)}
    assert found == {"b.y>x", "d.z>z"}


def test_statements_need_no_semicolon_in_tsql() -> None:
    parsed = lineage(
        "INSERT INTO a (x)\nSELECT y FROM b\nUPDATE c\nSET z = d.z FROM d\n"
        "MERGE INTO e USING f ON e.id = f.id\nWHEN MATCHED THEN\nUPDATE SET v = f.v;",
        "tsql",
        {},
    )
    assert [direct(p) for p in parsed] == [{"b.y>x"}, {"d.z>z"}, {"f.v>v"}]


def test_the_same_text_gives_the_same_answer_in_every_process() -> None:
    script = (
        "from catalog.sql import lineage\n"
        "sql = 'CREATE TEMP TABLE s AS SELECT a.x, b.y, c.z FROM a, b, c;"
        "CREATE TABLE t AS SELECT x || y || z AS q FROM s'\n"
        "print(lineage(sql, 'duckdb', {}))"
    )

    def printed(seed: str) -> str:
        environment = {"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)}
        return subprocess.run(
            [sys.executable, "-c", script],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        ).stdout

    assert printed("1") == printed("2") != ""
