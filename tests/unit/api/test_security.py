"""What was broken into elsewhere, tried here: secrets, cross-site requests, limits, errors."""

from __future__ import annotations

import gzip
import json
import logging
import re
import sqlite3
from pathlib import Path
from typing import Any

import msgspec
import pytest
from pydantic import SecretStr

from catalog.serving.call import COOKIE
from catalog.sources import reads
from catalog.usecases import crawling
from tests.support.api import Api
from tests.support.asgi import ask
from tests.support.crawls import NAMESPACE
from tests.support.pushes import add_push_source, push, stream, tables
from tests.unit.api.test_routes import TABLE, target

CANARY = "c4n4ry-secret-71b"
HEADERS = ("content-security-policy", "x-content-type-options", "referrer-policy",
           "x-frame-options", "cache-control")  # fmt: skip


# --- secrets --------------------------------------------------------------------------------


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


# --- cross-site -----------------------------------------------------------------------------

FOREIGN: list[dict[str, str]] = [
    {},
    {"origin": "https://evil.example.com"},
    {"origin": "null"},
    {"origin": "http://testserver.evil.example.com"},
    {"origin": "http://evil.example.com", "sec-fetch-site": "same-origin"},
    {"sec-fetch-site": "cross-site"},
    {"sec-fetch-site": "same-site"},
    {"referer": "http://testserver/"},
]


@pytest.mark.parametrize("headers", FOREIGN)
def test_a_cookie_alone_moves_nothing_from_another_site(api: Api, headers: dict[str, str]) -> None:
    cookie = {"cookie": f"{COOKIE}={api.cookie('admin')}"}
    for name, (action, _) in TABLE.items():
        method, path = target(name)
        if method == "GET" or action == "public":
            continue
        answer = api.call(method, path, None, headers={**cookie, **headers})
        assert answer.status_code == 403, name
    answer = api.post("/logout", None, headers={**cookie, **headers})
    assert answer.status_code == 403
    assert api.get("/api/v1/me").status_code == 200


def test_our_own_pages_and_tokens_may(api: Api) -> None:
    cookie = {"cookie": f"{COOKIE}={api.cookie('admin')}"}
    for headers in ({"origin": "http://testserver"}, {"sec-fetch-site": "same-origin"}):
        answer = api.post("/api/v1/tokens", None, json={"name": "x"}, headers={**cookie, **headers})
        assert answer.status_code == 201
    foreign = {"origin": "https://evil.example.com"}
    assert api.post("/api/v1/tokens", json={"name": "x"}, headers=foreign).status_code == 201


def test_nobody_is_signed_in_from_another_site(api: Api) -> None:
    api.put("/api/v1/users/editor/password", json={"password": "correct horse battery"})
    body = {"login": "editor", "password": "correct horse battery"}
    for headers in FOREIGN[1:-1]:
        answer = api.post("/api/v1/sessions", None, json=body, headers=headers)
        assert (answer.status_code, COOKIE in answer.cookies) == (403, False)
    form = json.dumps(body).encode()
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
        answer = api.post("/api/v1/sessions", None, content=form, headers={"content-type": kind})
        assert (answer.status_code, COOKIE in answer.cookies) == (400, False)


def test_no_other_site_is_let_read(api: Api) -> None:
    answer = api.call("GET", "/api/v1/me", headers={"origin": "https://evil.example.com"})
    assert not [name for name in answer.headers if name.startswith("access-control")]


# --- limits ---------------------------------------------------------------------------------


