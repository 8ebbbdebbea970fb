"""Deny by default: every route, asked by everybody. A route without a row in the table fails."""

from __future__ import annotations

from typing import Final

import pytest

from tests.support.api import Api
from tests.support.asgi import ask
from tests.unit.api.route_table import PUBLIC, SIGNED_IN, TABLE, routes, target

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
