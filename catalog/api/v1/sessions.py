"""Sessions: signing in with a password, one's own sessions, signing out."""

from __future__ import annotations

from typing import Annotated

import msgspec
from fastapi import Path
from pydantic import BaseModel, ConfigDict, Field, SecretStr
from starlette.responses import Response

from catalog.access import sessions
from catalog.api.shapes import Listed, listed, shaped
from catalog.errors import NotFound
from catalog.model import clock
from catalog.serving.call import COOKIE, PUBLIC, SIGNED_IN, CallArg, reply
from catalog.serving.cookies import clear_session, set_session
from catalog.serving.routing import Router

router = Router("/api/v1/sessions", "sessions")


class SignIn(BaseModel):
    """Login and password."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"login": "ada", "password": "..."}]}
    )

    login: str = Field(max_length=200)
    password: SecretStr


class SignedIn(msgspec.Struct, frozen=True):
    """Who signed in; the session itself is in the cookie."""

    name: str
    role: str
    expires_at: str | None


class Session(msgspec.Struct, frozen=True):
    """One of one's own sessions. ``agent``: the browser that it began in."""

    id: str
    created_at: str
    expires_at: str
    agent: str | None


@router.get("", returns=Listed[Session])
def list_own(call: CallArg) -> Response:
    """One's own living sessions, newest first."""
    with call.read() as session:
        found = sessions.list_sessions(session, call.viewer)
    return reply(listed(shaped(Session, one) for one in found))


@router.post("", action=PUBLIC, status=201, returns=SignedIn)
def sign_in(call: CallArg, given: SignIn) -> Response:
    """Signs in and sets the cookie. After too many failures it answers 429 for a while."""
    call.refuse_cross_site(strict=False)
    request = call.request
    made = sessions.sign_in(
        call.catalog.store,
        given.login,
        given.password.get_secret_value(),
        address=request.client.host if request.client is not None else "",
        agent=request.headers.get("user-agent", "")[:200],
    )
    before = request.cookies.get(COOKIE)
    if before:  # what was signed in here before ends
        call.catalog.store.run(lambda unit: sessions.sign_out(unit, before), "system")
    name, role = made.viewer.name, made.viewer.role
    response = reply(SignedIn(name, role, clock.to_text(made.expires_at)), 201)
    set_session(response, request, made)
    return response


@router.delete("/current", action=SIGNED_IN, status=204)
def sign_out(call: CallArg) -> Response:
    """Signs out: the session is dead from then on, wherever its cookie is."""
    cookie = call.cookie
    if cookie is not None:
        call.write(lambda unit: sessions.sign_out(unit, cookie))
    response = Response(status_code=204)
    clear_session(response)
    return response


@router.delete("/{session}", action="own", status=204)
def end(call: CallArg, session: Annotated[str, Path(description="Id of the session.")]) -> Response:
    """Ends one of one's own sessions."""
    if not call.write(lambda unit: sessions.end_session(unit, call.viewer, session)):
        raise NotFound(f"There is no session {session!r} of yours.", remedy="List your sessions.")
    return Response(status_code=204)
