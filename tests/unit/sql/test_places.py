"""Where in a text names of tables and paths may stand."""

from __future__ import annotations

import pytest

from catalog.sql.places import places


def found(text: str, dialect: str = "duckdb") -> list[str]:
    return [text[one.start : one.end] for one in places(text, dialect)]


def test_names_and_paths_have_their_place_in_the_text() -> None:
    text = """SELECT t.a, 'x' FROM ( "My s"."ü.t" AS t JOIN b ON t.a = b.a ),
        read_parquet('/lake/x/*.parquet') -- from c"""
    names = found(text)
    assert '"My s"."ü.t"' in names
    assert "b" in names
    assert "'/lake/x/*.parquet'" in names
    assert "c" not in names


def test_quotes_are_told_from_bare_names() -> None:
    (one,) = places('SELECT 1 FROM a."B"', "postgres")
    assert one.ref.parts == ("a", "B")
    assert one.ref.quoted == (False, True)


def test_a_name_of_one_part_counts_only_where_a_table_may_stand() -> None:
    assert found("SELECT orders FROM orders") == ["orders"]


@pytest.mark.parametrize("text", ["", "SELECT 'open", "\x00", "((((", '"', "FROM " * 5000])
def test_what_is_not_readable_names_nothing_and_raises_nothing(text: str) -> None:
    assert isinstance(places(text, "no such dialect"), list)
