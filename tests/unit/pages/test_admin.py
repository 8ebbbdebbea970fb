"""Administration by forms: users, tokens, settings, health; and for admins only."""

from __future__ import annotations

import re

import pytest

from tests.support.api import Api
from tests.support.pushes import add_push_source, push, tables
from tests.unit.pages.asking import HOSTILE, see, send, text_of, value_of


@pytest.mark.parametrize("path", ["users", "users/editor", "tokens", "settings", "health"])
def test_it_is_for_admins(api: Api, path: str) -> None:
    assert see(api, f"/admin/{path}").status_code == 200
    refused = see(api, f"/admin/{path}", "steward")
    assert refused.status_code == 403
    assert "Whom to ask" in refused.text
    assert "Administration</a>" not in refused.text


def test_a_user_is_added_and_comes_in_by_a_link(api: Api) -> None:
    made = send(api, "/admin/users", login="ada", name=HOSTILE, role="editor")
    assert (made.status_code, made.headers["location"]) == (303, "/admin/users/ada")
    assert HOSTILE not in see(api, "/admin/users").text
    shown = send(api, "/admin/users/ada/login-link")
    link = re.search(r"/login/([\w-]{20,})", shown.text)
    assert link is not None
    assert link[1] not in see(api, "/admin/users/ada").text
    api.client.cookies.clear()
    entered = api.client.get(link[0], follow_redirects=False)
    assert entered.status_code == 303
    assert "catalog_session" in entered.headers["set-cookie"]


def test_what_is_refused_stays_in_the_form(api: Api) -> None:
    answer = send(api, "/admin/users", login="no spaces", name="Ada", email="a@example.com")
    assert answer.status_code == 400
    assert 'role="alert"' in answer.text
    assert value_of(answer.text, "login") == "no spaces"
    assert value_of(answer.text, "email") == "a@example.com"
    assert send(api, "/admin/users", login="editor").status_code == 409
    answer = send(api, "/admin/users/editor", name="X", role="king")
    assert answer.status_code == 400
    assert value_of(answer.text, "name") == "X"


def test_role_password_disabling_and_removing(api: Api) -> None:
    done = send(api, "/admin/users/editor", name="Ed", role="steward", email="ed@example.com")
    assert done.status_code == 303
    user = api.get("/api/v1/users/editor").json()
    assert (user["name"], user["role"], user["email"]) == ("Ed", "steward", "ed@example.com")
    differ = send(api, "/admin/users/editor/password", password="a whole sentence", again="b")
    assert (differ.status_code, "differ" in differ.text) == (400, True)
    sent = {"password": "a whole sentence", "again": "a whole sentence"}
    assert send(api, "/admin/users/editor/password", **sent).status_code == 303
    assert api.get("/api/v1/users/editor").json()["has_password"]
    assert send(api, "/admin/users/editor/disable").status_code == 303
    assert api.get("/api/v1/me", "editor").status_code == 401
    assert send(api, "/admin/users/editor/enable").status_code == 303
    assert api.get("/api/v1/me", "editor").status_code == 200
    assert send(api, "/admin/users/editor/remove").status_code == 303
    assert see(api, "/admin/users/editor").status_code == 404


def test_the_last_admin_stays_and_is_told_so(api: Api) -> None:
    page = see(api, "/admin/users/admin").text
    assert "the last admin who may sign in" in page
    assert "/admin/users/admin/remove" not in page
    for path, form in (("", {"role": "viewer"}), ("/disable", {}), ("/remove", {})):
        answer = send(api, f"/admin/users/admin{path}", **form)
        assert answer.status_code == 409, path
        assert 'role="alert"' in answer.text
    assert send(api, "/admin/users/editor", role="admin").status_code == 303
    assert "the last admin" not in see(api, "/admin/users/admin").text


def test_a_services_token_is_shown_once_and_revoked(api: Api) -> None:
    made = send(api, "/admin/tokens", name="airflow", role="viewer", scopes="read, lineage", days=5)
    found = re.search(r"cat_[\w-]{20,}", made.text)
    assert found is not None
    page = see(api, "/admin/tokens").text
    assert found[0] not in page
    assert "a service" in page
    assert "lineage, read" in page
    assert api.get("/api/v1/me", found[0]).json()["role"] == "viewer"
    revoke = re.search(r"(/admin/tokens/[\w-]+/revoke)\"><button[^>]*token airflow", page)
    assert revoke is not None
    assert send(api, revoke[1]).status_code == 303
    assert api.get("/api/v1/me", found[0]).status_code == 401
    assert "1 dead token" in text_of(see(api, "/admin/tokens").text)
    wrong = send(api, "/admin/tokens", name="x", scopes="everything")
    assert (wrong.status_code, value_of(wrong.text, "scopes")) == (400, "everything")


def test_settings_are_shown_without_secrets(api: Api) -> None:
    page = text_of(see(api, "/admin/settings").text)
    for one in api.get("/api/v1/settings").json()["items"]:
        assert one["variable"] in page
        assert one["description"].split(".")[0] in page
    assert "CATALOG_DISK_RESERVE 0 set" in page


def test_health_says_what_to_do_and_cancels_jobs(api: Api) -> None:
    add_push_source(api, "wh")
    push(api, {"public": tables("orders")}, source="wh", wait=False)
    page = see(api, "/admin/health").text
    assert "No process runs the schedules" in page
    assert "SQLite" in page
    cancel = re.search(r"/admin/health/jobs/[\w-]+/cancel", page)
    assert cancel is not None
    assert send(api, cancel[0], "steward").status_code == 403
    assert send(api, cancel[0]).status_code == 303
    (job,) = api.get("/api/v1/queued-jobs").json()["items"]
    assert job["state"] == "cancelled"
