"""The feed, the changes of one asset, and its versions."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.crawls import table
from tests.unit.api.estate import ORDERS, PG, Shop

FACTS = "/assets/by-name/facts?name=wh.shop.public.orders"


def feed(shop: Shop, **more: Any) -> Any:
    answer = shop.get("/changes", **more)
    assert answer.status_code == 200, answer.text
    return answer.json()


def whats(page: Any) -> list[tuple[str, str]]:
    return [(one["what"], one["asset"].rpartition(".")[2]) for one in page["items"]]


def test_the_feed_is_filtered(shop: Shop) -> None:
    shop.patch(FACTS, {"title": "Orders", "description": "x"})
    assert whats(feed(shop, limit=2)) == [("description", "orders"), ("title", "orders")]
    assert whats(feed(shop, what=["title", "lineage"], source="wh")) == [
        ("title", "orders"),
        ("lineage", "daily"),
    ]
    assert whats(feed(shop, kind="view", what="created", source="wh")) == [("created", "daily")]
    assert len(feed(shop, machine=False)["items"]) == 2
    actor = feed(shop, limit=1)["items"][0]["actor"]
    assert len(feed(shop, actor=actor)["items"]) == 2
    assert feed(shop, limit=1)["items"][0]["actor_name"] is not None
    assert feed(shop, what="nothing")["items"] == []


def test_under_a_container(shop: Shop) -> None:
    inside = whats(feed(shop, under=f"{PG}/shop.public", what="created"))
    assert {name for _, name in inside} == {"public", "customers", "orders", "daily"}
    whole = whats(feed(shop, under=f"{PG}/shop", what="created"))
    assert {name for _, name in whole} >= {"thing", "hidden", "orders"}
    assert shop.get("/changes", under="nowhere").status_code == 404


def test_newest_first_page_by_page(shop: Shop) -> None:
    every = [one["sequence"] for one in feed(shop, limit=500)["items"]]
    found: list[int] = []
    cursor = None
    for _ in range(99):
        page = feed(shop, limit=4, **({"cursor": cursor} if cursor else {}))
        found += [one["sequence"] for one in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert found == every == sorted(every, reverse=True)


def test_oldest_first_goes_on_where_it_ended(shop: Shop) -> None:
    page = feed(shop, sort="old", limit=500)
    assert feed(shop, sort="old", cursor=page["next"])["items"] == []
    shop.patch(FACTS, {"title": "Orders"})
    later = feed(shop, sort="old", cursor=page["next"])
    assert whats(later) == [("title", "orders")]
    assert shop.get("/changes", cursor=page["next"]).status_code == 400


def test_a_cursor_from_before_a_restore_is_410(shop: Shop) -> None:
    page = feed(shop, sort="old", limit=500)
    with shop.api.store.write("system") as unit:
        unit.connection.exec_driver_sql("UPDATE change SET id = id + 1")
    answer = shop.get("/changes", sort="old", cursor=page["next"])
    assert answer.status_code == 410
    assert answer.json()["remedy"]


def test_governance_is_told_to_admins_only(shop: Shop) -> None:
    seen = {one["subject_type"] for one in feed(shop, limit=500)["items"]}
    assert seen == {"asset"}
    answer = shop.get("/changes", "admin", subject_type=["user", "token"])
    assert {one["subject_type"] for one in answer.json()["items"]} == {"user", "token"}
    assert "cat_" not in answer.text


def test_changes_of_one_asset(shop: Shop) -> None:
    shop.patch(FACTS + "&column=amount", {"description": "In euros."})
    page = shop.get("/assets/by-name/changes", name=ORDERS, limit=1).json()
    (change,) = page["items"]
    assert (change["what"], change["column"]) == ("description", "amount")
    assert change["after"] == {"description": "In euros."}
    rest = shop.get("/assets/by-name/changes", name=ORDERS, cursor=page["next"]).json()
    assert [one["what"] for one in rest["items"]] == ["created"]
    assert page["total"] == 2


def test_versions_say_what_each_changed(shop: Shop) -> None:
    shop.patch(FACTS, {"description": "Orders."})
    shop.wh.content["public"] = [
        table("shop.public.orders", "id:int32", "customer:int64", parent="shop.public")
        if getattr(one, "name", "") == "shop.public.orders"
        else one
        for one in shop.wh.content["public"]
    ]
    assert shop.wh.run().state == "succeeded"
    page = shop.get("/assets/by-name/versions", name=ORDERS).json()
    crawl, edit = page["items"]
    assert page["total"] == 2
    assert "schema" in crawl["what"]
    columns = {one["path"]: one["what"] for one in crawl["diff"]["columns"]}
    assert columns == {"id": "retyped", "amount": "removed"}
    assert crawl["diff"]["breaking"] is True
    assert edit["diff"]["values"][0]["after"] == "Orders."
    bare = shop.get("/assets/by-name/versions", name=ORDERS, diff=False, limit=1).json()
    assert bare["items"][0]["diff"] is None
    assert bare["next"] is not None
    then = shop.get("/assets/by-name", name=ORDERS, as_of=edit["sequence"]).json()
    assert [one["path"] for one in then["columns"]] == ["id", "customer", "amount"]


@pytest.mark.parametrize("path", ["/changes", "/assets/by-name/changes?name=shop.public.orders"])
def test_page_sizes_have_bounds(shop: Shop, path: str) -> None:
    for limit in (0, -1, 501, "many"):
        mark = "&" if "?" in path else "?"
        answer = shop.api.call("GET", f"/api/v1{path}{mark}limit={limit}", "viewer")
        assert answer.status_code == 400
