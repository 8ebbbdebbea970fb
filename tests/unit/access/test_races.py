"""What must hold when two do it at once, on both engines."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import select

from catalog.access import sessions, users
from catalog.curation.edit import edit, read
from catalog.curation.patch import FactPatch
from catalog.errors import Conflict, NotSignedIn, Precondition
from catalog.history.store import Store, table_of
from catalog.history.unit import Unit
from catalog.model import Asset, User
from catalog.naming import id_text
from tests.support import rows

ROOT = users.local_viewer("root")


def both(store: Store, *works: Callable[[Unit], Any]) -> list[Any]:
    """Runs the works at the same moment, each in a unit of its own; results or errors."""
    start = threading.Barrier(len(works))

    def run(work: Callable[[Unit], Any]) -> Any:
        start.wait(timeout=10)
        try:
            return store.run(work, ROOT.actor)
        except Exception as error:
            return error

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(run, works))


def test_two_admins_cannot_demote_each_other(store: Store) -> None:
    with store.write(ROOT.actor) as unit:
        for login in ("one", "two"):
            users.create_user(unit, ROOT, login, role="admin")
    for _ in range(5):
        results = both(
            store,
            lambda unit: users.set_role(unit, ROOT, "one", "viewer"),
            lambda unit: users.set_disabled(unit, ROOT, "two", True),
        )
        assert sum(isinstance(one, Conflict) for one in results) == 1
        table = table_of(User)
        with store.connect() as connection:
            left = connection.execute(
                select(table.c.login).where(table.c.role == "admin", table.c.disabled.is_(False))
            )
            assert len(left.all()) == 1
        with store.write(ROOT.actor) as unit:
            users.set_role(unit, ROOT, "one", "admin")
            users.set_disabled(unit, ROOT, "two", False)


def test_a_login_link_is_redeemed_by_one(store: Store) -> None:
    with store.write(ROOT.actor) as unit:
        users.create_user(unit, ROOT, "ada")
        link = sessions.create_login_link(unit, ROOT, "ada")
    results = both(
        store, *[lambda unit: sessions.redeem_login_link(unit, link.secret) for _ in range(4)]
    )
    assert sum(isinstance(one, sessions.NewSession) for one in results) == 1
    assert sum(isinstance(one, NotSignedIn) for one in results) == 3


def test_of_two_edits_with_one_etag_one_is_refused(store: Store) -> None:
    with store.write(ROOT.actor) as unit:
        key = rows.asset(unit, rows.namespace(unit))
        row = unit.session.get(Asset, key)
        assert row is not None
        asset = id_text(row.uid)
    for number in range(5):
        with store.read() as session:
            etag = read(session, ROOT, asset).etag
        results = both(
            store,
            *[
                lambda unit, title=title, etag=etag: edit(
                    unit, ROOT, asset, None, FactPatch(title=title), if_match=etag
                )
                for title in (f"a{number}", f"b{number}")
            ],
        )
        refused = [one for one in results if isinstance(one, Precondition)]
        assert len(refused) == 1, results
        with store.read() as session:
            title = read(session, ROOT, asset).current["title"]
        assert refused[0].details["current"]["title"] == title


@pytest.mark.parametrize("kind", ["disabled", "password"])
def test_nobody_signs_in_after_the_end(store: Store, kind: str) -> None:
    """A password that was checked before the change must not start a session after it."""
    with store.write(ROOT.actor) as unit:
        users.create_user(unit, ROOT, "ada", password="correct horse battery")
    checked = users.check_sign_in(store, "ada", "correct horse battery", "::1")
    with store.write(ROOT.actor) as unit:
        if kind == "disabled":
            users.set_disabled(unit, ROOT, "ada", True)
        else:
            users.set_password(unit, ROOT, "ada", "another good one")
    with store.write(checked.viewer.actor) as unit, pytest.raises(NotSignedIn):
        sessions.start_checked(unit, checked)
