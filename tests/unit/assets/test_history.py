"""The past of an asset: as of a sequence, versions with diffs, changes, the feed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import insert, update

from catalog.access.expression import Nothing
from catalog.access.viewer import SYSTEM, Viewer, install_policy
from catalog.assets.changes import FeedFilter, changes, feed
from catalog.assets.moments import refuse_as_of, sequence_at, sequence_of
from catalog.assets.past import as_of
from catalog.assets.reading import by_name
from catalog.assets.resolve import resolve
from catalog.assets.versions import versions
from catalog.assets.views import AssetView
from catalog.crawling import records
from catalog.crawling.records import Field
from catalog.errors import BadInput, Gone, NotFound
from catalog.history.facts import facts_document, facts_of
from catalog.history.store import Store, table_of
from catalog.history.unit import dump, pack
from catalog.model import Asset, Change, Column, Fact, Sighting, clock
from tests.unit.assets.estate import WAREHOUSE, Estate

NAME = f"{WAREHOUSE}/shop.public.orders"


@pytest.fixture
def estate(store: Store) -> Iterator[Estate]:
    made = Estate(store)
    made.source("wh")
    ticks = iter(range(1_000_000 * clock.SECOND, 2_000_000 * clock.SECOND, clock.SECOND))
    with clock.fixed(lambda: next(ticks)):
        yield made


class Orders:
    """A table whose structure and facts change, as ingest and curation write it."""

    def __init__(self, estate: Estate) -> None:
        self.estate = estate
        self.record = records.Asset(
            namespace=WAREHOUSE,
            name="shop.public.orders",
            kind="table",
            columns=(Field("id", type="int64", id="1"), Field("mail", type="string", id="2")),
        )
        self.key = estate.asset(
            WAREHOUSE, self.record.name, source="wh", columns=self.record.columns
        )

    def crawl(self, *fields: Field) -> int:
        """The source reports other columns; the sequence that did it."""
        new = records.Asset(
            namespace=WAREHOUSE, name=self.record.name, kind="table", columns=fields
        )
        estate, column = self.estate, table_of(Column)
        source = estate.sources["wh"]
        with estate.store.write("crawl:1", cause="crawl") as unit:
            unit.change("schema", asset=self.key)
            unit.version(self.key, f"sighting:{source}", records.canonical(self.record))
            unit.connection.execute(
                update(table_of(Sighting))
                .where(table_of(Sighting).c.asset == self.key)
                .values(record=pack(records.canonical(new)))
            )
            unit.connection.execute(
                update(column).where(column.c.asset == self.key).values(live=False)
            )
            for position, one in enumerate(fields, 1):
                number = int(one.id or 0)  # the fixture's ids are the numbers
                unit.connection.execute(
                    update(column)
                    .where(column.c.asset == self.key, column.c.number == number)
                    .values(path=one.path, type=one.type, position=position, live=True)
                )
        self.record = new
        assert unit.last_sequence is not None
        return unit.last_sequence

    def describe(self, text: str, column: int = 0) -> int:
        estate = self.estate
        with estate.store.write("local:ada") as unit:
            before = facts_of(unit.connection, self.key)
            unit.version(self.key, "facts", facts_document(before).encode() if before else None)
            unit.connection.execute(
                insert(table_of(Fact)).values(
                    asset=self.key,
                    column=column,
                    property="description",
                    layer="curated",
                    item="",
                    origin="",
                    value=dump(text),
                    author="local:ada",
                    at=unit.now,
                )
            )
            unit.change("description", asset=self.key, column=column, after={"description": text})
        assert unit.last_sequence is not None
        return unit.last_sequence

    def remove(self) -> int:
        estate = self.estate
        with estate.store.write("crawl:1") as unit:
            unit.change("removed", asset=self.key)
            unit.version(
                self.key, f"sighting:{estate.sources['wh']}", records.canonical(self.record)
            )
            unit.version(self.key, "asset", dump(self._identity()).encode())
            asset, sighting = table_of(Asset), table_of(Sighting)
            unit.connection.execute(
                update(asset)
                .where(asset.c.key == self.key)
                .values(state="removed", removed_at=unit.now)
            )
            unit.connection.execute(
                update(sighting).where(sighting.c.asset == self.key).values(state="withdrawn")
            )
        assert unit.last_sequence is not None
        return unit.last_sequence

    def _identity(self) -> dict[str, object]:
        return {
            "namespace": self.estate.namespaces[WAREHOUSE],
            "asset_class": "data",
            "name": self.record.name,
            "kind": "table",
            "parent": None,
            "state": "crawled",
            "source": self.estate.sources["wh"],
        }

    def shown(self) -> AssetView:
        with self.estate.store.connect() as connection:
            return by_name(connection, SYSTEM, NAME)

    def past(self, sequence: int) -> AssetView:
        with self.estate.store.connect() as connection:
            return as_of(connection, SYSTEM, resolve(connection, SYSTEM, NAME), sequence)


def facts_only(view: AssetView) -> dict[str, object]:
    """What a past read must give as it was shown; origins of crawled values carry no time."""
    names = (
        "kind", "name", "namespace", "state", "source", "description", "owners", "tags", "flags",
        "location", "etag", "columns_total", "parents",
    )  # fmt: skip
    found: dict[str, object] = {name: getattr(view, name) for name in names}
    found["columns"] = [
        (one.path, one.position, one.type, one.keys, one.description, one.etag)
        for one in view.columns or ()
    ]
    return found


def test_each_past_sequence_reads_as_it_was_shown(estate: Estate) -> None:
    orders = Orders(estate)
    first = resolve_last(estate)
    shown = {first: orders.shown()}
    for step in (
        lambda: orders.describe("Who bought what."),
        lambda: orders.describe("Their address.", column=2),
        lambda: orders.crawl(Field("e_mail", type="string", id="2"), Field("id", "int32", id="1")),
        lambda: orders.crawl(Field("id", "int32", id="1")),
        orders.remove,
    ):
        sequence = step()
        shown[sequence] = orders.shown()
    for sequence, view in shown.items():
        past = orders.past(sequence)
        assert facts_only(past) == facts_only(view), sequence
        assert (past.sequence, past.measures, past.children) == (sequence, None, None)
    assert orders.past(first).description is None
    renamed = orders.past(first + 3).columns or []
    assert [(one.path, one.description) for one in renamed] == [
        ("e_mail", "Their address."),
        ("id", None),
    ]


def resolve_last(estate: Estate) -> int:
    with estate.store.connect() as connection:
        return sequence_at(connection, 1 << 60)


def test_before_it_existed(estate: Estate) -> None:
    estate.asset(WAREHOUSE, "shop.public.older", source="wh")
    before = resolve_last(estate)
    orders = Orders(estate)
    with pytest.raises(NotFound, match="did not exist yet"):
        orders.past(before)


def test_versions_with_their_diffs(estate: Estate) -> None:
    orders = Orders(estate)
    orders.describe("Who bought what.")
    orders.crawl(Field("e_mail", type="string", id="2"), Field("id", "int32", id="1"))
    orders.remove()
    with estate.store.connect() as connection:
        match = resolve(connection, SYSTEM, NAME)
        page = versions(connection, SYSTEM, match, limit=2)
        rest = versions(connection, SYSTEM, match, limit=2, cursor=page.next)
    found = [*page.items, *rest.items]
    assert page.total == 3
    assert [one.what for one in found] == [["removed"], ["schema"], ["description"]]
    assert [one.parts for one in found] == [["asset", "sighting"], ["sighting"], ["facts"]]
    assert [one.diff.breaking for one in found if one.diff] == [True, True, False]
    assert found[1].diff is not None
    assert {(one.path, one.what) for one in found[1].diff.columns} == {
        ("e_mail", "renamed"),
        ("id", "retyped"),
    }
    assert found[2].actor_name == "ada"
    assert found[2].diff is not None
    assert found[2].diff.values[0].after == "Who bought what."


def test_a_date_is_a_sequence(estate: Estate) -> None:
    orders = Orders(estate)
    second = orders.describe("One.")
    with estate.store.connect() as connection:
        at = changes(connection, SYSTEM, resolve(connection, SYSTEM, NAME)).items[0].at
        assert sequence_of(connection, at) == second
        assert sequence_of(connection, "1970-01-12T13:46:00Z") < second
        assert sequence_of(connection, "1960-01-01") == 0
        assert sequence_of(connection, "2960-01-01") == second
        assert sequence_of(connection, str(second)) == second
        for nonsense in ("yesterday", "2024-01-01T10:00:00", str(second + 1), "2024-13-40", ""):
            with pytest.raises(BadInput):
                sequence_of(connection, nonsense)
    with pytest.raises(BadInput):
        refuse_as_of("3", "Measures")
    refuse_as_of(None, "Measures")


def test_the_feed_pages_both_ways_and_is_filtered(estate: Estate) -> None:
    orders = Orders(estate)
    orders.describe("One.")
    orders.describe("Two.", column=2)
    with estate.store.connect() as connection:
        new = feed(connection, SYSTEM, limit=2)
        assert [one.what for one in new.items] == ["description", "description"]
        assert new.items[0].column == "mail"
        assert new.items[0].asset == NAME
        cursor, seen = None, []
        while True:
            page = feed(connection, SYSTEM, order="old", limit=1, cursor=cursor)
            cursor = page.next
            if not page.items:
                break
            seen.append(page.items[0].sequence)
        assert seen == sorted(seen)
        assert len(seen) == len(feed(connection, SYSTEM).items)
        person = feed(connection, SYSTEM, FeedFilter(machine=False, kind=("table",)))
        assert {one.actor for one in person.items} == {"local:ada"}
        assert feed(connection, SYSTEM, FeedFilter(source=("nowhere",))).items == []
    orders.describe("Three.", column=1)
    with estate.store.connect() as connection:
        assert len(feed(connection, SYSTEM, order="old", cursor=cursor).items) == 1


def test_a_cursor_of_a_restored_store_is_refused(estate: Estate) -> None:
    orders = Orders(estate)
    with estate.store.connect() as connection:
        cursor = feed(connection, SYSTEM, order="old").next
    change = table_of(Change)
    with estate.store.write("system") as unit:
        unit.connection.execute(update(change).values(id=change.c.id + 1))
    orders.describe("After.")
    with estate.store.connect() as connection, pytest.raises(Gone):
        feed(connection, SYSTEM, order="old", cursor=cursor)


def test_who_sees_no_asset_sees_no_change_of_one(estate: Estate) -> None:
    Orders(estate)
    with estate.store.write("system") as unit:
        unit.change("created", subject_type="user", subject="x")
    viewer = Viewer(actor="user:1", role="viewer")
    before = install_policy(lambda _viewer: Nothing())
    try:
        with estate.store.connect() as connection:
            assert feed(connection, viewer).items == []
            assert [one.subject_type for one in feed(connection, SYSTEM).items] == ["user"]
    finally:
        install_policy(before)


def test_a_key_that_came_back_brings_no_history(estate: Estate) -> None:
    with estate.store.write("system") as unit:
        unit.change("purged", subject="an asset of before", asset=1)
    Orders(estate)
    viewer = Viewer(actor="user:1", role="viewer")
    with estate.store.connect() as connection:
        match = resolve(connection, SYSTEM, NAME)
        assert match.key == 1
        assert [one.what for one in changes(connection, SYSTEM, match).items] == ["created"]
        assert [one.what for one in feed(connection, viewer).items] == ["created"]
