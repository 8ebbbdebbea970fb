"""Users: who may make them, the last admin, passwords and guessing."""

from __future__ import annotations

import json

import pytest
from sqlmodel import select

from catalog.access import passwords, sessions, users
from catalog.access.viewer import Viewer
from catalog.errors import BadInput, Conflict, NotAllowed, NotFound, NotSignedIn, Unavailable
from catalog.history.store import Store
from catalog.model import Change, clock

ROOT = users.local_viewer("root")
SENTENCE = "correct horse battery"


def test_a_login_is_folded_and_never_overwritten(store: Store) -> None:
    with store.write(ROOT.actor) as unit:
        made = users.create_user(unit, ROOT, " Ada ", role="editor", name="Ada L.")
        assert (made.login, made.name, made.has_password) == ("ada", "Ada L.", False)
        with pytest.raises(Conflict, match="a user ada already"):
            users.create_user(unit, ROOT, "\uff21da", role="admin")  # full-width A
        assert users.get_user(unit.session, ROOT, "ADA").role == "editor"


@pytest.mark.parametrize("login", ["", "a b", "user:1", "a/b", "x\ny", "a" * 101])
def test_what_cannot_be_a_login(login: str) -> None:
    with pytest.raises(BadInput, match="cannot be a login"):
        users.check_login(login)


def test_only_admins_make_users_and_nobody_promotes_themselves(store: Store) -> None:
    with store.write(ROOT.actor) as unit:
        users.create_user(unit, ROOT, "boss", role="admin")
        users.create_user(unit, ROOT, "ada", role="steward")
        ada = users.viewer_as(unit.session, "ada")
        for attempt in (
            lambda: users.create_user(unit, ada, "eve", role="admin"),
            lambda: users.set_role(unit, ada, "ada", "admin"),
            lambda: users.set_password(unit, ada, "boss", SENTENCE),
            lambda: users.remove_user(unit, ada, "boss"),
            lambda: users.set_disabled(unit, ada, "boss", True),
            lambda: users.list_users(unit.session, ada),
            lambda: sessions.create_login_link(unit, ada, "boss"),
        ):
            with pytest.raises(NotAllowed):
                attempt()
        assert users.get_user(unit.session, ada, "ada").role == "steward"
        with pytest.raises(NotAllowed):
            users.get_user(unit.session, ada, "boss")


def test_the_last_enabled_admin_stays(store: Store) -> None:
    with store.write(ROOT.actor) as unit:
        users.create_user(unit, ROOT, "one", role="admin")
        users.create_user(unit, ROOT, "two", role="admin")
        users.set_disabled(unit, ROOT, "two", True)
        for attempt in (
            lambda: users.set_role(unit, ROOT, "one", "viewer"),
            lambda: users.set_disabled(unit, ROOT, "one", True),
            lambda: users.remove_user(unit, ROOT, "one"),
        ):
            with pytest.raises(Conflict, match="last enabled admin"):
                attempt()
        users.set_disabled(unit, ROOT, "two", False)
        users.remove_user(unit, ROOT, "one")
        with pytest.raises(NotFound):
            users.get_user(unit.session, ROOT, "one")


def test_the_first_admin_has_no_preset_password(store: Store) -> None:
    with store.write(ROOT.actor) as unit:
        assert not users.has_users(unit.session)
        first = users.first_admin(unit, ROOT, "root")
        assert first is not None
        assert (first.role, first.has_password) == ("admin", False)
        assert users.first_admin(unit, ROOT, "second") is None


def test_signing_in(store: Store) -> None:
    with store.write(ROOT.actor) as unit:
        users.create_user(unit, ROOT, "ada", password=SENTENCE)
        users.create_user(unit, ROOT, "empty")
    guard = passwords.Guard()
    checked = users.check_sign_in(store, "ADA", SENTENCE, "::1", guard=guard)
    assert checked.viewer.actor.startswith("user:")
    errors = set()
    for login, password in (("ada", "wrong"), ("nobody", SENTENCE), ("empty", "")):
        with pytest.raises(NotSignedIn) as found:
            users.check_sign_in(store, login, password, "::1", guard=guard)
        errors.add(str(found.value))
    with store.write(ROOT.actor) as unit:
        users.set_disabled(unit, ROOT, "ada", True)
    with pytest.raises(NotSignedIn) as found:
        users.check_sign_in(store, "ada", SENTENCE, "::1", guard=guard)
    assert errors == {str(found.value)}


