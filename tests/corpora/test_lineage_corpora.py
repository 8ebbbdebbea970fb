"""Floors for `catalog.sql` on suites of others, a little below what it reaches.

The suites lie in ``$CATALOG_CORPORA`` (default: ``../shared/data`` beside the checkout).
"""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from catalog.sql import lineage
from tests.corpora.lineage_scores import cases, scores

_DEFAULT = Path(__file__).parents[2].parent / "shared" / "data"
LINEAGE = Path(os.environ.get("CATALOG_CORPORA", _DEFAULT)) / "lineage"

FLOORS = {
    "sqllineage": {"T exact": 95.0, "T neutral": 96.0, "C strict": 89.0, "C lenient": 97.0},
    "olsql": {"T exact": 94.0, "T neutral": 94.0, "C strict": 95.0, "C lenient": 99.0},
}


def suite(name: str) -> Path:
    path = LINEAGE / f"{name}_cases.jsonl"
    if not path.is_file():
        pytest.skip(f"no corpus at {path}: set CATALOG_CORPORA to the folder that holds lineage/")
    return path


@pytest.mark.corpora
@pytest.mark.parametrize("name", FLOORS)
def test_scores_stay_above_their_floors(name: str) -> None:
    reached = scores(suite(name))
    print(name, {score: round(value, 1) for score, value in reached.items()})
    assert {score for score, floor in FLOORS[name].items() if reached[score] < floor} == set()


@pytest.mark.corpora
def test_every_statement_of_the_benchmarks_is_resolved() -> None:
    """TPC-DS and TPC-H as tables: no problem, no open star, no column that no table has.

    A named column without a direct edge is a constant or a bare ``count(*)``.
    """
    named = bare = 0
    for case in cases(suite("tpc")):
        for parsed in lineage(case["sql"], case["dialect"], case["schemas"]):
            assert parsed.problems == (), case["id"]
            assert parsed.output_columns is not None, case["id"]
            known = {column for columns in case["schemas"].values() for column in columns}
            assert {edge.source_column for edge in parsed.columns} <= known, case["id"]
            assert parsed.columns, case["id"]
            made = {edge.target_column for edge in parsed.columns if edge.kind == "direct"}
            names = {name for name in parsed.output_columns if name is not None}
            named += len(names)
            bare += len(names - made)
    assert bare / named < 0.07


@pytest.mark.corpora
def test_short_statements_are_read_fast() -> None:
    texts = cases(suite("sqllineage"))
    lineage("SELECT 1", "ansi", {})  # imports
    began = time.perf_counter()
    for case in texts:
        lineage(case["sql"], case["dialect"], {})
    rate = len(texts) / (time.perf_counter() - began)
    print(f"{rate:.0f} short statements/s")
    assert rate > 400
