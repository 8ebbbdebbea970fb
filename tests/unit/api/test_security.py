"""What was broken into elsewhere, tried here: cross-site requests, limits, errors."""

from __future__ import annotations

import gzip
import json
import re
from typing import Any

import pytest

from catalog.serving.call import COOKIE
from catalog.sources import reads
from tests.support.api import Api
from tests.support.asgi import ask
from tests.support.pushes import add_push_source
from tests.unit.api.route_table import TABLE, target
from tests.unit.api.support import CANARY

HEADERS = ("content-security-policy", "x-content-type-options", "referrer-policy",
           "x-frame-options", "cache-control")  # fmt: skip

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
