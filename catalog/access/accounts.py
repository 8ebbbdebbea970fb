"""Accounts: names in a source. Each belongs to a person, or to nobody known.

Joined by exact e-mail or by hand, and separable: what a hand separated, no e-mail joins again.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import delete, insert, literal, select, update
from sqlmodel import Session

from catalog.access.viewer import Viewer
from catalog.errors import NotFound
from catalog.history.store import table_of
from catalog.history.unit import Unit
from catalog.model import Account, AssetAttribute, Person, Source
from catalog.naming import clean_text, id_bytes, id_text, new_id

ATTRIBUTE_LENGTH: Final = 500
"""Characters kept of an owner or tag: an index row of PostgreSQL holds at most 2,704 bytes."""
_EMAIL: Final = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+")
_ACCOUNT = table_of(Account)
_PERSON = table_of(Person)
_SOURCE = table_of(Source)
_ATTRIBUTE = table_of(AssetAttribute)
_VIEW = (
    select(
        _ACCOUNT.c.key,
        _ACCOUNT.c.uid,
        _SOURCE.c.name.label("source"),
        _ACCOUNT.c.name,
        _ACCOUNT.c.email,
        _ACCOUNT.c.joined_by,
        _PERSON.c.uid.label("person_uid"),
    )
    .join(_SOURCE, _SOURCE.c.key == _ACCOUNT.c.source, isouter=True)
    .join(_PERSON, _PERSON.c.key == _ACCOUNT.c.person, isouter=True)
)


@dataclass(frozen=True)
class AccountView:
    """``source``: short name, None for an identity provider. ``person``: public id or None."""

    id: str
    source: str | None
    name: str
    email: str | None
    person: str | None
    joined_by: str | None


@dataclass(frozen=True)
class KnownAccount:
    """An account and its person, by integer keys."""

    key: int
    person: int | None


def account_value(source: str | None, name: str) -> str:
    """The owner value of an account that is joined to nobody."""
    return f"account:{source or ''}/{clean_text(name)}"[:ATTRIBUTE_LENGTH]


def person_value(uid: bytes) -> str:
    """The owner value of a person."""
    return f"person:{id_text(uid)}"


def is_email(text: str) -> bool:
    """Whether the text has the shape of an e-mail address."""
    return _EMAIL.fullmatch(text) is not None


def ensure_account(unit: Unit, source: int | None, name: str) -> KnownAccount:
    """The account of this name in a source (integer key), made if it is new."""
    return ensure_accounts(unit, [(source, name)])[source, name]


def ensure_accounts(
    unit: Unit, wanted: Iterable[tuple[int | None, str]]
) -> dict[tuple[int | None, str], KnownAccount]:
    """Accounts of crawled owners, made where they are new, joined by exact e-mail.

    An account whose name is an e-mail address has that one. The number of queries does not
    depend on the number of accounts, but for the new ones.
    """
    pairs = sorted(set(wanted), key=lambda pair: (pair[0] or 0, pair[1]))
    found = _known(unit, pairs)
    new = [pair for pair in pairs if pair not in found]
    emails = {clean_text(name) for _, name in new if is_email(name)}
    persons = _persons_by_email(unit, sorted(emails))
    for source, name in new:
        found[source, name] = _create(unit, source, clean_text(name), persons)
    return found


def join_account(unit: Unit, viewer: Viewer, account_id: str, person_id: str) -> AccountView:
    """Joins an account to a person by hand; where it owns, the person owns.

    For one that belongs to another person call `catalog.curation.accounts.join_account`.
    """
    viewer.require("user")
    row = _row(unit.session, account_id)
    person = unit.connection.execute(
        select(_PERSON.c.key, _PERSON.c.uid).where(
            _PERSON.c.uid == (id_bytes(person_id) or b""), _PERSON.c.removed_at.is_(None)
        )
    ).first()
    if person is None:
        raise NotFound(
            f"There is no person {person_id!r}.", remedy="GET /api/v1/persons lists them."
        )
    if row.person_uid != person.uid:
        _join(unit, row, person.key, person.uid, "hand")
    return _view(_row(unit.session, account_id))


def separate_account(unit: Unit, viewer: Viewer, account_id: str) -> AccountView:
    """Takes an account from its person; no e-mail joins it again.

    Assets that it owns keep the person as owner until their effective values are refreshed:
    call `catalog.curation.accounts.separate_account`, which does both.
    """
    viewer.require("user")
    row = _row(unit.session, account_id)
    if row.person_uid is not None:
        statement = update(_ACCOUNT).where(_ACCOUNT.c.key == row.key)
        unit.connection.execute(statement.values(person=None, joined_by="hand"))
        _note(
            unit,
            row.uid,
            "separated",
            {"owner": person_value(row.person_uid)},
            {"owner": account_value(row.source, row.name)},
        )
    return _view(_row(unit.session, account_id))


def get_account(session: Session, viewer: Viewer, account_id: str) -> AccountView:
    """One account by public id, or `NotFound`."""
    viewer.require("read")
    return _view(_row(session, account_id))


def list_accounts(
    session: Session, viewer: Viewer, *, person: str | None = None, unjoined: bool = False
) -> list[AccountView]:
    """Accounts by name: of one person (public id), or those that belong to nobody known."""
    viewer.require("read")
    query = _VIEW.order_by(_ACCOUNT.c.name, _ACCOUNT.c.key)
    if person is not None:
        query = query.where(_PERSON.c.uid == (id_bytes(person) or b""))
    if unjoined:
        query = query.where(_ACCOUNT.c.person.is_(None))
    return [_view(row) for row in session.connection().execute(query)]


def join_by_email(unit: Unit, person: int, uid: bytes, email: str | None) -> int:
    """Joins what has exactly this e-mail and belongs to nobody; returns how many."""
    if email is None:
        return 0
    free = unit.connection.execute(
        _VIEW.where(
            _ACCOUNT.c.email == email, _ACCOUNT.c.person.is_(None), _ACCOUNT.c.joined_by.is_(None)
        )
    ).all()
    for row in free:
        _join(unit, row, person, uid, "email")
    return len(free)


# --- inside ---------------------------------------------------------------------------------


def _known(
    unit: Unit, pairs: Sequence[tuple[int | None, str]]
) -> dict[tuple[int | None, str], KnownAccount]:
    stored: dict[tuple[int | None, str], tuple[int | None, str]] = {
        (source, clean_text(name)): (source, name) for source, name in pairs
    }
    rows = unit.connection.execute(
        select(_ACCOUNT.c.key, _ACCOUNT.c.source, _ACCOUNT.c.name, _ACCOUNT.c.person).where(
            _ACCOUNT.c.name.in_(sorted({name for _, name in stored}))
        )
    )
    return {
        stored[row.source, row.name]: KnownAccount(row.key, row.person)
        for row in rows
        if (row.source, row.name) in stored
    }


def _persons_by_email(unit: Unit, emails: Sequence[str]) -> dict[str, int]:
    if not emails:
        return {}
    rows = unit.connection.execute(
        select(_PERSON.c.email, _PERSON.c.key).where(
            _PERSON.c.email.in_(emails), _PERSON.c.removed_at.is_(None)
        )
    )
    return {row.email: row.key for row in rows}


def _create(unit: Unit, source: int | None, name: str, persons: dict[str, int]) -> KnownAccount:
    person = persons.get(name)
    account = Account(
        uid=new_id(),
        source=source,
        name=name,
        email=name if is_email(name) else None,
        person=person,
        joined_by=None if person is None else "email",
    )
    unit.session.add(account)
    unit.session.flush()
    assert account.key is not None
    _note(unit, account.uid, "created", None, {"name": name})
    return KnownAccount(account.key, person)


def _join(unit: Unit, row: Any, person: int, uid: bytes, how: str) -> None:
    """Sets the person; crawled ownership that stands under the old value moves along."""
    statement = update(_ACCOUNT).where(_ACCOUNT.c.key == row.key)
    unit.connection.execute(statement.values(person=person, joined_by=how))
    free = row.person_uid is None
    before = account_value(row.source, row.name) if free else person_value(row.person_uid)
    if free:
        _replace_owner(unit, before, person_value(uid))
    _note(unit, row.uid, "joined", {"owner": before}, {"owner": person_value(uid)})


def _replace_owner(unit: Unit, old: str, new: str) -> None:
    """What `catalog.assets.effective` would compute: the account's value stands only there."""
    is_old = (_ATTRIBUTE.c.attribute == "owner") & (_ATTRIBUTE.c.value == old)
    other = _ATTRIBUTE.alias()
    has_new = (
        select(other.c.asset)
        .where(other.c.asset == _ATTRIBUTE.c.asset)
        .where(other.c.attribute == "owner", other.c.value == new)
        .exists()
    )
    moved = select(_ATTRIBUTE.c.asset, literal("owner"), literal(new)).where(is_old, ~has_new)
    unit.connection.execute(insert(_ATTRIBUTE).from_select(["asset", "attribute", "value"], moved))
    unit.connection.execute(delete(_ATTRIBUTE).where(is_old))


def _row(session: Session, account_id: str) -> Any:
    query = _VIEW.where(_ACCOUNT.c.uid == (id_bytes(account_id) or b""))
    row = session.connection().execute(query).first()
    if row is None:
        raise NotFound(
            f"There is no account {account_id!r}.", remedy="GET /api/v1/accounts lists them."
        )
    return row


def _view(row: Any) -> AccountView:
    person = None if row.person_uid is None else id_text(row.person_uid)
    return AccountView(id_text(row.uid), row.source, row.name, row.email, person, row.joined_by)


def _note(unit: Unit, uid: bytes, what: str, before: Any, after: Any) -> None:
    unit.change(what, subject_type="account", subject=id_text(uid), before=before, after=after)
