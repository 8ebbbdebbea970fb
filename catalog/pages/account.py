"""My account: theme and time zone, password, own tokens, open sessions."""

from __future__ import annotations

from typing import Annotated, Any
from zoneinfo import available_timezones

from fastapi import Form, Path
from pydantic import BaseModel, Field, SecretStr
from starlette.responses import Response

from catalog.access import sessions, tokens, users
from catalog.access.preferences import Preferences, set_preferences
from catalog.errors import BadInput, CatalogError, NotFound
from catalog.pages.frame import Trouble, go, page, status_of
from catalog.serving.call import Call, CallArg
from catalog.serving.cookies import clear_session
from catalog.serving.routing import Router

router = Router("/account", "pages")


class Look(BaseModel):
    """Theme and zone; empty: the system's, the browser's."""

    theme: str = Field(default="", max_length=20)
    zone: str = Field(default="", max_length=60)


class Password(BaseModel):
    """The present one is needed when there is one."""

    current: SecretStr | None = None
    password: SecretStr
    again: SecretStr


class NewToken(BaseModel):
    """``scopes``: names separated by spaces or commas; none: all that the role may."""

    name: str = Field(max_length=100)
    days: int | None = None
    scopes: str = Field(default="", max_length=500)


@router.get("", include_in_schema=False)
def show(call: CallArg) -> Response:
    """The page."""
    return _page(call)


@router.post("/look", action="own", include_in_schema=False)
def look(call: CallArg, given: Annotated[Look, Form()]) -> Response:
    """Writes theme and time zone."""
    wanted = Preferences(given.theme or None, given.zone.strip() or None)
    try:
        call.write(lambda unit: set_preferences(unit, call.viewer, wanted))
    except CatalogError as error:
        return go(call, "/account", str(error), "bad")
    return go(call, "/account", "Your preferences are saved.")


@router.post("/password", action="own", include_in_schema=False)
def password(call: CallArg, given: Annotated[Password, Form()]) -> Response:
    """Changes the password; all one's sessions end, this one too."""
    new = given.password.get_secret_value()
    current = None if given.current is None else given.current.get_secret_value()
    try:
        if new != given.again.get_secret_value():
            raise BadInput("The two new passwords differ.", remedy="Type the same one twice.")
        call.write(lambda unit: users.change_password(unit, call.viewer, current or None, new))
    except CatalogError as error:
        return _page(call, Trouble("password", error))
    response = go(call, "/login", "Your password is changed. Sign in with the new one.")
    clear_session(response)
    return response


@router.post("/tokens", action="own", include_in_schema=False)
def create_token(call: CallArg, given: Annotated[NewToken, Form()]) -> Response:
    """Makes a token and shows it, this once."""
    wanted = given.scopes.replace(",", " ").split()
    try:
        made = call.write(
            lambda unit: tokens.create_token(
                unit, call.viewer, given.name, scopes=wanted, days=given.days
            )
        )
    except CatalogError as error:
        return _page(call, Trouble("token", error), given=given)
    return _page(call, made=made.token)


@router.post("/tokens/{token}/revoke", action="own", include_in_schema=False)
def revoke(call: CallArg, token: Annotated[str, Path()]) -> Response:
    """A revoked token is dead at once."""
    found = call.write(lambda unit: tokens.revoke_token(unit, call.viewer, token))
    return go(call, "/account#tokens", f"The token {found.name} is revoked.")


@router.post("/sessions/{session}/end", action="own", include_in_schema=False)
def end(call: CallArg, session: Annotated[str, Path()]) -> Response:
    """Ends one of one's own sessions."""
    if not call.write(lambda unit: sessions.end_session(unit, call.viewer, session)):
        raise NotFound("There is no such session of yours.", remedy="Look at the list again.")
    return go(call, "/account#sessions", "The session has ended.")


def _page(
    call: Call,
    trouble: Trouble | None = None,
    made: str | None = None,
    given: NewToken | None = None,
) -> Response:
    """``given``: what was typed for a token that was refused."""
    with call.read() as session:
        mine: Any = None
        if call.viewer.user is not None:
            mine = users.get_user(session, call.viewer, call.viewer.name)
        own_tokens = tokens.list_tokens(session, call.viewer)
        open_sessions = sessions.list_sessions(session, call.viewer)
    return page(
        call,
        "account/account.html",
        status=status_of(trouble),
        user=mine,
        wanted=call.preferences,
        zones=sorted(available_timezones()),
        tokens=[one for one in own_tokens if one.revoked_at is None],
        sessions=open_sessions,
        current=call.session,
        trouble=trouble,
        made=made,
        given=given or NewToken(name="", days=90),
    )
