"""What to call those who own, write and flag: persons, teams, users, tokens, accounts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Text, bindparam, cast, literal, null, select, union_all

from catalog.history.store import table_of
from catalog.model import Account, Person, Team, Token, User
from catalog.model.base import Big
from catalog.naming import id_bytes, id_text

_PERSON = table_of(Person)
_TEAM = table_of(Team)
_USER = table_of(User)
_TOKEN = table_of(Token)
_ACCOUNT = table_of(Account)
_TYPES: Final = ("person", "team", "user", "token")


class Named(NamedTuple):
    """``type``: person, team, user, token or account; ``id``: public id where there is one."""

    type: str
    id: str | None
    name: str
    email: str | None


def _in(column: Any, name: str) -> Any:
    return column.in_(bindparam(name, expanding=True))


_NO_TEXT = cast(null(), Text)
_NO_NUMBER = cast(null(), Big)
_NAMES = union_all(
    select(
        literal("person").label("type"),
        _PERSON.c.uid.label("uid"),
        _PERSON.c.name.label("name"),
        _PERSON.c.email.label("email"),
        _NO_NUMBER.label("source"),
        _NO_TEXT.label("account"),
    ).where(_in(_PERSON.c.uid, "person")),
    select(literal("team"), _TEAM.c.uid, _TEAM.c.name, _NO_TEXT, _NO_NUMBER, _NO_TEXT).where(
        _in(_TEAM.c.uid, "team")
    ),
    select(literal("user"), _USER.c.uid, _PERSON.c.name, _PERSON.c.email, _NO_NUMBER, _NO_TEXT)
    .join(_PERSON, _PERSON.c.key == _USER.c.person)
    .where(_in(_USER.c.uid, "user")),
    select(literal("token"), _TOKEN.c.uid, _TOKEN.c.name, _NO_TEXT, _NO_NUMBER, _NO_TEXT).where(
        _in(_TOKEN.c.uid, "token")
    ),
    select(
        literal("account"),
        _PERSON.c.uid,
        _PERSON.c.name,
        _PERSON.c.email,
        _ACCOUNT.c.source,
        _ACCOUNT.c.name,
    )
    .join(_PERSON, _PERSON.c.key == _ACCOUNT.c.person)
    .where(_in(_ACCOUNT.c.source, "sources"), _in(_ACCOUNT.c.name, "accounts")),
)


class Names:
    """Names of actors (``user:ID``, ``person:ID`` ...) and of the persons behind accounts."""

    def __init__(self, found: dict[str, Named], accounts: dict[tuple[int, str], Named]) -> None:
        self._found = found
        self._accounts = accounts

    def actor(self, actor: str | None) -> str | None:
        """What to call an actor, or None for one that has no name (a crawl)."""
        if actor is None:
            return None
        known = self._found.get(actor)
        if known is not None:
            return known.name
        kind, _, rest = actor.partition(":")
        return rest if kind == "local" else actor if actor == "system" else None

    def owner(self, reference: str) -> Named:
        """An owner written ``person:ID``, ``team:ID`` or ``account:SOURCE/NAME``."""
        known = self._found.get(reference)
        if known is not None:
            return known
        kind, _, rest = reference.partition(":")
        if kind == "account":
            return Named("account", None, rest.partition("/")[2] or rest, None)
        return Named(kind, rest or None, rest or reference, None)

    def account(self, source: int, name: str) -> Named:
        """The person behind an account, or the account itself."""
        return self._accounts.get((source, name)) or Named("account", None, name, None)


NOBODY: Final = Names({}, {})


def names_of(
    connection: Connection,
    actors: Iterable[str],
    accounts: Iterable[tuple[int, str]] = (),
) -> Names:
    """Names of actors and owners, and persons of (source key, account name): one query or none."""
    wanted: dict[str, set[bytes]] = {kind: set() for kind in _TYPES}
    for actor in actors:
        kind, _, rest = actor.partition(":")
        uid = id_bytes(rest) if kind in wanted else None
        if uid is not None:
            wanted[kind].add(uid)
    pairs = set(accounts)
    if not pairs and not any(wanted.values()):
        return NOBODY
    parameters: dict[str, Any] = {kind: sorted(uids) for kind, uids in wanted.items()}
    parameters["sources"] = sorted({source for source, _ in pairs})
    parameters["accounts"] = sorted({name for _, name in pairs})
    found: dict[str, Named] = {}
    joined: dict[tuple[int, str], Named] = {}
    for row in connection.execute(_NAMES, parameters):
        public = id_text(row.uid)
        if row.type == "account":
            joined[row.source, row.account] = Named("person", public, row.name, row.email)
        else:
            found[f"{row.type}:{public}"] = Named(row.type, public, row.name, row.email)
    return Names(found, joined)
