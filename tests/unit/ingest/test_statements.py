"""Statements: text stored once, uses live and end, the same again writes nothing."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from catalog.crawling import records
from catalog.history import dialect
from catalog.history.store import Store, table_of
from catalog.ingest.context import CrawlContext, load_source
from catalog.ingest.statements import end_statements, normal_form, write_statements
from catalog.lineage.edges import EdgeKey, write_edges
from catalog.model import AssetVersion, Change, Edge, EdgeEvidence, Statement, StatementUse
from tests.support import rows

SPACE = "postgres://db:5432"


def statement(text: str, kind: str = "view") -> records.Statement:
    return records.Statement(text, "postgres", SPACE, kind=kind, default_database="shop")


@pytest.fixture
def estate(store: Store) -> dict[str, int]:
    """Keys of a source and three assets."""
    with store.write("system") as unit:
        space = rows.namespace(unit, SPACE)
        names = ("shop.public.a", "shop.public.b", "shop.public.c")
        made = {name[-1]: rows.asset(unit, space, name) for name in names}
        return {"source": rows.source(unit), **made}


def context(store: Store, estate: dict[str, int]) -> CrawlContext:
    with store.connect() as connection:
        source = load_source(connection, estate["source"])
    return CrawlContext(store=store, source=source, crawl=1, crawl_uid="x", crawler_version=1)


def write(
    store: Store, estate: dict[str, int], *items: tuple[int | None, list[records.Statement]]
) -> tuple[int, int]:
    """(what `write_statements` says, rows that the database counted)."""
    with store.write("crawl:x") as unit:
        before = dialect.rows_written(unit.connection)
        count = write_statements(unit, context(store, estate), None, items)
        unit.finish()
        unit._changes.clear()
        return count, dialect.rows_written(unit.connection) - before


def table(store: Store, model: Any) -> list[Any]:
    with store.connect() as connection:
        return list(connection.execute(select(table_of(model))))


def changes(store: Store) -> list[tuple[str, int | None, bool, bool]]:
    return [
        (row.what, row.asset, row.before is not None, row.after is not None)
        for row in table(store, Change)
    ]


def test_text_is_stored_once_and_the_same_again_writes_nothing(
    store: Store, estate: dict[str, int]
) -> None:
    items = [
        (estate["a"], [statement("SELECT 1  AS x")]),
        (estate["b"], [statement("SELECT 1\n AS x;")]),
    ]
    assert write(store, estate, *items)[0] == 2
    assert [row.text for row in table(store, Statement)] == ["SELECT 1  AS x"]
    assert len(table(store, StatementUse)) == 2
    assert changes(store) == [
        ("definition", estate["a"], False, True),
        ("definition", estate["b"], False, True),
    ]
    assert write(store, estate, *items) == (0, 0)


def test_a_new_definition_ends_the_old_one(store: Store, estate: dict[str, int]) -> None:
    write(store, estate, (estate["a"], [statement("SELECT 1")]))
    write(store, estate, (estate["a"], [statement("SELECT 2")]))
    uses = {row.statement: row.live for row in table(store, StatementUse)}
    assert sorted(uses.values()) == [False, True]
    assert changes(store)[-1] == ("definition", estate["a"], True, True)
    write(store, estate, (estate["a"], [statement("SELECT 1")]))
    assert len(table(store, StatementUse)) == 2
    again = {row.statement: row.live for row in table(store, StatementUse)}
    assert again == {key: not live for key, live in uses.items()}


def test_an_empty_list_ends_all(store: Store, estate: dict[str, int]) -> None:
    write(store, estate, (estate["a"], [statement("SELECT 1")]))
    assert write(store, estate, (estate["a"], []))[0] == 1
    assert [row.live for row in table(store, StatementUse)] == [False]
    assert changes(store)[-1] == ("definition", estate["a"], True, False)


def test_another_source_keeps_its_own_uses(store: Store, estate: dict[str, int]) -> None:
    write(store, estate, (estate["a"], [statement("SELECT 1")]))
    with store.write("system") as unit:
        other = {**estate, "source": rows.source(unit, "other")}
    write(store, other, (estate["a"], [statement("SELECT 2")]))
    assert [row.live for row in table(store, StatementUse)] == [True, True]


def test_logged_queries_lose_their_literals(store: Store, estate: dict[str, int]) -> None:
    first = statement("SELECT * FROM t WHERE mail = 'a@b.c'", "query")
    second = statement("select * from t where mail = 'd@e.f'", "query")
    assert write(store, estate, (None, [first]), (None, [second]))[0] == 1
    (stored,) = table(store, Statement)
    assert "@" not in stored.text
    assert write(store, estate, (None, [second])) == (0, 0)
    assert changes(store) == [("statement", None, False, False)]


@pytest.mark.parametrize(
    ("one", "two", "same"),
    [
        ("SELECT  a\n FROM t ;", "SELECT a FROM t", True),
        ("SELECT 'a  b'", "SELECT 'a b'", False),
        ('SELECT "a  b"', 'SELECT "a b"', False),
        ("SELECT $x$a  b$x$", "SELECT $x$a b$x$", False),
        ("SELECT a -- x\n, b", "SELECT a -- x , b", False),
        ("SELECT 'it''s  '", "SELECT 'it''s '", False),
        (r"SELECT 'a\'  b'", r"SELECT 'a\' b'", False),
    ],
)
def test_the_normal_form_touches_layout_alone(one: str, two: str, same: bool) -> None:
    assert (normal_form(one) == normal_form(two)) is same


def test_a_removed_asset_loses_what_its_definition_proved(
    store: Store, estate: dict[str, int]
) -> None:
    items = [(estate[name], [statement(f"SELECT '{name}'")]) for name in ("a", "b")]
    write(store, estate, *items)
    uses = {row.asset: row.key for row in table(store, StatementUse)}
    with store.write("system") as unit:
        into_a = EdgeKey(estate["c"], 0, estate["a"], 0)
        into_b = EdgeKey(estate["a"], 0, estate["b"], 0)
        write_edges(unit, uses[estate["a"]], {into_a: 1.0})
        write_edges(unit, uses[estate["b"]], {into_b: 1.0, into_a: 0.5})
    with store.write("crawl:x") as unit:
        end_statements(unit, [estate["a"]])
    assert {row.asset: row.live for row in table(store, StatementUse)} == {
        estate["a"]: False,
        estate["b"]: True,
    }
    assert len(table(store, Edge)) == 2  # the other definition still says so
    with store.write("crawl:x") as unit:
        end_statements(unit, [estate["b"]])
    assert table(store, Edge) == table(store, EdgeEvidence) == []
    ended = [row for row in table(store, Change) if row.what == "lineage"][-2:]
    assert {row.asset for row in ended} == {estate["a"], estate["b"]}
    kept = {(row.asset, row.to_sequence) for row in table(store, AssetVersion)}
    assert {(row.asset, row.sequence) for row in ended} <= kept
    write(store, estate, *items)
    assert all(row.live and row.parsed_key is None for row in table(store, StatementUse))
