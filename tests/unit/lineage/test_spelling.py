"""Names and paths as the catalog may know them: pure."""

from __future__ import annotations

import re

import pytest

from catalog.lineage.spelling import (
    Where,
    asset_keys,
    covers,
    name_keys,
    place,
    prefixes,
    spellings,
)
from catalog.naming import case_rule_of, platform_of
from catalog.sql import TableRef, path_ref


def where(text: str, database: str | None = "DB", schema: str | None = "S") -> Where:
    platform = platform_of(text)
    return Where(1, text, platform, case_rule_of(platform), database, schema)


def ref(text: str) -> TableRef:
    """``a."B"`` as a reference; parts in quotes are quoted."""
    parts = re.findall(r'"[^"]*"|[^.]+', text)
    return TableRef(
        tuple(part.strip('"') for part in parts), tuple(part.startswith('"') for part in parts)
    )


@pytest.mark.parametrize(
    ("namespace", "name", "expected"),
    [
        ("postgres://h:5432", "T", ["DB.S.t", "DB.public.t"]),
        ("postgres://h:5432", '"T"', ["DB.S.T", "DB.public.T"]),
        ("postgres://h:5432", "A.t", ["DB.a.t"]),
        ("postgres://h:5432", "x.a.t", ["x.a.t"]),
        ("postgres://h:5432", '"a.b"', ['DB.S."a.b"', 'DB.public."a.b"']),
        ("snowflake://org-account", "t", ["DB.S.T"]),
        ("snowflake://org-account", '"t"', ["DB.S.t"]),
        ("mysql://h:3306", "t", ["S.t", "DB.t"]),
        ("mysql://h:3306", "shop.t", ["shop.t"]),
        ("sqlserver://h:1433", "T", ["DB.S.T", "DB.dbo.T"]),
        ("sqlserver://h:1433", "srv.d.s.t", ["d.s.t"]),
        ("sqlite:///srv/app.db", "main.t", ["DB.main.t", "main.main.t"]),
        ("duckdb:///srv/app.duckdb", "x.t", ["DB.x.t", "x.main.t"]),
        ("hive://h:10000", "t", ["s.t", "db.t"]),
        ("arn:aws:glue:eu:1", "sales.t", ["table/sales/t"]),
        ("file", "t", []),
    ],
)
def test_a_name_is_completed(namespace: str, name: str, expected: list[str]) -> None:
    place_of_use = where(namespace)
    if namespace.startswith("hive"):
        place_of_use = where(namespace, "db", "s")
    found = spellings(ref(name), place_of_use)
    assert [spelling.name(place_of_use.platform) for spelling in found] == expected


def test_without_defaults_a_name_stays_short() -> None:
    (found,) = spellings(ref("s.t"), where("postgres://h:5432", None, None))
    assert (found.parts, found.whole) == (("s", "t"), False)


@pytest.mark.parametrize(
    ("namespace", "path", "expected"),
    [
        ("duckdb:///srv/a.duckdb", "/lake/x/*.csv", ("file", "/lake/x")),
        ("duckdb:///srv/a.duckdb", "file:///lake/x/a.csv", ("file", "/lake/x/a.csv")),
        ("duckdb:///srv/a.duckdb", "/lake/../lake/x.csv", ("file", "/lake/x.csv")),
        ("duckdb:///srv/a.duckdb", "in/x.csv", ("file", "/srv/in/x.csv")),
        ("postgres://db.example.com:5432", "/in/x.csv", ("file://db.example.com", "/in/x.csv")),
        ("postgres://localhost:5432", "/in/x.csv", ("file", "/in/x.csv")),
        ("hive://h:10000", "s3n://Lake/a/b", ("s3://Lake", "a/b")),
        ("hive://h:10000", "hdfs://nn:8020/a/b/", ("hdfs://nn:8020", "/a/b")),
        ("hive://h:10000", "gs://b/x/*/y", ("gs://b", "x")),
        ("hive://h:10000", "abfss://c@acc.dfs.core.windows.net/p", None),
        ("postgres://h:5432", "in/x.csv", None),
    ],
)
def test_a_path_lies_in_a_namespace(
    namespace: str, path: str, expected: tuple[str, str] | None
) -> None:
    found = place(path_ref(path), where(namespace))
    if expected is None and path.startswith("abfss"):
        assert found is not None
        assert found.names == ("p",)
    elif expected is None:
        assert found is None
    else:
        assert found is not None
        assert (found.namespace, found.names[0]) == expected


def test_prefixes_are_the_folders_above() -> None:
    assert prefixes("/a/b/c") == ("/a/b/c", "/a/b", "/a")
    assert prefixes("a/b") == ("a/b", "a")
    assert prefixes("/") == ()


@pytest.mark.parametrize(
    ("pattern", "name", "fits"),
    [
        ("/a/*/x.csv", "/a/b", True),
        ("/a/[xy]/*", "/a/b", False),
        ("/a/**", "/a/b/c/d", True),
        ("/a/*.csv", "/a/b.csv", True),
        ("/a/*.csv", "/a/b.csv/more", False),
    ],
)
def test_globs_cover_datasets(pattern: str, name: str, fits: bool) -> None:
    assert covers(pattern, name) is fits


def test_names_and_assets_meet_in_their_keys() -> None:
    space = where("postgres://h:5432")
    mine = asset_keys(space.text, "shop.public.Orders", space.platform, space.rule)
    assert mine <= name_keys(ref("orders"), space)
    assert not mine & name_keys(ref("order"), space)
    other = where("postgres://other:5432")
    assert not mine & name_keys(ref("orders"), other)
    dataset = asset_keys("file", "/lake/in", "file", "sensitive")
    assert dataset <= name_keys(path_ref("/lake/in/2024/*.csv"), where("duckdb:///x.duckdb"))
