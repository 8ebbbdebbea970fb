"""What users looked at last: written later, told only as far as they may see it; `Later`."""

from __future__ import annotations

from operator import add
from typing import Any

import pytest
from sqlalchemy import select

from catalog.access import users
from catalog.access.expression import Equals
from catalog.access.viewer import SYSTEM, Viewer, install_policy
from catalog.assets.later import Later
from catalog.assets.recent import KEPT, RecentViews, recent
from catalog.history.store import Store, table_of
from catalog.history.unit import Unit
from catalog.model import Change, RecentView, clock
from tests.unit.assets.estate import WAREHOUSE, Estate

ROOT = users.local_viewer("root")


@pytest.fixture
def ada(store: Store) -> Viewer:
    with store.write(ROOT.actor) as unit:
        users.create_user(unit, ROOT, "ada")
        users.create_user(unit, ROOT, "bob")
    with store.read() as session:
        return users.viewer_as(session, "ada")


@pytest.fixture
def estate(store: Store) -> Estate:
    made = Estate(store)
    made.source("wh")
    for number in range(KEPT + 5):
        made.asset(WAREHOUSE, f"shop.public.t{number}", source="wh")
    return made


def seen(estate: Estate, viewer: Viewer, views: RecentViews, limit: int = 6) -> list[str]:
    with estate.store.connect() as connection:
        found = recent(connection, viewer, views.pending(viewer), limit)
    return [one.asset.label for one in found]


def changes(estate: Estate) -> list[Any]:
    with estate.store.connect() as connection:
        return list(connection.execute(select(table_of(Change).c.sequence)).scalars())


def look(views: RecentViews, viewer: Viewer, *assets: int) -> None:
    start = clock.now()
    for later, asset in enumerate(assets):
        with clock.fixed(lambda at=start + later: at):  # type: ignore[misc]
            views.note(viewer, asset)


def test_the_newest_come_first_before_and_after_they_are_written(
    estate: Estate, ada: Viewer
) -> None:
    views = RecentViews(estate.store, every=3600)
    look(views, ada, 1, 2, 3, 1)
    assert seen(estate, ada, views) == ["t0", "t2", "t1"]
    before = changes(estate)
    views.flush()
    assert views.pending(ada) == {}
    assert seen(estate, ada, views, limit=2) == ["t0", "t2"]
    assert changes(estate) == before


def test_it_is_nobody_elses(estate: Estate, ada: Viewer) -> None:
    views = RecentViews(estate.store, every=3600)
    look(views, ada, 1)
    views.flush()
    with estate.store.read() as session:
        bob = users.viewer_as(session, "bob")
    assert seen(estate, bob, views) == []
    assert views.note(SYSTEM, 1) is False, "who is no user has no page"
    assert views.pending(SYSTEM) == {}


def test_what_may_not_be_seen_any_more_is_left_out(estate: Estate, ada: Viewer) -> None:
    views = RecentViews(estate.store, every=3600)
    look(views, ada, 1, 2)
    views.flush()
    before = install_policy(lambda _viewer: Equals("name", "shop.public.t0"))
    try:
        assert seen(estate, ada, views) == ["t0"]
    finally:
        install_policy(before)


def test_only_the_newest_are_kept_and_what_is_gone_is_no_error(estate: Estate, ada: Viewer) -> None:
    views = RecentViews(estate.store, every=3600)
    look(views, ada, 9999, *range(1, KEPT + 6))
    views.flush()
    with estate.store.connect() as connection:
        kept = connection.execute(select(table_of(RecentView).c.asset)).scalars().all()
    assert sorted(kept) == list(range(6, KEPT + 6))


def test_what_could_not_be_written_is_written_the_next_time(store: Store) -> None:
    written: list[dict[str, int]] = []
    fails = [True]

    def write(_unit: Unit, noted: dict[str, int]) -> Any:
        if fails.pop():
            raise OSError("away")
        written.append(noted)

    later = Later[str](store, write, add, every=3600)
    later.note("a", 2)
    with pytest.raises(OSError, match="away"):
        later.flush()
    later.note("a", 3)
    fails.append(False)
    assert later.flush() == {"a": 5}
    assert written == [{"a": 5}]
    assert later.flush() == {}
    assert later.note("a", 1) is False
    assert Later[str](store, write, add, every=0).note("a", 1) is True
