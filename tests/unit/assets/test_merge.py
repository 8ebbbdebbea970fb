"""Two assets become one: nothing that anybody wrote or reported is lost."""

from __future__ import annotations

import pytest
from sqlalchemy import func, insert, select

from catalog.access.viewer import SYSTEM, Viewer
from catalog.assets.changes import changes
from catalog.assets.merge import merge_assets
from catalog.assets.reading import by_id, by_name
from catalog.assets.resolve import resolve
from catalog.assets.views import AssetView
from catalog.crawling.records import Field
from catalog.errors import BadInput, NotAllowed
from catalog.history.store import Store, table_of
from catalog.model import Asset, Column, Edge, EdgeEvidence, LookupCount, Measure
from tests.unit.assets.estate import LAKE, WAREHOUSE, Estate, add

OTHER = "postgres://db:5432"


@pytest.fixture
def estate(store: Store) -> Estate:
    made = Estate(store)
    made.source("wh")
    made.source("push", kind="push")
    return made


class Pair:
    """The same table, seen by a crawl and, under another host name, by a push."""

    def __init__(self, estate: Estate) -> None:
        self.estate = estate
        self.keep = estate.asset(
            WAREHOUSE, "shop.orders", source="wh", columns=(Field("id"), Field("mail"))
        )
        self.drop = estate.asset(
            OTHER, "shop.orders", source="push", kind="view", columns=(Field("mail"), Field("x"))
        )
        self.dropped = estate.id(self.drop)

    def merge(self) -> AssetView:
        estate = self.estate
        with estate.store.write("user:test") as unit:
            merge_assets(unit, SYSTEM, estate.id(self.keep), self.dropped)
        with estate.store.connect() as connection:
            return by_id(connection, SYSTEM, estate.id(self.keep))


def test_the_dropped_id_and_name_answer_with_the_kept_one(estate: Estate) -> None:
    pair = Pair(estate)
    view = pair.merge()
    with estate.store.connect() as connection:
        assert by_id(connection, SYSTEM, pair.dropped).id == view.id
        found = by_name(connection, SYSTEM, f"{OTHER}/shop.orders")
        assert (found.id, found.matched_by) == (view.id, "alias")
        assert by_name(connection, SYSTEM, "orders").id == view.id
        count = connection.execute(select(func.count()).select_from(table_of(Asset))).scalar()
    assert count == 1
    assert view.aliases == [f"{OTHER}/shop.orders"]
    assert [one.source for one in view.seen_by or ()] == ["wh", "push"]
    assert (view.kind, view.source) == ("view", "wh")


def test_a_second_merge_follows_the_first(estate: Estate) -> None:
    pair = Pair(estate)
    first = pair.merge()
    third = estate.asset(LAKE, "orders", kind="dataset", source="push")
    with estate.store.write("user:test") as unit:
        merge_assets(unit, SYSTEM, estate.id(third), first.id)
    with estate.store.connect() as connection:
        for uid in (pair.dropped, first.id):
            assert by_id(connection, SYSTEM, uid).id == estate.id(third)
        assert resolve(connection, SYSTEM, f"{OTHER}/shop.orders").key == third


def test_facts_move_and_the_kept_ones_win(estate: Estate) -> None:
    pair = Pair(estate)
    estate.fact(pair.keep, "description", "kept")
    estate.fact(pair.drop, "description", "dropped")
    estate.fact(pair.drop, "title", "Title")
    estate.fact(pair.keep, "tag", None, item="a")
    estate.fact(pair.drop, "tag", None, item="b")
    estate.fact(pair.drop, "description", "Their address.", column=1)
    estate.fact(pair.drop, "description", "Asleep.", column=2)
    view = pair.merge()
    assert (view.description, view.title) == ("kept", "Title")
    assert [one.tag for one in view.tags] == ["a", "b"]
    assert [(one.path, one.description) for one in view.columns or ()] == [
        ("id", None),
        ("mail", "Their address."),
    ]
    column = table_of(Column)
    with estate.store.connect() as connection:
        rows = connection.execute(
            select(column.c.number, column.c.path, column.c.live).order_by(column.c.number)
        ).all()
    assert [tuple(row) for row in rows] == [(1, "id", True), (2, "mail", True), (3, "x", False)]


