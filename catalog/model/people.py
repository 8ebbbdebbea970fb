"""Persons, accounts, teams; users, sessions and tokens."""

from __future__ import annotations

from typing import Any, ClassVar

from sqlalchemy import Index, UniqueConstraint

from catalog.model.base import Field, SQLModel, big, blob, key_field, ref, string


class Person(SQLModel, table=True):
    """A human being; not a login."""

    __tablename__ = "person"

    key: int | None = key_field()
    uid: bytes = blob(unique=True)
    name: str = string()
    email: str | None = string(default=None, unique=True)
    created_at: int = big()
    removed_at: int | None = big(default=None)


class Account(SQLModel, table=True):
    """A name in a source (or of an identity provider); belongs to a person, or to nobody known."""

    __tablename__ = "account"
    __table_args__: ClassVar[Any] = (UniqueConstraint("source", "name"),)

    key: int | None = key_field()
    uid: bytes = blob(unique=True)
    source: int | None = ref("source.key", default=None)
    name: str = string()
    email: str | None = string(default=None)
    subject: str | None = string(default=None)
    person: int | None = ref("person.key", default=None, index=True)
    joined_by: str | None = string(default=None)  # email | rule | hand


class Team(SQLModel, table=True):
    """Has members; owns and is granted like a person."""

    __tablename__ = "team"

    key: int | None = key_field()
    uid: bytes = blob(unique=True)
    name: str = string(unique=True)
    description: str | None = string(default=None)
    created_at: int = big()
    removed_at: int | None = big(default=None)


class Membership(SQLModel, table=True):
    """A person in a team."""

    __tablename__ = "membership"
    __table_args__: ClassVar[Any] = ({"sqlite_with_rowid": False},)

    team: int = ref("team.key", primary_key=True)
    person: int = ref("person.key", primary_key=True)
    role: str = string(default="member")


class User(SQLModel, table=True):
    """A login: name, argon2 hash, role. ``login`` is compared folded."""

    __tablename__ = "user"

    key: int | None = key_field()
    uid: bytes = blob(unique=True)
    login: str = string(unique=True)
    password_hash: str | None = string(default=None)
    role: str = string(default="viewer")
    person: int = ref("person.key")
    disabled: bool = Field(default=False)
    created_at: int = big()
    password_at: int | None = big(default=None)
    version: int = Field(default=1)


class Preference(SQLModel, table=True):
    """How a user wants pages: ``theme`` light, dark or None (the system's), ``zone`` an IANA time
    zone or None (the browser's)."""

    __tablename__ = "preference"
    __table_args__: ClassVar[Any] = ({"sqlite_with_rowid": False},)

    user: int = ref("user.key", primary_key=True)
    theme: str | None = string(default=None)
    zone: str | None = string(default=None)


class UserSession(SQLModel, table=True):
    """A server-side session: the hash of its cookie. Logging out deletes the row."""

    __tablename__ = "session"
    __table_args__: ClassVar[Any] = (Index("ix_session_user", "user"),)

    key: int | None = key_field()
    uid: bytes = blob(unique=True)
    hash: bytes = blob(unique=True)
    user: int = ref("user.key")
    kind: str = string(default="session")  # session | login (one-time link)
    created_at: int = big()
    expires_at: int = big()
    last_used_at: int | None = big(default=None)
    agent: str | None = string(default=None)


class Token(SQLModel, table=True):
    """A bearer token: hash, role, scopes, expiry. Belongs to a user, or to none (a service).

    ``scopes``: JSON list; empty: all that the role may.
    """

    __tablename__ = "token"

    key: int | None = key_field()
    uid: bytes = blob(unique=True)
    hash: bytes = blob(unique=True)
    hint: str = string()  # its first characters, to recognise it by
    name: str = string()
    user: int | None = ref("user.key", default=None, index=True)
    role: str = string()
    scopes: str = string(default="[]")
    created_at: int = big()
    created_by: str = string()
    expires_at: int | None = big(default=None)
    last_used_at: int | None = big(default=None)
    revoked_at: int | None = big(default=None)
