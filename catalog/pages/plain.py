"""The plain page until the pages follow, the login link, and the API's reference page."""

from __future__ import annotations

from html import escape

from starlette.responses import HTMLResponse, RedirectResponse, Response

from catalog.access import sessions
from catalog.errors import CatalogError
from catalog.serving.call import PUBLIC, SIGNED_IN, CallArg, Router
from catalog.serving.cookies import clear_session, set_session

router = Router("", "pages")
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title></head><body><main>{body}</main></body></html>"""


def routers() -> list[Router]:
    """Routers of this room."""
    return [router]


def page(title: str, body: str, status: int = 200) -> HTMLResponse:
    """A page without style; ``body`` is HTML, ``title`` text."""
    return HTMLResponse(_PAGE.format(title=escape(title), body=body), status)


@router.get("/", action=PUBLIC, include_in_schema=False)
def home(call: CallArg) -> Response:
    """Says what runs here."""
    return page(
        "Data catalog",
        "<h1>Data catalog</h1><p>The catalog is running. Its pages follow; until then ask it by "
        "<code>catalog search TEXT</code>, <code>catalog show NAME</code> or by its API.</p>"
        '<p><a href="/api/reference">API reference</a> (sign in with <code>catalog login-link'
        "</code> first).</p>",
    )


@router.get("/login/{secret}", action=PUBLIC, include_in_schema=False)
def login(call: CallArg, secret: str) -> Response:
    """Redeems a one-time login link and sets the session's cookie."""
    agent = call.request.headers.get("user-agent", "")[:200]
    try:
        made = call.catalog.store.run(
            lambda unit: sessions.redeem_login_link(unit, secret, agent), "system"
        )
    except CatalogError as error:
        body = (
            f"<h1>{escape(error.title)}</h1><p>{escape(error.message)}</p>"
            "<p>Get a new link with <code>catalog login-link</code>.</p>"
        )
        return page(error.title, body, error.status)
    response = RedirectResponse("/", 303)
    set_session(response, call.request, made)
    return response


@router.post("/logout", action=SIGNED_IN, include_in_schema=False)
def logout(call: CallArg) -> Response:
    """Ends the session."""
    cookie = call.cookie
    if cookie is not None:
        call.write(lambda unit: sessions.sign_out(unit, cookie))
    response = RedirectResponse("/", 303)
    clear_session(response)
    return response