def test_nobody_owns_it_stands_alone(estate: Estate) -> None:
    pair = Pair(estate)
    person, _ = estate.person("ada")
    estate.fact(pair.keep, "owner", None)
    estate.fact(pair.drop, "owner", None, item=f"{person}/owner")
    assert pair.merge().owners == []


def test_edges_join_their_evidence_and_loops_end(estate: Estate) -> None:
    pair = Pair(estate)
    up = estate.asset(WAREHOUSE, "shop.raw", source="wh", columns=(Field("m"),))
    down = estate.asset(WAREHOUSE, "shop.mart", source="wh", columns=(Field("m"),))

    def edge(start: int, start_column: int, end: int, end_column: int, reference: int) -> None:
        with estate.store.write("system") as unit:
            key = add(
                unit.connection,
                Edge,
                from_asset=start,
                from_column=start_column,
                to_asset=end,
                to_column=end_column,
            )
            unit.connection.execute(
                insert(table_of(EdgeEvidence)).values(
                    edge=key, origin="statement", reference=reference, first_seen=1, last_seen=1
                )
            )

    edge(up, 1, pair.keep, 2, 10)  # raw.m -> orders.mail, by a crawl
    edge(up, 1, pair.drop, 1, 11)  # the same, of the other spelling
    edge(pair.drop, 1, down, 1, 12)
    edge(pair.drop, 0, pair.keep, 0, 13)  # becomes a loop
    pair.merge()
    table, evidence = table_of(Edge), table_of(EdgeEvidence)
    with estate.store.connect() as connection:
        edges = {
            (row.from_asset, row.from_column, row.to_asset, row.to_column): row.key
            for row in connection.execute(select(table))
        }
        references = connection.execute(select(evidence.c.edge, evidence.c.reference)).all()
        assert set(edges) == {(up, 1, pair.keep, 2), (pair.keep, 2, down, 1)}
        first = edges[up, 1, pair.keep, 2]
        assert {row.reference for row in references if row.edge == first} == {10, 11}
        said = changes(connection, SYSTEM, resolve(connection, SYSTEM, "mart")).items
    assert said[0].what == "lineage"


def test_measures_counts_children_and_history_move(estate: Estate) -> None:
    pair = Pair(estate)
    child = estate.asset(WAREHOUSE, "shop.orders.child", source="wh", parent=pair.drop)
    with estate.store.write("system") as unit:
        for key, name, value in (
            (pair.keep, "rows", 1.0),
            (pair.drop, "rows", 2.0),
            (pair.drop, "bytes", 3.0),
        ):
            unit.connection.execute(
                insert(table_of(Measure)).values(
                    asset=key, column=0, name=name, value=value, how="exact", at=1, series=b""
                )
            )
        for key, count in ((pair.keep, 2), (pair.drop, 3)):
            unit.connection.execute(
                insert(table_of(LookupCount)).values(asset=key, day=1, count=count)
            )
    view = pair.merge()
    assert {name: one.value for name, one in (view.measures or {}).items()} == {
        "rows": 1.0,
        "bytes": 3.0,
    }
    assert view.children is not None
    assert view.children.total == 1
    with estate.store.connect() as connection:
        counts = connection.execute(select(table_of(LookupCount).c["count"])).scalars().all()
        assert counts == [5]
        match = resolve(connection, SYSTEM, view.id)
        words = [one.what for one in changes(connection, SYSTEM, match).items]
        assert words.count("created") == 2
        assert "merged" in words
        assert [one.id for one in by_id(connection, SYSTEM, estate.id(child)).parents] == [view.id]


def test_who_may_not_and_what_cannot(estate: Estate) -> None:
    pair = Pair(estate)
    box = estate.asset(WAREHOUSE, "shop", kind="schema", source="wh")
    editor = Viewer(actor="user:1", role="editor")
    with pytest.raises(NotAllowed), estate.store.write("user:1") as unit:
        merge_assets(unit, editor, estate.id(pair.keep), pair.dropped)
    for other in (estate.id(pair.keep), estate.id(box)):
        with pytest.raises(BadInput), estate.store.write("user:1") as unit:
            merge_assets(unit, SYSTEM, estate.id(pair.keep), other)
