"""Deny by default: every route, asked by everybody. A route without a row here fails.

A row says which action a route needs and what it answers to who may: an id that is not there
is 404, a body that is missing 400. Nothing of it changes the store.
"""

from __future__ import annotations

import re
from typing import Final

import pytest
from fastapi.routing import APIRoute
from starlette.routing import Mount

from catalog.pages.frame import Static
from tests.support.api import Api
from tests.support.asgi import ask

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
# Routes that look further than their guard: the row that they behave like.
INSIDE: Final = {"GET /api/v1/users/{login}": "user"}

ROLES: Final = ("viewer", "editor", "steward", "admin")
# Written anew, not taken from `catalog.access.viewer`: what it says there is what is tested.
NEEDS_ROLE: Final = {
    "read": "viewer", "flag": "viewer", "own": "viewer", "hold": "steward", "mute": "steward",
    "source": "admin", "user": "admin", "settings": "admin",
    "token": "admin",
}  # fmt: skip
NEEDS_SCOPE: Final = {
    "read": {"read", "write", "admin"}, "flag": {"write", "admin"}, "own": {"write", "admin"},
    "hold": {"write", "admin"}, "mute": {"write", "admin"}, "source": {"admin"}, "user": {"admin"},
    "settings": {"admin"}, "token": {"admin"},
}  # fmt: skip
SCOPES: Final = ("read", "write", "ingest:wh", "lineage", "registry", "admin")
PUBLIC_ROUTES: Final = {"GET /login", "POST /login", "GET /login/{secret}",
                        "GET /api/v1/health", "POST /api/v1/sessions"}  # fmt: skip
# Which routes are async, and why: everything else has a thread and a session of its own.
ASYNC: Final = {
    "GET /api/v1/crawls/{crawl}/events": "a stream of events",
    "POST /api/v1/records": "a streamed upload",
}


def routes(api: Api) -> dict[str, APIRoute]:
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
    method, path = name.split(" ", 1)
    return method, re.sub(r"\{[^}]+\}", "nothing", path)


def test_every_route_has_its_row_and_its_guard(api: Api) -> None:
    found = routes(api)
    assert set(found) == set(TABLE), "add a row for a new route, with the action that it needs"
    for name, route in found.items():
        assert route.endpoint.__guard__ == TABLE[name][0], name  # type: ignore[attr-defined]


def test_the_public_routes_are_these(api: Api) -> None:
    assert {name for name, (action, _) in TABLE.items() if action == PUBLIC} == PUBLIC_ROUTES
    described = api.get("/api/v1/openapi.json").json()
    without = {
        f"{method.upper()} {path}"
        for path, methods in described["paths"].items()
        for method, operation in methods.items()
        if operation.get("security") == []
    }
    assert without == {"GET /api/v1/health", "POST /api/v1/sessions"}


def test_only_streams_are_async(api: Api) -> None:
    import inspect

    found = {
        name
        for name, route in routes(api).items()
        if inspect.iscoroutinefunction(inspect.unwrap(route.endpoint))
    }
    assert found == set(ASYNC)


def test_a_new_route_without_a_guard_ends_the_start(api: Api) -> None:
    from catalog.app import refuse_unguarded

    api.app.add_api_route("/api/v1/open", lambda: "x")
    with pytest.raises(RuntimeError, match="/api/v1/open is not guarded"):
        refuse_unguarded(api.app)


def expected(name: str, role: str, scope: str | None) -> int:
    action, permitted = TABLE[name]
    action = INSIDE.get(name, action)
    if action in (PUBLIC, SIGNED_IN):
        return permitted
    if ROLES.index(role) < ROLES.index(NEEDS_ROLE[action]):
        return 403
    if scope is not None and scope not in NEEDS_SCOPE[action]:
        return 403
    return permitted


def matrix(api: Api, who: str | None, role: str, scope: str | None) -> dict[str, tuple[int, int]]:
    """Rows that answer otherwise: name -> (expected, answered)."""
    wrong = {}
    api.catalog.catch_up()  # without an index a search is 503
    for name in TABLE:
        method, path = target(name)
        api.client.cookies.clear()
        answer = api.call(method, path, who, follow_redirects=False)
        wanted = expected(name, role, scope)
        if who is None and TABLE[name][0] != PUBLIC:
            wanted = 401
        if answer.status_code != wanted:
            wrong[name] = (wanted, answer.status_code)
    return wrong


def test_nobody_gets_past_the_public_routes(api: Api) -> None:
    assert matrix(api, None, "viewer", None) == {}


@pytest.mark.parametrize("role", ROLES)
def test_each_role_may_what_it_may(api: Api, role: str) -> None:
    assert matrix(api, role, role, None) == {}


@pytest.mark.parametrize("scope", SCOPES)
def test_each_scope_permits_what_it_permits(api: Api, scope: str) -> None:
    assert matrix(api, api.token(scope), "admin", scope) == {}


@pytest.mark.parametrize("role", ["viewer", "steward"])
def test_a_scope_gives_nothing_beyond_the_role(api: Api, role: str) -> None:
    assert matrix(api, api.service_token("admin", role=role), role, "admin") == {}


