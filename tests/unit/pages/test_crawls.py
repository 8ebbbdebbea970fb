"""The list of sources, pages of sources and crawls, holds and problems: read, decided, hidden."""

from __future__ import annotations

import re
from typing import Any

import pytest
from sqlalchemy import update

from catalog.crawling import records
from catalog.history.store import table_of
from catalog.model import Crawl, clock
from catalog.naming import id_bytes
from catalog.pages.crawls import Fragments
from tests.support.api import Api
from tests.support.crawls import table
from tests.support.pushes import add_push_source, push, stream, tables
from tests.unit.api.estate import SECRET, Shop, hidden
from tests.unit.pages.asking import HOSTILE, see, send, text_of

_CRAWL = table_of(Crawl)


def bad_stream() -> bytes:
    return stream({"public": tables("orders")}).replace(b'{"type":"done"', b'{}\n{"type":"done"')


def held(api: Api) -> str:
    """Nine held assets; the id of the crawl that missed them."""
    add_push_source(api)
    push(api, {"public": tables(*(f"t{n}" for n in range(10)))})
    return str(push(api, {"public": tables("t0")}).json()["crawl"]["id"])


def holds(api: Api) -> list[Any]:
    return list(api.get("/api/v1/holds").json()["items"])


def set_crawl(api: Api, crawl: str, **values: Any) -> None:
    with api.store.write("system") as unit:
        unit.connection.execute(
            update(_CRAWL).where(_CRAWL.c.uid == id_bytes(crawl)).values(**values)
        )


# --- sources --------------------------------------------------------------------------------


def test_without_a_source_the_list_teaches_the_next_step(api: Api) -> None:
    assert "No source yet" in see(api, "/sources").text
    assert "/sources/new" in see(api, "/sources").text
    assert "Adding one takes an admin." in see(api, "/sources", "viewer").text


def test_the_list_says_what_waits_and_what_failed(api: Api) -> None:
    crawl = held(api)
    set_crawl(api, crawl, state="failed", why="The token was refused.")
    said = text_of(see(api, "/sources", "viewer").text)
    assert "9 removals wait for a person." in said
    assert "wh needs a hand" in said
    assert "The token was refused." in said
    assert (
        'aria-label="1 assets seen: 0 new, 0 changed, 1 unchanged, 0 failed"'
        in see(api, "/sources").text
    )


def test_crawls_of_a_source_are_paged(api: Api) -> None:
    add_push_source(api)
    made = [push(api, {"public": tables("orders")}).json()["crawl"]["id"] for _ in range(22)]
    first = see(api, "/sources/wh", "viewer").text
    assert "20 of 22" in first
    assert made[-1] in first
    assert made[0] not in first
    following = re.search(r'href="(/sources/wh\?after=[^"]*)"', first)
    assert following is not None
    second = see(api, following[1], "viewer").text
    assert made[0] in second
    assert see(api, "/sources/wh?after=none").status_code == 400
    assert see(api, "/sources/none").status_code == 404


def test_a_source_is_paused_renamed_and_removed(api: Api) -> None:
    add_push_source(api)
    push(api, {"public": tables("orders", "users")})
    assert send(api, "/sources/wh/pause").status_code == 303
    assert "Paused" in see(api, "/sources/wh").text
    assert send(api, "/sources/wh/resume").status_code == 303
    refused = send(api, "/sources/wh/move", do="rename", name="Not So")
    assert (refused.status_code, "no short name" in refused.text) == (400, True)
    assert send(api, "/sources/wh/move", do="rename", name="dwh").headers["location"] == (
        "/sources/dwh"
    )
    assert "2 assets are hidden at once" in text_of(see(api, "/sources/dwh/remove").text)
    assert send(api, "/sources/dwh/remove").headers["location"] == "/sources"
    assert see(api, "/sources/dwh").status_code == 404
    gone = re.search(r"/sources/([0-9a-f-]{36})/remove", see(api, "/sources?removed=true").text)
    assert gone is not None
    path = f"/sources/{gone[1]}"
    assert "Removed" in see(api, path).text
    wrong = send(api, f"{path}/remove", now="1", typed="dw")
    assert wrong.status_code == 400
    assert send(api, f"{path}/remove", now="1", typed="dwh").status_code == 303
    assert see(api, path).status_code == 404


def test_a_namespace_moves_after_it_was_shown_what_would_happen(api: Api) -> None:
    add_push_source(api)
    push(api, {"public": tables("orders", "users")})
    form = {"namespace": "postgres://db:5432", "to": "postgres://db2:5432"}
    dry = send(api, "/sources/wh/move", do="dry", **form)
    assert "2 assets move along" in text_of(dry.text)
    assert api.get("/api/v1/namespaces").json()["items"][0]["namespace"] == form["namespace"]
    wrong = send(api, "/sources/wh/move", do="dry", namespace=form["namespace"], to="s3://lake")
    assert (wrong.status_code, "cannot become" in wrong.text) == (400, True)
    assert send(api, "/sources/wh/move", do="move", **form).status_code == 303
    assert api.get("/api/v1/namespaces").json()["items"][0]["namespace"] == form["to"]


