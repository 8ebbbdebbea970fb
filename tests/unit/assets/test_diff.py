"""Diffs say what changed, and what of it breaks readers."""

from __future__ import annotations

import pytest

from catalog.assets.diff import State, diff, widens
from catalog.crawling.records import Asset, Field
from catalog.history.facts import FactRow


def table(*fields: Field, **more: object) -> Asset:
    return Asset(namespace="n", name="t", kind="table", columns=fields, **more)  # type: ignore[arg-type]


def test_columns() -> None:
    before = table(
        Field("id", type="int32", id="1"),
        Field("name", type="string", id="2", nullable=False),
        Field("old", type="date", id="3"),
        Field("code", type="string", id="4"),
    )
    after = table(
        Field("id", type="int64", id="1"),
        Field("name", type="string", id="2", nullable=True),
        Field("renamed", type="date", id="3"),
        Field("new", type="json", id="5"),
    )
    found = {one.path: one for one in diff(State(record=before), State(record=after)).columns}
    assert {path: (one.what, one.breaking) for path, one in found.items()} == {
        "id": ("retyped", False),
        "name": ("changed", True),
        "renamed": ("renamed", True),
        "new": ("added", False),
        "code": ("removed", True),
    }
    assert found["renamed"].was == "old"
    assert found["id"].fields == {"type": ["int32", "int64"]}


def test_swapped_names_are_two_renames() -> None:
    before = table(Field("a", id="1"), Field("b", id="2"))
    after = table(Field("b", id="1"), Field("a", id="2"))
    found = diff(State(record=before), State(record=after)).columns
    assert [(one.path, one.what, one.was) for one in found] == [
        ("b", "renamed", "a"),
        ("a", "renamed", "b"),
    ]


@pytest.mark.parametrize(
    ("old", "new", "fits"),
    [
        ("int32", "int64", True),
        ("int64", "int32", False),
        ("decimal(10,2)", "decimal(12,2)", True),
        ("decimal(10,2)", "decimal(12,4)", True),
        ("decimal(10,2)", "decimal(10,4)", False),
        ("decimal(10,2)", "decimal(12,1)", False),
        ("date", "timestamp", True),
        ("timestamp", "date", False),
        ("string", "int32", False),
        ("unknown", "string", True),
    ],
)
def test_widening(old: str, new: str, fits: bool) -> None:
    assert widens(old, new) is fits


def test_values_facts_and_identity() -> None:
    def fact(name: str, value: str, item: str = "", column: int = 0) -> FactRow:
        return FactRow(column, name, item, "curated", "", value, None, None, "user:1", 0)

    before = State(
        identity={"name": "t", "state": "crawled"},
        record=table(description="a"),
        facts=[fact("tag", "null", "pii"), fact("description", '"x"', column=1)],
        paths={1: "id"},
    )
    after = State(
        identity={"name": "t", "state": "removed"},
        record=table(description="b"),
        facts=[fact("description", '"y"', column=1)],
        paths={1: "id"},
    )
    found = diff(before, after)
    assert found.breaking
    said = [(one.what, one.column, one.before, one.after) for one in found.values]
    assert said == [
        ("state", None, "crawled", "removed"),
        ("description", None, "a", "b"),
        ("tag", None, {"item": "pii", "value": None}, None),
        ("description", "id", "x", "y"),
    ]
    same = diff(before, before)
    assert (same.columns, same.values, same.breaking) == ([], [], False)
