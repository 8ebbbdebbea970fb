"""Server-side sessions and one-time login links. The store holds only hashes of their secrets.

Signing out deletes the row; a changed password or a disabled user ends all of them. Times are
microseconds since 1970, UTC.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, bindparam, delete, select
from sqlmodel import Session

from catalog.access import users
from catalog.access.hashing import new_secret, secret_hash
from catalog.access.preferences import Preferences
from catalog.access.viewer import Viewer
from catalog.errors import BadInput, NotSignedIn
from catalog.history.store import Store, table_of
from catalog.history.unit import SECRET, Unit
from catalog.model import Preference, User, UserSession, clock
from catalog.naming import id_bytes, id_text, new_id
from catalog.settings import settings

_SESSION = table_of(UserSession)
_USER = table_of(User)
_PREFERENCE = table_of(Preference)
LONGEST_LINK: Final = 7 * 24 * 60  # minutes
_FIND = (
    select(
        _SESSION.c.uid.label("session_uid"),
        _SESSION.c.expires_at,
        _USER.c.uid,
        _USER.c.key,
        _USER.c.login,
        _USER.c.role,
        _USER.c.person,
        _PREFERENCE.c.theme,
        _PREFERENCE.c.zone,
    )
    .join(_USER, _USER.c.key == _SESSION.c.user)
    .outerjoin(_PREFERENCE, _PREFERENCE.c.user == _USER.c.key)
    .where(
        _SESSION.c.hash == bindparam("hash"),
        _SESSION.c.kind == "session",
        _SESSION.c.expires_at > bindparam("now"),
        _USER.c.disabled.is_(False),
    )
)


@dataclass(frozen=True)
class NewSession:
    """``cookie`` is shown once, here; ``viewer`` is who signed in."""

    cookie: str
    expires_at: int
    viewer: Viewer


@dataclass(frozen=True)
class FoundSession:
    """A living session: its public id, its end, its viewer and how they want pages."""

    id: str
    expires_at: int
    viewer: Viewer
    preferences: Preferences


@dataclass(frozen=True)
class LoginLink:
    """``secret`` goes into the link and works once, until ``expires_at``."""

    secret: str
    expires_at: int


@dataclass(frozen=True)
class SessionView:
    """One of a user's sessions, to recognise and end it."""

    id: str
    created_at: int
    expires_at: int
    agent: str | None


def sign_in(
    store: Store, login: str, password: str, *, address: str, agent: str | None = None
) -> NewSession:
    """Checks login and password and starts a session; see `users.check_sign_in` for errors."""
    checked = users.check_sign_in(store, login, password, address)
    with store.write(checked.viewer.actor) as unit:
        return start_checked(unit, checked, agent)


def start_checked(unit: Unit, checked: users.Checked, agent: str | None = None) -> NewSession:
    """A session for a password that was checked; `NotSignedIn` if the user changed since."""
    if not users.is_current(unit, checked):
        raise NotSignedIn("The login was changed at this very moment.", remedy="Sign in again.")
    return start_session(unit, checked.viewer, agent)


def start_session(unit: Unit, viewer: Viewer, agent: str | None = None) -> NewSession:
    """A session with a new secret; what of the user has expired goes. No change: operational."""
    if viewer.user is None:
        raise NotSignedIn("Only a user has a session.", remedy="Send a token instead.")
    unit.connection.execute(
        delete(_SESSION).where(_SESSION.c.user == viewer.user, _SESSION.c.expires_at <= unit.now)
    )
    ends = unit.now + settings().session_days * clock.DAY
    cookie = _insert(unit, viewer.user, "session", ends, agent)
    return NewSession(cookie, ends, viewer)