def test_a_body_over_the_limit_is_refused_as_it_arrives(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit = api.catalog.settings.body_limit
    token = ("authorization", f"Bearer {api.tokens['admin']}")
    kind = ("content-type", "application/json")
    declared = ask(api.app, "POST", "/api/v1/tokens",
                   [token, kind, ("content-length", str(limit + 1))])  # fmt: skip
    assert declared.status == 413
    for lie in ("nonsense", "-1"):
        answer = ask(api.app, "POST", "/api/v1/tokens", [token, kind, ("content-length", lie)])
        assert answer.status == 413
    chunk = b" " * (4 << 20)
    sent = ask(
        api.app, "POST", "/api/v1/tokens", [token, kind], [chunk] * (limit // len(chunk) + 2)
    )
    assert sent.status == 413
    assert json.loads(sent.body)["remedy"]


def test_deep_or_odd_json_is_refused(api: Api) -> None:
    headers = {"content-type": "application/json"}
    for content in (b"[" * 100_000, b'{"name":' * 50_000, b"\xff", b"NaN", b'{"name": 1e999}',
                    b'{"name": "\\ud800"}', b'{"name": "a\\u0000b"}', b""):  # fmt: skip
        answer = api.post("/api/v1/tokens", content=content, headers=headers)
        assert answer.status_code == 400, content[:20]
        assert answer.headers["content-type"] == "application/problem+json"


def test_pages_and_lists_have_a_largest_size(api: Api) -> None:
    for path, params in (
        ("/api/v1/crawls", {"limit": 10**9}), ("/api/v1/problems", {"limit": -1}),
        ("/api/v1/holds", {"limit": 1001}), ("/api/v1/queued-jobs", {"limit": "1e3"}),
    ):  # fmt: skip
        assert api.get(path, **params).status_code == 400
    long = {"names": ["x"] * 1001}
    add_push_source(api)
    assert api.post("/api/v1/sources/wh/crawls", json=long).status_code == 400


# --- errors ---------------------------------------------------------------------------------


def test_a_crash_tells_a_number_and_no_more(
    api: Api, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def crash(*_: Any, **__: Any) -> None:
        raise RuntimeError(f"inside {CANARY}")

    monkeypatch.setattr(reads, "list_sources", crash)
    answer = api.get("/api/v1/sources")
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    for word in ("Traceback", "RuntimeError", CANARY, ".py", "inside"):
        assert word not in answer.text
    assert answer.json()["mark"] in caplog.text
    for name in HEADERS:
        assert name in answer.headers


def test_what_was_sent_is_not_repeated_as_html(api: Api) -> None:
    evil = "<script>alert(1)</script>"
    for answer in (
        api.get(f"/api/v1/users/{evil}"), api.get(f"/{evil}", None), api.get("/", None, x=evil),
        api.get("/api/v1/crawls", source=evil), api.get(f"/login/{evil}", None),
        api.post("/api/v1/users", json={evil: evil}),
    ):  # fmt: skip
        assert answer.status_code >= 400
        assert answer.headers["x-content-type-options"] == "nosniff"
        if answer.headers["content-type"].startswith("text/html"):
            assert evil not in answer.text


def test_log_lines_cannot_be_forged(api: Api, caplog: pytest.LogCaptureFixture,
                                    monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    def crash(*_: Any, **__: Any) -> None:
        raise RuntimeError

    monkeypatch.setattr(reads, "get_source", crash)
    token = ("authorization", f"Bearer {api.tokens['admin']}")
    ask(api.app, "GET", "/api/v1/sources/x%0aERROR%20forged", [token])
    assert "\nERROR forged" not in caplog.text


def test_security_headers_are_on_every_reply(api: Api) -> None:
    replies = [api.call(*target(name), None, follow_redirects=False) for name in TABLE]
    replies += [api.call(*target(name), follow_redirects=False) for name in TABLE]
    replies += [api.get("/nothing"), api.call("PUT", "/api/v1/health"),
                api.post("/api/v1/tokens", headers={"content-length": str(1 << 40)})]  # fmt: skip
    for answer in replies:
        for name in HEADERS:
            assert name in answer.headers, (answer.request.url, name)
        assert "server" not in answer.headers
    policy = replies[0].headers["content-security-policy"]
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy


def test_nothing_redirects_elsewhere(api: Api) -> None:
    for path in ("//evil.example.com", "//evil.example.com/", "/\\evil.example.com",
                 "/login/x?next=//evil.example.com", "/?next=//evil.example.com",
                 "/api/v1/users/", "/logout/..//evil.example.com"):  # fmt: skip
        answer = ask(api.app, "GET", path)
        assert "location" not in answer.headers, path
        assert answer.status in (400, 401, 404), path
    token = ("authorization", f"Bearer {api.tokens['admin']}")
    answer = ask(api.app, "POST", "/logout", [token, ("host", "evil.example.com")])
    assert (answer.status, answer.headers["location"]) == (303, "/login")


def test_the_host_header_makes_no_links(api: Api) -> None:
    made = api.call("POST", "/api/v1/users/editor/login-link", headers={
        "host": "evil.example.com", "x-forwarded-host": "evil.example.com"})  # fmt: skip
    assert "evil" not in made.text


def test_no_script_of_another_host_is_on_the_reference_page(api: Api) -> None:
    page = api.get("/api/reference").text
    assert "/api/v1/records" in page
    for source in re.findall(r"<script([^>]*)>", page):
        assert 'src="/static/' in source
    assert "http://" not in page.replace("http://127.0.0.1:8585", "")
    assert "https://" not in page
    assert api.get("/api/reference", None).status_code == 401


def test_replies_are_compressed_only_when_asked(api: Api) -> None:
    token = ("authorization", f"Bearer {api.tokens['admin']}")
    small = ask(api.app, "GET", "/api/v1/openapi.json", [token, ("accept-encoding", "gzip")])
    plain = ask(api.app, "GET", "/api/v1/openapi.json", [token])
    assert small.headers["content-encoding"] == "gzip"
    assert gzip.decompress(small.body) == plain.body
    assert len(small.body) < len(plain.body) / 3


# --- names that are secret ------------------------------------------------------------------


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


@pytest.mark.parametrize(
    ("method", "path", "sent"),
    [
        ("POST", "/api/v1/assets/lookup", '{"names": [%s]}'),
        ("POST", "/api/v1/assets/lookup", '{"names": [{"namespace": %s, "name": "x"}]}'),
        ("POST", "/api/v1/sources", '{"kind": "push", "config": {"namespaces": [%s]}}'),
        ("POST", "/api/v1/sources", '{"kind": "local", "config": {"path": "/", "exclude": [%s]}}'),
        ("POST", "/api/v1/holds/confirm", '{"holds": [%s]}'),
        ("PATCH", "/api/v1/assets/by-name/facts?name=x", '{"owners": [{"owner": %s}]}'),
    ],
)
def test_half_a_surrogate_pair_is_wrong_input_and_no_fault(
    api: Api, method: str, path: str, sent: str
) -> None:
    headers = {"content-type": "application/json"}
    for text, wrong in ((r'"\ud83d!"', True), (r'"\ud83d\ude00"', False)):
        answer = api.call(method, path, "admin", content=sent % text, headers=headers)
        assert answer.status_code < 500, answer.text
        assert ("half of a surrogate pair, U+D83D" in answer.text) is wrong
        assert not wrong or answer.json()["status"] == 400
    refused = api.call(method, path, None, content=sent % r'"\ud83d!"', headers=headers)
    assert refused.status_code == 401
