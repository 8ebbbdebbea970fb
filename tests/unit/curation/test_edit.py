"""The curated write: who may, what is written, ETags, changes, versions, effective values."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from sqlmodel import select

from catalog.access import accounts as known_accounts
from catalog.access import people, teams, users
from catalog.access.expression import Equals, Not
from catalog.access.viewer import Viewer, install_policy
from catalog.assets.effective import refresh_effective
from catalog.crawling import records
from catalog.curation import accounts
from catalog.curation.edit import edit, read
from catalog.curation.patch import FactPatch, FlagPatch, OwnerPatch, TagPatch
from catalog.errors import BadInput, NotAllowed, NotFound, Precondition
from catalog.history import dialect
from catalog.history.facts import facts_of_document
from catalog.history.store import Store
from catalog.history.unit import Unit, unpack
from catalog.model import Alias, Asset, AssetVersion, Change, Column, Fact, clock
from catalog.naming import id_text, new_id
from tests.support import rows

ROOT = users.local_viewer("root")
ORDERS = records.Asset(
    namespace="postgres://db:5432",
    name="shop.public.orders",
    kind="table",
    description="from the source",
    owners=("etl",),
)


class Place:
    """One asset with a column, crawled, and two users."""

    def __init__(self, unit: Unit) -> None:
        self.source = rows.source(unit)
        self.key = rows.asset(unit, rows.namespace(unit), source=self.source)
        rows.sighting(unit, self.key, self.source, ORDERS)
        rows.column(unit, self.key, 1, "email")
        rows.column(unit, self.key, 2, "gone", live=False)
        row = unit.session.get(Asset, self.key)
        assert row is not None
        self.id = id_text(row.uid)
        users.create_user(unit, ROOT, "ada", role="editor", email="ada@example.com")
        users.create_user(unit, ROOT, "eve", role="viewer")
        teams.create_team(unit, ROOT, "Finance")
        self.ada = users.viewer_as(unit.session, "ada")
        self.eve = users.viewer_as(unit.session, "eve")
        refresh_effective(unit, [self.key])


@pytest.fixture
def place(store: Store) -> Place:
    with store.write("system") as unit:
        return Place(unit)


def row_of(unit: Unit, place: Place) -> Asset:
    row = unit.session.get(Asset, place.key, populate_existing=True)
    assert row is not None
    return row


def changes_of(store: Store, place: Place) -> list[tuple[str, int, Any, Any]]:
    with store.read() as session:
        query = select(Change).where(Change.asset == place.key).order_by(Change.sequence)  # type: ignore[arg-type]
        return [
            (one.what, one.column, _loaded(one.before), _loaded(one.after))
            for one in session.exec(query)
        ]


def _loaded(text: str | None) -> Any:
    return None if text is None else json.loads(text)


def test_an_edit_is_whole(store: Store, place: Place) -> None:
    patch = FactPatch(
        description="Orders of the shop.\n",
        owners=[OwnerPatch("Finance"), OwnerPatch("ada", "steward")],
        tags=[TagPatch("class/pii/email"), TagPatch("tier", "1")],
        flag=FlagPatch("endorsed", "checked"),
    )
    with store.write(place.ada.actor) as unit:
        result = edit(unit, place.ada, place.id, None, patch)
        assert result.changed == ("description", "owner", "tag", "flag")
        row = row_of(unit, place)
        assert (row.description, row.flag) == ("Orders of the shop.", "endorsed")
        assert row.changed_at == unit.now
        me = people.resolve_owner(unit.session, ROOT, "ada").value
        team = people.resolve_owner(unit.session, ROOT, "Finance").value
        assert rows.attributes(unit, place.key) == {
            ("owner", me),
            ("owner", team),
            ("tag", "class/pii/email"),
            ("tag", "tier"),
            ("classification", "pii/email"),
        }
        fact = unit.session.exec(select(Fact).where(Fact.property == "flag")).one()
        assert (fact.item, fact.author, fact.layer) == (me, place.ada.actor, "curated")
    assert changes_of(store, place) == [
        ("description", 0, None, {"description": "Orders of the shop."}),
        *sorted(
            (
                ("owner", 0, None, {"owner": me, "role": "steward"}),
                ("owner", 0, None, {"owner": team, "role": "owner"}),
            ),
            key=lambda one: one[3]["owner"],
        ),
        ("tag", 0, None, {"tag": "class/pii/email", "value": None}),
        ("tag", 0, None, {"tag": "tier", "value": "1"}),
        ("flag", 0, None, {"by": me, "kind": "endorsed", "reason": "checked"}),
    ]


def test_the_same_again_writes_nothing(store: Store, place: Place) -> None:
    patch = FactPatch(title="Orders", owners=[OwnerPatch("ada")], flag=FlagPatch("warned"))
    with store.write(place.ada.actor) as unit:
        first = edit(unit, place.ada, place.id, None, patch)
    count = len(changes_of(store, place))
    with store.write(place.ada.actor) as unit:
        before = dialect.rows_written(unit.connection)
        again = edit(unit, place.ada, place.id, None, patch, if_match=first.etag)
        assert dialect.rows_written(unit.connection) == before
    assert again.changed == ()
    assert again.etag == first.etag
    assert len(changes_of(store, place)) == count


def test_none_resets_and_empty_hides(store: Store, place: Place) -> None:
    with store.write(place.ada.actor) as unit:
        start = read(unit.session, place.ada, place.id)
        edit(unit, place.ada, place.id, None, FactPatch(description="", owners=[]))
        assert row_of(unit, place).description is None
        assert rows.attributes(unit, place.key) == set()
        assert read(unit.session, place.ada, place.id).current["owners"] == []
        edit(unit, place.ada, place.id, None, FactPatch(description=None, owners=None))
        assert row_of(unit, place).description == "from the source"
        assert rows.attributes(unit, place.key) == {("owner", "account:wh/etl")}
        assert read(unit.session, place.ada, place.id) == start


def test_only_what_changed_is_a_change(store: Store, place: Place) -> None:
    with store.write(place.ada.actor) as unit:
        tags = FactPatch(title="Orders", tags=[TagPatch("a"), TagPatch("b", "1")])
        edit(unit, place.ada, place.id, None, tags)
    with store.write(place.ada.actor) as unit:
        tags = FactPatch(title="Orders", tags=[TagPatch("b", "2"), TagPatch("c")])
        edit(unit, place.ada, place.id, None, tags)
    assert changes_of(store, place)[3:] == [
        ("tag", 0, {"tag": "a", "value": None}, None),
        ("tag", 0, {"tag": "b", "value": "1"}, {"tag": "b", "value": "2"}),
        ("tag", 0, None, {"tag": "c", "value": None}),
    ]


def test_an_old_etag_is_refused_with_the_present_value(store: Store, place: Place) -> None:
    with store.write(place.ada.actor) as unit:
        first = read(unit.session, place.ada, place.id)
        edit(unit, place.ada, place.id, None, FactPatch(title="A"), if_match=f'"{first.etag}"')
    with store.write(place.ada.actor) as unit, pytest.raises(Precondition) as found:
        edit(unit, place.ada, place.id, None, FactPatch(title="B"), if_match=first.etag)
    details = found.value.details
    assert details["current"]["title"] == "A"
    with store.write(place.ada.actor) as unit:
        edit(unit, place.ada, place.id, None, FactPatch(title="B"), if_match=details["etag"])
        edit(unit, place.ada, place.id, None, FactPatch(title="C"), if_match="*")


def test_the_etag_covers_neither_crawls_nor_other_columns(store: Store, place: Place) -> None:
    with store.write(place.ada.actor) as unit:
        asset, column = (read(unit.session, place.ada, place.id, one) for one in (None, "email"))
        rows.fact(unit, place.key, "description", "guess", layer="inferred", confidence=0.5)
        done = edit(unit, place.ada, place.id, "email", FactPatch(description="E-mail"))
        assert read(unit.session, place.ada, place.id).etag == asset.etag
        assert done.etag != column.etag
        assert (done.column, done.current["description"]) == ("email", "E-mail")
    assert changes_of(store, place) == [("description", 1, None, {"description": "E-mail"})]


def test_a_columns_facts_do_not_touch_the_assets_own_values(store: Store, place: Place) -> None:
    patch = FactPatch(title="T", tags=[TagPatch("pii/email")], flag=FlagPatch("deprecated"))
    with store.write(place.ada.actor) as unit:
        edit(unit, place.ada, place.id, "email", patch)
        row = row_of(unit, place)
        assert (row.title, row.flag) == (None, None)
        assert ("tag", "pii/email") not in rows.attributes(unit, place.key)


def test_a_vanished_column_keeps_its_facts(store: Store, place: Place) -> None:
    with store.write(place.ada.actor) as unit:
        edit(unit, place.ada, place.id, "email", FactPatch(description="E-mail"))
        column = unit.session.get(Column, (place.key, 1))
        assert column is not None
        column.live = False
        unit.session.flush()
        with pytest.raises(NotFound, match="no column 'email'"):
            edit(unit, place.ada, place.id, "email", FactPatch(description="x"))
        column.live = True
        unit.session.flush()
        assert read(unit.session, place.ada, place.id, "email").current["description"] == "E-mail"


def test_everybody_has_one_flag_and_the_most_severe_stands(store: Store, place: Place) -> None:
    with store.write(place.ada.actor) as unit:
        edit(unit, place.ada, place.id, None, FactPatch(flag=FlagPatch("deprecated", "old")))
    with store.write(place.eve.actor) as unit:
        edit(unit, place.eve, place.id, None, FactPatch(flag=FlagPatch("warned")))
        flags = edit(unit, place.eve, place.id, None, FactPatch(flag=FlagPatch("endorsed")))
        assert {one["kind"] for one in flags.current["flags"]} == {"deprecated", "endorsed"}
        assert row_of(unit, place).flag == "deprecated"
    with store.write(place.ada.actor) as unit:
        edit(unit, place.ada, place.id, None, FactPatch(flag=None))
        assert row_of(unit, place).flag == "endorsed"
        assert edit(unit, place.ada, place.id, None, FactPatch(flag=None)).changed == ()


def test_a_service_flags_under_its_own_name(store: Store, place: Place) -> None:
    service = Viewer("token:7", "viewer", name="quality checks")
    with store.write(service.actor) as unit:
        edit(unit, service, place.id, None, FactPatch(flag=FlagPatch("warned", "late")))
        fact = unit.session.exec(select(Fact)).one()
        assert (fact.item, fact.author) == ("token:7", "token:7")


def test_a_viewer_sets_a_flag_and_nothing_else(store: Store, place: Place) -> None:
    limited = replace(place.ada, scopes=frozenset({"read"}))
    with store.write(place.eve.actor) as unit:
        for viewer, patch in (
            (place.eve, FactPatch(description="x")),
            (place.eve, FactPatch(flag=FlagPatch("warned"), tags=[])),
            (limited, FactPatch(title="x")),
            (limited, FactPatch(flag=None)),
        ):
            with pytest.raises(NotAllowed):
                edit(unit, viewer, place.id, None, patch)
        edit(unit, place.eve, place.id, None, FactPatch(flag=FlagPatch("warned")))


def test_what_is_not_seen_is_not_found(store: Store, place: Place) -> None:
    before = install_policy(lambda viewer: Not(Equals("source", "wh")))
    try:
        with store.write(place.ada.actor) as unit:
            for asset in (place.id, id_text(new_id()), "nonsense"):
                with pytest.raises(NotFound):
                    edit(unit, place.ada, asset, None, FactPatch(title="x"))
                with pytest.raises(NotFound):
                    read(unit.session, place.ada, asset)
            with pytest.raises(NotAllowed):  # and who may not edit does not learn which it is
                edit(unit, place.eve, id_text(new_id()), None, FactPatch(title="x"))
    finally:
        install_policy(before)


def test_a_dropped_id_answers_with_the_kept_one(store: Store, place: Place) -> None:
    with store.write(place.ada.actor) as unit:
        dropped = new_id()
        rows.add(unit, Alias(asset=place.key, uid=dropped, origin="merge", created_at=1))
        result = edit(unit, place.ada, id_text(dropped), None, FactPatch(title="x"))
        assert result.asset == place.id


def test_owners_are_checked_and_a_removed_one_may_stay(store: Store, place: Place) -> None:
    with store.write(place.ada.actor) as unit:
        with pytest.raises(BadInput, match="no person or team 'nobody'"):
            edit(unit, place.ada, place.id, None, FactPatch(owners=[OwnerPatch("nobody")]))
        edit(unit, place.ada, place.id, None, FactPatch(owners=[OwnerPatch("Finance")]))
        team = people.resolve_owner(unit.session, ROOT, "Finance")
        teams.remove_team(unit, ROOT, team.id)
        both = FactPatch(owners=[OwnerPatch(team.value), OwnerPatch("ada", "technical")])
        assert edit(unit, place.ada, place.id, None, both).changed == ("owner",)
        assert len(read(unit.session, place.ada, place.id).current["owners"]) == 2


def test_nothing_named_is_refused(store: Store, place: Place) -> None:
    with store.write(place.ada.actor) as unit, pytest.raises(BadInput, match="names nothing"):
        edit(unit, place.ada, place.id, None, FactPatch())


def test_each_state_that_was_left_is_a_version(store: Store, place: Place) -> None:
    for title in ("A", "B", None):
        with store.write(place.ada.actor) as unit:
            edit(unit, place.ada, place.id, None, FactPatch(title=title))
    with store.read() as session:
        query = select(AssetVersion).order_by(AssetVersion.to_sequence)  # type: ignore[arg-type]
        versions = session.exec(query).all()
    assert [one.part for one in versions] == ["facts"] * 3
    assert versions[0].document is None
    left = [facts_of_document(unpack(one.document)) for one in versions[1:] if one.document]
    assert [[json.loads(fact.value) for fact in facts] for facts in left] == [["A"], ["B"]]
    assert versions[2].from_sequence == versions[1].to_sequence


def test_one_clock_stands_on_fact_and_asset(store: Store, place: Place) -> None:
    with clock.fixed(lambda: 5_000), store.write(place.ada.actor) as unit:
        edit(unit, place.ada, place.id, None, FactPatch(title="x"))
        assert unit.session.exec(select(Fact)).one().at == 5_000
        assert row_of(unit, place).changed_at == 5_000


def test_moving_an_account_moves_what_it_owns(store: Store, place: Place) -> None:
    with store.write(ROOT.actor) as unit:
        known_accounts.ensure_account(unit, place.source, "etl")
        (account,) = known_accounts.list_accounts(unit.session, ROOT, unjoined=True)
        ada, eve = (people.resolve_owner(unit.session, ROOT, one) for one in ("ada", "eve"))
        for person in (ada, eve):
            accounts.join_account(unit, ROOT, account.id, person.id)
            assert rows.attributes(unit, place.key) == {("owner", person.value)}
        accounts.separate_account(unit, ROOT, account.id)
        assert rows.attributes(unit, place.key) == {("owner", "account:wh/etl")}
        with pytest.raises(NotAllowed):
            accounts.join_account(unit, place.eve, account.id, eve.id)