def test_a_session_may_what_its_role_may(api: Api) -> None:
    wrong = {}
    api.catalog.catch_up()
    cookie = api.cookie("steward")
    for name in TABLE:
        if name in ("POST /logout", "DELETE /api/v1/sessions/current"):
            continue
        method, path = target(name)
        headers = {"cookie": f"catalog_session={cookie}", "sec-fetch-site": "same-origin"}
        api.client.cookies.clear()
        answer = api.call(method, path, None, headers=headers, follow_redirects=False)
        wanted = expected(name, "steward", None)
        if answer.status_code != wanted:
            wrong[name] = (wanted, answer.status_code)
    assert wrong == {}


def test_what_does_not_tell_who_asks_is_no_identity(api: Api) -> None:
    token = api.tokens["admin"]
    for header in (
        ("Authorization", token),
        ("Authorization", f"Basic {token}"),
        ("Authorization", f"Bearer {token}x"),
        ("Authorization", f"Bearer {token[:-1]}"),
        ("Authorization", "Bearer "),
        ("Authorization", "Bearer null"),
        ("Authorization", "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiJ9."),  # alg none
        ("X-Api-Key", token),
        ("Cookie", f"catalog_session={token}"),
        ("Cookie", "catalog_session="),
        ("Cookie", "session=admin; user=admin"),
    ):
        assert ask(api.app, "GET", "/api/v1/me", [header]).status == 401, header
    for name in (
        "X-Forwarded-User", "x-forwarded-user", "X-FORWARDED-USER", "X-Remote-User", "Remote-User",
        "X-Auth-Request-User", "X-DataHub-Actor", "x-datahub-actor", "X-WEBAUTH-USER", "X-User",
        "X-Original-User", "X-Forwarded-Email", "X-Goog-Authenticated-User-Email", "From",
    ):  # fmt: skip
        assert ask(api.app, "GET", "/api/v1/me", [(name, "admin")]).status == 401, name
        as_viewer = [(name, "admin"), ("Authorization", f"Bearer {api.tokens['viewer']}")]
        assert b'"name":"viewer"' in ask(api.app, "GET", "/api/v1/me", as_viewer).body
    assert ask(api.app, "GET", f"/api/v1/me?token={token}").status == 401
    assert ask(api.app, "GET", f"/api/v1/me?access_token={token}").status == 401


ODD: Final = (
    "{path};", "{path};/", "{path};x=1", "{path}/", "{path}//", "{path}.", "{path}%20", "{path}%00",
    "{path}%2f", "{path}%3b", "{path}.json", "/{path}", "//{path}", "/.{path}", "/%2e{path}",
    "/api/v1/health/..{path}", "/api/v1/health/%2e%2e{path}", "/api/v1/health;{path}",
    "/api/v1/health%2f..{path}", "/login/..{path}", "/login/x%2f..%2f..{path}", "/static{path}",
    "{upper}", "{path}%0d%0aX-Injected:1", "{path}\\", "/api/v1;v1%2fusers%2flogin{path}",
)  # fmt: skip


@pytest.mark.parametrize("odd", ODD)
def test_odd_paths_lead_nowhere(api: Api, odd: str) -> None:
    for name in ("GET /api/v1/users", "GET /api/v1/sources", "GET /api/v1/settings",
                 "GET /api/v1/openapi.json", "GET /api/reference"):  # fmt: skip
        method, path = target(name)
        answer = ask(api.app, method, odd.format(path=path, upper=path.upper()))
        assert answer.status in (400, 401, 404, 405), (odd, path, answer.status)
        assert "location" not in answer.headers
        assert "x-injected" not in answer.headers


def test_the_docs_of_the_framework_are_off(api: Api) -> None:
    for path in ("/docs", "/redoc", "/openapi.json", "/docs/oauth2-redirect", "/static/", "/.git",
                 "/metrics", "/mcp", "/api", "/api/v1"):  # fmt: skip
        assert api.get(path).status_code == 404


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "get"])
def test_other_methods_are_not_a_way_around(api: Api, method: str) -> None:
    for name in TABLE:
        _, path = target(name)
        answer = ask(api.app, method, path)
        assert answer.status in (404, 405), (method, path, answer.status)


def test_the_method_cannot_be_overridden(api: Api) -> None:
    path = "/api/v1/users/viewer"
    for name in ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"):
        api.call("GET", path, headers={name: "DELETE"})
        api.call("POST", path, headers={name: "DELETE"})
    api.post(path, params={"_method": "DELETE"})
    assert api.get(path).status_code == 200


def test_unknown_parameters_are_refused_but_only_to_who_may_ask(api: Api) -> None:
    for name, (action, _) in TABLE.items():
        method, path = target(name)
        if action == PUBLIC:
            assert api.call(method, path, None, params={"nonsense": 1}).status_code == 400, name
            continue
        assert api.call(method, path, None, params={"nonsense": 1}).status_code == 401, name
        answer = api.call(method, path, params={"nonsense": 1}, follow_redirects=False)
        assert answer.status_code == 400, name
        assert "nonsense" in answer.json()["detail"]
