"""Bearer tokens: ``cat_`` and 43 characters. The store holds the hash and a hint.

A token never does more than its owner may now: its role is the lower of its own and its user's,
and a disabled user's tokens are dead. Tokens without a user belong to services; admins make them.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, bindparam, select, update
from sqlmodel import Session

from catalog.access import users
from catalog.access.hashing import new_secret, secret_hash
from catalog.access.viewer import Viewer
from catalog.errors import BadInput, NotAllowed, NotFound, NotSignedIn
from catalog.history.store import Store, table_of
from catalog.history.unit import SECRET, Unit
from catalog.model import Token, User, clock
from catalog.naming import id_bytes, id_text, new_id
from catalog.settings import settings
from catalog.types import ROLES, Role

PREFIX: Final = "cat_"
SCOPES: Final = ("read", "write", "lineage", "registry", "admin")
LONGEST_DAYS: Final = 3650
_DEAD: Final = "none"  # a scope that permits nothing; no scopes at all would permit everything
_INGEST: Final = re.compile(r"ingest:[^\s\x00-\x1f\x7f]{1,200}")
_TOKEN = table_of(Token)
_USER = table_of(User)
_FIND = (
    select(
        _TOKEN.c.key,
        _TOKEN.c.uid,
        _TOKEN.c.name,
        _TOKEN.c.role,
        _TOKEN.c.scopes,
        _TOKEN.c.expires_at,
        _TOKEN.c.last_used_at,
        _TOKEN.c.revoked_at,
        _USER.c.key.label("user"),
        _USER.c.login,
        _USER.c.role.label("user_role"),
        _USER.c.disabled,
        _USER.c.person,
    )
    .join(_USER, _USER.c.key == _TOKEN.c.user, isouter=True)
    .where(_TOKEN.c.hash == bindparam("hash"))
)


@dataclass(frozen=True)
class TokenView:
    """A token as it is shown: never the token itself. ``user``: login, None for a service."""

    id: str
    name: str
    hint: str
    user: str | None
    role: Role
    scopes: tuple[str, ...]
    created_at: int
    created_by: str
    expires_at: int | None
    last_used_at: int | None
    revoked_at: int | None


@dataclass(frozen=True)
class NewToken:
    """``token`` is shown once, here."""

    token: str
    view: TokenView


@dataclass(frozen=True)
class FoundToken:
    """A living token: integer key, its viewer, when it was last used."""

    key: int
    viewer: Viewer
    last_used_at: int | None


def create_token(
    unit: Unit,
    viewer: Viewer,
    name: str,
    *,
    role: str | None = None,
    scopes: Iterable[str] = (),
    days: int | None = None,
    service: bool = False,
) -> NewToken:
    """A token of the viewer's own, or of a service (admins only).

    ``role``: not above the viewer's own; default: the same. ``scopes``: see `SCOPES` and
    ``ingest:SOURCE``; none: all that the role may. ``days``: life, else the setting. Who works
    on the home folder has no user, so their tokens are services'.
    """
    _may_create(viewer, service)
    known = viewer.role if role is None else users.check_role(role)
    if ROLES.index(known) > ROLES.index(viewer.role):
        raise NotAllowed(
            f"A token cannot have the role {known}: {viewer.name or viewer.actor} is "
            f"{viewer.role}.",
            remedy=f"Take {viewer.role} or less.",
        )
    checked = _check_scopes(viewer, scopes)
    token = PREFIX + new_secret()
    row = Token(
        uid=new_id(),
        hash=secret_hash(token),
        hint=token[:8],
        name=_check_name(name),
        user=None if service else viewer.user,
        role=known,
        scopes=json.dumps(checked),
        created_at=unit.now,
        created_by=viewer.actor,
        expires_at=unit.now + _check_days(days) * clock.DAY,
    )
    unit.session.add(row)
    unit.session.flush()
    _note(
        unit,
        row.uid,
        "created",
        None,
        {"name": row.name, "role": known, "scopes": checked, "token": SECRET},
    )
    return NewToken(token, _one(unit.connection, row.uid))


def list_tokens(session: Session, viewer: Viewer, *, everybody: bool = False) -> list[TokenView]:
    """The viewer's own tokens, or all (admins only), oldest first; revoked ones too."""
    viewer.require("token" if everybody else "read")
    query = _VIEW.order_by(_TOKEN.c.key)
    if not everybody:
        query = query.where(_own(viewer))
    return [_view(row) for row in session.connection().execute(query)]


def revoke_token(unit: Unit, viewer: Viewer, token_id: str) -> TokenView:
    """Kills a token at once: one's own, or anybody's (admins). `NotFound` otherwise."""
    query = select(_TOKEN.c.uid, _TOKEN.c.revoked_at).where(
        _TOKEN.c.uid == (id_bytes(token_id) or b"")
    )
    if not viewer.may("token"):
        query = query.where(_own(viewer))
    row = unit.connection.execute(query).first()
    if row is None:
        raise NotFound(f"There is no token {token_id!r} of yours.", remedy="catalog token list")
    if row.revoked_at is None:
        statement = update(_TOKEN).where(_TOKEN.c.uid == row.uid)
        unit.connection.execute(statement.values(revoked_at=unit.now))
        _note(unit, row.uid, "revoked", {"revoked": False}, {"revoked": True})
    return _one(unit.connection, row.uid)