def find_session(connection: Connection, cookie: str) -> FoundSession:
    """The living session of a cookie, in one query, or `NotSignedIn`."""
    row = connection.execute(_FIND, {"hash": secret_hash(cookie), "now": clock.now()}).first()
    if row is None:
        raise NotSignedIn("The session has ended.", remedy="Sign in again.")
    wants = Preferences(row.theme, row.zone)
    return FoundSession(id_text(row.session_uid), row.expires_at, users.viewer_of(row), wants)


def sign_out(unit: Unit, cookie: str) -> None:
    """Ends the session of this cookie; one that has ended already is no error."""
    unit.connection.execute(delete(_SESSION).where(_SESSION.c.hash == secret_hash(cookie)))


def list_sessions(session: Session, viewer: Viewer) -> list[SessionView]:
    """The viewer's own living sessions, newest first."""
    viewer.require("read")
    rows = session.connection().execute(
        select(_SESSION.c.uid, _SESSION.c.created_at, _SESSION.c.expires_at, _SESSION.c.agent)
        .where(
            _SESSION.c.user == viewer.user,
            _SESSION.c.kind == "session",
            _SESSION.c.expires_at > clock.now(),
        )
        .order_by(_SESSION.c.key.desc())
    )
    return [SessionView(id_text(uid), *rest) for uid, *rest in rows]


def end_session(unit: Unit, viewer: Viewer, session_id: str) -> bool:
    """Ends one of the viewer's own sessions by its public id; False if there is none."""
    done = unit.connection.execute(
        delete(_SESSION).where(
            _SESSION.c.uid == (id_bytes(session_id) or b""), _SESSION.c.user == viewer.user
        )
    )
    return bool(done.rowcount)


def create_login_link(
    unit: Unit, viewer: Viewer, login: str, minutes: int | None = None
) -> LoginLink:
    """A link that signs this user in once; admins only. ``minutes``: life, else the setting."""
    viewer.require("user")
    minutes = settings().login_minutes if minutes is None else minutes
    if not 1 <= minutes <= LONGEST_LINK:
        raise BadInput(
            f"A login link cannot live {minutes} minutes.", remedy=f"Give 1 to {LONGEST_LINK}."
        )
    row = users.find_row(unit.session, login)
    if row.disabled:
        raise BadInput(f"The user {row.login} is disabled.", remedy="Enable the user first.")
    ends = unit.now + minutes * clock.MINUTE
    secret = _insert(unit, row.key, "login", ends, None)
    unit.change(
        "login_link",
        subject_type="user",
        subject=id_text(row.uid),
        after={"secret": SECRET, "minutes": minutes},
    )
    return LoginLink(secret, ends)


def redeem_login_link(unit: Unit, secret: str, agent: str | None = None) -> NewSession:
    """Starts a session for a login link, which is then used up; else `NotSignedIn`."""
    found = unit.connection.execute(
        delete(_SESSION)
        .where(
            _SESSION.c.hash == secret_hash(secret),
            _SESSION.c.kind == "login",
            _SESSION.c.expires_at > unit.now,
        )
        .returning(_SESSION.c.user)
    ).first()
    row: Any = None
    if found is not None:
        row = unit.connection.execute(
            select(_USER).where(_USER.c.key == found.user, _USER.c.disabled.is_(False))
        ).first()
    if row is None:
        raise NotSignedIn(
            "This login link was used already, or has expired.",
            remedy="Ask for a new one: catalog login-link",
        )
    return start_session(unit, users.viewer_of(row), agent)


def purge_expired(unit: Unit) -> int:
    """Deletes what has expired; returns how many."""
    done = unit.connection.execute(delete(_SESSION).where(_SESSION.c.expires_at <= unit.now))
    return int(done.rowcount)


def _insert(unit: Unit, user: int, kind: str, ends: int, agent: str | None) -> str:
    secret = new_secret()
    unit.connection.execute(
        _SESSION.insert().values(
            uid=new_id(),
            hash=secret_hash(secret),
            user=user,
            kind=kind,
            created_at=unit.now,
            expires_at=ends,
            agent=agent[:200] if agent else None,
        )
    )
    return secret
