"""Users and sessions by API: roles, passwords, signing in and out, the last admin."""

from __future__ import annotations

from typing import Any

import pytest

from catalog.access import users
from catalog.serving.call import COOKIE
from tests.support.api import Api

SENTENCE = "correct horse battery"
SAME_SITE = {"sec-fetch-site": "same-origin"}


@pytest.fixture(autouse=True)
def no_failures_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    from catalog.access import passwords

    monkeypatch.setattr(users.check_sign_in, "__kwdefaults__", {"guard": passwords.Guard()})


def sign_in(api: Api, login: str, password: str = SENTENCE, **headers: str) -> Any:
    return api.post(
        "/api/v1/sessions", None, json={"login": login, "password": password}, headers=headers
    )


def by_cookie(api: Api, method: str, path: str, cookie: str, **more: Any) -> Any:
    headers = {"cookie": f"{COOKIE}={cookie}", **SAME_SITE, **more.pop("headers", {})}
    api.client.cookies.clear()
    return api.call(method, path, None, headers=headers, **more)


def cookie_of(answer: Any) -> str:
    assert answer.status_code == 201, answer.text
    return str(answer.cookies[COOKIE])


def test_users_are_made_changed_and_removed(api: Api) -> None:
    made = api.post("/api/v1/users", json={"login": "Ada", "role": "editor", "name": "Ada L.",
                                           "email": "ada@example.com"})  # fmt: skip
    assert (made.status_code, made.json()["login"], made.json()["has_password"]) == (
        201, "ada", False)  # fmt: skip
    assert api.post("/api/v1/users", json={"login": "ADA"}).status_code == 409
    edited = api.patch("/api/v1/users/ada", json={"role": "steward", "name": "Ada Lovelace"})
    assert (edited.json()["role"], edited.json()["name"]) == ("steward", "Ada Lovelace")
    assert api.get("/api/v1/users").json()["total"] == 5
    assert api.delete("/api/v1/users/ada").status_code == 204
    assert api.get("/api/v1/users/ada").status_code == 404
    assert api.get("/api/v1/persons").json()["total"] == 5, "the person stays"


@pytest.mark.parametrize(
    "sent",
    [
        {}, {"login": ""}, {"login": "a b"}, {"login": "x", "role": "root"},
        {"login": "x", "password": "short"}, {"login": "x", "password": "password1"},
        {"login": "x", "email": "nobody"}, {"login": "x", "disabled": True},
        {"login": "x", "password_hash": "$argon2id$"},
    ],
)  # fmt: skip
def test_a_wrong_user_is_refused(api: Api, sent: dict[str, object]) -> None:
    answer = api.post("/api/v1/users", json=sent)
    assert answer.status_code == 400
    assert "$argon2id$" not in answer.text
    assert "password1" not in answer.text
    assert api.get("/api/v1/users").json()["total"] == 4


def test_nobody_promotes_themselves(api: Api) -> None:
    for role in ("viewer", "editor", "steward"):
        path = f"/api/v1/users/{role}"
        assert api.get(path, role).json()["role"] == role
        assert api.patch(path, role, json={"role": "admin"}).status_code == 403
        assert api.put(f"{path}/password", role, json={"password": SENTENCE}).status_code == 403
        assert api.post("/api/v1/users", role, json={"login": "x"}).status_code == 403
        assert api.post("/api/v1/users/admin/login-link", role).status_code == 403
        assert api.get("/api/v1/users/admin", role).status_code == 403
    assert api.get("/api/v1/users/none", "viewer").status_code == 403, "not whether it exists"


def test_the_last_admin_stays(api: Api) -> None:
    path = "/api/v1/users/admin"
    for answer in (
        api.delete(path),
        api.patch(path, json={"role": "editor"}),
        api.patch(path, json={"disabled": True}),
    ):
        assert answer.status_code == 409
        assert "last enabled admin" in answer.json()["detail"]
    both = api.patch(path, json={"name": "New", "role": "editor"})
    assert both.status_code == 409
    assert api.get(path).json()["name"] == "admin", "all of an edit, or nothing"


def test_signing_in_and_out(api: Api) -> None:
    api.put("/api/v1/users/editor/password", json={"password": SENTENCE})
    answer = sign_in(api, "Editor")
    assert answer.json()["name"] == "editor"
    assert SENTENCE not in answer.text
    flags = answer.headers["set-cookie"].lower()
    assert "httponly" in flags
    assert "samesite=lax" in flags
    assert "max-age=" in flags
    cookie = cookie_of(answer)
    assert by_cookie(api, "GET", "/api/v1/me", cookie).json()["actor"].startswith("user:")
    listed = by_cookie(api, "GET", "/api/v1/sessions", cookie).json()
    assert listed["total"] == 1
    assert by_cookie(api, "DELETE", "/api/v1/sessions/current", cookie).status_code == 204
    assert by_cookie(api, "GET", "/api/v1/me", cookie).status_code == 401
    assert by_cookie(api, "DELETE", "/api/v1/sessions/current", cookie).status_code == 401


