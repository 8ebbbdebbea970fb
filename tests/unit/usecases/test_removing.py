"""Removing a source and confirming holds, through the real ingest."""

from __future__ import annotations

import pytest

from catalog.access.viewer import SYSTEM, Viewer
from catalog.errors import NotAllowed, NotFound
from catalog.history.store import Store
from catalog.model import Asset, AssetVersion, Change, Hold, Sighting, Source, clock
from catalog.naming import id_text
from catalog.sources import holds
from catalog.usecases import removing
from tests.support.crawls import FakeSource, table
from tests.unit.sources.support import rows

STEWARD = Viewer("user:3", "steward")


def states(store: Store) -> dict[str, str]:
    return {row.name: row.state for row in rows(store, Asset)}


def test_what_another_source_sees_stays_and_the_rest_keeps_its_past(store: Store) -> None:
    wh, other = FakeSource(store), FakeSource(store, name="other")
    wh.put(table("a", "id"), table("shared", "id", "wh_only"))
    other.put(table("shared", "id"))
    wh.run()
    other.run()
    removing.remove_source(store, SYSTEM, "wh")
    assert states(store) == {"a": "removed", "shared": "crawled"}
    assert {(row.source, row.state) for row in rows(store, Sighting)} == {
        (wh.key, "withdrawn"),
        (other.key, "present"),
    }
    shared = next(row for row in rows(store, Asset) if row.name == "shared")
    assert shared.source == other.key
    what = [(row.what, row.subject_type) for row in rows(store, Change)][-3:]
    assert sorted(what) == [("removed", "asset"), ("removed", "source"), ("withdrawn", "asset")]
    assert {row.part for row in rows(store, AssetVersion)} >= {"asset", f"sighting:{wh.key}"}


def test_what_was_cut_off_is_continued_and_later_deleted(store: Store) -> None:
    wh = FakeSource(store)
    wh.put(*(table(f"t{number}", "id") for number in range(5)))
    wh.run()
    from catalog.sources import removal

    store.run(lambda unit: removal.remove(unit, SYSTEM, "wh"), "user:1")
    assert set(states(store).values()) == {"crawled"}
    removing.continue_removals(store)
    assert set(states(store).values()) == {"removed"}
    removing.purge_removed(store)
    assert len(rows(store, Asset)) == 5
    later = clock.now() + 31 * clock.DAY
    with clock.fixed(lambda: later):
        removing.purge_removed(store)
    assert rows(store, Asset) == rows(store, Source) == []


def test_deleted_at_once_after_typing_its_name(store: Store) -> None:
    wh = FakeSource(store)
    wh.put(table("a", "id"))
    wh.run()
    uid = id_text(rows(store, Source)[0].uid)
    removing.remove_source(store, SYSTEM, "wh")
    removing.delete_now(store, SYSTEM, uid, "wh")
    assert rows(store, Asset) == rows(store, Source) == rows(store, Sighting) == []


def held(store: Store) -> FakeSource:
    """A source of which eight of ten tables are held."""
    wh = FakeSource(store)
    tables = [table(f"t{number}", "id") for number in range(10)]
    wh.put(*tables)
    wh.run()
    wh.put(*tables[:2])
    wh.run()
    return wh


def test_holds_are_confirmed_one_by_one_or_all(store: Store) -> None:
    held(store)
    with store.read() as session:
        found = holds.list_holds(session, STEWARD, source="wh", limit=3)
        assert (found.total, len(found.items)) == (8, 3)
        rest = holds.list_holds(session, STEWARD, limit=10, after=found.next)
    assert {one.name for one in (*found.items, *rest.items)} == {f"t{n}" for n in range(2, 10)}
    one = found.items[0]
    assert (one.source, one.scope, one.kind, one.outcome) == ("wh", "public", "table", None)
    assert removing.confirm_holds(store, STEWARD, hold_ids=[one.id]) == 1
    assert states(store)[one.name] == "removed"
    assert removing.confirm_holds(store, STEWARD, hold_ids=[one.id]) == 0
    assert removing.confirm_holds(store, STEWARD, source="wh") == 7
    assert [row.outcome for row in rows(store, Hold)] == ["confirmed"] * 8
    assert {row.ended_by for row in rows(store, Hold)} == {"user:3"}
    with store.read() as session:
        assert holds.list_holds(session, STEWARD).total == 0
        assert holds.list_holds(session, STEWARD, ended=True).total == 8


def test_what_is_seen_again_is_not_removed_by_a_late_confirmation(store: Store) -> None:
    wh = held(store)
    with store.read() as session:
        ids = [one.id for one in holds.list_holds(session, STEWARD).items]
    wh.put(*(table(f"t{number}", "id") for number in range(9)))
    wh.run()
    assert removing.confirm_holds(store, STEWARD, hold_ids=ids) == 1
    assert [name for name, state in states(store).items() if state == "removed"] == ["t9"]


def test_only_stewards_confirm_and_only_what_there_is(store: Store) -> None:
    held(store)
    with pytest.raises(NotAllowed):
        removing.confirm_holds(store, Viewer("user:1", "editor"), source="wh")
    with pytest.raises(NotFound):
        removing.confirm_holds(store, STEWARD, hold_ids=["nothing"])
    with pytest.raises(NotFound):
        removing.confirm_holds(store, STEWARD, source="lake")
    assert "removed" not in states(store).values()
