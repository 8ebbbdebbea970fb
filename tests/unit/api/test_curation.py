"""What people write: read with its ETag, patched with If-Match, by each role."""

from __future__ import annotations

from typing import Any

import pytest

from catalog.history.store import table_of
from catalog.model import Change
from tests.unit.api.estate import ORDERS, PG, Shop, hidden

FACTS = "/assets/by-name/facts?name=wh.shop.public.orders"
AMOUNT = FACTS + "&column=amount"


def facts(shop: Shop, column: str | None = None) -> Any:
    more = {} if column is None else {"column": column}
    return shop.get("/assets/by-name/facts", name=ORDERS, **more).json()


def test_a_description_is_written_and_read(shop: Shop) -> None:
    before = facts(shop)
    assert (before["description"], before["owners"], before["etag"]) == (None, None, "0")
    answer = shop.patch(FACTS, {"description": "Orders of the shop."})
    assert answer.status_code == 200
    written = answer.json()
    assert written["changed"] == ["description"]
    assert written["matched_by"] == "source"
    assert answer.headers["etag"] == f'"{written["etag"]}"'
    assert facts(shop) == {**written, "changed": [], "matched_by": "name"}
    view = shop.get("/assets/by-name", name=ORDERS).json()
    assert view["description"] == "Orders of the shop."
    assert view["description_origin"]["layer"] == "curated"
    assert view["etag"] == written["etag"]


def test_a_column_has_facts_and_an_etag_of_its_own(shop: Shop) -> None:
    written = shop.patch(AMOUNT, {"description": "In euros.", "tags": [{"tag": "money"}]}).json()
    assert written["column"] == "amount"
    assert facts(shop)["etag"] == "0"
    assert facts(shop, "amount")["tags"] == [{"tag": "money", "value": None}]
    by_hash = shop.get("/assets/by-name/facts", name=f"{ORDERS}#amount").json()
    assert by_hash["etag"] == written["etag"]
    columns = shop.get("/assets/by-name", name=ORDERS).json()["columns"]
    assert [one["etag"] for one in columns if one["path"] == "amount"] == [written["etag"]]
    assert shop.patch(FACTS + "&column=nothing", {"title": "x"}).status_code == 404


def test_what_was_read_can_be_sent_back(shop: Shop) -> None:
    body = {
        "title": "Orders",
        "owners": [{"owner": "steward", "role": "technical"}],
        "tags": [{"tag": "pii/email", "value": "yes"}],
    }
    shop.patch(FACTS, body)
    read = facts(shop)
    assert read["owners"][0]["name"] == "steward"
    again = {name: read[name] for name in ("title", "description", "owners", "tags")}
    answer = shop.patch(FACTS, again, headers={"if-match": f'"{read["etag"]}"'})
    assert answer.status_code == 200, answer.text
    assert (answer.json()["changed"], answer.json()["etag"]) == ([], read["etag"])


def test_null_resets_and_what_is_not_named_stays(shop: Shop) -> None:
    shop.patch(FACTS, {"title": "Orders", "description": "Mine."})
    shop.patch(FACTS, {"description": None})
    assert (facts(shop)["title"], facts(shop)["description"]) == ("Orders", None)
    assert shop.get("/assets/by-name", name=ORDERS).json()["description"] == "One row per order."
    shop.patch(FACTS, {"owners": []})
    assert facts(shop)["owners"] == []


def test_a_stale_etag_writes_nothing_and_shows_the_present_state(shop: Shop) -> None:
    first = shop.patch(FACTS, {"title": "One"}).json()
    shop.patch(FACTS, {"title": "Two", "flag": {"kind": "warned", "reason": "late"}})
    answer = shop.patch(FACTS, {"title": "Three"}, headers={"if-match": f'"{first["etag"]}"'})
    assert answer.status_code == 412
    assert answer.headers["content-type"] == "application/problem+json"
    current = answer.json()["current"]
    now = facts(shop)
    assert current == {name: now[name] for name in current}
    assert (current["title"], answer.json()["etag"]) == ("Two", now["etag"])
    assert current["flags"][0]["at"].endswith("Z")
    answer = shop.patch(FACTS, {"title": "Three"}, headers={"if-match": f'"{now["etag"]}"'})
    assert answer.status_code == 200


