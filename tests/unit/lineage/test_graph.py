"""Traversal: depth, budget, cycles, hubs, columns, and what a viewer may not see."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from sqlalchemy import event, select, update

from catalog.access.viewer import SYSTEM
from catalog.errors import BadInput, NotFound
from catalog.history.store import Store, table_of
from catalog.lineage.edges import EdgeKey, write_edges
from catalog.lineage.evidence import evidence, neighbours
from catalog.lineage.graph import traverse
from catalog.lineage.parse import parse_pending
from catalog.lineage.views import Graph, Node
from catalog.model import Asset, Column
from catalog.naming import id_text
from tests.unit.lineage.estate import Estate
from tests.unit.lineage.support import estate, hidden


def graph(store: Store, asset: int | bytes, **more: Any) -> Graph:
    with store.connect() as connection:
        return traverse(connection, SYSTEM, asset, **more)


def levels(found: Graph) -> dict[str, int]:
    return {node.name: node.level for node in found.nodes}


def arrows(found: Graph, *, columns: bool = False) -> list[str]:
    names = {node.id: node.name for node in found.nodes}
    edges = found.column_edges if columns else found.edges
    return sorted(
        f"{names[edge.source]}{'.' + edge.source_column if edge.source_column else ''}"
        f" -> {names[edge.target]}{'.' + edge.target_column if edge.target_column else ''}"
        for edge in edges or ()
    )


def node(found: Graph, name: str) -> Node:
    return next(node for node in found.nodes if node.name == name)


def test_a_diamond_has_each_node_once(store: Store) -> None:
    keys = estate(store, ("a", "b"), ("a", "c"), ("b", "d"), ("c", "d"), ("d", "e"))
    found = graph(store, keys["d"])
    assert levels(found) == {"d": 0, "b": -1, "c": -1, "a": -2, "e": 1}
    assert [node.name for node in found.nodes] == ["d", "b", "c", "e", "a"]
    assert arrows(found) == ["a -> b", "a -> c", "b -> d", "c -> d", "d -> e"]
    assert not found.truncated
    assert {(node.more_up, node.more_down) for node in found.nodes} == {(0, 0)}
    assert all(edge.evidence == 1 and edge.kind == "direct" for edge in found.edges)


def test_directions_and_depth(store: Store) -> None:
    keys = estate(store, ("a", "b"), ("b", "c"), ("c", "d"), ("x", "c"))
    assert levels(graph(store, keys["b"], direction="down")) == {"b": 0, "c": 1, "d": 2}
    assert levels(graph(store, keys["b"], direction="up")) == {"b": 0, "a": -1}
    near = graph(store, keys["b"], direction="down", depth=1)
    assert levels(near) == {"b": 0, "c": 1}
    assert not near.truncated  # that it goes on says the node
    assert (node(near, "c").more_up, node(near, "c").more_down) == (1, 1)
    assert (node(near, "b").more_up, node(near, "b").more_down) == (1, 0)


def test_cycles_end(store: Store) -> None:
    keys = estate(store, ("a", "b"), ("b", "c"), ("c", "a"))
    found = graph(store, keys["a"], depth=100)
    assert set(levels(found)) == {"a", "b", "c"}
    assert arrows(found) == ["a -> b", "b -> c", "c -> a"]
    assert not found.truncated


def test_a_chain_of_a_hundred_hops(store: Store) -> None:
    names = [f"n{number:03}" for number in range(120)]
    keys = estate(store, *itertools.pairwise(names))
    found = graph(store, keys["n000"], depth=100)
    assert max(levels(found).values()) == 100
    assert node(found, "n100").more_down == 1


def test_the_budget_cuts_and_says_so(store: Store) -> None:
    pairs = [("root", f"d{n}") for n in range(6)] + [(f"u{n}", "root") for n in range(6)]
    keys = estate(store, *pairs)
    found = graph(store, keys["root"], budget=5, fan=2)
    assert levels(found) == {"root": 0, "u0": -1, "u1": -1, "d0": 1, "d1": 1}
    assert found.truncated
    assert (node(found, "root").more_up, node(found, "root").more_down) == (4, 4)
    full = graph(store, keys["root"], budget=4, direction="down")
    assert len(full.nodes) == 4
    assert full.truncated
    assert node(full, "root").more_down == 3
    assert not graph(store, keys["root"]).truncated


@pytest.mark.parametrize(
    "more", [{"depth": 0}, {"depth": 101}, {"budget": 5001}, {"direction": "sideways"}]
)
def test_limits_are_said(sqlite_store: Store, more: dict[str, Any]) -> None:
    keys = estate(sqlite_store, ("a", "b"))
    with pytest.raises(BadInput):
        graph(sqlite_store, keys["a"], **more)


def test_a_hub_is_cut_in_the_graph_and_paged_beside_it(store: Store) -> None:
    with store.write("system") as unit:
        made = Estate(unit)
        hub = made.asset("hub")
        keys = {(hub, made.asset(f"d{n:03}")) for n in range(250)}
        write_edges(unit, 1, {EdgeKey(one, 0, other, 0): 1.0 for one, other in keys})
    found = graph(store, hub)
    assert len(found.nodes) == 101
    assert found.truncated
    assert node(found, "hub").more_down == 150
    seen: list[str] = []
    cursor = None
    with store.connect() as connection:
        while True:
            page = neighbours(connection, SYSTEM, hub, "down", cursor=cursor, limit=100)
            assert page.total == 250
            seen += [item.name for item in page.items]
            assert all(item.more_up == 0 for item in page.items)
            cursor = page.next
            if cursor is None:
                break
        with pytest.raises(BadInput):
            neighbours(connection, SYSTEM, hub, "up", cursor="x" * 40)
    assert seen == [f"d{n:03}" for n in range(250)]


def test_what_is_invisible_is_not_named_counted_or_passed(store: Store) -> None:
    keys = estate(store, ("a", "b"), ("b", "c"), ("a", "x"), ("x", "c"), ("b", "d"))
    with hidden("b"):
        found = graph(store, keys["a"])
        assert levels(found) == {"a": 0, "x": 1, "c": 2}
        assert arrows(found) == ["a -> x", "x -> c"]
        assert {(n.more_up, n.more_down) for n in found.nodes} == {(0, 0)}
        assert not found.truncated
        with pytest.raises(NotFound):
            graph(store, keys["b"])
        with store.connect() as connection:
            page = neighbours(connection, SYSTEM, keys["a"], "down")
            assert ([item.name for item in page.items], page.total) == (["x"], 1)
            with pytest.raises(NotFound):
                evidence(connection, SYSTEM, keys["a"], keys["b"])


def columns_estate(store: Store) -> dict[str, int]:
    """a.x -> b.y -> c.z, b.y -> c.w, and a.other beside it; a.f decides which rows b has."""
    with store.write("system") as unit:
        made = Estate(unit)
        made.asset("a", ["x", "other", "f"])
        made.asset("b", ["y", "other"])
        made.asset("c", ["z", "w", "other"])
        made.link(("a", "b"), ("b", "c"))
        made.link(("a.x", "b.y"), ("b.y", "c.z"), ("b.y", "c.w"), ("a.other", "b.other"))
        made.indirect("a.f", "b")
        return made.keys


def test_a_column_is_traced_through_three_levels(store: Store) -> None:
    keys = columns_estate(store)
    down = graph(store, keys["a"], column="x", direction="down")
    assert levels(down) == {"a": 0, "b": 1, "c": 2}
    assert arrows(down, columns=True) == ["a.x -> b.y", "b.y -> c.w", "b.y -> c.z"]
    assert arrows(down) == ["a -> b", "b -> c"]
    assert (node(down, "b").columns, node(down, "c").columns) == (["y"], ["z", "w"])
    up = graph(store, keys["c"], column="z", direction="up")
    assert arrows(up, columns=True) == ["a.x -> b.y", "b.y -> c.z"]
    assert node(up, "b").more_down == 1  # c.w
    near = graph(store, keys["c"], column="z", direction="up", depth=1)
    assert node(near, "b").more_up == 1
    cut = graph(store, keys["a"], column="x", direction="down", budget=3)
    assert cut.truncated
    assert len(cut.column_edges or ()) == 2
    with pytest.raises(NotFound):
        graph(store, keys["a"], column="nowhere")


def test_a_trace_shows_what_decides_the_rows_if_asked(store: Store) -> None:
    keys = columns_estate(store)
    up = graph(store, keys["b"], column="y", direction="up", indirect=True)
    assert arrows(up, columns=True) == ["a.f -> b", "a.x -> b.y"]
    assert node(up, "a").columns == ["x", "f"]
    down = graph(store, keys["a"], column="f", direction="down", indirect=True)
    assert arrows(down, columns=True) == ["a.f -> b"]
    assert graph(store, keys["a"], column="f", direction="down").column_edges == []


def test_a_trace_does_not_pass_what_is_invisible(store: Store) -> None:
    keys = columns_estate(store)
    with hidden("b"):
        found = graph(store, keys["a"], column="x")
    assert (levels(found), found.column_edges) == ({"a": 0}, [])
    assert node(found, "a").more_down == 0


def test_column_edges_between_the_nodes_come_on_demand(store: Store) -> None:
    keys = columns_estate(store)
    assert graph(store, keys["b"]).column_edges is None
    found = graph(store, keys["b"], columns=True)
    assert arrows(found, columns=True) == [
        "a.f -> b",
        "a.other -> b.other",
        "a.x -> b.y",
        "b.y -> c.w",
        "b.y -> c.z",
    ]
    assert not found.column_edges_truncated


def test_a_column_that_came_back_keeps_its_lineage(store: Store) -> None:
    keys = columns_estate(store)
    table = table_of(Column)
    with store.write("system") as unit:
        gone = (table.c.asset == keys["b"]) & (table.c.path == "y")
        unit.connection.execute(update(table).where(gone).values(live=False))
    assert arrows(graph(store, keys["b"], column="y"), columns=True) == [
        "a.x -> b.y",
        "b.y -> c.w",
        "b.y -> c.z",
    ]
    with store.write("system") as unit:  # another column under the old name
        unit.session.add(Column(asset=keys["b"], number=9, path="y", position=1, type="string"))
    assert graph(store, keys["b"], column="y").column_edges == []


def test_a_hop_is_one_query_and_direction(sqlite_store: Store) -> None:
    pairs = [(f"a{n}", f"b{n % 7}") for n in range(60)] + [(f"b{n}", "c") for n in range(7)]
    keys = estate(sqlite_store, *pairs)
    count = 0

    def counted(*_arguments: Any) -> None:
        nonlocal count
        count += 1

    event.listen(sqlite_store.engine, "before_cursor_execute", counted)
    try:
        found = graph(sqlite_store, keys["c"], direction="up", depth=100)
    finally:
        event.remove(sqlite_store.engine, "before_cursor_execute", counted)
    assert len(found.nodes) == 68
    # the asset, three hops (the last finds nothing), descriptions, edges, paths, two counts
    assert count <= 9


def test_evidence_says_which_statement(store: Store) -> None:
    with store.write("system") as unit:
        made = Estate(unit)
        a = made.asset("shop.public.a", ["x", "f"])
        b = made.asset("shop.public.b", ["x"], kind="view")
        made.use("SELECT x FROM public.a WHERE f > 0", b, default_schema="public")
        made.use("INSERT INTO public.b SELECT x FROM public.a", kind="script")
    parse_pending(store, inline=True)
    with store.connect() as connection:
        found = evidence(connection, SYSTEM, a, b)
        one = next(item for item in found if item.statement and item.statement.kind == "view")
        assert len(found) == 2
        assert one.confidence == 1.0
        assert one.statement is not None
        assert one.statement.text.startswith("SELECT x")
        assert one.statement.source == "wh"
        assert one.statement.live
        assert one.first_seen.endswith("Z")
        of_column = evidence(connection, SYSTEM, a, b, source_column="x", target_column="x")
        assert len(of_column) == 2
        assert len(evidence(connection, SYSTEM, a, b, source_column="f")) == 1
        with pytest.raises(NotFound):
            evidence(connection, SYSTEM, b, a)
        uid = connection.execute(
            select(table_of(Asset).c.uid).where(table_of(Asset).c.key == b)
        ).scalar_one()
    assert one.statement.defines == id_text(uid)
    assert graph(store, uid).root == id_text(uid)
    assert {edge.evidence for edge in graph(store, uid).edges} == {2}
