"""Tokens: hashed, never above their maker, dead when they should be."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from sqlalchemy import event
from sqlmodel import select

from catalog.access import tokens, users
from catalog.access.viewer import Viewer
from catalog.errors import BadInput, NotAllowed, NotFound, NotSignedIn
from catalog.history.store import Store
from catalog.history.unit import Unit
from catalog.model import Change, Token, clock

ROOT = users.local_viewer("root")


@pytest.fixture
def people(store: Store) -> Store:
    with store.write(ROOT.actor) as unit:
        for login, role in (("ada", "editor"), ("boss", "admin"), ("eve", "viewer")):
            users.create_user(unit, ROOT, login, role=role)
    return store


def as_user(unit: Unit, login: str) -> Viewer:
    return users.viewer_as(unit.session, login)


def find(store: Store, token: str) -> Viewer:
    with store.connect() as connection:
        return tokens.find_token(connection, token).viewer


def dead(store: Store, token: str) -> bool:
    try:
        find(store, token)
    except NotSignedIn:
        return True
    return False


def test_a_token_is_shown_once_and_found_in_one_query(people: Store) -> None:
    with people.write("user:1") as unit:
        made = tokens.create_token(unit, as_user(unit, "ada"), "ci", scopes=["read"])
    assert re.fullmatch(r"cat_[\w-]{43}", made.token)
    assert made.view.hint == made.token[:8]
    queries: list[str] = []

    def counted(_c: object, _k: object, statement: str, *_: object) -> None:
        queries.append(statement)

    with people.connect() as connection:
        event.listen(connection, "before_cursor_execute", counted)
        viewer = tokens.find_token(connection, made.token).viewer
    assert len([one for one in queries if one.startswith("SELECT")]) == 1
    assert viewer.actor == f"token:{made.view.id}"
    assert (viewer.role, viewer.name, viewer.scopes) == ("editor", "ada", frozenset({"read"}))
    with people.read() as session:
        stored = repr(session.exec(select(Token)).one()) + repr(session.exec(select(Change)).all())
    assert made.token not in stored
    assert made.token[4:] not in stored


def test_never_above_its_maker(people: Store) -> None:
    with people.write("user:1") as unit:
        ada, boss = as_user(unit, "ada"), as_user(unit, "boss")
        with pytest.raises(NotAllowed, match="cannot have the role admin"):
            tokens.create_token(unit, ada, "x", role="admin")
        with pytest.raises(NotAllowed, match="admin's to give"):
            tokens.create_token(unit, ada, "x", scopes=["ingest:wh"])
        with pytest.raises(NotAllowed):
            tokens.create_token(unit, ada, "x", service=True)
        limited = Viewer("token:1", "editor", frozenset({"read"}), ada.user, ada.person, "ada")
        with pytest.raises(NotAllowed, match="limited to scopes"):
            tokens.create_token(unit, limited, "x")
        full = Viewer("token:2", "admin", frozenset({"admin"}), boss.user, boss.person, "boss")
        assert tokens.create_token(unit, full, "x").view.scopes == ("admin",)
        assert tokens.create_token(unit, boss, "x", role="viewer").view.role == "viewer"


@pytest.mark.parametrize("scope", ["", "everything", "ingest:", "ingest:a b", "Read"])
def test_scopes_are_checked(people: Store, scope: str) -> None:
    with people.write("user:1") as unit, pytest.raises(BadInput, match="no scope"):
        tokens.create_token(unit, as_user(unit, "boss"), "x", scopes=[scope])


def _disable(unit: Unit) -> None:
    users.set_disabled(unit, ROOT, "ada", True)


def _remove(unit: Unit) -> None:
    users.remove_user(unit, ROOT, "ada")


def _revoke(unit: Unit) -> None:
    ada = as_user(unit, "ada")
    (view,) = tokens.list_tokens(unit.session, ada)
    tokens.revoke_token(unit, ada, view.id)


@pytest.mark.parametrize("end", [_disable, _remove, _revoke])
def test_a_token_dies(people: Store, end: Callable[[Unit], None]) -> None:
    with people.write("user:1") as unit:
        token = tokens.create_token(unit, as_user(unit, "ada"), "x").token
    assert not dead(people, token)
    with people.write(ROOT.actor) as unit:
        end(unit)
    assert dead(people, token)


def test_a_token_expires_and_every_token_does(people: Store) -> None:
    with people.write("user:1") as unit:
        ada = as_user(unit, "ada")
        made = tokens.create_token(unit, ada, "x", days=1)
        assert tokens.create_token(unit, ada, "y").view.expires_at is not None
        with pytest.raises(BadInput):
            tokens.create_token(unit, ada, "z", days=0)
    later = clock.now() + clock.DAY + clock.SECOND
    with clock.fixed(lambda: later):
        assert dead(people, made.token)


def test_the_users_role_of_today_counts(people: Store) -> None:
    with people.write(ROOT.actor) as unit:
        boss = as_user(unit, "boss")
        token = tokens.create_token(unit, boss, "x").token
        push = tokens.create_token(unit, boss, "y", scopes=["ingest:wh"]).token
        service = tokens.create_token(
            unit, boss, "z", role="viewer", scopes=["ingest:wh"], service=True
        ).token
        assert tokens.find_token(unit.connection, push).viewer.may("ingest", source="wh")
        users.create_user(unit, ROOT, "other", role="admin")
        users.set_role(unit, ROOT, "boss", "viewer")
    assert find(people, token).role == "viewer"
    fallen = find(people, push)
    assert not fallen.may("ingest", source="wh")
    assert not fallen.may("read")  # limited to what it may no longer do: not to everything
    machine = find(people, service)
    assert machine.may("ingest", source="wh")
    assert not machine.may("ingest", source="lake")
    assert (machine.user, machine.name) == (None, "z")


def test_what_is_no_token(people: Store) -> None:
    for text in ("", "cat_", "cat_" + "x" * 43, "Bearer cat_x", "\ud800"):
        assert dead(people, text)


def test_others_tokens_are_an_admins(people: Store) -> None:
    with people.write("user:1") as unit:
        ada, eve, boss = (as_user(unit, login) for login in ("ada", "eve", "boss"))
        view = tokens.create_token(unit, ada, "x").view
        assert tokens.list_tokens(unit.session, eve) == []
        with pytest.raises(NotAllowed):
            tokens.list_tokens(unit.session, eve, everybody=True)
        with pytest.raises(NotFound):
            tokens.revoke_token(unit, eve, view.id)
        assert tokens.list_tokens(unit.session, boss, everybody=True) == [view]
        assert tokens.revoke_token(unit, boss, view.id).revoked_at == unit.now


def test_last_used_is_written_once_a_minute_without_a_change(people: Store) -> None:
    with people.write("user:1") as unit:
        token = tokens.create_token(unit, as_user(unit, "ada"), "x").token
    with people.read() as session:
        changes = len(session.exec(select(Change)).all())
    last_used, start = tokens.LastUsed(people), clock.now()
    written = []
    for seconds in (0, 30, 59, 61, 100):
        moment = start + seconds * clock.SECOND
        with clock.fixed(lambda moment=moment: moment):  # type: ignore[misc]
            with people.connect() as connection:
                found = tokens.find_token(connection, token)
            written.append(last_used.touch(found))
    assert written == [True, False, False, True, False]
    with people.read() as session:
        assert session.exec(select(Token)).one().last_used_at == start + 61 * clock.SECOND
        assert len(session.exec(select(Change)).all()) == changes
