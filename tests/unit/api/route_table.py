"""Every route, the action that it needs, and what it answers.

A row says which action a route needs and what it answers to who may: an id that is not there
is 404, a body that is missing 400. Nothing of it changes the store.
"""

from __future__ import annotations

import re
from typing import Final

from fastapi.routing import APIRoute
from starlette.routing import Mount

from catalog.pages.frame import Static
from tests.support.api import Api

PUBLIC: Final = "public"
SIGNED_IN: Final = "signed in"
# METHOD path -> (action, status when it is permitted)
TABLE: Final[dict[str, tuple[str, int]]] = {
    "GET /login": (PUBLIC, 200),
    "POST /login": (PUBLIC, 400),
    "GET /login/{secret}": (PUBLIC, 401),
    "GET /api/v1/health": (PUBLIC, 200),
    "POST /api/v1/sessions": (PUBLIC, 400),
    "POST /logout": (SIGNED_IN, 303),
    "GET /api/reference": (SIGNED_IN, 200),
    "GET /api/v1/me": (SIGNED_IN, 200),
    "DELETE /api/v1/sessions/current": (SIGNED_IN, 204),
    "GET /api/v1/openapi.json": ("read", 200),
    # pages
    "GET /": ("read", 200),
    "GET /search": ("read", 200),
    "GET /search/suggest": ("read", 200),
    "GET /search/preview": ("read", 400),
    "GET /browse": ("read", 200),
    "GET /browse/{id}": ("read", 404),
    "GET /name": ("read", 400),
    "GET /account": ("read", 200),
    "POST /account/look": ("own", 303),
    "POST /account/password": ("own", 400),
    "POST /account/tokens": ("own", 400),
    "POST /account/tokens/{token}/revoke": ("own", 404),
    "POST /account/sessions/{session}/end": ("own", 404),
    "GET /assets/{id}": ("read", 404),
    "GET /assets/{id}/column": ("read", 400),
    "GET /assets/{id}/columns": ("read", 404),
    "GET /assets/{id}/copy": ("read", 404),
    "GET /assets/{id}/edit": ("flag", 404),
    "POST /assets/{id}/edit": ("flag", 404),
    "POST /preview": ("read", 200),
    "GET /assets/{id}/files": ("read", 404),
    "GET /assets/{id}/lineage": ("read", 404),
    "GET /assets/{id}/lineage/evidence": ("read", 404),
    "GET /activity": ("read", 200),
    "GET /assets/{id}/history": ("read", 404),
    "POST /assets/{id}/history/restore": ("flag", 400),
    "GET /sources": ("read", 200),
    "GET /sources/new": ("source", 200),
    "POST /sources/new": ("source", 400),
    "GET /sources/holds": ("read", 200),
    "POST /sources/holds/confirm": ("hold", 303),
    "GET /sources/problems": ("read", 200),
    "POST /sources/problems/{problem}/mute": ("mute", 400),
    "POST /sources/problems/{problem}/unmute": ("mute", 404),
    "GET /sources/{source}": ("read", 404),
    "GET /sources/{source}/edit": ("source", 404),
    "POST /sources/{source}/edit": ("source", 404),
    "POST /sources/{source}/schedule": ("source", 404),
    "POST /sources/{source}/run": ("source", 404),
    "POST /sources/{source}/pause": ("source", 404),
    "POST /sources/{source}/resume": ("source", 404),
    "GET /sources/{source}/move": ("source", 404),
    "POST /sources/{source}/move": ("source", 404),
    "GET /sources/{source}/remove": ("source", 404),
    "POST /sources/{source}/remove": ("source", 404),
    "GET /crawls/{crawl}": ("read", 404),
    "GET /crawls/{crawl}/live": ("read", 404),
    "POST /crawls/{crawl}/cancel": ("source", 404),
    "GET /assets/{id}/crawls": ("read", 404),
    "GET /admin": ("user", 303),
    "GET /admin/users": ("user", 200),
    "POST /admin/users": ("user", 400),
    "GET /admin/users/{login}": ("user", 404),
    "POST /admin/users/{login}": ("user", 404),
    "POST /admin/users/{login}/disable": ("user", 404),
    "POST /admin/users/{login}/enable": ("user", 404),
    "POST /admin/users/{login}/remove": ("user", 404),
    "POST /admin/users/{login}/password": ("user", 404),
    "POST /admin/users/{login}/login-link": ("user", 404),
    "GET /admin/tokens": ("token", 200),
    "POST /admin/tokens": ("token", 400),
    "POST /admin/tokens/{token}/revoke": ("token", 404),
    "GET /admin/settings": ("settings", 200),
    "GET /admin/health": ("settings", 200),
    "POST /admin/health/jobs/{job}/cancel": ("settings", 404),
    # assets
    "GET /api/v1/assets": ("read", 200),
    "POST /api/v1/assets/lookup": ("read", 400),
    "GET /api/v1/assets/by-name": ("read", 400),
    "GET /api/v1/assets/by-name/changes": ("read", 400),
    "GET /api/v1/assets/by-name/columns": ("read", 400),
    "GET /api/v1/assets/by-name/definition": ("read", 400),
    "GET /api/v1/assets/by-name/evidence": ("read", 400),
    "GET /api/v1/assets/by-name/facts": ("read", 400),
    "PATCH /api/v1/assets/by-name/facts": ("flag", 400),
    "GET /api/v1/assets/by-name/lineage": ("read", 400),
    "GET /api/v1/assets/by-name/neighbours": ("read", 400),
    "GET /api/v1/assets/by-name/partitions": ("read", 400),
    "GET /api/v1/assets/by-name/sightings": ("read", 400),
    "GET /api/v1/assets/by-name/versions": ("read", 400),
    "GET /api/v1/assets/by-name/why": ("read", 400),
    "GET /api/v1/assets/{id}": ("read", 404),
    "GET /api/v1/assets/{id}/changes": ("read", 404),
    "GET /api/v1/assets/{id}/columns": ("read", 404),
    "GET /api/v1/assets/{id}/definition": ("read", 404),
    "GET /api/v1/assets/{id}/evidence": ("read", 400),
    "GET /api/v1/assets/{id}/facts": ("read", 404),
    "PATCH /api/v1/assets/{id}/facts": ("flag", 400),
    "GET /api/v1/assets/{id}/lineage": ("read", 404),
    "GET /api/v1/assets/{id}/neighbours": ("read", 400),
    "GET /api/v1/assets/{id}/partitions": ("read", 404),
    "GET /api/v1/assets/{id}/sightings": ("read", 404),
    "GET /api/v1/assets/{id}/versions": ("read", 404),
    "GET /api/v1/assets/{id}/why": ("read", 200),
    "GET /api/v1/browse": ("read", 200),
    "GET /api/v1/changes": ("read", 200),
    "GET /api/v1/glance": ("read", 200),
    "GET /api/v1/search": ("read", 200),
    "GET /api/v1/namespaces": ("read", 200),
    "PATCH /api/v1/namespaces": ("source", 400),
    # sources and crawls
    "GET /api/v1/sources": ("read", 200),
    "POST /api/v1/sources": ("source", 400),
    "GET /api/v1/sources/kinds": ("source", 200),
    "POST /api/v1/sources/check": ("source", 400),
    "POST /api/v1/sources/preview": ("source", 400),
    "GET /api/v1/sources/{source}": ("read", 404),
    "PATCH /api/v1/sources/{source}": ("source", 400),
    "DELETE /api/v1/sources/{source}": ("source", 404),
    "POST /api/v1/sources/{source}/check": ("source", 404),
    "POST /api/v1/sources/{source}/preview": ("source", 404),
    "POST /api/v1/sources/{source}/crawls": ("source", 404),
    "POST /api/v1/sources/{source}/move": ("source", 400),
    "POST /api/v1/sources/{source}/pause": ("source", 404),
    "POST /api/v1/sources/{source}/resume": ("source", 404),
    "GET /api/v1/sources/{source}/schedule": ("source", 404),
    "PUT /api/v1/sources/{source}/schedule": ("source", 400),
    "DELETE /api/v1/sources/{source}/schedule": ("source", 404),
    "GET /api/v1/schedules": ("source", 200),
    "GET /api/v1/crawls": ("read", 200),
    "GET /api/v1/crawls/{crawl}": ("read", 404),
    "GET /api/v1/crawls/{crawl}/problems": ("read", 404),
    "GET /api/v1/crawls/{crawl}/events": ("read", 404),
    "POST /api/v1/crawls/{crawl}/cancel": ("source", 404),
    "GET /api/v1/problems": ("read", 200),
    "POST /api/v1/problems/{problem}/mute": ("mute", 400),
    "DELETE /api/v1/problems/{problem}/mute": ("mute", 404),
    "GET /api/v1/holds": ("read", 200),
    "POST /api/v1/holds/confirm": ("hold", 400),
    "POST /api/v1/records": (SIGNED_IN, 400),
    # people
    "PUT /api/v1/me/password": ("own", 400),
    "GET /api/v1/users": ("user", 200),
    "POST /api/v1/users": ("user", 400),
    "GET /api/v1/users/{login}": ("read", 404),
    "PATCH /api/v1/users/{login}": ("user", 400),
    "DELETE /api/v1/users/{login}": ("user", 404),
    "PUT /api/v1/users/{login}/password": ("user", 400),
    "POST /api/v1/users/{login}/login-link": ("user", 404),
    "GET /api/v1/sessions": ("read", 200),
    "DELETE /api/v1/sessions/{session}": ("own", 404),
    "GET /api/v1/tokens": ("read", 200),
    "POST /api/v1/tokens": ("own", 400),
    "DELETE /api/v1/tokens/{token}": ("own", 404),
    "GET /api/v1/persons": ("read", 200),
    "GET /api/v1/persons/{person}": ("read", 404),
    "GET /api/v1/teams": ("read", 200),
    "GET /api/v1/teams/{team}": ("read", 404),
    "GET /api/v1/accounts": ("read", 200),
    # the service
    "GET /api/v1/settings": ("settings", 200),
    "GET /api/v1/queued-jobs": ("settings", 200),
}


def routes(api: Api) -> dict[str, APIRoute]:
    """The application's routes as ``METHOD path``; each is one with a guard, or static files."""
    found = {}
    for route in api.app.routes:
        if isinstance(route, Mount):
            assert (route.path, type(route.app)) == ("/static", Static)
            continue
        assert isinstance(route, APIRoute), f"{route} is no route with a guard"
        for method in route.methods or ():
            found[f"{method} {route.path}"] = route
    return found


def target(name: str) -> tuple[str, str]:
    """Method and path of a row, with ids that do not exist."""
    method, path = name.split(" ", 1)
    return method, re.sub(r"\{[^}]+\}", "nothing", path)
