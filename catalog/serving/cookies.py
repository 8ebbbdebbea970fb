"""The session's cookie: not for scripts, not for other sites, ends with the session."""

from __future__ import annotations

from fastapi import Request
from starlette.responses import Response

from catalog.access.sessions import NewSession
from catalog.model import clock
from catalog.serving.call import COOKIE


def set_session(response: Response, request: Request, made: NewSession) -> None:
    """Sets the cookie of a new session."""
    response.set_cookie(
        COOKIE,
        made.cookie,
        max_age=max(0, (made.expires_at - clock.now()) // clock.SECOND),
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https",
        path="/",
    )


def clear_session(response: Response) -> None:
    """Takes the cookie away."""
    response.delete_cookie(COOKIE, path="/", httponly=True, samesite="lax")