# --- one crawl ------------------------------------------------------------------------------


def test_a_crawl_shows_both_sums_its_scopes_and_what_changed(api: Api) -> None:
    add_push_source(api)
    crawl = push(api, {"public": tables("orders", "users"), "empty": []}).json()["crawl"]["id"]
    assert "are not the whole" not in see(api, f"/crawls/{crawl}").text
    set_crawl(api, crawl, listed=9, used=6, filtered=2, failed_objects=1)
    page = see(api, f"/crawls/{crawl}", "viewer").text
    said = text_of(page)
    assert "The scopes together are not the whole." in said, "a sum that does not add up is told"
    assert "Assets seen 2 New 2 Changed 0 Unchanged 0 Failed 0" in said
    assert "Files and catalog rows listed 9 Used 6 Filtered by your rules 2 Failed 1" in said
    assert "Beside the sum: 0 renamed, 0 restored, 0 removed, 0 held" in said
    assert "orders" in page.split('id="part-changed"')[1]
    assert "data-live" not in page, "it has ended"
    assert "http-equiv" not in page
    assert see(api, "/crawls/none").status_code == 404


def test_only_changes_of_the_crawl_itself_are_told(api: Api) -> None:
    add_push_source(api)
    push(api, {"public": tables("orders")})
    second = push(api, {"public": tables("orders", "users")}).json()["crawl"]["id"]
    told = see(api, f"/crawls/{second}").text.split('id="part-changed"')[1]
    assert "users" in told
    assert "orders" not in told


def test_a_running_crawl_is_followed_or_refreshed(api: Api) -> None:
    add_push_source(api)
    crawl = push(api, {"public": tables("orders")}, wait=False).json()["crawl"]["id"]
    set_crawl(api, crawl, state="running", started_at=clock.now(), seen=3, new=3, listed=3, used=3)
    page = see(api, f"/crawls/{crawl}", "viewer").text
    assert f'data-events="/api/v1/crawls/{crawl}/events"' in page
    assert '<noscript><meta http-equiv="refresh" content="5"></noscript>' in page
    assert ">Refresh</a>" in page
    assert "/cancel" not in page, "a viewer cancels nothing"
    live = see(api, f"/crawls/{crawl}/live", "admin").text
    assert "<html" not in live
    assert "Assets seen 3 New 3" in text_of(live)
    assert f'action="/crawls/{crawl}/cancel"' in live
    assert send(api, f"/crawls/{crawl}/cancel", "steward").status_code == 403
    assert send(api, f"/crawls/{crawl}/cancel").status_code == 303
    assert "Stopping" in see(api, f"/crawls/{crawl}").text


def test_fragments_are_made_once_for_all_and_never_for_others() -> None:
    kept = Fragments(seconds=60)
    made: list[str] = []

    def make(name: str) -> Any:
        def work() -> bytes:
            made.append(name)
            return name.encode()

        return work

    assert [kept.of("a", make("one")), kept.of("a", make("two"))] == [b"one", b"one"]
    assert kept.of("b", make("three")) == b"three"
    old = Fragments(seconds=0)
    assert [old.of("a", make("x")), old.of("a", make("y"))] == [b"x", b"y"]
    assert made == ["one", "three", "x", "y"]

    def fails() -> bytes:
        raise RuntimeError("the store is away")

    with pytest.raises(RuntimeError):
        old.of("a", fails)
    assert old.of("a", make("z")) == b"z", "after a failure the next one makes it"


def test_many_scopes_are_paged_those_that_need_an_eye_first(api: Api) -> None:
    add_push_source(api)
    scopes: dict[str, list[records.Asset]] = {f"s{n:03}": [] for n in range(130)}
    crawl = push(api, scopes).json()["crawl"]["id"]
    first = see(api, f"/crawls/{crawl}").text
    assert "s099" in first
    assert "s100" not in first
    assert "Page 1 of 2" in first
    assert "s129" in see(api, f"/crawls/{crawl}?scopes=2").text


# --- decisions ------------------------------------------------------------------------------


def test_held_removals_are_confirmed_one_by_one_or_by_scope(api: Api) -> None:
    crawl = held(api)
    page = see(api, f"/crawls/{crawl}", "steward").text
    ids = [one["id"] for one in holds(api)]
    assert all(f'value="{one}"' in page for one in ids)
    looked = see(api, "/sources/holds", "editor").text
    assert "t5" in looked
    assert 'name="hold"' not in looked, "an editor decides nothing"
    path = "/sources/holds/confirm"
    assert send(api, path, "editor", hold=ids[:1]).status_code == 403
    nothing = send(api, path, "steward", back="/sources/holds")
    assert nothing.status_code == 303
    assert len(holds(api)) == 9
    done = send(api, path, "steward", hold=ids[:2], back=f"/crawls/{crawl}")
    assert done.headers["location"] == f"/crawls/{crawl}"
    assert len(holds(api)) == 7
    away = send(api, path, "steward", do="scope", source="wh", scope="other")
    assert (away.status_code, len(holds(api))) == (303, 7)
    assert send(api, path, "steward", do="scope", source="wh", scope="public").status_code == 303
    assert holds(api) == []
    assert "Nothing is held" in see(api, "/sources/holds").text
    assert "confirmed" in see(api, "/sources/holds?ended=true").text
    evil = send(api, path, "steward", back="https://evil.example/")
    assert evil.headers["location"] == "/"


