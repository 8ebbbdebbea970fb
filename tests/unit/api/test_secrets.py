"""Secrets and secret names, looked for in every reply, in the log and in all files."""

from __future__ import annotations

import logging
import sqlite3
from pathlib import Path
from typing import Any

import msgspec
import pytest
from pydantic import SecretStr

from catalog.usecases import crawling
from tests.support.api import Api
from tests.support.crawls import NAMESPACE
from tests.support.pushes import add_push_source, push, stream, tables
from tests.unit.api.route_table import TABLE, target
from tests.unit.api.support import CANARY


def canary_source(api: Api) -> str:
    config = {"host": "127.0.0.1", "port": 1, "user": "reader", "password": CANARY,
              "connect_timeout": 2}  # fmt: skip
    made = api.post("/api/v1/sources", json={"kind": "postgres", "name": "pg", "config": config})
    assert made.status_code == 201, made.text
    return str(made.json()["id"])


def files(api: Api) -> list[Path]:
    return [path for path in api.catalog.settings.home.rglob("*") if path.is_file()]


def every_reply(api: Api, ids: dict[str, str]) -> dict[str, str]:
    """What all routes answer to an admin, with ids that exist: name -> headers and body."""
    found = {}
    for name in TABLE:
        method, path = target(name)
        for part, value in ids.items():
            path = path.replace(f"/{part}/nothing", f"/{part}/{value}")
        if method == "DELETE" or ("crawls/" in path and method == "POST"):
            continue
        answer = api.call(method, path, follow_redirects=False, params=ids.get(name, {}))
        found[name] = f"{answer.headers} {answer.text}"
    return found