def find_token(connection: Connection, token: str) -> FoundToken:
    """The living token, in one query, or `NotSignedIn`, the same one for every reason."""
    row: Any = None
    if token.startswith(PREFIX):
        row = connection.execute(_FIND, {"hash": secret_hash(token)}).first()
    if row is None or _is_dead(row):
        raise NotSignedIn(
            "The token is not valid: unknown, expired or revoked.",
            remedy="Make a new one: catalog token create",
        )
    return FoundToken(row.key, _viewer(row), row.last_used_at)


class LastUsed:
    """Writes when a token was last used, at most once a minute, and without a change."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._written: dict[int, int] = {}
        self._lock = threading.Lock()

    def due(self, found: FoundToken) -> bool:
        """Whether `touch` would write; it costs nothing to ask."""
        last = max(found.last_used_at or 0, self._written.get(found.key, 0))
        return clock.now() - last >= clock.MINUTE

    def touch(self, found: FoundToken) -> bool:
        """Whether it was written. It may wait for a writer: call it after the reply."""
        with self._lock:
            if not self.due(found):
                return False
            self._written[found.key] = now = clock.now()
        with self._store.write(found.viewer.actor) as unit:
            statement = update(_TOKEN).where(_TOKEN.c.key == found.key)
            unit.connection.execute(statement.values(last_used_at=now))
        return True


# --- inside ---------------------------------------------------------------------------------

_VIEW = select(
    _TOKEN.c.uid,
    _TOKEN.c.name,
    _TOKEN.c.hint,
    _USER.c.login,
    _TOKEN.c.role,
    _TOKEN.c.scopes,
    _TOKEN.c.created_at,
    _TOKEN.c.created_by,
    _TOKEN.c.expires_at,
    _TOKEN.c.last_used_at,
    _TOKEN.c.revoked_at,
).join(_USER, _USER.c.key == _TOKEN.c.user, isouter=True)


def _own(viewer: Viewer) -> Any:
    """Tokens of the viewer's user; without a user those that this very actor made."""
    if viewer.user is not None:
        return _TOKEN.c.user == viewer.user
    return _TOKEN.c.user.is_(None) & (_TOKEN.c.created_by == viewer.actor)


def _view(row: Any) -> TokenView:
    uid, name, hint, login, role, scopes, *rest = row
    return TokenView(id_text(uid), name, hint, login, role, tuple(json.loads(scopes)), *rest)


def _one(connection: Connection, uid: bytes) -> TokenView:
    return _view(connection.execute(_VIEW.where(_TOKEN.c.uid == uid)).one())


def _may_create(viewer: Viewer, service: bool) -> None:
    """A token that is limited to scopes must not make one that is not."""
    if viewer.scopes and "admin" not in viewer.scopes:
        raise NotAllowed(
            "A token that is limited to scopes cannot make tokens.", remedy="Sign in and try again."
        )
    viewer.require("token" if service or viewer.user is None else "read")


def _check_scopes(viewer: Viewer, scopes: Iterable[str]) -> list[str]:
    checked = sorted(set(scopes))
    for scope in checked:
        if scope not in SCOPES and _INGEST.fullmatch(scope) is None:
            raise BadInput(
                f"There is no scope {scope!r}.",
                remedy=f"Use {', '.join(SCOPES)} or ingest:SOURCE.",
            )
        if scope.startswith("ingest:") and not viewer.may("ingest"):
            raise NotAllowed(f"The scope {scope} is an admin's to give.", remedy="Ask an admin.")
    return checked or (["admin"] if viewer.scopes else [])


def _check_name(name: str) -> str:
    name = name.strip()
    if not 1 <= len(name) <= 100 or not name.isprintable():
        raise BadInput(f"{name!r} cannot name a token.", remedy="Use 1 to 100 characters.")
    return name


def _check_days(days: int | None) -> int:
    days = settings().token_days if days is None else days
    if not 1 <= days <= LONGEST_DAYS:
        raise BadInput(
            f"A token cannot live {days} days.", remedy=f"Give 1 to {LONGEST_DAYS} days."
        )
    return days


def _is_dead(row: Any) -> bool:
    expired = row.expires_at is not None and row.expires_at <= clock.now()
    return expired or row.revoked_at is not None or bool(row.disabled)


def _viewer(row: Any) -> Viewer:
    role, scopes = row.role, frozenset(json.loads(row.scopes))
    if row.user is not None:
        role = min(role, row.user_role, key=ROLES.index)
        if row.user_role != "admin":  # who may not push (any more), whose token may not either
            kept = frozenset(scope for scope in scopes if not scope.startswith("ingest:"))
            scopes = kept or (frozenset({_DEAD}) if scopes else kept)
    return Viewer(
        actor=f"token:{id_text(row.uid)}",
        role=role,
        scopes=scopes,
        user=row.user,
        person=row.person,
        name=row.login or row.name,
    )


def _note(unit: Unit, uid: bytes, what: str, before: Any, after: Any) -> None:
    unit.change(what, subject_type="token", subject=id_text(uid), before=before, after=after)
