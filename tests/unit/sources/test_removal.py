"""Removing a source hides, comes back, and deletes after 30 days what is its alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from sqlalchemy import update

from catalog.access.viewer import SYSTEM
from catalog.errors import BadInput, Conflict, NotFound, Precondition
from catalog.history.store import Store, table_of
from catalog.history.unit import Unit
from catalog.model import (
    Asset,
    Change,
    Column,
    Crawl,
    Edge,
    EdgeEvidence,
    Fact,
    Scope,
    Sighting,
    Source,
    clock,
    metadata,
)
from catalog.naming import id_text
from catalog.sources import crawls, purge, reads, removal, sources
from tests.unit.sources.support import add_asset, add_crawl, add_scope, add_source, rows, write

MONTH_LATER = 30 * clock.DAY


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    from catalog.settings import settings

    monkeypatch.setenv("CATALOG_HOME", str(tmp_path))
    settings.cache_clear()
    yield
    settings.cache_clear()


def withdraw(unit: Unit, source: int, assets: Sequence[int]) -> None:
    """What ingest does, as far as it matters here: the real one is tested with it."""
    sighting, asset = table_of(Sighting), table_of(Asset)
    unit.connection.execute(
        update(sighting)
        .where(sighting.c.source == source, sighting.c.asset.in_(assets))
        .values(state="withdrawn")
    )
    kept = sighting.alias("kept")
    seen = kept.select().where(kept.c.asset == asset.c.key, kept.c.state != "withdrawn").exists()
    unit.connection.execute(
        update(asset)
        .where(asset.c.key.in_(assets), ~seen)
        .values(state="removed", removed_at=unit.now)
    )


def remove(store: Store, name: str) -> int:
    key = store.run(lambda unit: removal.remove(unit, SYSTEM, name), "user:1")
    while store.run(lambda unit: removal.withdraw_step(unit, key, withdraw, 2), "user:1"):
        pass
    return key


def states(store: Store) -> dict[str, str]:
    return {row.name: row.state for row in rows(store, Asset)}


def test_its_assets_are_hidden_unless_another_source_sees_them(store: Store) -> None:
    wh, lake = add_source(store, "wh"), add_source(store, "lake")
    for name in "abc":
        add_asset(store, wh, name, {wh: "present"})
    add_asset(store, wh, "shared", {wh: "present", lake: "present"})
    remove(store, "wh")
    assert states(store) == {"a": "removed", "b": "removed", "c": "removed", "shared": "crawled"}
    with store.connect() as connection:
        assert removal.unfinished(connection) == []
    (change,) = rows(store, Change)
    assert (change.what, change.subject_type) == ("removed", "source")


def test_a_removal_that_was_cut_off_is_known_and_goes_on(store: Store) -> None:
    wh = add_source(store, "wh")
    for name in "abc":
        add_asset(store, wh, name, {wh: "present"})
    store.run(lambda unit: removal.remove(unit, SYSTEM, "wh"), "user:1")
    store.run(lambda unit: removal.withdraw_step(unit, wh, withdraw, 1), "user:1")
    with store.connect() as connection:
        assert removal.unfinished(connection) == [wh]
    later = clock.now() + MONTH_LATER + 1
    assert store.run(lambda unit: purge.purge_removed(unit, later), "system") == 0


def test_nothing_is_taken_from_a_source_that_is_not_removed(store: Store) -> None:
    wh = add_source(store, "wh")
    add_asset(store, wh, "a", {wh: "present"})
    assert store.run(lambda unit: removal.withdraw_step(unit, wh, withdraw), "system") == 0
    assert store.run(lambda unit: purge.purge_step(unit, wh), "system") == 0
    assert states(store) == {"a": "crawled"}


def test_its_name_is_free_and_it_is_found_by_id(store: Store) -> None:
    add_source(store, "wh")
    uid = id_text(rows(store, Source)[0].uid)
    remove(store, "wh")
    with store.read() as session:
        with pytest.raises(NotFound):
            reads.get_source(session, SYSTEM, "wh")
        view = reads.get_source(session, SYSTEM, uid)
        assert (view.name, view.state) == ("wh", "removed")
        assert reads.list_sources(session, SYSTEM) == ()
        assert reads.list_sources(session, SYSTEM, removed=True) == (view,)
    with pytest.raises(NotFound):
        store.run(lambda unit: sources.edit(unit, SYSTEM, uid, {"title": "x"}), "user:1")
    add_source(store, "wh")
    remove(store, "wh")  # a second one of the same name


def test_if_match_is_asked(store: Store) -> None:
    add_source(store, "wh")
    with pytest.raises(Precondition):
        store.run(lambda unit: removal.remove(unit, SYSTEM, "wh", if_match=9), "user:1")


def test_its_crawls_stop_before_anything_is_hidden(store: Store) -> None:
    wh = add_source(store, "wh")
    add_asset(store, wh, "a", {wh: "present"})
    running = add_crawl(store, wh, "running")
    add_crawl(store, wh, "queued", subset="[]")
    store.run(lambda unit: removal.remove(unit, SYSTEM, "wh"), "user:1")
    first, second = rows(store, Crawl)
    assert (first.state, first.cancel, second.state) == ("running", True, "cancelled")
    assert store.run(lambda unit: removal.withdraw_step(unit, wh, withdraw), "user:1") == 0
    write(store, update(table_of(Crawl)).values(state="cancelled"))
    assert first.key == running
    assert store.run(lambda unit: removal.withdraw_step(unit, wh, withdraw), "user:1") == 1
    with pytest.raises(Conflict, match="removed"):
        store.run(lambda unit: crawls.enqueue_crawl(unit, "user:1", wh), "user:1")


# --- coming back ----------------------------------------------------------------------------


def create(store: Store, name: str, path: str = "/srv/lake") -> str:
    return store.run(
        lambda unit: sources.create(unit, SYSTEM, "local", {"path": path}, name=name), "user:1"
    ).id


def test_the_same_system_comes_back_under_a_new_name_and_forgets_its_state(store: Store) -> None:
    first = create(store, "lake")
    (source,) = rows(store, Source)
    add_scope(store, source.key, state="{}", state_key="x")
    add_asset(store, source.key, "a", {source.key: "present"})
    remove(store, "lake")
    assert create(store, "lake2") == first
    (source,) = rows(store, Source)
    assert (source.name, source.removed_at, source.version) == ("lake2", None, 3)
    assert {row.state for row in rows(store, Scope)} == {None}
    assert [row.what for row in rows(store, Change)] == ["created", "removed", "revived"]
    later = clock.now() + MONTH_LATER + 1
    assert store.run(lambda unit: purge.purge_removed(unit, later), "system") == 0
    assert states(store) == {"a": "removed"}  # until its next crawl


def test_another_folder_of_the_same_machine_is_another_system(store: Store) -> None:
    first = create(store, "lake")
    remove(store, "lake")
    assert create(store, "lake", "/srv/other") != first
    assert create(store, "again") == first


# --- deleting -------------------------------------------------------------------------------


def purge_all(store: Store, now: int) -> int:
    count = 0
    while store.run(lambda unit: purge.purge_removed(unit, now, 2), "system"):
        count += 1
        assert count < 100
    return count


def test_deleted_after_thirty_days_and_not_before(store: Store) -> None:
    wh = add_source(store, "wh")
    parent = add_asset(store, wh, "p", {wh: "present"})
    for name in "abc":
        add_asset(store, wh, name, {wh: "present"}, parent=parent)
    asset = rows(store, Asset)[1].key
    write(store, table_of(Column).insert().values(asset=asset, number=1, path="id", position=1,
                                                  type="int64"))  # fmt: skip
    write(store, table_of(Fact).insert().values(asset=asset, property="title", layer="curated",
                                                value='"A"', author="user:1", at=1))  # fmt: skip
    add_crawl(store, wh, "succeeded")
    remove(store, "wh")
    assert purge_all(store, clock.now() + MONTH_LATER - clock.HOUR) == 0
    assert len(rows(store, Fact)) == 1
    assert purge_all(store, clock.now() + MONTH_LATER + 1) > 2
    for model in (Asset, Column, Fact, Sighting, Scope, Crawl, Source):
        assert rows(store, model) == [], model
    purged = [row for row in rows(store, Change) if row.what == "purged"]
    assert [row.subject_type for row in purged] == ["asset"] * 4 + ["source"]


def test_what_others_report_or_name_stays(store: Store) -> None:
    wh, lake = add_source(store, "wh"), add_source(store, "lake")
    add_asset(store, wh, "shared", {wh: "present", lake: "present"})
    add_asset(store, wh, "gone", {wh: "present"})
    named = add_asset(store, wh, "named", {wh: "present"}, title="Named")
    add_asset(store, wh, "also gone", {wh: "present"}, parent=named)
    user = add_asset(store, lake, "user", {lake: "present"})
    add_edge(store, named, user)
    remove(store, "wh")
    write(store, update(table_of(Asset)).where(table_of(Asset).c.name == "shared")
          .values(source=lake))  # fmt: skip
    purge_all(store, clock.now() + MONTH_LATER + 1)
    assert states(store) == {"shared": "crawled", "named": "referenced", "user": "crawled"}
    assert len(rows(store, Edge)) == len(rows(store, EdgeEvidence)) == 1
    (kept,) = (row for row in rows(store, Asset) if row.name == "named")
    assert (kept.title, kept.source, kept.removed_at) == (None, None, None)
    assert [row.name for row in rows(store, Source)] == ["lake"]


def test_edges_among_what_goes_go_too(store: Store) -> None:
    wh = add_source(store, "wh")
    assets = [add_asset(store, wh, name, {wh: "present"}) for name in "abc"]
    add_edge(store, assets[0], assets[1])
    add_edge(store, assets[2], assets[0])
    remove(store, "wh")
    purge_all(store, clock.now() + MONTH_LATER + 1)
    assert rows(store, Edge) == rows(store, EdgeEvidence) == rows(store, Asset) == []


def add_edge(store: Store, start: int, end: int) -> None:
    write(store, table_of(Edge).insert().values(from_asset=start, to_asset=end))
    edge = rows(store, Edge)[-1].key
    write(store, table_of(EdgeEvidence).insert().values(edge=edge, origin="event", reference=1,
                                                        first_seen=1, last_seen=1))  # fmt: skip


def test_at_once_after_typing_its_name(store: Store) -> None:
    add_source(store, "wh")
    uid = id_text(rows(store, Source)[0].uid)
    may = removal.may_delete_now
    with pytest.raises(BadInput, match="not removed"):
        store.run(lambda unit: may(unit, SYSTEM, uid, "wh"), "user:1")
    remove(store, "wh")
    with pytest.raises(BadInput, match="not the name"):
        store.run(lambda unit: may(unit, SYSTEM, uid, "lake"), "user:1")
    key = store.run(lambda unit: may(unit, SYSTEM, uid, "wh"), "user:1")
    assert store.run(lambda unit: purge.purge_step(unit, key), "user:1") == 1
    assert rows(store, Source) == []


def test_every_table_that_refers_to_an_asset_or_a_source_is_thought_of() -> None:
    """A new table with such a key must be deleted or emptied in `catalog.sources.purge`."""
    known = {
        "asset": {
            "alias.asset", "asset.parent", "asset_attribute.asset", "asset_version.asset",
            "column.asset", "crawl_problem.asset", "edge.from_asset", "edge.to_asset",
            "fact.asset", "hold.asset", "lookup_count.asset", "measure.asset", "partition.asset",
            "recent_view.asset", "run.job", "sighting.asset", "statement_use.asset",
        },
        "source": {
            "account.source", "asset.source", "crawl.source", "crawl_problem.source",
            "hold.source", "measure.source", "scope.source", "sighting.source",
            "statement_use.source",
        },
        "scope": {
            "crawl_problem.scope", "crawl_scope.scope", "hold.scope", "sighting.scope",
            "statement_use.scope",
        },
        "crawl": {"crawl_scope.crawl"},
    }  # fmt: skip
    found: dict[str, set[str]] = {name: set() for name in known}
    for table in metadata.tables.values():
        for column in table.columns:
            for key in column.foreign_keys:
                if key.column.table.name in known:
                    found[key.column.table.name].add(f"{table.name}.{column.name}")
    assert found == known
