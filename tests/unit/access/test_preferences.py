"""How a user wants pages: kept, checked, and nobody else's."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from catalog.access import users
from catalog.access.preferences import Preferences, is_zone, preferences_of, set_preferences
from catalog.access.viewer import SYSTEM, Viewer
from catalog.errors import BadInput
from catalog.history.store import Store, table_of
from catalog.model import Change, Preference

ROOT = users.local_viewer("root")


@pytest.fixture
def ada(store: Store) -> Viewer:
    with store.write(ROOT.actor) as unit:
        users.create_user(unit, ROOT, "ada")
        users.create_user(unit, ROOT, "bob")
    with store.read() as session:
        return users.viewer_as(session, "ada")


def of(store: Store, viewer: Viewer) -> Preferences:
    with store.connect() as connection:
        return preferences_of(connection, viewer)


def test_they_are_kept_and_change_without_a_trace(store: Store, ada: Viewer) -> None:
    assert of(store, ada) == Preferences(None, None)
    with store.connect() as connection:
        before = connection.execute(select(table_of(Change).c.sequence)).all()
    for wanted in (Preferences("dark", "Asia/Tokyo"), Preferences(None, None)):
        with store.write(ada.actor) as unit:
            set_preferences(unit, ada, wanted)
        assert of(store, ada) == wanted
    with store.connect() as connection:
        assert connection.execute(select(table_of(Change).c.sequence)).all() == before
    with store.read() as session:
        assert of(store, users.viewer_as(session, "bob")) == Preferences(None, None)


@pytest.mark.parametrize(
    "wanted",
    [Preferences("pink"), Preferences(zone="Mars/Olympus"), Preferences(zone="../etc/passwd")],
)
def test_what_is_unknown_is_refused(store: Store, ada: Viewer, wanted: Preferences) -> None:
    with pytest.raises(BadInput, match="There is no"):
        store.run(lambda unit: set_preferences(unit, ada, wanted), ada.actor)


def test_only_a_user_has_them(store: Store) -> None:
    with pytest.raises(BadInput, match="Only a user"):
        store.run(lambda unit: set_preferences(unit, SYSTEM, Preferences("dark")), "system")
    assert of(store, SYSTEM) == Preferences(None, None)


def test_they_go_with_the_user(store: Store, ada: Viewer) -> None:
    store.run(lambda unit: set_preferences(unit, ada, Preferences("dark")), ada.actor)
    store.run(lambda unit: users.create_user(unit, ROOT, "root", role="admin"), ROOT.actor)
    store.run(lambda unit: users.remove_user(unit, ROOT, "ada"), ROOT.actor)
    with store.connect() as connection:
        assert connection.execute(select(table_of(Preference))).all() == []


def test_zones_are_those_of_the_database() -> None:
    assert is_zone("Europe/Berlin")
    for name in ("", "Nowhere", "/etc/localtime", "Europe", "a\0b"):
        assert not is_zone(name), name
