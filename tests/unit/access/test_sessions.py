"""Sessions and login links: hashed, ending, once."""

from __future__ import annotations

import pytest
from sqlmodel import select

from catalog.access import sessions, users
from catalog.errors import BadInput, NotSignedIn
from catalog.history.store import Store
from catalog.model import Change, UserSession, clock

ROOT = users.local_viewer("root")
SENTENCE = "correct horse battery"


@pytest.fixture
def ada(store: Store) -> Store:
    with store.write(ROOT.actor) as unit:
        users.create_user(unit, ROOT, "ada", role="editor", password=SENTENCE)
    return store


def start(store: Store) -> str:
    return sessions.sign_in(store, "ada", SENTENCE, address="::1", agent="test").cookie


def alive(store: Store, cookie: str) -> bool:
    with store.connect() as connection:
        try:
            found = sessions.find_session(connection, cookie)
        except NotSignedIn:
            return False
    assert (found.viewer.name, found.viewer.role) == ("ada", "editor")
    return True


def test_a_session_lives_until_signing_out(ada: Store) -> None:
    one, two = start(ada), start(ada)
    assert one != two
    assert len(one) == 43
    assert alive(ada, one)
    with ada.write("system") as unit:
        sessions.sign_out(unit, one)
    assert not alive(ada, one)
    assert alive(ada, two)
    assert not alive(ada, "")


def test_the_store_holds_no_secret_and_no_change(ada: Store) -> None:
    cookie = start(ada)
    with ada.read() as session:
        row = session.exec(select(UserSession)).one()
        assert cookie.encode() not in bytes(row.hash)
        assert len(row.hash) == 32
        assert all(one.subject_type != "session" for one in session.exec(select(Change)))


def test_a_session_expires(ada: Store) -> None:
    cookie = start(ada)
    later = clock.now() + 15 * clock.DAY
    with clock.fixed(lambda: later):
        assert not alive(ada, cookie)
        with ada.write("system") as unit:
            assert sessions.purge_expired(unit) == 1


@pytest.mark.parametrize("how", ["password", "disabled", "removed"])
def test_all_sessions_end_with(ada: Store, how: str) -> None:
    cookies = [start(ada), start(ada)]
    with ada.write(ROOT.actor) as unit:
        if how == "password":
            users.set_password(unit, ROOT, "ada", "another good one")
        elif how == "disabled":
            users.set_disabled(unit, ROOT, "ada", True)
        else:
            users.create_user(unit, ROOT, "boss", role="admin")
            users.remove_user(unit, ROOT, "ada")
    assert not any(alive(ada, cookie) for cookie in cookies)


def test_a_role_that_changes_counts_at_once(ada: Store) -> None:
    cookie = start(ada)
    with ada.write(ROOT.actor) as unit:
        users.set_role(unit, ROOT, "ada", "viewer")
    with ada.connect() as connection:
        assert sessions.find_session(connection, cookie).viewer.role == "viewer"


def test_a_login_link_works_once(ada: Store) -> None:
    with ada.write(ROOT.actor) as unit:
        link = sessions.create_login_link(unit, ROOT, "ada", minutes=5)
    assert not alive(ada, link.secret)  # a link is not a cookie
    with ada.write("system") as unit:
        cookie = sessions.redeem_login_link(unit, link.secret).cookie
    assert alive(ada, cookie)
    for secret in (link.secret, cookie, "x"):
        with ada.write("system") as unit, pytest.raises(NotSignedIn, match="used already"):
            sessions.redeem_login_link(unit, secret)


def test_a_login_link_expires_and_dies_with_its_user(ada: Store) -> None:
    with ada.write(ROOT.actor) as unit:
        old = sessions.create_login_link(unit, ROOT, "ada", minutes=5)
        with pytest.raises(BadInput):
            sessions.create_login_link(unit, ROOT, "ada", minutes=0)
    later = clock.now() + 6 * clock.MINUTE
    with clock.fixed(lambda: later), ada.write("system") as unit, pytest.raises(NotSignedIn):
        sessions.redeem_login_link(unit, old.secret)
    with ada.write(ROOT.actor) as unit:
        users.set_disabled(unit, ROOT, "ada", True)
        with pytest.raises(BadInput, match="disabled"):
            sessions.create_login_link(unit, ROOT, "ada")
        with pytest.raises(NotSignedIn):
            sessions.redeem_login_link(unit, old.secret)


def test_ending_one_of_ones_own(ada: Store) -> None:
    cookie = start(ada)
    with ada.write("system") as unit:
        viewer = users.viewer_as(unit.session, "ada")
        (view,) = sessions.list_sessions(unit.session, viewer)
        assert view.agent == "test"
        users.create_user(unit, ROOT, "eve")
        eve = users.viewer_as(unit.session, "eve")
        assert not sessions.end_session(unit, eve, view.id)
        assert sessions.end_session(unit, viewer, view.id)
    assert not alive(ada, cookie)
