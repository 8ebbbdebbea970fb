"""Users: logins with a role. The last enabled admin can be neither removed, demoted nor disabled.

Times are microseconds since 1970, UTC. Every write is a change; passwords appear as ``***``.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import delete, select, update
from sqlmodel import Session

from catalog.access import passwords, people
from catalog.access.viewer import Viewer
from catalog.errors import BadInput, Conflict, NotAllowed, NotFound, NotSignedIn
from catalog.history.store import Store, table_of
from catalog.history.unit import SECRET, Unit
from catalog.model import Person, Preference, RecentView, Token, User, UserSession
from catalog.naming import id_text, new_id
from catalog.types import ROLES, Role

_USER = table_of(User)
_PREFERENCE = table_of(Preference)
_RECENT = table_of(RecentView)
_PERSON = table_of(Person)
_TOKEN = table_of(Token)
_SESSION = table_of(UserSession)
_LOGIN: Final = re.compile(r"[\w.@+-]{1,100}")
_USERS = select(
    _USER.c.key,
    _USER.c.uid,
    _USER.c.login,
    _USER.c.role,
    _USER.c.disabled,
    _USER.c.created_at,
    _USER.c.password_at,
    _USER.c.password_hash,
    _USER.c.version,
    _USER.c.person,
    _PERSON.c.uid.label("person_uid"),
    _PERSON.c.name,
    _PERSON.c.email,
).join(_PERSON, _PERSON.c.key == _USER.c.person)


@dataclass(frozen=True)
class UserView:
    """A user as it is shown. ``id``, ``person``: public ids. No hash, ever."""

    id: str
    login: str
    role: Role
    name: str
    email: str | None
    person: str
    disabled: bool
    has_password: bool
    created_at: int
    password_at: int | None
    version: int


def fold_login(login: str) -> str:
    """The form in which logins are stored and compared."""
    return unicodedata.normalize("NFKC", login.strip()).casefold()


def check_login(login: str) -> str:
    """The folded login; `BadInput` when it holds something else than letters, digits, . @ + - _."""
    folded = fold_login(login)
    if _LOGIN.fullmatch(folded) is None:
        raise BadInput(
            f"{login!r} cannot be a login.",
            remedy="Use 1 to 100 letters, digits and the characters . @ + - _",
        )
    return folded


def check_role(role: str) -> Role:
    """The role, or `BadInput`."""
    for known in ROLES:
        if role == known:
            return known
    raise BadInput(f"There is no role {role!r}.", remedy=f"Use one of {', '.join(ROLES)}.")


# --- viewers --------------------------------------------------------------------------------


def local_viewer(login: str) -> Viewer:
    """Who works on the home folder itself: an admin, recorded as ``local:LOGIN``."""
    return Viewer(actor=f"local:{login}", role="admin", name=login)


def viewer_as(session: Session, login: str) -> Viewer:
    """The viewer of a user, for ``--as NAME``; `NotFound`, or `NotAllowed` when disabled."""
    row = _row(session, login)
    if row.disabled:
        raise NotAllowed(
            f"The user {row.login} is disabled.", remedy=f"catalog user enable {row.login}"
        )
    return viewer_of(row)


def viewer_of(row: Any) -> Viewer:
    """The viewer of a row with uid, role, key, person and login."""
    return Viewer(
        actor=f"user:{id_text(row.uid)}",
        role=row.role,
        user=row.key,
        person=row.person,
        name=row.login,
    )


# --- reading --------------------------------------------------------------------------------


def list_users(session: Session, viewer: Viewer) -> list[UserView]:
    """All users by login; admins only."""
    viewer.require("user")
    rows = session.connection().execute(_USERS.order_by(_USER.c.login))
    return [_view(row) for row in rows]


def get_user(session: Session, viewer: Viewer, login: str) -> UserView:
    """One user; everybody may read their own."""
    if viewer.name != fold_login(login) or viewer.user is None:
        viewer.require("user")
    return _view(_row(session, login))


def is_last_admin(session: Session, viewer: Viewer, login: str) -> bool:
    """Whether this user is the only enabled admin, who stays one."""
    admins = [one for one in list_users(session, viewer) if one.role == "admin"]
    enabled = [one.login for one in admins if not one.disabled]
    return enabled == [fold_login(login)]


def has_users(session: Session) -> bool:
    """Whether anybody can sign in; tells nothing else, so it needs no viewer."""
    return session.connection().execute(select(_USER.c.key).limit(1)).first() is not None


# --- writing --------------------------------------------------------------------------------


def create_user(
    unit: Unit,
    viewer: Viewer,
    login: str,
    *,
    role: str = "viewer",
    password: str | None = None,
    name: str | None = None,
    email: str | None = None,
) -> UserView:
    """A new user with a person: the one who has this e-mail, else a new one.

    `Conflict` when the login is taken: creating never overwrites.
    """
    viewer.require("user")
    folded, known = check_login(login), check_role(role)
    if _find(unit.session, folded) is not None:
        raise Conflict(f"There is a user {folded} already.", remedy="Choose another login.")
    if password is not None:
        passwords.check_strength(password, folded)
    person = people.person_for_user(unit, name or login.strip(), email)
    user = User(
        uid=new_id(),
        login=folded,
        password_hash=None if password is None else passwords.hash_password(password),
        role=known,
        person=person,
        created_at=unit.now,
        password_at=None if password is None else unit.now,
    )
    unit.session.add(user)
    unit.session.flush()
    _note(unit, user.uid, "created", None, {"login": folded, "role": known})
    return _view(_row(unit.session, folded))


def first_admin(unit: Unit, viewer: Viewer, login: str) -> UserView | None:
    """An admin without a password when there is no user at all, else None.

    Its first way in is a one-time login link; no password is ever preset.
    """
    if has_users(unit.session):
        return None
    return create_user(unit, viewer, login, role="admin")


def set_role(unit: Unit, viewer: Viewer, login: str, role: str) -> UserView:
    """Another role; the last enabled admin keeps theirs (`Conflict`)."""
    viewer.require("user")
    known, row = check_role(role), _row(unit.session, login)
    if known != row.role:
        if known != "admin":
            _keep_an_admin(unit, row, "demoted")
        _set(unit, row, "role", role=known)
    return _view(_row(unit.session, login))


def set_disabled(unit: Unit, viewer: Viewer, login: str, disabled: bool) -> UserView:
    """Disables (sessions end, tokens are dead) or enables again."""
    viewer.require("user")
    row = _row(unit.session, login)
    if disabled != row.disabled:
        if disabled:
            _keep_an_admin(unit, row, "disabled")
            end_sessions(unit, row.key)
        _set(unit, row, "disabled", disabled=disabled)
    return _view(_row(unit.session, login))


def set_password(unit: Unit, viewer: Viewer, login: str, password: str) -> None:
    """An admin sets anybody's password; all of that user's sessions end."""
    viewer.require("user")
    _write_password(unit, _row(unit.session, login), password)


def change_password(unit: Unit, viewer: Viewer, current: str | None, password: str) -> None:
    """Users change their own; ``current`` must fit, unless they never had one.

    All their sessions end, this one too.
    """
    signed_in = viewer.actor.startswith("user:")  # a token must not take the login over
    row = _find(unit.session, viewer.name) if signed_in else None
    if row is None or row.key != viewer.user:
        raise NotAllowed("Only a signed-in user has a password to change.", remedy="Sign in.")
    if row.password_hash is not None and not passwords.verify_password(
        current or "", row.password_hash
    ):
        raise NotAllowed("The current password is not right.", remedy="Type it again.")
    _write_password(unit, row, password)


def remove_user(unit: Unit, viewer: Viewer, login: str) -> None:
    """Deletes the login with its sessions and tokens; the person and what they wrote stay."""
    viewer.require("user")
    row = _row(unit.session, login)
    _keep_an_admin(unit, row, "removed")
    end_sessions(unit, row.key)
    unit.connection.execute(delete(_TOKEN).where(_TOKEN.c.user == row.key))
    for table in (_PREFERENCE, _RECENT):
        unit.connection.execute(delete(table).where(table.c.user == row.key))
    unit.connection.execute(delete(_USER).where(_USER.c.key == row.key))
    _note(unit, row.uid, "removed", {"login": row.login, "role": row.role}, None)


def end_sessions(unit: Unit, user: int) -> int:
    """Ends all sessions and login links of a user (integer key); returns how many."""
    done = unit.connection.execute(delete(_SESSION).where(_SESSION.c.user == user))
    return int(done.rowcount)


# --- signing in -----------------------------------------------------------------------------

_GUARD = passwords.Guard()


@dataclass(frozen=True)
class Checked:
    """A login whose password fitted, as the user was at that moment (``version``)."""

    viewer: Viewer
    version: int


def check_sign_in(
    store: Store, login: str, password: str, address: str, *, guard: passwords.Guard = _GUARD
) -> Checked:
    """The viewer of login and password, or `NotSignedIn`, the same one for every reason.

    An unknown, disabled or password-less login takes as long as a known one. After too many
    failures: `Unavailable`. No transaction is open while the password is checked.
    """
    folded = fold_login(login)
    guard.check(folded, address)
    with store.read() as session:
        row = _find(session, folded)
    usable = row is not None and not row.disabled
    fits = passwords.verify_password(password, row.password_hash if row and usable else None)
    if row is None or not fits:
        guard.failed(folded, address)
        raise NotSignedIn("Login or password is not right.", remedy="Try again, or ask an admin.")
    guard.succeeded(folded, address)
    return Checked(viewer_of(row), row.version)


def is_current(unit: Unit, checked: Checked) -> bool:
    """Whether the user is still as checked; locks the row, so that it stays so in this unit."""
    query = select(_USER.c.version).where(_USER.c.key == checked.viewer.user)
    return bool(unit.connection.execute(query.with_for_update()).scalar() == checked.version)


# --- inside ---------------------------------------------------------------------------------


def find_row(session: Session, login: str) -> Any:
    """The row of a login, or `NotFound`; for the other files of this room."""
    return _row(session, login)


def _find(session: Session, folded: str) -> Any:
    return session.connection().execute(_USERS.where(_USER.c.login == folded)).first()


def _row(session: Session, login: str) -> Any:
    row = _find(session, fold_login(login))
    if row is None:
        raise NotFound(f"There is no user {login!r}.", remedy="catalog user list")
    return row


def _view(row: Any) -> UserView:
    return UserView(
        id=id_text(row.uid),
        login=row.login,
        role=row.role,
        name=row.name,
        email=row.email,
        person=id_text(row.person_uid),
        disabled=row.disabled,
        has_password=row.password_hash is not None,
        created_at=row.created_at,
        password_at=row.password_at,
        version=row.version,
    )


def _keep_an_admin(unit: Unit, row: Any, what: str) -> None:
    """Locks the enabled admins, so that two of them cannot demote each other at once."""
    enabled = (
        select(_USER.c.key)
        .where(_USER.c.role == "admin", _USER.c.disabled.is_(False))
        .order_by(_USER.c.key)
        .with_for_update()
    )
    if unit.connection.execute(enabled).scalars().all() == [row.key]:
        raise Conflict(
            f"{row.login} is the last enabled admin and cannot be {what}.",
            remedy="Make another user admin first.",
        )


def _set(unit: Unit, row: Any, what: str, **values: Any) -> None:
    before = {name: getattr(row, name) for name in values}
    statement = update(_USER).where(_USER.c.key == row.key)
    unit.connection.execute(statement.values(version=row.version + 1, **values))
    _note(unit, row.uid, what, before, values)


def _write_password(unit: Unit, row: Any, password: str) -> None:
    passwords.check_strength(password, row.login)
    hashed = passwords.hash_password(password)
    statement = update(_USER).where(_USER.c.key == row.key)
    unit.connection.execute(
        statement.values(password_hash=hashed, password_at=unit.now, version=row.version + 1)
    )
    end_sessions(unit, row.key)
    _note(unit, row.uid, "password", None, {"password": SECRET})


def _note(unit: Unit, uid: bytes, what: str, before: Any, after: Any) -> None:
    unit.change(what, subject_type="user", subject=id_text(uid), before=before, after=after)
