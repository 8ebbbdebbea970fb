"""Persons: human beings, each with any number of accounts and logins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from sqlalchemy import Connection, select, update
from sqlmodel import Session

from catalog.access.accounts import is_email, join_by_email
from catalog.access.viewer import Viewer
from catalog.errors import Ambiguous, BadInput, Conflict, NotFound
from catalog.history.store import table_of
from catalog.history.unit import Unit
from catalog.model import Person, Team, Token, User
from catalog.naming import id_bytes, id_text, new_id

_PERSON = table_of(Person)
_TEAM = table_of(Team)
_TOKEN = table_of(Token)
_USER = table_of(User)
NAME_LENGTH: Final = 200
_PERSONS = select(
    _PERSON.c.key, _PERSON.c.uid, _PERSON.c.name, _PERSON.c.email, _PERSON.c.created_at
).where(_PERSON.c.removed_at.is_(None))


@dataclass(frozen=True)
class PersonView:
    """A person; ``id`` is public, ``created_at`` microseconds since 1970."""

    id: str
    name: str
    email: str | None
    created_at: int


@dataclass(frozen=True)
class Owner:
    """A person or team, as owners and mentions point at it."""

    kind: Literal["person", "team"]
    key: int
    id: str
    name: str

    @property
    def value(self) -> str:
        """As owner attributes and facts hold it."""
        return f"{self.kind}:{self.id}"


def create_person(unit: Unit, viewer: Viewer, name: str, email: str | None = None) -> PersonView:
    """A new person; accounts with exactly this e-mail join. `Conflict` if it has a person."""
    viewer.require("user")
    if email is not None and _by_email(unit.session, check_email(email)) is not None:
        raise Conflict(f"A person has the e-mail {email} already.", remedy="Take that one.")
    return _person(unit.session, _create(unit, check_name(name), email))


def person_for_user(unit: Unit, name: str, email: str | None) -> int:
    """Integer key of the person with this e-mail, else of a new one. For new logins."""
    found = None if email is None else _by_email(unit.session, check_email(email))
    return found.key if found is not None else _create(unit, check_name(name), email)


def update_person(
    unit: Unit, viewer: Viewer, person_id: str, *, name: str | None = None, email: str | None = None
) -> PersonView:
    """Another name or e-mail; what is None stays. New e-mail: accounts with it join."""
    viewer.require("user")
    row = _by_id(unit.session, person_id)
    given = {
        "name": None if name is None else check_name(name),
        "email": None if email is None else check_email(email),
    }
    values = {
        field: value
        for field, value in given.items()
        if value is not None and value != getattr(row, field)
    }
    if "email" in values and _by_email(unit.session, values["email"]) is not None:
        raise Conflict(f"Another person has the e-mail {email}.", remedy="Take another one.")
    if values:
        unit.connection.execute(update(_PERSON).where(_PERSON.c.key == row.key).values(values))
        before = {field: getattr(row, field) for field in values}
        _note(unit, row.uid, "updated", before, values)
        join_by_email(unit, row.key, row.uid, values.get("email"))
    return _person(unit.session, row.key)


def list_persons(session: Session, viewer: Viewer) -> list[PersonView]:
    """All persons by name."""
    viewer.require("read")
    rows = session.connection().execute(_PERSONS.order_by(_PERSON.c.name, _PERSON.c.key))
    return [_view(row) for row in rows]


def get_person(session: Session, viewer: Viewer, person_id: str) -> PersonView:
    """One person by public id, or `NotFound`."""
    viewer.require("read")
    return _view(_by_id(session, person_id))


# --- owners ---------------------------------------------------------------------------------


def resolve_owner(session: Session, viewer: Viewer, text: str) -> Owner:
    """The person or team that somebody typed.

    Tried in this order: public id (``person:`` or ``team:`` may stand before it), login, e-mail,
    name. `Ambiguous` with ``candidates`` when several have the name, `NotFound` when none has.
    """
    viewer.require("read")
    kind, separator, rest = text.strip().partition(":")
    if not separator or kind not in ("person", "team"):
        kind, rest = "", text.strip()
    for find in (_owners_by_id, _owners_by_login, _owners_by_email, _owners_by_name):
        found = [one for one in find(session.connection(), rest) if kind in ("", one.kind)]
        if len(found) == 1:
            return found[0]
        if found:
            raise Ambiguous(
                f"{len(found)} persons or teams are called {text!r}.",
                remedy="Give the id or the e-mail.",
                candidates=[{"id": one.id, "type": one.kind, "name": one.name} for one in found],
            )
    raise NotFound(
        f"There is no person or team {text!r}.",
        remedy="Give a login, an e-mail, a name or an id: catalog user list",
    )


def owner_names(session: Session, viewer: Viewer, values: Sequence[str]) -> Mapping[str, Owner]:
    """Owner values (``person:ID``, ``team:ID``) -> who it is; two queries for any number.

    Removed ones are found too: what they own still says so. Accounts are not.
    """
    viewer.require("read")
    found: dict[str, Owner] = {}
    for kind, table in (("person", _PERSON), ("team", _TEAM)):
        prefix = f"{kind}:"
        ids = [id_bytes(value.removeprefix(prefix)) for value in values if value.startswith(prefix)]
        known = sorted({one for one in ids if one is not None})
        if known:
            query = select(table.c.key, table.c.uid, table.c.name).where(table.c.uid.in_(known))
            for row in session.connection().execute(query):
                owner = _owner(kind, row)
                found[owner.value] = owner
    return found


def actors_of(session: Session, viewer: Viewer, who: str) -> tuple[str, ...]:
    """How the change log may name a person who has this id, login, e-mail or name: their logins
    and tokens, and whoever worked on the home folder under this name."""
    viewer.require("read")
    connection = session.connection()
    text = who.strip()
    found = (
        _owners_by_id(connection, text)
        or _owners_by_login(connection, text)
        or _owners_by_email(connection, text)
        or _owners_by_name(connection, text)
    )
    persons = [one.key for one in found if one.kind == "person"]
    users = connection.execute(
        select(_USER.c.key, _USER.c.uid).where(_USER.c.person.in_(persons))
    ).all()
    keys = [row.key for row in users]
    tokens = connection.scalars(select(_TOKEN.c.uid).where(_TOKEN.c.user.in_(keys)))
    named = [f"user:{id_text(row.uid)}" for row in users]
    return (*named, *(f"token:{id_text(uid)}" for uid in tokens), f"local:{text}")


def person_uid(connection: Connection, person: int) -> bytes:
    """Public id of a person by integer key."""
    uid: bytes = connection.execute(
        select(_PERSON.c.uid).where(_PERSON.c.key == person)
    ).scalar_one()
    return uid


def _owner(kind: str, row: Any) -> Owner:
    return Owner("team" if kind == "team" else "person", row.key, id_text(row.uid), row.name)


def _owners_by_id(connection: Connection, text: str) -> list[Owner]:
    uid = id_bytes(text)
    return [] if uid is None else _owners(connection, _PERSON.c.uid == uid, _TEAM.c.uid == uid)


def _owners_by_login(connection: Connection, text: str) -> list[Owner]:
    from catalog.access.users import fold_login  # users imports this file

    logins = select(_USER.c.person).where(_USER.c.login == fold_login(text))
    return _owners(connection, _PERSON.c.key.in_(logins), None)


def _owners_by_email(connection: Connection, text: str) -> list[Owner]:
    return _owners(connection, _PERSON.c.email == text, None)


def _owners_by_name(connection: Connection, text: str) -> list[Owner]:
    return _owners(connection, _PERSON.c.name == text, _TEAM.c.name == text)


def _owners(connection: Connection, person: Any, team: Any) -> list[Owner]:
    """Living persons and teams that fit their condition; at most ten of each."""
    found = []
    for kind, table, condition in (("person", _PERSON, person), ("team", _TEAM, team)):
        if condition is not None:
            query = select(table.c.key, table.c.uid, table.c.name).where(
                condition, table.c.removed_at.is_(None)
            )
            rows = connection.execute(query.order_by(table.c.key).limit(10))
            found += [_owner(kind, row) for row in rows]
    return found


# --- inside ---------------------------------------------------------------------------------


def check_name(name: str) -> str:
    """A person's or team's name: 1 to 200 printable characters, or `BadInput`."""
    name = name.strip()
    if not 1 <= len(name) <= NAME_LENGTH or not name.isprintable():
        raise BadInput(
            f"{name[:50]!r} cannot be a name.",
            remedy=f"Use 1 to {NAME_LENGTH} printable characters.",
        )
    return name


def check_email(email: str) -> str:
    """An e-mail address by its shape, or `BadInput`."""
    email = email.strip()
    if len(email) > 254 or not email.isprintable() or not is_email(email):
        raise BadInput(f"{email[:50]!r} is no e-mail address.", remedy="Write name@example.com.")
    return email


def _create(unit: Unit, name: str, email: str | None) -> int:
    email = None if email is None else check_email(email)
    person = Person(uid=new_id(), name=name, email=email, created_at=unit.now)
    unit.session.add(person)
    unit.session.flush()
    assert person.key is not None
    _note(unit, person.uid, "created", None, {"name": name, "email": email})
    join_by_email(unit, person.key, person.uid, email)
    return person.key


def _by_email(session: Session, email: str) -> Any:
    """Removed persons too: the store keeps e-mails unique."""
    query = select(_PERSON.c.key, _PERSON.c.uid).where(_PERSON.c.email == email)
    return session.connection().execute(query).first()


def _by_id(session: Session, person_id: str) -> Any:
    query = _PERSONS.where(_PERSON.c.uid == (id_bytes(person_id) or b""))
    row = session.connection().execute(query).first()
    if row is None:
        raise NotFound(
            f"There is no person {person_id!r}.", remedy="GET /api/v1/persons lists them."
        )
    return row


def _person(session: Session, key: int) -> PersonView:
    return _view(session.connection().execute(_PERSONS.where(_PERSON.c.key == key)).one())


def _view(row: Any) -> PersonView:
    return PersonView(id_text(row.uid), row.name, row.email, row.created_at)


def _note(unit: Unit, uid: bytes, what: str, before: Any, after: Any) -> None:
    unit.change(what, subject_type="person", subject=id_text(uid), before=before, after=after)


def names_of_admins(connection: Connection, viewer: Viewer) -> list[str]:
    """Names of those who look after the catalog, for whoever needs to ask them something."""
    viewer.require("read")
    rows = connection.execute(
        select(_PERSON.c.name)
        .join(_USER, _USER.c.person == _PERSON.c.key)
        .where(_USER.c.role == "admin", _USER.c.disabled.is_(False))
        .order_by(_PERSON.c.name)
        .limit(5)
    )
    return [name for (name,) in rows]
