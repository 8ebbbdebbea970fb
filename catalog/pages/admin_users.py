"""Administration of users: who may sign in, as what; their links and passwords."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Form, Path
from pydantic import BaseModel, Field, SecretStr
from starlette.responses import Response

from catalog.access import people, sessions, users
from catalog.access.users import UserView
from catalog.assets.links import base_url
from catalog.errors import BadInput, CatalogError
from catalog.history.unit import Unit
from catalog.pages.frame import Trouble, go, page, status_of
from catalog.pages.texts import urlpart
from catalog.serving.call import Call, CallArg
from catalog.serving.routing import Router
from catalog.types import ROLES

router = Router("/admin/users", "pages")
Login = Annotated[str, Path()]


class NewUser(BaseModel):
    """The form; without a password the user comes in by a login link."""

    login: str = Field(default="", max_length=200)
    name: str = Field(default="", max_length=200)
    email: str = Field(default="", max_length=254)
    role: str = Field(default="viewer", max_length=20)


class Person(BaseModel):
    """Name and e-mail of the person behind a user, and the role."""

    name: str = Field(default="", max_length=200)
    email: str = Field(default="", max_length=254)
    role: str = Field(default="", max_length=20)


class Password(BaseModel):
    """A new password, twice."""

    password: SecretStr = SecretStr("")
    again: SecretStr = SecretStr("")


@dataclass(frozen=True)
class Link:
    """A login link, shown once."""

    url: str
    expires_at: int


@router.get("", action="user", include_in_schema=False)
def list_all(call: CallArg) -> Response:
    """All users, and the form for a new one."""
    return _list(call)


@router.post("", action="user", include_in_schema=False)
def add(call: CallArg, given: Annotated[NewUser, Form()]) -> Response:
    """A new user; their page shows what to do next."""
    try:
        made = call.write(
            lambda unit: users.create_user(
                unit,
                call.viewer,
                given.login,
                role=given.role,
                name=given.name.strip() or None,
                email=given.email.strip() or None,
            )
        )
    except CatalogError as error:
        return _list(call, Trouble("new", error), given)
    return go(
        call,
        _path(made.login),
        f"{made.login} may sign in. Make a login link for them, or a password.",
    )


@router.get("/{login}", action="user", include_in_schema=False)
def show(call: CallArg, login: Login) -> Response:
    """One user, with all that can be changed."""
    return _one(call, login)


@router.post("/{login}", action="user", include_in_schema=False)
def edit(call: CallArg, login: Login, given: Annotated[Person, Form()]) -> Response:
    """Writes role, name and e-mail."""

    def work(unit: Unit) -> None:
        found = users.get_user(unit.session, call.viewer, login)
        if given.role and given.role != found.role:
            users.set_role(unit, call.viewer, login, given.role)
        people.update_person(
            unit,
            call.viewer,
            found.person,
            name=given.name.strip() or None,
            email=given.email.strip() or None,
        )

    return _tried(call, login, "edit", work, "Saved.", given)


@router.post("/{login}/disable", action="user", include_in_schema=False)
def disable(call: CallArg, login: Login) -> Response:
    """Sessions end, tokens are dead."""
    return _tried(
        call,
        login,
        "state",
        lambda unit: users.set_disabled(unit, call.viewer, login, True),
        f"{login} may not sign in any more.",
    )


@router.post("/{login}/enable", action="user", include_in_schema=False)
def enable(call: CallArg, login: Login) -> Response:
    """They may sign in again."""
    return _tried(
        call,
        login,
        "state",
        lambda unit: users.set_disabled(unit, call.viewer, login, False),
        f"{login} may sign in again.",
    )


@router.post("/{login}/remove", action="user", include_in_schema=False)
def remove(call: CallArg, login: Login) -> Response:
    """Deletes the login; what its person wrote stays."""
    try:
        call.write(lambda unit: users.remove_user(unit, call.viewer, login))
    except CatalogError as error:
        if error.status == 404:
            raise
        return _one(call, login, Trouble("state", error))
    return go(call, "/admin/users", f"The user {login} is removed. What they wrote stays.")


@router.post("/{login}/password", action="user", include_in_schema=False)
def set_password(call: CallArg, login: Login, given: Annotated[Password, Form()]) -> Response:
    """Sets a password; all sessions of the user end."""

    def work(unit: Unit) -> None:
        if given.password.get_secret_value() != given.again.get_secret_value():
            raise BadInput("The two passwords differ.", remedy="Type the same one twice.")
        users.set_password(unit, call.viewer, login, given.password.get_secret_value())

    return _tried(call, login, "password", work, f"{login} has a new password.")


@router.post("/{login}/login-link", action="user", include_in_schema=False)
def login_link(call: CallArg, login: Login) -> Response:
    """Makes a link that signs the user in once, and shows it, this once."""
    made = call.write(lambda unit: sessions.create_login_link(unit, call.viewer, login))
    return _one(call, login, link=Link(f"{base_url()}/login/{made.secret}", made.expires_at))


def _tried(
    call: Call, login: str, form: str, work: Any, done: str, given: Person | None = None
) -> Response:
    """Writes and goes back to the user's page, or shows it with what was wrong beside the form."""
    try:
        call.write(work)
    except CatalogError as error:
        if error.status == 404:
            raise
        return _one(call, login, Trouble(form, error), given=given)
    return go(call, _path(login), done)


def _path(login: str) -> str:
    return f"/admin/users/{urlpart(login)}"


def _list(call: Call, trouble: Trouble | None = None, given: NewUser | None = None) -> Response:
    with call.read() as session:
        found = users.list_users(session, call.viewer)
    return page(
        call,
        "admin/users.html",
        status=status_of(trouble),
        tab="users",
        users=found,
        roles=ROLES,
        trouble=trouble,
        given=given or NewUser(),
    )


def _one(
    call: Call,
    login: str,
    trouble: Trouble | None = None,
    *,
    link: Link | None = None,
    given: Person | None = None,
) -> Response:
    with call.read() as session:
        user = users.get_user(session, call.viewer, login)
        last = users.is_last_admin(session, call.viewer, login)
    return page(
        call,
        "admin/user.html",
        status=status_of(trouble),
        tab="users",
        user=user,
        given=given or _person(user),
        last=last,
        roles=ROLES,
        trouble=trouble,
        link=link,
    )


def _person(user: UserView) -> Person:
    return Person(name=user.name, email=user.email or "", role=user.role)