def test_a_password_is_in_no_reply_log_or_file(
    api: Api, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    source = canary_source(api)
    said = []
    config = {"host": "127.0.0.1", "port": 1, "password": CANARY, "connect_timeout": 2}
    draft = {"kind": "postgres", "config": config}
    for path, body in (
        ("/api/v1/sources/pg/check", None),
        ("/api/v1/sources/pg/preview", None),
        ("/api/v1/sources/check", draft),
        ("/api/v1/sources/preview", draft),
        ("/api/v1/sources/check", {"kind": "postgres", "config": {"password": {"x": CANARY}}}),
        ("/api/v1/sources", {"kind": "postgres", "config": {"password": [CANARY], "port": CANARY}}),
        ("/api/v1/sources", {"kind": "postgres", "config": {"host": f"u:{CANARY}@h"}, "name": "u"}),
        ("/api/v1/sources", {"kind": "sqlite", "config": {"path": f"http://u:{CANARY}@h/x.db"}}),
        ("/api/v1/sources", {"kind": "push", "config": {"namespaces": [f"s3://u:{CANARY}@b"]}}),
        ("/api/v1/users", {"login": "eve", "password": CANARY, "role": CANARY}),
        ("/api/v1/sessions", {"login": "eve", "password": CANARY}),
        ("/api/v1/sessions", {"login": "eve", "password": [CANARY]}),
    ):
        answer = api.post(path, json=body) if body is not None else api.post(path)
        said.append(answer.text)
    crawl = api.post("/api/v1/sources/pg/crawls").json()["crawl"]["id"]
    assert crawling.crawl_now(api.store, api.catalog.settings, crawl) == "failed"
    api.patch("/api/v1/sources/pg", json={"title": "x"}, headers={"if-match": '"9"'})
    api.put("/api/v1/users/editor/password", json={"password": CANARY})
    ids = {"sources": source, "crawls": crawl, "users": "editor"}
    said += every_reply(api, ids).values()
    said.append(api.get("/api/v1/problems", muted=True, resolved=True).text)
    assert any("127.0.0.1" in text for text in said), "the failure itself is told"
    for text in (*said, caplog.text, *capfd.readouterr()):
        assert CANARY not in text
    for file in files(api):
        assert CANARY.encode() not in file.read_bytes(), file


def test_tokens_cookies_and_links_are_kept_as_hashes_only(api: Api) -> None:
    token = api.post("/api/v1/tokens", json={"name": "x"}).json()["token"]
    link = api.post("/api/v1/users/editor/login-link").json()["url"].rsplit("/", 1)[1]
    cookie = api.cookie("editor")
    said = "".join(every_reply(api, {"users": "editor"}).values())
    said += "".join(file.read_bytes().decode("latin-1") for file in files(api))
    for secret in (token, link, cookie, token.removeprefix("cat_")):
        assert secret not in said


def test_passwords_in_what_is_reported_are_taken_out(api: Api) -> None:
    add_push_source(api)
    (orders,) = tables("orders")
    told = msgspec.structs.replace(orders, location=f"postgres://u:{CANARY}@db:5432/shop")
    problem = b'{"type":"problem","what":"s3://k:%s@b/x","why":"GET s3://k:%s@b/x?token=%s"}\n' % (
        (CANARY.encode(),) * 3
    )
    body = stream({"public": [told]}).replace(b'{"type":"done"', problem + b'{"type":"done"')
    assert push(api, body).status_code == 200
    said = api.get("/api/v1/problems").text + "".join(every_reply(api, {}).values())
    said += api.get("/api/v1/assets/by-name", name="shop.public.orders").text
    assert "shop.public.orders" in said
    assert CANARY not in said


def test_settings_are_masked(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    from cryptography.fernet import Fernet

    from catalog.settings import Settings

    key = Fernet.generate_key().decode()
    monkeypatch.setattr(
        api.catalog, "settings",
        Settings(home=api.catalog.settings.home, secret_keys=SecretStr(key),
                 database_url=SecretStr(f"postgresql://u:{CANARY}@h/db")),
    )  # fmt: skip
    answer = api.get("/api/v1/settings")
    assert key not in answer.text
    assert CANARY not in answer.text
    found = {one["name"]: one["value"] for one in answer.json()["items"]}
    assert (found["secret_keys"], found["database_url"]) == ("***", "***")
    assert found["threads"] == 8


def test_a_secret_may_not_name_the_catalogs_own(api: Api) -> None:
    home = api.catalog.settings.home
    for secret in ("env:CATALOG_SECRET_KEYS", f"file:{home}/keys", "file:keys", "env:no name"):
        body = {"kind": "postgres", "config": {"password": secret}}
        assert api.post("/api/v1/sources/check", json=body).status_code == 400, secret


def test_what_one_may_not_see_is_told_nowhere(api: Api) -> None:
    """With a policy by source, a hidden source's names are in no reply of any route."""
    from catalog.access import viewer as viewers
    from catalog.access.expression import Equals, Everything

    add_push_source(api, "open")
    add_push_source(api, "hidden", namespace="postgres://other:5432")
    push(api, {"public": tables("orders")}, source="open")
    secret = [
        msgspec.structs.replace(one, namespace="postgres://other:5432", name=f"shop.hush.{n}")
        for n, one in enumerate(tables(*(f"t{n}" for n in range(9))))
    ]
    push(api, {"hush": secret}, source="hidden")
    last = push(api, {"hush": secret[:1]}, source="hidden").json()
    assert last["holds"] == 8
    api.catalog.catch_up()

    def policy(viewer: Any) -> Any:
        return Everything() if viewer.role == "admin" else Equals("source", "open")

    before = viewers.install_policy(policy)
    try:
        ids = {"sources": "hidden", "crawls": last["crawl"]["id"]}
        for name in TABLE:
            method, path = target(name)
            for part, value in ids.items():
                path = path.replace(f"/{part}/nothing", f"/{part}/{value}")
            if method != "GET":
                continue
            answer = api.call(method, path, "viewer")
            for word in ("hush", "other:5432"):
                assert word not in answer.text, name
            if "nothing" not in target(name)[1]:
                assert '"hidden"' not in answer.text.replace('type="hidden"', ""), name
        seen = api.get("/api/v1/sources", "viewer").json()["items"]
        assert [one["name"] for one in seen] == ["open"]
        assert api.get("/api/v1/crawls", "viewer").json()["total"] == 1
        assert api.get("/api/v1/holds", "viewer").json()["total"] == 0
        confirm = api.post("/api/v1/holds/confirm", "steward", json={"source": "hidden"})
        assert confirm.status_code == 404
    finally:
        viewers.install_policy(before)


def test_a_source_is_no_way_to_read_another_file(api: Api, tmp_path: Path) -> None:
    """A check reads what it says that it reads, and shows structure, never content."""
    private = tmp_path / "private.txt"
    private.write_text(CANARY)
    answer = api.post(
        "/api/v1/sources/check", json={"kind": "sqlite", "config": {"path": str(private)}}
    )
    assert answer.json()["ok"] is False
    assert CANARY not in answer.text
    database = sqlite3.connect(tmp_path / "x.db")
    database.executescript(f"CREATE TABLE t (a TEXT); INSERT INTO t VALUES ('{CANARY}');")
    database.close()
    body = {"kind": "sqlite", "config": {"path": str(tmp_path / "x.db")}}
    answer = api.post("/api/v1/sources/preview", json=body)
    assert answer.json()["total"] == 1
    assert CANARY not in answer.text
    assert NAMESPACE not in answer.text
