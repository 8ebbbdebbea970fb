"""The document is a pure function of the store, read in a constant number of queries."""

from __future__ import annotations

import pytest

from catalog.history.store import Store
from catalog.model import Source
from catalog.search.document import (
    Document,
    document,
    document_hash,
    documents,
    hashes,
    identifiers,
    indexed_keys,
)
from tests.unit.search.build import WAREHOUSE, Estate
from tests.unit.search.support import counted


@pytest.fixture
def estate(store: Store) -> Estate:
    return Estate(store)


def read(store: Store, asset: int) -> Document:
    with store.read() as session:
        found = document(session, asset)
    assert found is not None
    return found


def test_everything_that_is_searched_is_in_it(store: Store, estate: Estate) -> None:
    schema = estate.container("shop.public")
    orders = estate.asset("shop.public.orders", parent=schema, title="Orders", flag="endorsed")
    ann, team = estate.person("Ann Lee"), estate.team("Sales")
    for owner in (f"person:{ann}", f"team:{team}", "account:wh/etl/x"):
        estate.attribute(orders, "owner", owner)
    estate.attribute(orders, "tag", "pii/email")
    estate.attribute(orders, "classification", "email")
    estate.attribute(orders, "domain", "sales")
    estate.column(orders, 1, "id", comment="the key")
    estate.column(orders, 2, "mail", comment="from the source")
    estate.column(orders, 3, "gone", live=False)
    estate.fact(orders, 2, "description", "written by hand")
    estate.fact(orders, 1, "title", "Key")
    estate.definition(orders, "SELECT o.id FROM raw.orders o WHERE x = 'secret'")
    found = read(store, orders)
    assert (found.name, found.leaf, found.namespace) == ("shop.public.orders", "orders", WAREHOUSE)
    assert (found.title, found.flag, found.source, found.platform) == (
        "Orders",
        "endorsed",
        "wh",
        "postgres",
    )
    assert found.columns == (("id", "Key\nthe key"), ("mail", "written by hand"))
    assert set(found.owner_names) == {"Ann Lee", "Sales", "etl/x"}
    assert (found.tags, found.classifications, found.domains) == (
        ("pii/email",),
        ("email",),
        ("sales",),
    )
    assert found.parents == ("shop.public",)
    assert found.identifiers == "o id raw orders x"


def test_only_what_may_be_found_has_one(store: Store, estate: Estate) -> None:
    live, referenced = estate.asset("a"), estate.asset("b", state="referenced", source=None)
    removed = estate.asset("c", state="removed")
    with store.read() as session:
        assert set(documents(session, [live, referenced, removed])) == {live, referenced}
        assert indexed_keys(session, 0, 10) == [live, referenced]
        assert document(session, 999) is None
    estate.rename(Source, "source", estate.source_id(), removed_at=5)
    with store.read() as session:
        assert indexed_keys(session, 0, 10) == [referenced]
        assert document(session, live) is None


def test_queries_do_not_grow_with_assets(store: Store, estate: Estate) -> None:
    keys = [estate.asset(f"t{number}", parent=None) for number in range(30)]
    sent = []
    for batch in (keys[:1], keys):
        with counted(store) as statements, store.read() as session:
            assert len(documents(session, batch)) == len(batch)
        sent.append(len(statements))
    assert sent[0] == sent[1] <= 8


def test_the_hash_changes_with_each_value(store: Store, estate: Estate) -> None:
    key = estate.asset("t")
    before = document_hash(read(store, key))
    assert document_hash(read(store, key)) == before
    estate.edit(key, description="new")
    assert document_hash(read(store, key)) != before
    with store.read() as session:
        assert hashes(session, [key, 999]) == {key: document_hash(read(store, key))}


def test_identifiers_without_literals_and_comments() -> None:
    text = "SELECT \"a b\", `c`, [d e] FROM s.t -- s3cret\n /* hidden */ WHERE t.x = 'it''s'"
    assert identifiers([text, "select t"]) == "a b c d e s t x"
    assert len(identifiers([" ".join(f"name{n}" for n in range(5000))])) <= 10_000