def test_an_unknown_login_is_checked_against_a_hash_too(
    sqlite_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    passwords.verify_password("warm up", None)
    checked = []
    real = passwords._hasher().verify

    def counted(password: str, stored: str) -> bool:
        checked.append(stored)
        return real(password, stored)

    monkeypatch.setattr(passwords._hasher(), "verify", counted)
    with pytest.raises(NotSignedIn):
        users.check_sign_in(sqlite_store, "nobody", "x", "::1", guard=passwords.Guard())
    assert len(checked) == 1
    assert checked[0].startswith("$argon2id$")


def test_guessing_is_slowed_down_and_forgiven() -> None:
    now = 1_000_000_000
    guard = passwords.Guard(window=clock.MINUTE)
    with clock.fixed(lambda: now):
        for _ in range(5):
            guard.check("ada", "1.1.1.1")
            guard.failed("ada", "1.1.1.1")
        with pytest.raises(Unavailable) as found:
            guard.check("ada", "1.1.1.1")
        assert found.value.details["retry_after"] == 61
        guard.check("ada", "2.2.2.2")  # who guesses must not lock others out
        guard.check("bob", "1.1.1.1")
        for number in range(25):
            guard.failed(f"user{number}", "1.1.1.1")
        with pytest.raises(Unavailable):
            guard.check("bob", "1.1.1.1")
    with clock.fixed(lambda: now + clock.MINUTE + 1):
        guard.check("ada", "1.1.1.1")


def test_the_guard_forgets_the_oldest_when_it_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords.Guard, "ENTRIES", 6)
    guard = passwords.Guard()
    for number in range(50):
        guard.failed(f"u{number}", f"{number}")
    assert len(guard._failures) == 6


@pytest.mark.parametrize("password", ["short", "x" * 2000, "Password1", "ada.lovelace"])
def test_weak_passwords_are_refused(password: str) -> None:
    with pytest.raises(BadInput):
        passwords.check_strength(password, "ada.lovelace")


def test_changing_ones_own_password(store: Store) -> None:
    with store.write(ROOT.actor) as unit:
        users.create_user(unit, ROOT, "ada", password=SENTENCE)
        ada = users.viewer_as(unit.session, "ada")
        token = Viewer("token:1", "viewer", user=ada.user, person=ada.person, name="ada")
        for viewer, current in ((ada, "wrong"), (ada, None), (token, SENTENCE), (ROOT, None)):
            with pytest.raises(NotAllowed):
                users.change_password(unit, viewer, current, "another good one")
        users.change_password(unit, ada, SENTENCE, "another good one")
    users.check_sign_in(store, "ada", "another good one", "::1", guard=passwords.Guard())


def test_no_password_and_no_hash_ever_reaches_the_change_log(store: Store) -> None:
    with store.write(ROOT.actor) as unit:
        users.create_user(unit, ROOT, "ada", password=SENTENCE)
        users.set_password(unit, ROOT, "ada", SENTENCE + " again")
        users.set_role(unit, ROOT, "ada", "editor")
    with store.read() as session:
        changes = session.exec(select(Change)).all()
    text = json.dumps([change.model_dump() for change in changes])
    assert SENTENCE not in text
    assert "argon2" not in text
    assert [(one.what, one.before, one.after) for one in changes if one.subject_type == "user"] == [
        ("created", None, '{"login":"ada","role":"viewer"}'),
        ("password", None, '{"password":"***"}'),
        ("role", '{"role":"viewer"}', '{"role":"editor"}'),
    ]


def test_as_a_disabled_user_is_refused(store: Store) -> None:
    with store.write(ROOT.actor) as unit:
        users.create_user(unit, ROOT, "ada")
        users.set_disabled(unit, ROOT, "ada", True)
        with pytest.raises(NotAllowed, match="disabled"):
            users.viewer_as(unit.session, "ada")