def test_a_problem_is_muted_with_a_reason_and_an_end(api: Api) -> None:
    add_push_source(api)
    crawl = push(api, bad_stream()).json()["crawl"]["id"]
    (problem,) = api.get("/api/v1/problems").json()["items"]
    page = see(api, f"/crawls/{crawl}", "steward").text
    path = f"/sources/problems/{problem['id']}"
    assert f'action="{path}/mute"' in page
    assert f'action="{path}/mute"' not in see(api, f"/crawls/{crawl}", "editor").text
    assert send(api, f"{path}/mute", "editor", reason="x", until="2999-01-01").status_code == 403
    for reason, until in (("", "2999-01-01"), ("known", "soon"), ("known", "2020-01-01")):
        refused = send(api, f"{path}/mute", "steward", reason=reason, until=until)
        assert refused.status_code == 400
        form = refused.text.split(f'action="{path}/mute"')[1]
        assert "field-error" in form
        assert f'value="{until}"' in form
    good = send(api, f"{path}/mute", "steward", reason=HOSTILE, until="2999-01-01",
                back=f"/crawls/{crawl}")  # fmt: skip
    assert good.headers["location"] == f"/crawls/{crawl}"
    shown = see(api, f"/crawls/{crawl}", "steward").text
    assert "<script>alert" not in shown
    assert re.search("Muted until <time[^>]*>1 Jan 2999</time>: &lt;script&gt;alert", shown)
    assert "line 4" not in see(api, "/sources/problems?muted=false").text
    assert send(api, f"{path}/unmute", "steward").status_code == 303
    assert "line 4" in see(api, "/sources/problems?muted=false&source=wh", "viewer").text


def test_an_end_of_the_calendar_fails_no_page(shop: Shop) -> None:
    """The last day has no moment west of UTC, and its last one no local time east of it."""
    shop.wh.fails = {"public": ValueError("broken")}
    shop.wh.run()
    problem = shop.get("/problems", "admin").json()["items"][0]["id"]
    path = f"/sources/problems/{problem}/mute"

    def from_zone(zone: str) -> None:
        assert send(shop.api, "/account/look", "steward", zone=zone).status_code == 303

    from_zone("America/New_York")
    refused = send(shop.api, path, "steward", reason="known", until="9999-12-31")
    assert refused.status_code == 400
    assert "9999-12-31 is too far away." in refused.text
    from_zone("UTC")
    good = send(shop.api, path, "steward", reason="known", until="9999-12-31", back="/sources")
    assert good.status_code == 303
    from_zone("Pacific/Kiritimati")
    shown = see(shop.api, "/sources/problems", "steward")
    assert shown.status_code == 200
    assert "31 Dec 9999" in shown.text


def test_names_from_outside_are_inert(api: Api) -> None:
    add_push_source(api)
    crawl = push(api, {HOSTILE: [table(f"shop.public.{HOSTILE}{n}", "id") for n in range(9)]})
    later = push(api, {HOSTILE: []}).json()["crawl"]["id"]
    assert holds(api)
    places = [f"/crawls/{crawl.json()['crawl']['id']}", f"/crawls/{later}", "/sources/holds",
              "/sources/wh", "/sources", f"/crawls/{later}/live"]  # fmt: skip
    for place in places:
        page = see(api, place).text
        assert "<script>alert" not in page, place
    assert "&lt;script&gt;alert" in see(api, places[0]).text


def test_what_is_hidden_is_named_nowhere(shop: Shop) -> None:
    api = shop.api
    crawls = api.get("/api/v1/crawls", source=SECRET).json()["items"]
    others = api.get("/api/v1/crawls", source="wh").json()["items"]
    places = ["/sources", "/sources/holds", "/sources/problems", "/sources/wh",
              f"/crawls/{others[0]['id']}", f"/crawls/{others[0]['id']}/live"]  # fmt: skip
    with hidden():
        assert see(api, f"/sources/{SECRET}", "viewer").status_code == 404
        for path in (f"/crawls/{crawls[0]['id']}", f"/crawls/{crawls[0]['id']}/live"):
            assert see(api, path, "viewer").status_code == 404
        see(api, f"/crawls/{others[0]['id']}/live", "admin")  # what is kept for an admin stays so
        for place in places:
            told = see(api, place, "viewer")
            assert told.status_code == 200
            assert SECRET not in told.text, place
        assert "You see only a part of this source" in see(api, places[4], "viewer").text