def test_signing_in_again_gives_another_session_and_ends_the_one_before(api: Api) -> None:
    api.put("/api/v1/users/editor/password", json={"password": SENTENCE})
    first = cookie_of(sign_in(api, "editor"))
    api.client.cookies.clear()
    second = cookie_of(sign_in(api, "editor", cookie=f"{COOKIE}={first}"))
    assert first != second
    assert by_cookie(api, "GET", "/api/v1/me", first).status_code == 401
    assert by_cookie(api, "GET", "/api/v1/me", second).status_code == 200


def test_one_ends_another_session_of_ones_own(api: Api) -> None:
    one, two, other = api.cookie("editor"), api.cookie("editor"), api.cookie("viewer")
    mine = by_cookie(api, "GET", "/api/v1/sessions", two).json()["items"]
    (theirs,) = by_cookie(api, "GET", "/api/v1/sessions", other).json()["items"]
    assert by_cookie(api, "DELETE", f"/api/v1/sessions/{theirs['id']}", two).status_code == 404
    assert by_cookie(api, "DELETE", f"/api/v1/sessions/{mine[1]['id']}", two).status_code == 204
    assert by_cookie(api, "GET", "/api/v1/me", one).status_code == 401
    assert by_cookie(api, "GET", "/api/v1/me", two).status_code == 200
    assert by_cookie(api, "GET", "/api/v1/me", other).status_code == 200


def test_a_changed_password_ends_all_sessions(api: Api) -> None:
    cookie = api.cookie("editor")
    path = "/api/v1/me/password"
    assert by_cookie(api, "PUT", path, cookie, json={"password": SENTENCE}).status_code == 204
    assert by_cookie(api, "GET", "/api/v1/me", cookie).status_code == 401
    cookie = cookie_of(sign_in(api, "editor"))
    wrong = {"password": SENTENCE + "!", "current": "no"}
    assert by_cookie(api, "PUT", path, cookie, json=wrong).status_code == 403
    assert by_cookie(api, "PUT", path, cookie, json={"password": "x" * 9}).status_code == 403
    right = {"password": SENTENCE + "!", "current": SENTENCE}
    assert by_cookie(api, "PUT", path, cookie, json=right).status_code == 204
    assert sign_in(api, "editor").status_code == 401
    assert sign_in(api, "editor", SENTENCE + "!").status_code == 201
    answer = api.put(path, "editor", json={"password": SENTENCE, "current": SENTENCE + "!"})
    assert answer.status_code == 403, "a token does not take the login over"


def test_a_disabled_user_is_out_at_once(api: Api) -> None:
    api.put("/api/v1/users/editor/password", json={"password": SENTENCE})
    cookie = cookie_of(sign_in(api, "editor"))
    assert api.patch("/api/v1/users/editor", json={"disabled": True}).json()["disabled"] is True
    assert by_cookie(api, "GET", "/api/v1/me", cookie).status_code == 401
    assert api.get("/api/v1/me", "editor").status_code == 401
    assert sign_in(api, "editor").status_code == 401


def test_a_wrong_login_says_the_same_for_every_reason_and_guessing_is_slowed(api: Api) -> None:
    api.put("/api/v1/users/editor/password", json={"password": SENTENCE})
    answers = [sign_in(api, "editor", "wrong"), sign_in(api, "nobody"), sign_in(api, "viewer")]
    assert {(one.status_code, one.json()["detail"]) for one in answers} == {
        (401, "Login or password is not right.")
    }
    for _ in range(4):
        assert sign_in(api, "editor", "wrong").status_code == 401
    spoofed = sign_in(api, "editor", SENTENCE, **{"x-forwarded-for": "1.2.3.4"})
    assert spoofed.status_code == 429
    assert int(spoofed.headers["retry-after"]) > 0
    assert COOKIE not in spoofed.cookies


def test_a_login_link_works_once(api: Api) -> None:
    made = api.post("/api/v1/users/steward/login-link").json()
    path = "/login/" + made["url"].rsplit("/", 1)[1]
    first = api.client.get(path, follow_redirects=False)
    assert (first.status_code, first.headers["location"]) == (303, "/")
    cookie = first.cookies[COOKIE]
    api.client.cookies.clear()
    assert by_cookie(api, "GET", "/api/v1/me", cookie).json()["name"] == "steward"
    second = api.client.get(path, follow_redirects=False)
    assert second.status_code == 401
    assert COOKIE not in second.cookies


def test_persons_teams_and_accounts_are_read(api: Api) -> None:
    listed = api.get("/api/v1/persons", "viewer").json()["items"]
    assert [one["name"] for one in listed] == ["admin", "editor", "steward", "viewer"]
    me = api.get("/api/v1/me", "viewer").json()
    assert api.get(f"/api/v1/persons/{me['person']}", "viewer").json()["name"] == "viewer"
    assert api.get("/api/v1/persons/none").status_code == 404
    assert api.get("/api/v1/teams", "viewer").json() == {"items": [], "total": 0, "next": None}
    assert api.get("/api/v1/teams/none").status_code == 404
    assert api.get("/api/v1/accounts", "viewer").json()["total"] == 0
