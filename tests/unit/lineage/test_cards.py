"""What a picture says beside nodes and edges: columns, owners, reach, pairs of columns."""

from __future__ import annotations

from catalog.access.viewer import SYSTEM
from catalog.history.store import Store, table_of
from catalog.lineage import cards
from catalog.lineage.cards import Reach
from catalog.model import Asset, AssetAttribute
from catalog.naming import id_text
from tests.unit.lineage.estate import Estate
from tests.unit.lineage.support import estate, hidden


def ids(store: Store) -> dict[str, str]:
    asset = table_of(Asset)
    with store.connect() as connection:
        found = connection.execute(asset.select())
        return {row.name: id_text(row.uid) for row in found}


def test_columns_are_counted_and_those_asked_for_listed(store: Store) -> None:
    estate(store, ("a", "b"), a=["x", "y", "z"], b=["x"], c=[])
    known = ids(store)
    with store.connect() as connection:
        found = cards.columns_of(
            connection, SYSTEM, [known["a"], known["b"], known["c"], "no id"], [known["a"]]
        )
    assert (found[known["a"]].total, found[known["a"]].paths) == (3, ["x", "y", "z"])
    assert (found[known["b"]].total, found[known["b"]].paths) == (1, [])
    assert known["c"] not in found
    with hidden("a"), store.connect() as connection:
        assert not cards.columns_of(connection, SYSTEM, [known["a"]], [known["a"]])


def test_a_wide_table_is_listed_up_to_a_limit(store: Store) -> None:
    estate(store, wide=[f"c{at:04}" for at in range(500)])
    known = ids(store)["wide"]
    with store.connect() as connection:
        found = cards.columns_of(connection, SYSTEM, [known], [known])[known]
    assert found.total == 500
    assert found.paths == [f"c{at:04}" for at in range(cards.MOST_PATHS)]


def test_owners_of_several_assets(store: Store) -> None:
    keys = estate(store, ("a", "b"))
    with store.write("system") as unit:
        for asset, owner in (("a", "account:1/kim"), ("a", "account:1/ada"), ("b", "")):
            unit.connection.execute(
                table_of(AssetAttribute)
                .insert()
                .values(asset=keys[asset], attribute="owner", value=owner)
            )
    known = ids(store)
    with store.connect() as connection:
        found = cards.owners_of(connection, SYSTEM, list(known.values()))
        names = {asset: [one.name for one in owners] for asset, owners in found.items()}
    assert names == {known["a"]: ["ada", "kim"]}
    with hidden("a"), store.connect() as connection:
        assert not cards.owners_of(connection, SYSTEM, list(known.values()))


def test_reach_counts_both_ways_at_any_distance(store: Store) -> None:
    keys = estate(store, ("a", "b"), ("b", "c"), ("c", "d"), ("c", "e"), ("e", "b"))
    with store.connect() as connection:
        assert cards.reach(connection, SYSTEM, keys["a"]) == Reach(0, 4, False)
        assert cards.reach(connection, SYSTEM, keys["c"]) == Reach(3, 3, False)
        assert cards.reach(connection, SYSTEM, keys["a"], ("up",)) == Reach(0, 0, False)
        assert cards.reach(connection, SYSTEM, keys["a"], most=2) == Reach(0, 2, True)
    with hidden("c"), store.connect() as connection:
        # What lies behind it is not passed through either.
        assert cards.reach(connection, SYSTEM, keys["a"]) == Reach(0, 1, False)


def test_pairs_of_columns_of_an_edge(store: Store) -> None:
    with store.write("system") as unit:
        made = Estate(unit)
        made.asset("a", ["x", "y"])
        made.asset("b", ["z"])
        made.link(("a", "b"), ("b", "a"), ("b.z", "a.x"), ("a.x", "b.z"), ("a.x", "b.z"))
        made.indirect("a.y", "b")
        keys = made.keys
    with store.connect() as connection:
        found = cards.column_pairs(connection, SYSTEM, keys["a"], keys["b"])
    assert [(one.source_column, one.target_column, one.kind, one.evidence) for one in found] == [
        ("x", "z", "direct", 2),
        ("y", None, "indirect", 1),
    ]


def test_column_edges_among_some_assets(store: Store) -> None:
    flows = (("a.x", "b.x"), ("b.x", "c.x"))
    estate(store, ("a", "b"), ("b", "c"), *flows, a=["x"], b=["x"], c=["x"])
    known = ids(store)
    with store.connect() as connection:
        whole = cards.column_edges(connection, SYSTEM, [known[name] for name in "abc"])
        part = cards.column_edges(connection, SYSTEM, [known["b"], known["c"]])
    assert [(one.source, one.target) for one in part] == [(known["b"], known["c"])]
    assert {(one.source_column, one.target_column) for one in whole} == {("x", "x")}
    assert len(whole) == 2
    with hidden("b"), store.connect() as connection:
        assert not cards.column_edges(connection, SYSTEM, [known[name] for name in "abc"])
