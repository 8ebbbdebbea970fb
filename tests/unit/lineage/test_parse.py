"""Statements to edges: what becomes of them, what is parsed again, what writes nothing."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import delete, select, update

from catalog.history.edges import edges_document
from catalog.history.store import Store, table_of
from catalog.history.unit import Unit, unpack
from catalog.lineage.edges import EdgeKey, write_edges
from catalog.lineage.extract import Text
from catalog.lineage.parse import Parser, parse_pending, parse_use
from catalog.lineage.statements import mark_stale, pending, stale_uses
from catalog.model import (
    AssetVersion,
    Column,
    EdgeEvidence,
    StatementName,
)
from tests.unit.lineage.estate import DUCK, Estate, edge_names
from tests.unit.lineage.support import USE, chain, changes, use_row

_COLUMN = table_of(Column)


def test_views_become_table_and_column_edges(store: Store) -> None:
    chain(store)
    counts = parse_pending(store, inline=True)
    assert (counts.parsed, counts.problems, counts.targets) == (2, 0, 2)
    assert edge_names(store) == {
        "orders -> orders",
        "orders.id -> orders.id",
        "orders.amount -> orders.cents",
        "orders.day ~> orders",
        "orders -> totals",
        "orders.cents -> totals.day_total",
    }
    with store.read() as session:
        assert pending(session, 10) == []


def test_the_same_again_writes_nothing(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    chain(store)
    parse_pending(store, inline=True)
    with monkeypatch.context() as patch:
        patch.setattr(store, "write", lambda *_args, **_more: pytest.fail("a unit was opened"))
        for use in (1, 2):
            counts = parse_use(store, use)
            assert (counts.parsed, counts.unchanged) == (0, 1)


def test_a_mark_without_a_reason_goes_without_a_change(store: Store) -> None:
    chain(store)
    parse_pending(store, inline=True)
    key, last = use_row(store, 1).parsed_key, len(changes(store, "lineage"))
    with store.write("system") as unit:
        mark_stale(unit, [1])
    assert use_row(store, 1).parsed_key != key
    counts = parse_pending(store, inline=True)
    assert (counts.parsed, counts.unchanged) == (0, 1)
    assert use_row(store, 1).parsed_key == key
    assert len(changes(store, "lineage")) == last


def test_edges_are_versioned_with_a_change_on_the_target(store: Store) -> None:
    estate = chain(store)
    parse_pending(store, inline=True)
    staging = estate.keys["shop.staging.orders"]
    (first,) = [row for row in changes(store, "lineage") if row.asset == staging]
    with store.connect() as connection:
        before = edges_document(connection, staging)
    with store.write("system") as unit:
        unit.connection.execute(update(USE).where(USE.c.asset == staging).values(live=False))
        mark_stale(unit, [1])
    assert parse_pending(store, inline=True).ended == 1
    assert {name for name in edge_names(store) if name.endswith("cents")} == set()
    ended = [row for row in changes(store, "lineage") if row.asset == staging][-1]
    version = table_of(AssetVersion)
    with store.connect() as connection:
        kept = connection.execute(
            select(version).where(version.c.asset == staging).order_by(version.c.to_sequence)
        ).all()
        names = connection.execute(
            select(table_of(StatementName)).where(table_of(StatementName).c.statement_use == 1)
        ).all()
    assert [(row.part, row.to_sequence) for row in kept] == [
        ("edges", first.sequence),
        ("edges", ended.sequence),
    ]
    assert kept[0].document is None
    assert before is not None
    assert unpack(kept[1].document) == before
    assert names == []


def test_bad_sql_is_a_problem_on_the_use(store: Store) -> None:
    with store.write("system") as unit:
        estate = Estate(unit)
        use = estate.use("SELEC x FRM t WHERE (", estate.asset("shop.public.v"))
    assert parse_pending(store, inline=True).problems == 1
    assert "line 1" in use_row(store, use).problem
    assert parse_use(store, use).unchanged == 1


def test_columns_that_appear_are_noticed(store: Store) -> None:
    estate = chain(store)
    parse_pending(store, inline=True)
    raw = estate.keys["shop.raw.orders"]
    with store.write("system") as unit:
        unit.connection.execute(
            update(_COLUMN).where(_COLUMN.c.asset == raw, _COLUMN.c.number == 2).values(live=False)
        )
        uses = stale_uses(unit.session, [raw])
        mark_stale(unit, uses)
    assert uses == [1, 2]  # the second only names another table ``orders``
    counts = parse_pending(store, inline=True)
    assert (counts.parsed, counts.unchanged) == (1, 1)
    assert "orders.amount -> orders.cents" not in edge_names(store)
    with store.write("system") as unit:  # the path returns and gets its number back
        unit.connection.execute(
            update(_COLUMN).where(_COLUMN.c.asset == raw, _COLUMN.c.number == 2).values(live=True)
        )
        mark_stale(unit, stale_uses(unit.session, [raw]))
    parse_pending(store, inline=True)
    assert "orders.amount -> orders.cents" in edge_names(store)


def test_a_name_that_means_something_else_now_is_noticed(store: Store) -> None:
    with store.write("system") as unit:
        estate = Estate(unit, DUCK)
        view = estate.asset("shop.main.v", ["x"], kind="view")
        texts = (
            "SELECT x FROM read_parquet('/lake/in/*.parquet')",
            "SELECT x FROM staging.t",
            "SELECT x FROM elsewhere",
        )
        for text in texts:
            estate.use(text, view, dialect="duckdb")
    parse_pending(store, inline=True)
    assert edge_names(store) == {"in -> v", "t -> v", "elsewhere -> v"}
    with store.write("system") as unit:
        estate = Estate(unit, DUCK)
        other = estate.asset("other.staging.t", ["x"])
        lake = estate.asset("/lake", ["x"], space="file", kind="dataset")
        assert stale_uses(unit.session, [lake]) == [1]
        assert stale_uses(unit.session, [other]) == [2]
        mark_stale(unit, [1, 2])
    parse_pending(store, inline=True)
    assert edge_names(store) == {"lake -> v", "lake.x -> v.x", "t -> v", "elsewhere -> v"}


def test_two_statements_prove_one_edge(store: Store) -> None:
    with store.write("system") as unit:
        estate = Estate(unit)
        source = estate.asset("shop.public.a", ["x"])
        view = estate.asset("shop.public.v", ["x"])
        for text in ("INSERT INTO v SELECT x FROM a", "INSERT INTO v SELECT x FROM a WHERE true"):
            estate.use(text, view, kind="table")
    parse_pending(store, inline=True)
    evidence = table_of(EdgeEvidence)
    with store.write("system") as unit:
        assert len(unit.connection.execute(select(evidence)).all()) == 4
        unit.connection.execute(update(USE).where(USE.c.key == 1).values(live=False))
        mark_stale(unit, [1])
    before = len(changes(store, "lineage"))
    parse_pending(store, inline=True)
    assert edge_names(store) == {"a -> v", "a.x -> v.x"}
    assert len(changes(store, "lineage")) == before
    assert source


def test_a_mark_during_the_parse_is_not_lost(store: Store) -> None:
    chain(store)

    class Slow(Parser):
        def run(self, function: Any, items: Any) -> Any:
            with store.write("system") as unit:
                mark_stale(unit, [1])
            return super().run(function, items)

    parse_use(store, 1, parser=Slow(inline=True))
    with store.read() as session:
        assert 1 in pending(session, 10)
    assert parse_pending(store, inline=True).parsed == 2


def test_many_waiting_uses_are_done_in_several_batches(store: Store) -> None:
    with store.write("system") as unit:
        estate = Estate(unit)
        estate.asset("shop.public.a", ["x"])
        for number in range(70):
            view = estate.asset(f"shop.public.v{number}", ["x"])
            estate.use("SELECT x FROM a", view)
    assert parse_pending(store, inline=True).parsed == 70
    assert len(edge_names(store)) == 140


def test_parsing_runs_in_a_child_that_a_statement_can_kill(sqlite_store: Store) -> None:
    chain(sqlite_store)
    with sqlite_store.write("system") as unit:
        unit.connection.execute(delete(table_of(StatementName)))
    counts = parse_pending(sqlite_store)
    assert (counts.parsed, counts.problems) == (2, 0)
    with Parser(seconds=0.2) as parser:
        from catalog.lineage import extract

        slow = Text("SELECT " + " + ".join(["a"] * 150_000), "postgres")
        begun = time.monotonic()
        outcomes = parser.run(extract.names, [slow, Text("SELECT a FROM t", "postgres")])
        assert time.monotonic() - begun < 20
    assert outcomes[0].failure is not None
    assert [ref.parts for ref in outcomes[1].value or ()] == [("t",)]


def test_a_use_that_is_deleted_takes_its_names_along(store: Store) -> None:
    chain(store)
    parse_pending(store, inline=True)
    names = table_of(StatementName)
    with store.write("system") as unit:
        assert unit.connection.execute(select(names.c.statement_use)).scalars().all()
        unit.connection.execute(delete(USE))
        assert unit.connection.execute(select(names.c.statement_use)).all() == []


def test_writers_at_the_same_time_join_their_evidence(store: Store) -> None:
    with store.write("system") as unit:
        estate = Estate(unit)
        keys = [estate.asset(f"shop.public.t{number}") for number in range(6)]
    edges = {EdgeKey(keys[0], 0, key, 0): 1.0 for key in keys[1:]}

    def write(reference: int) -> None:
        def again(unit: Unit) -> None:
            write_edges(unit, reference, edges)

        store.run(again, "system")
        store.run(lambda unit: write_edges(unit, reference, {}), "system")
        store.run(again, "system")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(1, 5)))
    evidence = table_of(EdgeEvidence)
    with store.connect() as connection:
        assert len(connection.execute(select(evidence)).all()) == 20
    assert len(edge_names(store)) == 5


def test_a_new_engine_parses_everything_again(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    chain(store)
    parse_pending(store, inline=True)
    last = len(changes(store, "lineage"))
    monkeypatch.setattr("catalog.lineage.statements.ENGINE_VERSION", 10_000)
    with store.read() as session:
        assert pending(session, 10) == [1, 2]
    assert parse_pending(store, inline=True).parsed == 2
    assert len(changes(store, "lineage")) == last
