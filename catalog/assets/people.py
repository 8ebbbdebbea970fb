"""What to call those who own, write and flag: persons, teams, users, tokens, accounts."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Text, bindparam, cast, literal, null, select, union_all

from catalog.assets.rows import among, fill, slots
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


_NO_TEXT = cast(null(), Text)
_NO_NUMBER = cast(null(), Big)


def _branch(kind: str, *columns: Any) -> Any:
    names = ("uid", "name", "email", "source", "account")
    labelled = (column.label(name) for column, name in zip(columns, names, strict=True))
    return select(literal(kind, Text).label("type"), *labelled)


def _select(kind: str, size: int) -> Any:
    """One branch of the union, for ``size`` ids."""
    if kind == "person":
        columns = (_PERSON.c.uid, _PERSON.c.name, _PERSON.c.email, _NO_NUMBER, _NO_TEXT)
        return _branch(kind, *columns).where(among(_PERSON.c.uid, kind, size))
    if kind == "team":
        columns = (_TEAM.c.uid, _TEAM.c.name, _NO_TEXT, _NO_NUMBER, _NO_TEXT)
        return _branch(kind, *columns).where(among(_TEAM.c.uid, kind, size))
    if kind == "token":
        columns = (_TOKEN.c.uid, _TOKEN.c.name, _NO_TEXT, _NO_NUMBER, _NO_TEXT)
        return _branch(kind, *columns).where(among(_TOKEN.c.uid, kind, size))
    if kind == "user":
        columns = (_USER.c.uid, _PERSON.c.name, _PERSON.c.email, _NO_NUMBER, _NO_TEXT)
        named = _branch(kind, *columns).join(_PERSON, _PERSON.c.key == _USER.c.person)
        return named.where(among(_USER.c.uid, kind, size))
    columns = (_PERSON.c.uid, _PERSON.c.name, _PERSON.c.email, _ACCOUNT.c.source, _ACCOUNT.c.name)
    joined = _branch(kind, *columns).join(_PERSON, _PERSON.c.key == _ACCOUNT.c.person)
    return joined.where(
        _ACCOUNT.c.source.in_(bindparam("sources", expanding=True)),
        _ACCOUNT.c.name.in_(bindparam("accounts", expanding=True)),
    )


@lru_cache(maxsize=512)
def _statement(kinds: tuple[tuple[str, int], ...]) -> Any:
    """Only the branches that are needed, each for a padded number of ids: built once."""
    branches = [_select(kind, size) for kind, size in kinds]
    return branches[0] if len(branches) == 1 else union_all(*branches)


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
    parameters: dict[str, Any] = {}
    kinds: list[tuple[str, int]] = []
    for kind, uids in wanted.items():
        if uids:
            padded = slots(sorted(uids))
            kinds.append((kind, len(padded)))
            parameters |= fill(kind, padded)
    if pairs:
        kinds.append(("account", 0))
        parameters["sources"] = sorted({source for source, _ in pairs})
        parameters["accounts"] = sorted({name for _, name in pairs})
    if not kinds:
        return NOBODY
    found: dict[str, Named] = {}
    joined: dict[tuple[int, str], Named] = {}
    for row in connection.execute(_statement(tuple(kinds)), parameters).all():
        public = id_text(row.uid)
        if row.type == "account":
            joined[row.source, row.account] = Named("person", public, row.name, row.email)
        else:
            found[f"{row.type}:{public}"] = Named(row.type, public, row.name, row.email)
    return Names(found, joined)
