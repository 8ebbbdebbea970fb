"""Users: logins with a role. The last enabled admin stays enabled, and an admin."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from fastapi import Path
from pydantic import BaseModel, ConfigDict, Field, SecretStr
from starlette.responses import Response

from catalog.access import people, sessions, users
from catalog.access.viewer import ACTIONS
from catalog.api.shapes import Listed, listed, shaped
from catalog.assets.links import base_url
from catalog.history.unit import Unit
from catalog.model import clock
from catalog.naming import id_text
from catalog.serving.call import SIGNED_IN, CallArg, reply
from catalog.serving.cookies import clear_session
from catalog.serving.routing import Router

router = Router("/api/v1", "users")
Login = Annotated[str, Path(description="Login of the user.", examples=["ada"])]
RoleName = Literal["viewer", "editor", "steward", "admin"]


class NewUser(BaseModel):
    """A login. Without a password the user comes in by a login link."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"login": "ada", "role": "editor", "email": "ada@example.com"}]
        },
    )

    login: str = Field(max_length=200)
    role: RoleName = "viewer"
    password: SecretStr | None = None
    name: str | None = Field(default=None, max_length=200)
    email: str | None = Field(default=None, max_length=254)


class UserEdit(BaseModel):
    """What to change; what is left out stays. Name and e-mail are the person's."""

    model_config = ConfigDict(
        extra="forbid", strict=True, json_schema_extra={"examples": [{"role": "steward"}]}
    )

    role: RoleName | None = None
    disabled: bool | None = None
    name: str | None = Field(default=None, max_length=200)
    email: str | None = Field(default=None, max_length=254)


class Password(BaseModel):
    """A new password for somebody; all their sessions end."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"password": "a whole sentence is good"}]}
    )

    password: SecretStr


class OwnPassword(Password):
    """One's own new password. ``current``: the one before, unless there was none."""

    current: SecretStr | None = None


class User(msgspec.Struct, frozen=True):
    """A user; ``person``: id of the person whose login it is."""

    id: str
    login: str
    role: str
    name: str
    email: str | None
    person: str
    disabled: bool
    has_password: bool
    created_at: str
    password_at: str | None


class Me(msgspec.Struct, frozen=True):
    """Who asks: role, scopes of the token (none: all that the role may), and what that permits.

    ``person``: id of the person, null for services. ``actor``: as the change log names it.
    """

    actor: str
    name: str
    role: str
    scopes: tuple[str, ...]
    person: str | None
    may: tuple[str, ...]


class LoginLink(msgspec.Struct, frozen=True):
    """Signs the user in once, until ``expires_at``."""

    url: str
    expires_at: str | None


@router.get("/me", action=SIGNED_IN, returns=Me)
def me(call: CallArg) -> Response:
    """Who the token or session belongs to, and what it permits."""
    viewer = call.viewer
    person = None
    if viewer.person is not None:
        with call.connect() as connection:
            person = id_text(people.person_uid(connection, viewer.person))
    return reply(
        Me(
            actor=viewer.actor,
            name=viewer.name,
            role=viewer.role,
            scopes=tuple(sorted(viewer.scopes)),
            person=person,
            may=tuple(action for action in ACTIONS if viewer.may(action)),
        )
    )


@router.put("/me/password", action="own", status=204)
def change_own_password(call: CallArg, given: OwnPassword) -> Response:
    """Changes one's own password; all one's sessions end, this one too. Not with a token."""
    current = None if given.current is None else given.current.get_secret_value()
    password = given.password.get_secret_value()
    call.write(lambda unit: users.change_password(unit, call.viewer, current, password))
    response = Response(status_code=204)
    clear_session(response)
    return response


@router.get("/users", action="user", returns=Listed[User])
def list_all(call: CallArg) -> Response:
    """All users by login."""
    with call.read() as session:
        found = users.list_users(session, call.viewer)
    return reply(listed(shaped(User, one) for one in found))


@router.post("/users", action="user", status=201, returns=User)
def create(call: CallArg, new: NewUser) -> Response:
    """A new user. Creating never overwrites: a login that is taken is 409."""
    password = None if new.password is None else new.password.get_secret_value()
    made = call.write(
        lambda unit: users.create_user(
            unit,
            call.viewer,
            new.login,
            role=new.role,
            password=password,
            name=new.name,
            email=new.email,
        )
    )
    return reply(shaped(User, made), 201)


@router.get("/users/{login}", returns=User)
def get_one(call: CallArg, login: Login) -> Response:
    """One user; everybody may read their own."""
    with call.read() as session:
        return reply(shaped(User, users.get_user(session, call.viewer, login)))


@router.patch("/users/{login}", action="user", returns=User)
def edit(call: CallArg, login: Login, given: UserEdit) -> Response:
    """Another role, name or e-mail; disables (sessions end, tokens are dead) or enables."""

    def work(unit: Unit) -> users.UserView:
        found = users.get_user(unit.session, call.viewer, login)
        if given.role is not None:
            users.set_role(unit, call.viewer, login, given.role)
        if given.disabled is not None:
            users.set_disabled(unit, call.viewer, login, given.disabled)
        if given.name is not None or given.email is not None:
            people.update_person(
                unit, call.viewer, found.person, name=given.name, email=given.email
            )
        return users.get_user(unit.session, call.viewer, login)

    return reply(shaped(User, call.write(work)))


@router.delete("/users/{login}", action="user", status=204)
def remove(call: CallArg, login: Login) -> Response:
    """Deletes the login with its sessions and tokens; what its person wrote stays."""
    call.write(lambda unit: users.remove_user(unit, call.viewer, login))
    return Response(status_code=204)


@router.put("/users/{login}/password", action="user", status=204)
def set_password(call: CallArg, login: Login, given: Password) -> Response:
    """Sets anybody's password; all of that user's sessions end."""
    password = given.password.get_secret_value()
    call.write(lambda unit: users.set_password(unit, call.viewer, login, password))
    return Response(status_code=204)


@router.post("/users/{login}/login-link", action="user", status=201, returns=LoginLink)
def make_login_link(call: CallArg, login: Login) -> Response:
    """A link that signs this user in once."""
    made = call.write(lambda unit: sessions.create_login_link(unit, call.viewer, login))
    url = f"{base_url()}/login/{made.secret}"
    return reply(LoginLink(url, clock.to_text(made.expires_at)), 201)
