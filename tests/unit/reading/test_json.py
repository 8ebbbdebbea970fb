"""JSON: layouts of documents and the schema of their rows."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.errors import Unreadable
from catalog.reading.json_documents import read_documents
from catalog.reading.json_schema import MAP_KEYS, infer


def shape(*rows: object) -> list[tuple[str, str, bool | None]]:
    return [(column.path, column.type, column.nullable) for column in infer(rows)]


@pytest.mark.parametrize(
    ("text", "layout", "rows"),
    [
        ('{"a": 1}\n{"a": 2}\n', "lines", 2),
        ('{"a": 1}\r\n{"a": 2}', "lines", 2),
        ('[{"a": 1}, {"a": 2}]', "array", 2),
        ("[]", "array", 0),
        ('{"a": 1}', "value", 1),
        ('{\n  "a": 1\n}', "value", 1),
        ('{"a": 1}{"a": 2}', "concatenated", 2),
        ('{\n"a": 1}\n{\n"a": 2}', "concatenated", 2),
        ("[1]\n[2]\n", "lines", 2),
        ('\x1e{"a": 1}\n\x1e{"a": 2}\n', "lines", 2),
        ("null", "value", 1),
    ],
)
def test_layouts(text: str, layout: str, rows: int) -> None:
    found = read_documents(text, True, 1000)
    assert (found.layout, len(found.values), found.whole, found.bad) == (layout, rows, True, 0)


@pytest.mark.parametrize("text", ['[{"a": 1}, {"a": 2}, {"a"', '{"a": 1}\n{"a": 2}\n{"a"'])
def test_a_cut_sample_keeps_its_whole_rows(text: str) -> None:
    found = read_documents(text, False, 1000)
    assert found.values == [{"a": 1}, {"a": 2}]
    assert not found.whole
    assert found.bad == 0


@pytest.mark.parametrize("text", ['{"a": ', "[1, 2", "{]", '{"a" 1}', "", "   "])
def test_broken(text: str) -> None:
    with pytest.raises(Unreadable):
        read_documents(text, True, 1000)


def test_a_broken_line_is_counted() -> None:
    found = read_documents('{"a": 1}\n{oops\n{"a": 2}\n', True, 1000)
    assert (len(found.values), found.bad) == (2, 1)


def test_deep_nesting_is_refused_not_crashed_on() -> None:
    with pytest.raises(Unreadable, match="deep"):
        read_documents("[" * 100_000, True, 10)
    with pytest.raises(Unreadable, match="deep"):
        read_documents('{"a":' * 100_000, True, 10)


def test_numbers_of_any_length() -> None:
    [value] = read_documents('{"a": ' + "9" * 10_000 + "}", True, 10).values
    assert shape(value) == [("a", "float64", None)]


def test_rows_are_limited() -> None:
    found = read_documents("1\n" * 100, True, 10)
    assert (len(found.values), found.whole) == (10, False)


def test_nested_fields_have_paths() -> None:
    row = {
        "id": 1,
        "address": {"city": "Rome", "geo": {"lat": 1.5}},
        "items": [{"sku": "a", "n": 1}, {"sku": "b"}],
        "tags": ["x"],
        "matrix": [[1, 2.5]],
        "a.b": True,
    }
    assert shape(row) == [
        ("id", "int64", None),
        ("address", "struct", None),
        ("address.city", "string", None),
        ("address.geo", "struct", None),
        ("address.geo.lat", "float64", None),
        ("items", "list<struct>", None),
        ("items[].sku", "string", None),
        ("items[].n", "int64", True),
        ("tags", "list<string>", None),
        ("matrix", "list<list<float64>>", None),
        ('"a.b"', "boolean", None),
    ]


def test_types_widen_over_rows() -> None:
    assert shape({"a": 1}, {"a": 2.5}) == [("a", "float64", None)]
    assert shape({"a": 1}, {"a": "x"}) == [("a", "string", None)]
    assert shape({"a": 1}, {"a": {"b": 1}}) == [("a", "json", None)]
    assert shape({"a": [1]}, {"a": 1}) == [("a", "json", None)]
    assert shape({"a": [1]}, {"a": []}) == [("a", "list<int64>", None)]
    assert shape({"a": 1}, {"a": 1 << 70}) == [("a", "decimal", None)]


def test_missing_and_null_are_nullable() -> None:
    assert shape({"a": 1, "b": None}, {"a": 2}) == [("a", "int64", None), ("b", "null", True)]
    assert shape({"a": None}, {"a": 1}) == [("a", "int64", True)]


def test_rows_that_are_no_objects() -> None:
    assert shape(1, 2) == [("value", "int64", None)]
    assert shape([{"a": 1}], [{"b": 1}]) == [
        ("[]", "struct", None),
        ("[].a", "int64", True),
        ("[].b", "int64", True),
    ]
    assert shape({"a": 1}, 5) == [("value", "json", None)]


def test_objects_keyed_by_data_are_maps() -> None:
    row = {"by_user": {f"u{number}": {"n": number} for number in range(MAP_KEYS + 1)}}
    assert shape(row) == [
        ("by_user", "map<string,struct>", None),
        ("by_user{value}.n", "int64", None),
    ]


def test_ten_thousand_keys_at_the_top_are_columns() -> None:
    assert len(shape({f"c{number}": number for number in range(10_000)})) == 10_000


def test_too_many_fields_are_refused() -> None:
    with pytest.raises(Unreadable, match="more than"):
        infer([{f"c{number}": 1 for number in range(30_000)}])


def test_surrogates_and_nul_in_keys_become_text() -> None:
    found = read_documents('{"\\ud800": 1, "\\u0000": 2}', True, 10)
    for path, _, _ in shape(*found.values):
        path.encode()
        assert "\x00" not in path


documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)


@settings(max_examples=80, deadline=None)
@given(st.lists(documents, min_size=1, max_size=5))
def test_any_documents_are_read_back(rows: list[object]) -> None:
    text = "\n".join(json.dumps(row) for row in rows)
    columns = infer(rows)
    assert len({column.path for column in columns}) == len(columns)
    if len(rows) > 1:
        assert read_documents(text, True, 100).values == rows
    backwards = infer(list(reversed(rows)))
    assert {(c.path, c.type) for c in backwards} == {(c.path, c.type) for c in columns}
