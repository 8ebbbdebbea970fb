"""The push by API: who may, what comes back, what a broken connection leaves."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from catalog.usecases import crawling, pushing
from tests.support.api import Api
from tests.support.pushes import add_push_source, push, stream, tables

CONTENT = {"public": tables("orders", "users")}


def test_a_push_answers_the_crawl_with_both_sums(api: Api) -> None:
    add_push_source(api)
    answer = push(api, CONTENT)
    made = answer.json()
    assert answer.status_code == 200
    assert answer.headers["location"] == f"/api/v1/crawls/{made['crawl']['id']}"
    assert (made["crawl"]["state"], made["crawl"]["trigger"]) == ("succeeded", "push")
    assert (made["crawl"]["ledger"]["new"], made["adds_up"]) == (2, [])
    assert push(api, CONTENT).json()["crawl"]["ledger"]["unchanged"] == 2


def test_without_waiting_a_worker_takes_it_in(api: Api) -> None:
    add_push_source(api)
    answer = push(api, CONTENT, wait=False)
    crawl = answer.json()["crawl"]
    assert (answer.status_code, crawl["state"]) == (202, "queued")
    (job,) = api.get("/api/v1/queued-jobs").json()["items"]
    assert (job["name"], job["arguments"]) == ("crawl", {"crawl": crawl["id"]})
    second = push(api, CONTENT)
    assert (second.status_code, second.json()["crawl"]) == (409, crawl["id"])
    assert crawling.crawl_now(api.store, api.catalog.settings, crawl["id"]) == "succeeded"
    assert push(api, CONTENT).json()["crawl"]["ledger"]["unchanged"] == 2


def test_who_may_push(api: Api) -> None:
    add_push_source(api)
    for who in ("viewer", "editor", "steward", api.token("write"), api.token("ingest:other")):
        assert push(api, CONTENT, who).status_code == 403
        assert push(api, CONTENT, who, source="none").status_code == 403, "not whether it exists"
    assert push(api, CONTENT, "admin", source="none").status_code == 404
    for who in ("admin", api.token("ingest:wh"), api.service_token("ingest:wh"),
                api.token("admin")):  # fmt: skip
        answer = push(api, CONTENT, who)
        assert (answer.status_code, answer.json()["crawl"]["state"]) == (200, "succeeded")
    narrow = api.service_token("ingest:wh")
    assert api.get("/api/v1/crawls", narrow).status_code == 403, "it reads nothing else"
    assert api.call("POST", "/api/v1/records", None, params={"source": "wh"}).status_code == 401


def test_a_wrong_stream_is_refused(api: Api) -> None:
    add_push_source(api)
    add_push_source(api, "other")
    for body in (b"", b"x", b'{"format": 9, "crawler": "x"}', stream(CONTENT, "other")):
        answer = push(api, body)
        assert answer.status_code == 400
        assert answer.json()["remedy"]
    headers = {"content-type": "application/x-www-form-urlencoded"}
    answer = api.post("/api/v1/records", params={"source": "wh"}, content=b"x", headers=headers)
    assert answer.status_code == 400
    assert api.post("/api/v1/records", content=stream(CONTENT)).status_code == 400
    assert api.get("/api/v1/crawls").json()["total"] == 0
    assert not list((api.catalog.settings.home / "push").glob("*"))


def test_only_allowed_namespaces_are_taken(api: Api) -> None:
    add_push_source(api, namespace="postgres://other:5432")
    crawl = push(api, CONTENT).json()["crawl"]
    assert (crawl["state"], crawl["ledger"]["failed"]) == ("partial", 2)


def test_more_than_the_limit_of_other_bodies_may_be_pushed(api: Api) -> None:
    add_push_source(api)
    filler = b" " * (api.catalog.settings.body_limit // 2) + b"\n"
    answer = push(api, stream(CONTENT).replace(b'{"end"', filler * 3 + b'{"end"'))
    assert answer.status_code == 200
    assert answer.json()["crawl"]["state"] == "succeeded"


def test_a_broken_connection_loses_the_open_scope_only(api: Api) -> None:
    """The server hears `http.disconnect` in the middle of the body."""
    add_push_source(api)
    body = stream({"public": tables("orders"), "sales": tables("sold")})
    cut = body.index(b'{"type":"done"', body.index(b"sales"))
    messages: list[dict[str, Any]] = [
        {"type": "http.request", "body": body[:cut], "more_body": True},
        {"type": "http.disconnect"},
    ]
    headers = [(b"authorization", f"Bearer {api.tokens['admin']}".encode()), (b"host", b"x")]
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST",
        "scheme": "http", "path": "/api/v1/records", "raw_path": b"/api/v1/records",
        "query_string": b"source=wh", "headers": headers, "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80), "root_path": "", "state": {},
    }  # fmt: skip

    async def receive() -> dict[str, Any]:
        return messages.pop(0) if messages else {"type": "http.disconnect"}

    async def send(_message: Any) -> None:
        return None

    asyncio.run(api.app(scope, receive, send))
    (crawl,) = api.get("/api/v1/crawls").json()["items"]
    assert (crawl["state"], crawl["ledger"]["new"]) == ("partial", 1)
    assert [one["what"] for one in api.get("/api/v1/problems").json()["items"]] == ["scope sales"]


def test_a_full_disk_stops_the_stream_before_the_reserve(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_push_source(api)
    monkeypatch.setattr(pushing, "_CHECK_BYTES", 10)
    monkeypatch.setattr(api.store, "disk_reserve", 1 << 60)
    answer = push(api, CONTENT)
    assert (answer.status_code, "reserve" in answer.json()["detail"]) == (503, True)
    assert not list((api.catalog.settings.home / "push").glob("*"))
