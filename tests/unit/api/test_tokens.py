"""Tokens by API: shown once, never above their owner, dead when revoked or expired."""

from __future__ import annotations

import pytest

from catalog.model import clock
from tests.support.api import Api

PATH = "/api/v1/tokens"


def test_a_token_is_shown_once_and_works(api: Api) -> None:
    answer = api.post(PATH, "editor", json={"name": "mine", "days": 2})
    made = answer.json()
    assert answer.status_code == 201
    assert made["token"].startswith("cat_")
    assert (made["details"]["user"], made["details"]["role"]) == ("editor", "editor")
    assert api.get("/api/v1/me", made["token"]).json()["name"] == "editor"
    listed = api.get(PATH, "editor")
    assert made["token"] not in listed.text
    assert made["details"]["id"] in {one["id"] for one in listed.json()["items"]}


def test_own_tokens_and_others(api: Api) -> None:
    assert {one["user"] for one in api.get(PATH, "viewer").json()["items"]} == {"viewer"}
    assert api.get(PATH, "steward", all=True).status_code == 403
    everybody = api.get(PATH, all=True).json()["items"]
    assert {one["user"] for one in everybody} == {"viewer", "editor", "steward", "admin"}
    others = next(one["id"] for one in everybody if one["user"] == "viewer")
    assert api.delete(f"{PATH}/{others}", "editor").status_code == 404
    assert api.delete(f"{PATH}/none", "editor").status_code == 404
    assert api.get("/api/v1/me", "viewer").status_code == 200
    assert api.delete(f"{PATH}/{others}").json()["revoked_at"].endswith("Z")
    assert api.get("/api/v1/me", "viewer").status_code == 401


@pytest.mark.parametrize("role", ["viewer", "editor", "steward"])
def test_nobody_makes_a_token_above_themselves(api: Api, role: str) -> None:
    for sent in ({"role": "admin"}, {"service": True}, {"scopes": ["ingest:wh"]}):
        assert api.post(PATH, role, json={"name": "x", **sent}).status_code == 403, sent


def test_a_limited_token_makes_and_kills_nothing(api: Api) -> None:
    for scopes in (["read"], ["write"], ["ingest:wh"], ["lineage"], ["registry"]):
        limited = api.token(*scopes)
        assert api.post(PATH, limited, json={"name": "x"}).status_code == 403
    read = api.token("read")
    (own, *_) = api.get(PATH, read).json()["items"]
    assert api.delete(f"{PATH}/{own['id']}", read).status_code == 403
    assert api.get("/api/v1/me").status_code == 200


@pytest.mark.parametrize(
    "sent",
    [
        {}, {"name": ""}, {"name": "a\nb"}, {"name": "x" * 101}, {"name": "x", "scopes": ["all"]},
        {"name": "x", "scopes": ["ingest:"]}, {"name": "x", "role": "root"},
        {"name": "x", "days": 0}, {"name": "x", "days": 10**9}, {"name": "x", "user": "admin"},
        {"name": "x", "token": "cat_mine"}, {"name": "x", "days": "5"},
    ],
)  # fmt: skip
def test_a_wrong_token_is_refused(api: Api, sent: dict[str, object]) -> None:
    before = api.get(PATH).json()["total"]
    assert api.post(PATH, json=sent).status_code == 400
    assert api.get(PATH).json()["total"] == before


def test_a_token_ends(api: Api) -> None:
    token = api.post(PATH, json={"name": "short", "days": 1}).json()["token"]
    now = clock.now()
    with clock.fixed(lambda: now + clock.DAY + 2 * clock.SECOND):
        answer = api.get("/api/v1/me", token)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")


def test_a_token_loses_what_its_owner_loses(api: Api) -> None:
    token = api.token()
    api.patch("/api/v1/users/steward", json={"role": "admin"})
    assert api.get("/api/v1/users", token).status_code == 200
    assert api.get("/api/v1/users", "steward").status_code == 403, "a token is never raised"
    raised = api.service_token(role="admin")
    assert api.patch("/api/v1/users/admin", raised, json={"role": "viewer"}).status_code == 200
    assert api.get("/api/v1/users", token).status_code == 403
    assert api.patch("/api/v1/users/admin", raised, json={"disabled": True}).status_code == 200
    assert api.get("/api/v1/me", token).status_code == 401


def test_the_use_of_a_token_is_noted(api: Api) -> None:
    token = api.post(PATH, json={"name": "used"}).json()["token"]
    api.get("/api/v1/me", token)
    used = {one["name"]: one["last_used_at"] for one in api.get(PATH).json()["items"]}
    assert used["used"] is not None
