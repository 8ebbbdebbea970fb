"""Crawls by API: lists in pages, both ledgers, problems, holds, cancel, live events."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy import update

from catalog.api.v1 import events
from catalog.history.store import table_of
from catalog.model import Crawl, clock
from catalog.naming import id_bytes
from tests.support.api import Api
from tests.support.pushes import add_push_source, push, stream, tables

_CRAWL = table_of(Crawl)


def bad_stream(line: str = "{}") -> bytes:
    return stream({"public": tables("orders")}).replace(
        b'{"type":"done"', line.encode() + b'\n{"type":"done"'
    )


def set_crawl(api: Api, crawl: str, **values: Any) -> None:
    with api.store.write("system") as unit:
        unit.connection.execute(
            update(_CRAWL).where(_CRAWL.c.uid == id_bytes(crawl)).values(**values)
        )


def test_lists_are_paged_by_cursors_of_their_own_query(api: Api) -> None:
    add_push_source(api)
    made = [push(api, {"public": tables("orders")}).json()["crawl"]["id"] for _ in range(5)]
    first = api.get("/api/v1/crawls", "viewer", limit=2).json()
    assert [one["id"] for one in first["items"]] == made[:2:-1]
    assert first["total"] == 5
    second = api.get("/api/v1/crawls", "viewer", limit=2, cursor=first["next"]).json()
    third = api.get("/api/v1/crawls", "viewer", limit=2, cursor=second["next"]).json()
    seen = [one["id"] for page in (first, second, third) for one in page["items"]]
    assert (seen, third["next"]) == (made[::-1], None)
    for cursor, source in ((first["next"], "wh"), (first["next"][:-2] + "AA", None), ("x", None)):
        answer = api.get("/api/v1/crawls", cursor=cursor, **({"source": source} if source else {}))
        assert answer.status_code == 400
    assert api.get("/api/v1/crawls", source="wh", state=["partial"]).json()["total"] == 0
    assert api.get("/api/v1/crawls", state="done").status_code == 400
    assert api.get("/api/v1/crawls", limit=0).status_code == 400


def test_one_crawl_has_both_sums_per_scope(api: Api) -> None:
    add_push_source(api)
    made = push(api, {"public": tables("orders", "users"), "empty": []}).json()
    assert made["adds_up"] == []
    again = api.get(f"/api/v1/crawls/{made['crawl']['id']}", "viewer").json()
    assert again == made
    assert [scope["name"] for scope in made["scopes"]] == ["empty", "public"]
    assert [scope["ledger"]["new"] for scope in made["scopes"]] == [0, 2]
    assert made["crawl"]["started_at"].endswith("Z")
    assert api.get("/api/v1/crawls/no-such-thing").status_code == 404


def test_problems_are_shown_muted_and_come_back(api: Api) -> None:
    add_push_source(api)
    crawl = push(api, bad_stream()).json()["crawl"]
    assert crawl["state"] == "partial"
    (problem,) = api.get("/api/v1/problems", "viewer").json()["items"]
    assert (problem["what"], problem["code"], problem["times"]) == ("line 4", "line", 1)
    assert api.get(f"/api/v1/crawls/{crawl['id']}/problems").json()["items"] == [problem]
    assert api.get("/api/v1/crawls/none/problems").status_code == 404
    path = f"/api/v1/problems/{problem['id']}/mute"
    until = clock.to_text(clock.now() + clock.DAY)
    good = {"reason": "known", "until": until}
    assert api.post(path, "editor", json=good).status_code == 403
    for wrong in ({"reason": "known"}, {"reason": " ", "until": until},
                  {"reason": "x", "until": "tomorrow"}, {"reason": "x", "until": "2020-01-01"},
                  {"reason": "x", "until": "2020-01-01T00:00:00Z"},
                  {**good, "by": "x"}):  # fmt: skip
        assert api.post(path, "steward", json=wrong).status_code == 400, wrong
    assert api.post(path, "steward", json=good).status_code == 204
    assert api.get("/api/v1/problems").json()["total"] == 0
    muted = api.get("/api/v1/problems", muted=True).json()["items"]
    assert (muted[0]["muted_why"], muted[0]["muted_until"]) == ("known", until)
    assert muted[0]["muted_by"].startswith("token:")
    assert api.delete(path, "steward").status_code == 204
    assert api.get("/api/v1/problems").json()["total"] == 1
    assert api.delete("/api/v1/problems/none/mute", "steward").status_code == 404


def test_holds_wait_for_a_steward(api: Api) -> None:
    add_push_source(api)
    push(api, {"public": tables(*(f"t{n}" for n in range(10)))})
    crawl = push(api, {"public": tables("t0")}).json()
    assert (crawl["crawl"]["ledger"]["held"], crawl["holds"]) == (9, 9)
    found = api.get("/api/v1/holds", "viewer", source="wh", limit=4).json()
    assert (found["total"], len(found["items"])) == (9, 4)
    assert api.get("/api/v1/holds", source="wh", cursor=found["next"]).json()["total"] == 9
    ids = [one["id"] for one in found["items"]]
    path = "/api/v1/holds/confirm"
    wrong: dict[str, Any]
    assert api.post(path, "editor", json={"holds": ids}).status_code == 403
    for wrong in ({}, {"holds": []}, {"holds": ids, "source": "wh"}, {"holds": ["x"] * 1001}):
        assert api.post(path, "steward", json=wrong).status_code == 400
    assert api.post(path, "steward", json={"holds": [*ids, "none"]}).status_code == 404
    assert api.post(path, "steward", json={"holds": ids}).json() == {"removed": 4}
    assert api.post(path, "steward", json={"holds": ids}).json() == {"removed": 0}
    assert api.get("/api/v1/holds").json()["total"] == 5
    ended = api.get("/api/v1/holds", ended=True).json()["items"]
    assert {one["outcome"] for one in ended if one["id"] in ids} == {"confirmed"}
    assert api.post(path, "steward", json={"source": "wh"}).json() == {"removed": 5}


def test_a_queued_crawl_is_cancelled_at_once_and_a_running_one_asked(api: Api) -> None:
    add_push_source(api)
    crawl = push(api, {"public": tables("orders")}, wait=False)
    assert crawl.status_code == 202
    path = f"/api/v1/crawls/{crawl.json()['crawl']['id']}/cancel"
    assert api.post(path, "steward").status_code == 403
    assert api.post(path).json() == {"state": "cancelled"}
    assert api.post(path).status_code == 409
    crawl = push(api, {"public": tables("orders")}, wait=False).json()["crawl"]["id"]
    set_crawl(api, crawl, state="running")
    assert api.post(f"/api/v1/crawls/{crawl}/cancel").json() == {"state": "running"}
    assert api.get(f"/api/v1/crawls/{crawl}").json()["crawl"]["cancel_requested"] is True
    assert api.post("/api/v1/crawls/none/cancel").status_code == 404


# --- live events ----------------------------------------------------------------------------


@pytest.fixture
def fast(monkeypatch: pytest.MonkeyPatch) -> events.CrawlEvents:
    for name, value in {"poll": 0.02, "heartbeat": 0.05, "life": 1.0, "most": 50}.items():
        monkeypatch.setattr(events.crawl_events, name, value)
    return events.crawl_events


def parsed(text: str) -> list[tuple[str, Any]]:
    found = []
    for block in text.split("\n\n"):
        lines = dict(line.split(": ", 1) for line in block.splitlines() if line[:1] != ":")
        if lines:
            found.append((lines["event"], json.loads(lines["data"])))
    return found


def test_events_of_an_ended_crawl_are_its_end(api: Api, fast: events.CrawlEvents) -> None:
    add_push_source(api)
    crawl = push(api, {"public": tables("orders")}).json()
    answer = api.get(f"/api/v1/crawls/{crawl['crawl']['id']}/events", "viewer")
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert parsed(answer.text) == [("end", crawl)]
    assert api.get("/api/v1/crawls/none/events").status_code == 404
    assert api.get("/api/v1/crawls/none/events", None).status_code == 401
    assert fast.open == 0


def test_events_follow_a_crawl_to_its_end(api: Api, fast: events.CrawlEvents) -> None:
    import threading
    import time

    add_push_source(api)
    crawl = push(api, {"public": tables("orders")}, wait=False).json()["crawl"]["id"]

    def work() -> None:
        time.sleep(0.2)
        set_crawl(api, crawl, state="running", seen=3, new=3)
        time.sleep(0.1)
        set_crawl(api, crawl, state="cancelled", ended_at=clock.now())

    thread = threading.Thread(target=work)
    thread.start()
    text = api.get(f"/api/v1/crawls/{crawl}/events").text
    thread.join()
    states = [(event, data["crawl"]["state"]) for event, data in parsed(text)]
    assert states == [("progress", "queued"), ("progress", "running"), ("end", "cancelled")]
    assert ": still there\n\n" in text


def test_a_stream_has_a_bounded_life_and_ends_with_the_session(
    api: Api, fast: events.CrawlEvents
) -> None:
    add_push_source(api)
    crawl = push(api, {"public": tables("orders")}, wait=False).json()["crawl"]["id"]
    fast.life = 0.1
    path = f"/api/v1/crawls/{crawl}/events"
    assert [event for event, _ in parsed(api.get(path).text)] == ["progress"]
    fast.life = 60.0
    token = api.token("read", role="viewer")
    import threading
    import time

    def revoke() -> None:
        time.sleep(0.2)
        found = next(one for one in api.get("/api/v1/tokens", all=True).json()["items"]
                     if token.startswith(one["hint"]) and one["name"] == "test")  # fmt: skip
        api.delete(f"/api/v1/tokens/{found['id']}")

    thread = threading.Thread(target=revoke)
    thread.start()
    began = time.monotonic()
    api.get(path, token)
    thread.join()
    assert time.monotonic() - began < 30
    fast.most = 0
    assert api.get(path).status_code == 503


def test_streams_of_one_crawl_share_a_look_at_the_store(
    api: Api, fast: events.CrawlEvents, monkeypatch: pytest.MonkeyPatch
) -> None:
    import asyncio

    from starlette.requests import Request

    from catalog.serving.call import Call

    add_push_source(api)
    crawl = push(api, {"public": tables("orders")}, wait=False).json()["crawl"]["id"]
    looked: list[str] = []
    look = events._look

    def noted(call: Call, one: str) -> Any:
        looked.append(one)
        return look(call, one)

    monkeypatch.setattr(events, "_look", noted)
    fast.poll = 60.0

    def call_of(role: str) -> Call:
        scope = {"type": "http", "method": "GET", "path": "/", "headers": [], "app": api.app}
        made = Call(Request(scope))
        made.viewer = api.viewer(role)
        return made

    async def watch(*roles: str) -> None:
        await asyncio.gather(*(fast._look(call_of(role), crawl) for role in roles))

    asyncio.run(watch(*["viewer"] * 20))
    assert len(looked) == 1
    asyncio.run(watch("viewer", "admin"))
    assert len(looked) == 2, "who manages sources is told more, so it is another look"
