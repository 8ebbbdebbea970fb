"""Persons, accounts and teams: joined by exact e-mail or by hand, separable, resolvable."""

from __future__ import annotations

import pytest
from sqlmodel import select

from catalog.access import accounts, people, teams, users
from catalog.access.viewer import Viewer
from catalog.assets.effective import refresh_effective
from catalog.crawling import records
from catalog.errors import Ambiguous, BadInput, Conflict, NotAllowed, NotFound
from catalog.history.store import Store
from catalog.history.unit import Unit
from catalog.model import Change
from tests.support import rows

ROOT = users.local_viewer("root")
READER = Viewer("user:1", "viewer")


def test_a_crawled_owner_joins_by_exact_email(store: Store) -> None:
    with store.write("crawl:1") as unit:
        ada = people.create_person(unit, ROOT, "Ada", "ada@example.com")
        wh = rows.source(unit)
        made = accounts.ensure_accounts(
            unit, [(wh, "ada@example.com"), (wh, "Ada@example.com"), (wh, "etl")]
        )
        assert made[wh, "ada@example.com"].person is not None
        assert made[wh, "Ada@example.com"].person is None
        assert made[wh, "etl"].person is None
        again = accounts.ensure_account(unit, wh, "etl")
        assert again == made[wh, "etl"]
        (view,) = accounts.list_accounts(unit.session, READER, person=ada.id)
        assert (view.source, view.name, view.joined_by) == ("wh", "ada@example.com", "email")


def test_a_new_person_takes_the_accounts_and_what_they_own(store: Store) -> None:
    with store.write("crawl:1") as unit:
        key = _owned(unit, "ada@example.com")
        before = rows.attributes(unit, key)
        assert before == {("owner", "account:wh/ada@example.com")}
        ada = people.create_person(unit, ROOT, "Ada", "ada@example.com")
        joined = rows.attributes(unit, key)
        assert joined == {("owner", f"person:{ada.id}")}
        assert refresh_effective(unit, [key]) == set()  # the one function agrees
    with store.read() as session:
        change = session.exec(select(Change).where(Change.what == "joined")).one()
    assert change.before == '{"owner":"account:wh/ada@example.com"}'
    assert change.after == f'{{"owner":"person:{ada.id}"}}'


def test_what_a_hand_separated_no_email_joins_again(store: Store) -> None:
    with store.write("crawl:1") as unit:
        key = _owned(unit, "ada@example.com")
        ada = people.create_person(unit, ROOT, "Ada", "ada@example.com")
        (view,) = accounts.list_accounts(unit.session, READER, person=ada.id)
        accounts.separate_account(unit, ROOT, view.id)
        refresh_effective(unit, [key])
        assert rows.attributes(unit, key) == {("owner", "account:wh/ada@example.com")}
        people.update_person(unit, ROOT, ada.id, email="ada@example.org")
        people.update_person(unit, ROOT, ada.id, email="ada@example.com")
        assert accounts.list_accounts(unit.session, READER, person=ada.id) == []
        assert accounts.join_account(unit, ROOT, view.id, ada.id).joined_by == "hand"
        assert rows.attributes(unit, key) == {("owner", f"person:{ada.id}")}


def test_joining_twice_onto_one_asset_leaves_one_owner(store: Store) -> None:
    with store.write("crawl:1") as unit:
        key = _owned(unit, "etl", "ada")
        ada = people.create_person(unit, ROOT, "Ada")
        for account in accounts.list_accounts(unit.session, READER, unjoined=True):
            accounts.join_account(unit, ROOT, account.id, ada.id)
        assert rows.attributes(unit, key) == {("owner", f"person:{ada.id}")}


def test_joining_and_teams_are_not_a_viewers(store: Store) -> None:
    with store.write("user:1") as unit:
        for attempt in (
            lambda: people.create_person(unit, READER, "Eve"),
            lambda: teams.create_team(unit, READER, "x"),
            lambda: accounts.join_account(unit, READER, "x", "y"),
        ):
            with pytest.raises(NotAllowed):
                attempt()


