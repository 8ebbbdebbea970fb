"""Normalized text and identifiers."""

from __future__ import annotations

import pytest

from catalog.sql import identifiers, normalize


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("select a\nfrom  T -- why", "SELECT a FROM t"),
        ("SELECT a FROM t WHERE b = 'x' AND c > 1.5", "SELECT a FROM t WHERE b = ? AND c > ?"),
        ("SELECT 1 WHERE x IN (1, 2, 'three')", "SELECT ? WHERE x IN ( ? )"),
        ("INSERT INTO t VALUES (1, 'a'), (2, 'b')", "INSERT INTO t VALUES ( ? )"),
        ('SELECT "Keep" FROM t /* no */', 'SELECT "Keep" FROM t'),
    ],
)
def test_logged_queries_lose_literals_comments_and_layout(text: str, expected: str) -> None:
    assert normalize(text, "postgres", keep_literals=False) == expected


def test_definitions_keep_their_literals() -> None:
    text = "select  'It''s' as a, 42 from read_csv('/x/*.csv')"
    expected = "SELECT 'It''s' AS a , 42 FROM read_csv ( '/x/*.csv' )"
    assert normalize(text, "duckdb", keep_literals=True) == expected


def test_equal_statements_are_equal_and_others_not() -> None:
    def same(one: str, other: str, dialect: str) -> bool:
        texts = [normalize(text, dialect, keep_literals=False) for text in (one, other)]
        return texts[0] == texts[1]

    assert same("SELECT A FROM T WHERE x = 1", "select a\nfrom t where X = 22", "postgres")
    assert not same("SELECT a FROM t", "SELECT a FROM u", "postgres")
    assert not same("SELECT 1 FROM `T`", "SELECT 1 FROM `t`", "bigquery")
    assert not same('SELECT "A" FROM t', 'SELECT "a" FROM t', "postgres")


def test_text_without_tokens_still_loses_layout_and_literals() -> None:
    assert normalize("SELECT  'a' ,\n 'open", "postgres", keep_literals=False) == (
        "SELECT ? , 'open"
    )


def test_normalizing_twice_changes_nothing() -> None:
    text = "select a, 'b', (c) from t where d in (1, 2)"
    for keep in (True, False):
        once = normalize(text, "duckdb", keep_literals=keep)
        assert normalize(once, "duckdb", keep_literals=keep) == once


def test_identifiers_are_names_only() -> None:
    text = "SELECT t.date, \"Big Name\", sum(x) AS total FROM shop.t WHERE y = 'secret' AND x > 3"
    names = identifiers(text, "postgres").split(" ")
    assert names[:2] == ["t", "date"]
    assert {"Big", "total", "shop", "x", "y"} <= set(names)
    assert not {"SELECT", "secret", "3", "WHERE"} & set(names)


def test_identifiers_end_at_the_limit_with_a_whole_name() -> None:
    text = "SELECT " + ", ".join(f"column_{n}" for n in range(5_000)) + " FROM t"
    found = identifiers(text, "duckdb", limit=100)
    assert 80 < len(found) <= 100
    assert found.split(" ")[-1] in text.replace(",", "").split(" ")