def test_a_flag_is_the_callers_own_and_needs_no_editor(shop: Shop) -> None:
    for who, kind in (("viewer", "endorsed"), ("editor", "warned")):
        assert shop.patch(FACTS, {"flag": {"kind": kind}}, who).status_code == 200
    flags = {one["name"]: one["kind"] for one in facts(shop)["flags"]}
    assert flags == {"viewer": "endorsed", "editor": "warned"}
    shop.patch(FACTS, {"flag": None}, "viewer")
    assert [one["name"] for one in facts(shop)["flags"]] == ["editor"]
    assert shop.patch(FACTS, {"title": "x"}, "viewer").status_code == 403
    assert shop.patch(FACTS, {"title": "x", "flag": None}, "viewer").status_code == 403


def test_scopes_of_tokens_hold(shop: Shop) -> None:
    reader, writer = shop.api.token("read", role="editor"), shop.api.token("write", role="editor")
    assert shop.patch(FACTS, {"title": "x"}, reader).status_code == 403
    assert shop.patch(FACTS, {"title": "x"}, writer).status_code == 200
    lineage = shop.api.token("lineage", role="editor")
    assert shop.api.call("GET", f"/api/v1{FACTS}", lineage).status_code == 403
    assert shop.api.call("PATCH", f"/api/v1{FACTS}", None, json={}).status_code == 401


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"titel": "x"},
        {"title": 7},
        {"title": "x" * 201},
        {"tags": [{"tag": "a b"}]},
        {"tags": [{"path": "a"}]},
        {"owners": [{"owner": "nobody at all"}]},
        {"owners": [{"owner": "editor", "role": "king"}]},
        {"flag": {"kind": "loved"}},
        {"description": "zero \u0000"},
        [],
    ],
)
def test_what_is_not_right_is_400_and_writes_nothing(shop: Shop, body: Any) -> None:
    answer = shop.patch(FACTS, body)
    assert answer.status_code == 400, answer.text
    assert answer.json()["detail"]
    assert facts(shop)["etag"] == "0"


def test_a_write_is_one_change_in_the_callers_name(shop: Shop) -> None:
    table = table_of(Change)
    with shop.api.store.connect() as connection:
        before = len(connection.execute(table.select()).all())
    shop.patch(FACTS, {"title": "Orders"})
    shop.patch(FACTS, {"title": "Orders"})
    with shop.api.store.connect() as connection:
        rows = connection.execute(table.select().order_by(table.c.sequence)).all()
    assert len(rows) == before + 1
    assert (rows[-1].what, rows[-1].actor.partition(":")[0]) == ("title", "token")


def test_nobody_writes_what_they_do_not_see(shop: Shop) -> None:
    secret = shop.ids[f"{PG}/zanzibar.public.orders"]
    with hidden():
        for path in (f"/assets/{secret}/facts", "/assets/by-name/facts?name=zanzibar.shop"):
            assert shop.patch(path, {"title": "x"}).status_code == 404
    assert shop.patch(f"/assets/{secret}/facts", {"title": "x"}).status_code == 200


def test_a_crawl_keeps_what_was_written(shop: Shop) -> None:
    written = shop.patch(FACTS, {"description": "Mine."}).json()
    shop.wh.content["public"] = [
        one for one in shop.wh.content["public"] if getattr(one, "name", "") != "shop.public.daily"
    ]
    assert shop.wh.run().state in ("succeeded", "partial")
    assert (facts(shop)["description"], facts(shop)["etag"]) == ("Mine.", written["etag"])