def test_an_owner_is_found_in_every_form(store: Store) -> None:
    with store.write(ROOT.actor) as unit:
        users.create_user(unit, ROOT, "ada", name="Ada Lovelace", email="ada@example.com")
        team = teams.create_team(unit, ROOT, "Finance")
        ada = people.resolve_owner(unit.session, READER, "ADA")
        for text in (ada.id, f"person:{ada.id}", "ada@example.com", "Ada Lovelace"):
            assert people.resolve_owner(unit.session, READER, text) == ada
        finance = people.resolve_owner(unit.session, READER, "Finance")
        assert finance == people.resolve_owner(unit.session, READER, f"team:{team.id}")
        assert finance.value == f"team:{team.id}"
        for text in ("person:Finance", "nobody", "", "team:" + ada.id):
            with pytest.raises(NotFound):
                people.resolve_owner(unit.session, READER, text)
        names = people.owner_names(unit.session, READER, [finance.value, ada.value, "account:x/y"])
        assert names == {finance.value: finance, ada.value: ada}


def test_two_with_one_name_are_ambiguous(store: Store) -> None:
    with store.write(ROOT.actor) as unit:
        people.create_person(unit, ROOT, "Sales")
        teams.create_team(unit, ROOT, "Sales")
        with pytest.raises(Ambiguous) as found:
            people.resolve_owner(unit.session, READER, "Sales")
        assert [one["type"] for one in found.value.details["candidates"]] == ["person", "team"]
        assert people.resolve_owner(unit.session, READER, "team:Sales").kind == "team"


def test_a_team_its_members_and_its_end(store: Store) -> None:
    with store.write(ROOT.actor) as unit:
        team = teams.create_team(unit, ROOT, "Finance", "Money")
        people.create_person(unit, ROOT, "Ada", "ada@example.com")
        teams.set_member(unit, ROOT, team.id, "Ada")
        view = teams.set_member(unit, ROOT, team.id, "ada@example.com", role="lead")
        assert [(one.name, one.role) for one in view.members] == [("Ada", "lead")]
        assert teams.list_teams(unit.session, READER) == [view]
        with pytest.raises(Conflict):
            teams.create_team(unit, ROOT, " Finance ")
        with pytest.raises(BadInput, match="is a team"):
            teams.set_member(unit, ROOT, team.id, "Finance")
        assert teams.update_team(unit, ROOT, team.id, description="").description is None
        assert teams.remove_member(unit, ROOT, team.id, "Ada").members == ()
        teams.remove_team(unit, ROOT, team.id)
        with pytest.raises(NotFound):
            teams.get_team(unit.session, READER, team.id)
        assert teams.create_team(unit, ROOT, "Finance").id != team.id


def test_one_email_one_person(store: Store) -> None:
    with store.write(ROOT.actor) as unit:
        ada = people.create_person(unit, ROOT, "Ada", "ada@example.com")
        with pytest.raises(Conflict):
            people.create_person(unit, ROOT, "Other", "ada@example.com")
        user = users.create_user(unit, ROOT, "ada", email="ada@example.com")
        assert user.person == ada.id
        with pytest.raises(BadInput, match="no e-mail"):
            people.create_person(unit, ROOT, "x", "not an address")


def _owned(unit: Unit, *names: str) -> int:
    """An asset whose source names these owners, refreshed."""
    space, wh = rows.namespace(unit), rows.source(unit)
    key = rows.asset(unit, space, source=wh)
    record = records.Asset(
        namespace="postgres://db:5432", name="shop.public.orders", kind="table", owners=names
    )
    rows.sighting(unit, key, wh, record)
    accounts.ensure_accounts(unit, [(wh, name) for name in names])
    refresh_effective(unit, [key])
    return key
