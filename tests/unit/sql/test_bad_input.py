"""Bad SQL is an answer with a problem, never an exception, and never takes long."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from catalog.sql import identifiers, lineage, normalize, references
from catalog.sql.parsing import MAX_TEXT


def test_a_bad_statement_names_its_line_and_spares_the_others() -> None:
    first, bad, last = lineage(
        "SELECT a FROM t;\nSELECT FROM WHERE;\nINSERT INTO u SELECT b FROM v", "postgres", {}
    )
    assert (first.kind, bad.kind, last.kind) == ("select", "other", "insert")
    assert len(bad.problems) == 1
    assert bad.problems[0].startswith("line 2: ")
    assert [ref.key for ref in last.sources] == ["v"]


def test_a_problem_does_not_quote_the_text() -> None:
    for sql in ("SELECT 'hunter2' FROM WHERE", "CONNECT TO 'hunter2", "SELECT 'hunter2' 'b' )"):
        (parsed,) = lineage(sql, "postgres", {})
        assert parsed.problems
        assert "hunter2" not in " ".join(parsed.problems)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ;;  ; ",
        "-- nothing",
        "/* open",
        "'open",
        "SELECT",
        "\x00",
        "€uro ∑",
        "((((",
        "BEGIN",
    ],
)
def test_scraps_never_raise(text: str) -> None:
    for dialect in ("duckdb", "tsql", "no such dialect"):
        assert all(p.sources == () for p in lineage(text, dialect, {}))
        assert references(text, dialect) == ()
        normalize(text, dialect, keep_literals=False)
        identifiers(text, dialect)


BOMBS = {
    "brackets": "SELECT " + "(" * 50_000 + "1" + ")" * 50_000,
    "calls": "SELECT " + "f(" * 2_000 + "1" + ")" * 2_000,
    "subqueries": "SELECT * FROM " + "(SELECT * FROM " * 1_000 + "t" + ")" * 1_000,
    "cases": "SELECT " + "CASE WHEN a THEN " * 3_000 + "1" + " END" * 3_000,
    "negations": "SELECT " + "NOT " * 20_000 + "a FROM t",
    "CTEs in CTEs": "WITH a AS (" * 1_000 + "SELECT 1" + ") SELECT 1" * 1_000,
}


@pytest.mark.parametrize("name", BOMBS)
def test_what_nests_too_deep_is_refused_with_the_reason(name: str) -> None:
    began = time.perf_counter()
    (parsed,) = lineage(BOMBS[name], "duckdb", {})
    assert time.perf_counter() - began < 5
    assert "nested" in parsed.problems[0]


def test_the_guard_names_its_limit_and_the_line() -> None:
    (parsed,) = lineage("SELECT\n" + "(" * 201 + "1" + ")" * 201, "duckdb", {})
    assert parsed.problems == ("line 2: nested deeper than 200 levels",)
    (parsed,) = lineage("SELECT " + "(" * 60 + "a" + ")" * 60 + " AS b FROM t", "duckdb", {})
    assert [edge.source_column for edge in parsed.columns] == ["a"]


def test_a_text_that_is_too_long_is_refused() -> None:
    (parsed,) = lineage("SELECT " + "a" * MAX_TEXT, "duckdb", {})
    assert f"more than {MAX_TEXT}" in parsed.problems[0]


def test_long_but_flat_statements_are_read() -> None:
    (union,) = lineage(" UNION ALL ".join(["SELECT a FROM t"] * 3_000), "duckdb", {})
    assert union.problems == ()
    assert len(union.columns) == 1
    (chain,) = lineage("SELECT a" + " + a" * 5_000 + " AS s FROM t", "duckdb", {})
    assert [(e.source_column, e.target_column) for e in chain.columns] == [("a", "s")]
    columns = [f"c{n}" for n in range(10_000)]
    (wide,) = lineage("CREATE TABLE w AS SELECT * FROM t", "duckdb", {"t": columns})
    assert len(wide.columns) == 10_000


def test_what_is_not_understood_says_so() -> None:
    (parsed,) = lineage("\nCREATE TABLE a FANCY OPTIONS OF b", "postgres", {})
    assert parsed.problems == ("line 2: a form of CREATE that is not understood",)


def test_sqlglot_is_not_imported_before_it_is_needed() -> None:
    script = "import sys, catalog.sql; sys.exit('sqlglot' in sys.modules)"
    subprocess.run([sys.executable, "-c", script], check=True)
