"""Every snippet of every asset of the demo estate is run, where its engine is installed."""

from __future__ import annotations

import importlib.util
import sqlite3
from pathlib import Path
from typing import Any

import duckdb
import pytest

from catalog.access.viewer import SYSTEM
from catalog.assets import listing, reading
from catalog.assets.resolve import resolve_id
from catalog.assets.views import AssetView
from catalog.history.store import Store
from catalog.pages.copies import copied
from catalog.pages.quoting import variable
from catalog.pages.snippets import Snippet, snippets


@pytest.fixture(scope="module")
def estate(demo_home: Path) -> list[AssetView]:
    """All assets of the demo estate that hold data, whole."""
    store = Store(f"sqlite:///{demo_home / 'catalog.db'}", disk_reserve=0)
    try:
        with store.engine.connect() as connection:
            wanted = listing.Filter(asset_class=("data",))
            found = listing.assets(connection, SYSTEM, wanted, limit=200)
            matches = [resolve_id(connection, SYSTEM, one.id) for one in found.items]
            return [reading.read(connection, SYSTEM, match) for match in matches]
    finally:
        store.close()


def extension(name: str) -> bool:
    """Whether DuckDB has one; it would fetch it from another host."""
    try:
        duckdb.connect().execute(f"LOAD {name}")
    except duckdb.Error:
        return False
    return True


def rows_of(asset: AssetView, one: Snippet) -> int | None:
    """How many rows it reads; None where its engine is not here, and it is only compiled."""
    if one.language == "python":
        code = compile(one.text, f"{asset.name} {one.key}", "exec")
        module = {"pandas": "pandas", "spark": "pyspark"}.get(one.key, "pyarrow")
        if importlib.util.find_spec(module) is None:
            return None
        space: dict[str, Any] = {}
        exec(code, space)
        value = space[variable(asset.label)]
        return len(value) if one.key != "duckdb" else value.count("*").fetchall()[0][0]
    file = asset.namespace.partition("://")[2]
    if one.key == "sql" and asset.platform == "sqlite":
        with sqlite3.connect(file) as con:
            return len(con.execute(one.text).fetchall())
    if asset.platform == "sqlite" and not extension("sqlite"):
        return None
    where = file if one.key == "sql" and asset.platform == "duckdb" else ":memory:"
    with duckdb.connect(where, read_only=where != ":memory:") as con:
        return len(con.execute(one.text).fetchall())


def test_each_snippet_reads_its_asset(estate: list[AssetView]) -> None:
    assert len(estate) > 25
    for asset in estate:
        made = snippets(asset)
        assert {one.key for one in made} >= {"sql", "duckdb", "arrow", "pandas", "spark"}, (
            asset.name
        )
        total = (asset.measures or {}).get("rows")
        for one in made:
            read = rows_of(asset, one)
            assert read is None or read > 0, (asset.name, one.key)
            if read is not None and one.key == "arrow" and total is not None:
                assert read == total.value, (asset.name, one.key)


def test_each_create_table_makes_a_table(estate: list[AssetView]) -> None:
    for asset in estate:
        with duckdb.connect() as con:
            for schema in ("marts", "reports", "staging", "sandbox"):
                con.execute(f"CREATE SCHEMA {schema}")
            con.execute(copied(asset, "ddl"))
            names = con.sql(copied(asset, "select")).columns
        assert len(names) == len({one.path.split(".")[0] for one in asset.columns or ()})
