"""Signing in with a one-time link or a password, and out again."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlencode

from fastapi import Form, Query
from pydantic import BaseModel, Field, SecretStr
from starlette.responses import RedirectResponse, Response

from catalog.access import sessions
from catalog.access.sessions import NewSession
from catalog.errors import CatalogError
from catalog.pages.frame import go, local_path, page
from catalog.serving.call import COOKIE, PUBLIC, SIGNED_IN, Call, CallArg
from catalog.serving.cookies import clear_session, set_session
from catalog.serving.routing import Router

router = Router("", "pages")


class SignIn(BaseModel):
    """The form."""

    login: str = Field(max_length=200)
    password: SecretStr
    next: str = Field(default="/", max_length=2000)


def login_path(path: str) -> str:
    """The page to sign in on, which leads back to ``path``."""
    return "/login" if path == "/" else f"/login?{urlencode({'next': path})}"


@router.get("/login", action=PUBLIC, include_in_schema=False)
def show(call: CallArg, next: Annotated[str, Query(max_length=2000)] = "/") -> Response:
    """The form, and how to get in for the first time."""
    return _form(call, next)


@router.post("/login", action=PUBLIC, include_in_schema=False)
def sign_in(call: CallArg, given: Annotated[SignIn, Form()]) -> Response:
    """Signs in and goes on to where the person wanted to be."""
    call.refuse_cross_site(strict=False)
    request = call.request
    try:
        made = sessions.sign_in(
            call.catalog.store,
            given.login,
            given.password.get_secret_value(),
            address=request.client.host if request.client is not None else "",
            agent=_agent(call),
        )
    except CatalogError as error:
        found = _form(call, given.next, login=given.login, error=error, status=error.status)
        if "retry_after" in error.details:
            found.headers["retry-after"] = str(error.details["retry_after"])
        return found
    return _begin(call, made, given.next)


@router.get("/login/{secret}", action=PUBLIC, include_in_schema=False)
def login(call: CallArg, secret: str) -> Response:
    """Redeems a one-time login link and sets the session's cookie."""
    try:
        made = call.catalog.store.run(
            lambda unit: sessions.redeem_login_link(unit, secret, _agent(call)), "system"
        )
    except CatalogError as error:
        return _form(call, "/", error=error, link=True, status=error.status)
    return _begin(call, made, "/")


@router.post("/logout", action=SIGNED_IN, include_in_schema=False)
def logout(call: CallArg) -> Response:
    """Ends the session."""
    cookie = call.cookie
    if cookie is not None:
        call.write(lambda unit: sessions.sign_out(unit, cookie))
    response = go(call, "/login", "You are signed out.")
    clear_session(response)
    return response


def _form(
    call: Call,
    next: str,
    *,
    login: str = "",
    error: CatalogError | None = None,
    link: bool = False,
    status: int = 200,
) -> Response:
    return page(
        call,
        "account/login.html",
        status=status,
        next=local_path(next),
        login=login,
        error=error,
        link=link,
    )


def _begin(call: Call, made: NewSession, next: str) -> RedirectResponse:
    before = call.request.cookies.get(COOKIE)
    if before:  # what was signed in here before ends
        call.catalog.store.run(lambda unit: sessions.sign_out(unit, before), "system")
    response = go(call, next)
    set_session(response, call.request, made)
    return response


def _agent(call: Call) -> str:
    return call.request.headers.get("user-agent", "")[:200]
