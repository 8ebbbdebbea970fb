"""Sources by API: added, edited at a version, checked, previewed, crawled, moved, removed."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from catalog.crawling import registry
from catalog.model import clock
from catalog.usecases import connecting, crawling
from tests.support.api import Api
from tests.support.pushes import add_push_source, push, tables


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    path = tmp_path / "shop.db"
    database = sqlite3.connect(path)
    database.executescript("CREATE TABLE orders (id INTEGER, total REAL); CREATE TABLE tmp_x (a);")
    database.close()
    return path


def add(api: Api, path: Path, **more: Any) -> Any:
    return api.post(
        "/api/v1/sources", json={"kind": "sqlite", "config": {"path": str(path)}, **more}
    )


def test_kinds_come_with_the_schema_of_their_config(api: Api) -> None:
    found = {one["kind"]: one for one in api.get("/api/v1/sources/kinds").json()["items"]}
    assert set(found) >= {*registry.kinds(), "push"}
    fields = found["postgres"]["config"]["properties"]
    assert fields["password"]["anyOf"][0]["format"] == "password"
    assert all(field.get("description") for field in fields.values())
    assert found["sqlite"]["problem"] is None


def test_a_source_is_added_read_and_listed(api: Api, shop: Path) -> None:
    answer = add(api, shop, schedule={"cron": "0 3 * * *", "zone": "Europe/Berlin"}, rank=2)
    made = answer.json()
    assert (answer.status_code, made["name"], answer.headers["etag"]) == (201, "shop", '"1"')
    assert answer.headers["location"] == f"/api/v1/sources/{made['id']}"
    assert len(made["next_runs"]) == 5
    assert made["next_runs"] == sorted(made["next_runs"])
    assert made["next_runs"][0].endswith("Z")
    for reference in ("shop", made["id"]):
        assert api.get(f"/api/v1/sources/{reference}").json() == made
    listed = api.get("/api/v1/sources").json()
    assert listed == {"items": [made], "total": 1, "next": None}
    assert api.get("/api/v1/sources", kind="duckdb").json()["total"] == 0


def test_who_may_not_manage_sources_sees_no_config(api: Api, shop: Path) -> None:
    add(api, shop)
    for role in ("viewer", "editor", "steward"):
        seen = api.get("/api/v1/sources/shop", role)
        assert seen.status_code == 200
        assert "etag" not in seen.headers
        assert {name: seen.json()[name] for name in ("config", "namespaces", "version")} == {
            "config": None, "namespaces": None, "version": None}  # fmt: skip
        assert str(shop) not in seen.text


@pytest.mark.parametrize(
    ("sent", "status", "said"),
    [
        ({"kind": "nothing", "config": {}}, 400, "no crawler of kind"),
        ({"kind": "os:system", "config": {}}, 400, "no crawler of kind"),
        ({"kind": "sqlite", "config": {}}, 400, "path"),
        ({"kind": "sqlite", "config": {"path": "/x", "more": 1}}, 400, "more"),
        ({"kind": "sqlite", "config": {"path": "/x"}, "name": "A B"}, 400, "short name"),
        ({"kind": "sqlite", "config": {"path": "/x"}, "schedule": "soon"}, 400, "schedule"),
        ({"kind": "sqlite", "config": {"path": "/x"}, "rank": 10**9}, 400, "rank"),
        ({"kind": "sqlite", "config": {"path": "/x"}, "id": "x"}, 400, "id"),
        ({"config": {}}, 400, "kind"),
        ([], 400, "body"),
    ],
)
def test_a_wrong_source_is_refused(api: Api, sent: Any, status: int, said: str) -> None:
    answer = api.post("/api/v1/sources", json=sent)
    assert (answer.status_code, answer.headers["content-type"]) == (
        status, "application/problem+json")  # fmt: skip
    assert said in answer.text
    assert answer.json()["remedy"]
    assert api.get("/api/v1/sources").json()["total"] == 0


def test_creating_never_overwrites(api: Api, shop: Path) -> None:
    add(api, shop, name="wh")
    answer = add(api, shop, name="wh")
    assert answer.status_code == 409
    assert "wh-2" in answer.json()["remedy"]


def test_an_edit_at_an_old_version_shows_todays_value(api: Api, shop: Path) -> None:
    add(api, shop)
    path = "/api/v1/sources/shop"
    edited = api.patch(path, json={"title": "Shop"}, headers={"if-match": '"1"'})
    assert (edited.status_code, edited.headers["etag"]) == (200, '"2"')
    assert edited.json()["title"] == "Shop"
    for etag in ('"1"', '"nonsense"'):
        late = api.patch(path, json={"title": "Mine"}, headers={"if-match": etag})
        assert late.status_code == 412
        assert late.json()["current"]["title"] == "Shop"
        assert late.json()["current"]["created_at"].endswith("Z")
    again = api.patch(path, json={"title": "Shop"}, headers={"if-match": '"2"'})
    assert again.headers["etag"] == '"2"', "writing what is there is no change"
    assert api.patch(path, json={"title": None}).json()["title"] is None
    assert api.patch(path, json={"kind": "duckdb"}).status_code == 400


def test_a_secret_left_empty_is_kept_and_asked_for_again_at_another_host(api: Api) -> None:
    config = {"host": "db.example.com", "user": "u", "password": "canary-pw"}
    made = api.post("/api/v1/sources", json={"kind": "postgres", "name": "pg", "config": config})
    assert made.json()["config"]["password"] == "***"
    kept = {**config, "password": "", "database": "shop"}
    edited = api.patch("/api/v1/sources/pg", json={"config": kept})
    assert (edited.status_code, edited.json()["config"]["password"]) == (200, "***")
    moved = {**kept, "host": "evil.example.com"}
    for path, method in (("", "PATCH"), ("/check", "POST"), ("/preview", "POST")):
        answer = api.call(method, f"/api/v1/sources/pg{path}", json={"config": moved})
        assert answer.status_code == 400
        assert "entered again" in answer.text


def test_check_says_what_works_and_what_does_not(api: Api, shop: Path, tmp_path: Path) -> None:
    good = {"kind": "sqlite", "config": {"path": str(shop)}}
    assert api.post("/api/v1/sources/check", json=good).json()["ok"] is True
    bad = {"kind": "sqlite", "config": {"path": str(tmp_path / "none.db")}}
    answer = api.post("/api/v1/sources/check", json=bad)
    assert (answer.status_code, answer.json()["ok"]) == (200, False)
    assert answer.json()["remedy"]
    add(api, shop)
    shop.write_bytes(b"no database")
    answer = api.post("/api/v1/sources/shop/check")
    assert (answer.status_code, answer.json()["ok"]) == (200, False)
    add_push_source(api)
    assert api.post("/api/v1/sources/wh/check").status_code == 400


def test_a_check_that_hangs_is_ended(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    monkeypatch.setattr(connecting, "CHECK_SECONDS", 1.5)
    with socket.create_server(("127.0.0.1", 0)) as server:  # accepts, and says nothing
        config = {"host": "127.0.0.1", "port": server.getsockname()[1], "password": "canary"}
        answer = api.post("/api/v1/sources/check", json={"kind": "postgres", "config": config})
    assert answer.status_code == 200
    assert answer.json()["ok"] is False
    assert "did not answer" in answer.json()["message"]


def test_only_two_sources_are_checked_at_once(api: Api, shop: Path) -> None:
    for _ in range(2):
        connecting._running.acquire()
    try:
        body = {"kind": "sqlite", "config": {"path": str(shop)}}
        answer = api.post("/api/v1/sources/check", json=body)
    finally:
        for _ in range(2):
            connecting._running.release()
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")


def test_preview_shows_what_patterns_select(api: Api, shop: Path) -> None:
    config = {"path": str(shop), "exclude": ["*.tmp_*"]}
    body = {"kind": "sqlite", "config": config}
    answer = api.post("/api/v1/sources/preview", json=body).json()
    found = {item["name"]: item["filtered_by"] for item in answer["items"]}
    assert found == {"shop.main.orders": None, "shop.main.tmp_x": "exclude *.tmp_*"}
    assert (answer["total"], answer["at_least"]) == (2, None)
    add(api, shop)
    short = api.post("/api/v1/sources/shop/preview", params={"limit": 1}).json()
    assert (len(short["items"]), short["total"], short["at_least"]) == (1, None, 2)
    edited = api.post("/api/v1/sources/shop/preview", json={"config": config}).json()
    assert [item["filtered_by"] for item in edited["items"]].count(None) == 1
    assert api.post("/api/v1/sources/shop/preview", params={"limit": 5000}).status_code == 400


def test_a_crawl_is_queued_once_and_runs(api: Api, shop: Path) -> None:
    add(api, shop)
    answer = api.post("/api/v1/sources/shop/crawls")
    crawl = answer.json()["crawl"]
    assert (answer.status_code, crawl["state"], crawl["subset"]) == (202, "queued", None)
    assert answer.headers["location"] == f"/api/v1/crawls/{crawl['id']}"
    second = api.post("/api/v1/sources/shop/crawls")
    assert (second.status_code, second.json()["crawl"]) == (409, crawl["id"])
    named = api.post("/api/v1/sources/shop/crawls", json={"names": ["shop.main.orders"]})
    assert (named.status_code, named.json()["crawl"]["subset"]) == (202, ["shop.main.orders"])
    assert api.post("/api/v1/sources/shop/crawls", json={"names": []}).status_code == 400
    jobs = api.get("/api/v1/queued-jobs", name="crawl").json()["items"]
    assert [job["arguments"]["crawl"] for job in jobs] == [named.json()["crawl"]["id"], crawl["id"]]
    state = crawling.crawl_now(api.store, api.catalog.settings, crawl["id"])
    assert state == "succeeded"
    assert api.get("/api/v1/sources/shop").json()["last_crawl"]["trigger"] == "person"
    add_push_source(api)
    assert api.post("/api/v1/sources/wh/crawls").status_code == 400


def test_pause_resume_and_move(api: Api, shop: Path) -> None:
    add(api, shop, schedule="1h")
    paused = api.post("/api/v1/sources/shop/pause").json()
    assert (paused["state"], paused["next_runs"]) == ("paused", [])
    resumed = api.post("/api/v1/sources/shop/resume").json()
    assert (resumed["state"], len(resumed["next_runs"])) == ("active", 5)
    add(api, shop, name="other")
    assert api.post("/api/v1/sources/shop/move", json={"name": "other"}).status_code == 409
    assert api.post("/api/v1/sources/shop/move", json={"name": "wh"}).json()["name"] == "wh"
    missing = api.get("/api/v1/sources/shop")
    assert missing.status_code == 404
    assert api.get("/api/v1/sources/whh").json()["did_you_mean"] == ["wh"]


def test_schedules_show_their_next_five_runs(api: Api, shop: Path) -> None:
    add(api, shop)
    path = "/api/v1/sources/shop/schedule"
    none = api.get(path)
    assert (none.json()["schedule"], none.json()["next_runs"]) == (None, [])
    at = clock.from_text("2027-03-27T12:00:00Z")
    with clock.fixed(lambda: at):
        made = api.put(path, json={"cron": "30 2 * * *", "zone": "Europe/Berlin"},
                       headers={"if-match": none.headers["etag"]})  # fmt: skip
    assert made.json()["next_runs"][:2] == ["2027-03-28T01:00:00Z", "2027-03-29T00:30:00Z"]
    assert len(made.json()["next_runs"]) == 5
    assert api.put(path, json={"every": "2h"}, headers={"if-match": '"1"'}).status_code == 412
    every = api.put(path, json={"every": "2h"}).json()
    assert every["schedule"] == {"every": "2h"}
    assert api.get("/api/v1/schedules").json()["items"] == [api.get(path).json()]
    for wrong in ({}, {"every": "x"}, {"cron": "* * * *"}, {"cron": "* * * * *", "zone": "Mars"},
                  {"cron": "1 * * * *", "every": "2h"}):  # fmt: skip
        assert api.put(path, json=wrong).status_code == 400
    assert api.delete(path).json()["schedule"] is None
    assert api.get("/api/v1/schedules").json()["total"] == 0


def test_removing_hides_and_deleting_needs_the_name(api: Api) -> None:
    made = add_push_source(api)
    assert push(api, {"public": tables("orders", "users")}).status_code == 200
    wrong = api.delete("/api/v1/sources/wh", params={"now": True, "name": "hw"})
    assert wrong.status_code == 400
    assert api.get("/api/v1/sources/wh").json()["state"] == "active", "nothing was done"
    assert api.delete("/api/v1/sources/wh", headers={"if-match": '"7"'}).status_code == 412
    assert api.delete("/api/v1/sources/wh", headers={"if-match": '"1"'}).status_code == 204
    assert api.get("/api/v1/sources").json()["total"] == 0
    assert api.get("/api/v1/sources", removed=True).json()["items"][0]["state"] == "removed"
    assert states(api) == {"removed"}
    assert api.delete("/api/v1/sources/wh").status_code == 404
    path = f"/api/v1/sources/{made['id']}"
    assert api.delete(path, params={"now": True, "name": "wh"}).status_code == 204
    assert states(api) == set()
    assert api.get(path).status_code == 404


def test_a_source_that_comes_back_brings_its_assets_back(api: Api) -> None:
    made = add_push_source(api)
    push(api, {"public": tables("orders")})
    api.delete("/api/v1/sources/wh")
    assert add_push_source(api, "again")["id"] == made["id"]
    row = push(api, {"public": tables("orders")}, source="again").json()["crawl"]
    assert row["ledger"]["restored"] == 1
    assert states(api) == {"crawled"}


def states(api: Api) -> set[str]:
    with api.store.connect() as connection:
        return set(connection.exec_driver_sql("SELECT state FROM asset").scalars())
