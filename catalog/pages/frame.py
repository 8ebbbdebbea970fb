"""The frame of every page: templates, who reads, what was just done, the foot.

`page` renders a template to a reply. Templates get ``me`` (`Me`), ``may(action)``, ``nav``,
``here`` (which of it), ``said`` (`Said`), ``foot`` and ``static(name)`` beside their own values.
Everything that they print is escaped; an unknown name is an error.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, Protocol
from urllib.parse import parse_qsl, urlencode

from fastapi import Request
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from catalog.access.preferences import is_zone
from catalog.errors import CatalogError
from catalog.pages import texts
from catalog.pages.foot import foot_of
from catalog.serving.call import Call
from catalog.settings import shipped

NAV: Final = (("/browse", "Browse"), ("/sources", "Sources"), ("/activity", "Activity"))
SAID: Final = "catalog_said"
ZONE: Final = "catalog_zone"
_LONGEST: Final = 1000


@dataclass(frozen=True)
class Me:
    """Who reads. ``zone``: IANA name or None for UTC; ``theme``: light, dark or None."""

    name: str
    role: str
    signed_in: bool
    theme: str | None
    zone: str | None


@dataclass(frozen=True)
class Said:
    """What the last form did, told once. ``kind``: ok, warn or bad."""

    text: str
    kind: str


@dataclass(frozen=True)
class Trouble:
    """What was wrong with which form."""

    form: str
    error: CatalogError


class Troubled(Protocol):
    """What may hold an error to show beside a form."""

    @property
    def error(self) -> CatalogError | None:
        """The error, None: nothing is wrong."""
        ...


class Static(StaticFiles):
    """Style sheet, icons and modules, for everybody. Their address holds a hash of the content,
    so a browser may keep them for a year."""

    __public__ = True

    async def get_response(self, path: str, scope: Scope) -> Response:
        """The file."""
        found = await super().get_response(path, scope)
        if found.status_code == 200 and b"v=" in scope.get("query_string", b""):
            found.headers["cache-control"] = "public, max-age=31536000, immutable"
        else:
            found.headers["cache-control"] = "public, max-age=60"
        return found


def static_files() -> Static:
    """The application that serves ``web/static``."""
    return Static(directory=shipped("web") / "static")


@cache
def static(name: str) -> str:
    """The address of a file below ``web/static``."""
    content = (shipped("web") / "static" / name).read_bytes()
    return f"/static/{name}?v={hashlib.blake2b(content, digest_size=6).hexdigest()}"


@cache
def templates() -> Environment:
    """All templates."""
    made = Environment(
        loader=FileSystemLoader(shipped("web") / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        cache_size=400,
    )
    made.filters.update(texts.FILTERS)
    made.globals.update(static=static, nav=NAV)
    return made


def page(
    call: Call,
    template: str,
    *,
    here: str | None = None,
    status: int = 200,
    with_foot: bool = True,
    **values: Any,
) -> HTMLResponse:
    """A page. ``here``: the address in the navigation that it belongs to."""
    said = said_of(call.request)
    text = (
        templates()
        .get_template(template)
        .render(
            me=me_of(call),
            may=lambda action: call.viewer.user is not None and call.viewer.may(action),
            here=here,
            said=said,
            foot=foot_of(call) if with_foot else None,
            **values,
        )
    )
    found = HTMLResponse(text, status)
    if said is not None:
        found.delete_cookie(SAID, path="/", httponly=True, samesite="lax")
    return found


def fragment(call: Call, template: str, **values: Any) -> HTMLResponse:
    """A piece of a page, without frame; it says nothing and needs no foot."""
    made = templates().get_template(template)
    return HTMLResponse(made.render(me=me_of(call), may=call.viewer.may, **values))


def me_of(call: Call) -> Me:
    """Who reads, with the zone of their account, else of their browser."""
    wanted = call.preferences
    zone = wanted.zone or call.request.cookies.get(ZONE)
    return Me(
        name=call.viewer.name,
        role=call.viewer.role,
        signed_in=call.viewer.user is not None,
        theme=wanted.theme,
        zone=zone if zone and len(zone) < 60 and is_zone(zone) else None,
    )


def said_of(request: Request) -> Said | None:
    """What the last form said."""
    cookie = request.cookies.get(SAID)
    if not cookie:
        return None
    values = dict(parse_qsl(cookie[: 4 * _LONGEST]))
    kind = values.get("kind", "ok")
    text = values.get("text", "")[:_LONGEST]
    return Said(text, kind if kind in ("ok", "warn", "bad") else "ok") if text else None


def go(call: Call, path: str, text: str | None = None, kind: str = "ok") -> RedirectResponse:
    """After a form: to a page of ours, which says once what was done."""
    found = RedirectResponse(local_path(path), 303)
    if text:
        found.set_cookie(
            SAID,
            urlencode({"text": text[:_LONGEST], "kind": kind}),
            max_age=60,
            httponly=True,
            samesite="lax",
            secure=call.request.url.scheme == "https",
            path="/",
        )
    return found


def status_of(wrong: CatalogError | Troubled | None) -> int:
    """The status of a page that is shown again because of an error, or for the first time."""
    error = wrong if wrong is None or isinstance(wrong, CatalogError) else wrong.error
    return 200 if error is None else error.status


def address_of(request: Request) -> str:
    """The path that was asked for, with its parameters."""
    url = request.url
    return f"{url.path}?{url.query}" if url.query else url.path


def local_path(path: str | None) -> str:
    """The path if it leads to a page of ours, else the home page: no open redirect."""
    if not path or not path.startswith("/") or path[1:2] in ("/", "\\"):
        return "/"
    if any(ord(letter) < 32 for letter in path) or "\\" in path:
        return "/"
    return path
