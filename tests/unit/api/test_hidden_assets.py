"""What one may not see is named in no reply: not counted, suggested, drawn, or passed through."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi.routing import APIRoute

from catalog.crawling import records
from catalog.crawling.records import Key
from catalog.lineage import parse
from tests.support.crawls import table
from tests.unit.api.estate import ORDERS, PG, SECRET, Shop, hidden, view

SECRET_ORDERS = f"{PG}/zanzibar.public.orders"
PATHS = [
    "/assets?limit=500",
    "/assets?sort=new",
    "/assets?class=container",
    "/assets/by-name?name=wh.shop.public.orders",
    "/assets/by-name?name=wh.shop.hidden.thing",  # its container is not seen
    "/assets/by-name?name=public.orders",  # of two candidates one is seen
    "/assets/by-name?name=zanziba.public.orders",
    "/assets/by-name?name=public.orderz",
    "/assets/by-name?name=wh.shop.public.joined",  # a foreign key leads to what is not seen
    "/assets/by-name?name=wh.shop.public.joined&as_of={last}",
    "/assets/by-name/changes?name=wh.shop.public.joined",
    "/assets/by-name/versions?name=wh.shop.public.joined",
    "/assets/by-name/columns?name=wh.shop.public.orders",
    "/assets/by-name/lineage?name=wh.shop.public.orders&columns=true",
    "/assets/by-name/lineage?name=wh.shop.public.orders&column=id&indirect=true",
    "/assets/by-name/lineage?name=wh.shop.public.mixed&depth=9&columns=true",
    "/assets/by-name/neighbours?name=wh.shop.public.orders&direction=down",
    "/assets/by-name/neighbours?name=wh.shop.public.mixed&direction=up",
    "/assets/by-name/changes?name=wh.shop.public.orders",
    "/assets/by-name/changes?name=wh.shop.public.mixed",
    "/assets/by-name/versions?name=wh.shop.public.mixed",
    "/assets/by-name/facts?name=wh.shop.public.orders",
    "/assets/by-name/sightings?name=wh.shop.public.orders",
    "/assets/by-name/partitions?name=wh.shop.public.orders",
    "/assets/by-name/definition?name=wh.shop.public.daily",
    "/assets/by-name/evidence?name=wh.shop.public.orders&to=wh.shop.public.daily",
    "/browse",
    "/browse?parent=wh.shop",
    "/changes?limit=500",
    "/changes?limit=500&under=wh.shop",
    "/changes?source=zanzibar",
    "/glance",
    "/namespaces",
    "/search?limit=200",
    "/search?q=orders",
    "/search?q=orderz",
    "/search?q=public.orders&facets=source&facets=kind",
    "/search?q=kind:schema",
]


@pytest.fixture
def estate(shop: Shop) -> Shop:
    """With a view whose data comes from what is hidden, and a foreign key that leads there."""
    for keys in ((), ("orders",), ("zanzibar",)):
        shop.wh.content["public"] = [*shop.wh.content["public"][:PLAIN], *_more(*keys)]
        assert shop.wh.run().state == "succeeded"
    parse.parse_pending(shop.api.store)
    assert shop.api.catalog.catch_up()
    return shop


PLAIN = 7  # records that the estate has without ours
FOREIGN = {
    "orders": Key("foreign", ("id",), references="shop.public.orders"),
    "zanzibar": Key("foreign", ("other",), references="zanzibar.public.orders"),
}


def _more(*keys: str) -> list[records.Record]:
    both = tuple(FOREIGN[name] for name in keys) + ((FOREIGN["orders"],) if keys else ())
    return [
        table("shop.public.joined", "id", "other", parent="shop.public", keys=both),
        table("shop.public.mixed", "id", parent="shop.public", kind="view"),
        view(
            "shop.public.mixed",
            "SELECT o.id FROM shop.public.daily d JOIN zanzibar.public.orders o ON o.id = d.id",
        ),
    ]


def ask(shop: Shop, path: str, who: str) -> Any:
    last = shop.get("/changes", "admin", limit=1).json()["items"][0]["sequence"]
    return shop.api.call("GET", f"/api/v1{path.format(last=last)}", who)


def leaks(shop: Shop, text: str) -> set[str]:
    found = {uid for uid in shop.secrets if uid in text}
    return found | ({SECRET} if SECRET in text else set())


def test_no_reply_names_what_is_hidden(estate: Shop) -> None:
    told = set()
    for path in PATHS:
        open_answer = ask(estate, path, "admin")
        if leaks(estate, open_answer.text):
            told.add(path)
    assert len(told) >= 20, "the estate does not show what it should"
    assert {path for path in PATHS if "joined" in path or "mixed" in path} <= told
    with hidden():
        for who in ("viewer", "editor", "steward"):
            for path in PATHS:
                answer = ask(estate, path, who)
                assert answer.status_code < 500, (path, answer.text)
                assert leaks(estate, answer.text) == set(), (path, answer.text)


def test_every_own_get_route_is_in_the_list(estate: Shop) -> None:
    mine = {"assets", "curation", "lineage", "changes", "search", "browse"}
    listed = {f"/api/v1{path.partition('?')[0]}" for path in PATHS}
    for route in estate.api.app.routes:
        if not isinstance(route, APIRoute) or not mine & set(route.tags):
            continue
        if "GET" in (route.methods or ()) and "{id}" not in route.path and "why" not in route.path:
            assert route.path in listed, route.path


def test_counts_are_of_what_is_seen(estate: Shop) -> None:
    with hidden():
        assert estate.get("/glance").json()["total"] == 9
        assert estate.get("/assets").json()["total"] == 9
        assert estate.get("/search").json()["total"] == 9
        browsed = estate.get("/browse").json()
        assert [(one["name"], one["children"]["total"]) for one in browsed["items"]] == [
            ("shop", 1)
        ]
        spaces = estate.get("/namespaces").json()
        assert sum(one["assets"] for one in spaces["items"]) == 9
        lineage = estate.get("/assets/by-name/lineage", name=ORDERS, depth=1).json()
        assert lineage["nodes"][0]["more_down"] == 0
        assert [one["label"] for one in lineage["nodes"]] == ["orders", "daily"]
        assert estate.get("/assets/by-name", name="public.orders").json()["name"]
        thing = estate.get("/assets/by-name", name="wh.shop.hidden.thing").json()
        assert [one["name"] for one in thing["parents"]] == ["shop"]  # shop.hidden is left out


@pytest.mark.parametrize("sub", ["", "/columns", "/lineage", "/facts", "/changes", "/versions"])
def test_what_is_hidden_is_as_if_it_were_not_there(estate: Shop, sub: str) -> None:
    uid, other = estate.ids[SECRET_ORDERS], "019ab0c4-5f1e-7c3a-9d2b-3e4f5a6b7c8d"
    with hidden():
        found = estate.get(f"/assets/{uid}{sub}")
        nothing = estate.get(f"/assets/{other}{sub}")
        assert found.status_code == nothing.status_code == 404
        assert found.text.replace(uid, other) == nothing.text
        found = estate.get(f"/assets/by-name{sub}", name=SECRET_ORDERS)
        nothing = estate.get(f"/assets/by-name{sub}", name=f"{PG}/zanzibar.public.ordery")
        assert found.status_code == nothing.status_code == 404
        assert found.json()["remedy"] == nothing.json()["remedy"]


def test_foreign_keys_name_only_what_is_seen(estate: Shop) -> None:
    def references(who: str) -> list[str | None]:
        view = estate.get("/assets/by-name", who, name="wh.shop.public.joined").json()
        return [key["references"] for key in view["keys"]]

    assert references("viewer") == [SECRET_ORDERS, ORDERS]
    with hidden():
        assert references("viewer") == [None, ORDERS]
        assert references("admin") == [SECRET_ORDERS, ORDERS]


def test_lookup_keeps_it_to_itself(estate: Shop) -> None:
    body = {"names": [estate.ids[SECRET_ORDERS], "public.orders", "public.orderz"]}
    with hidden():
        answer = estate.api.post("/api/v1/assets/lookup", "viewer", json=body)
    items = answer.json()["items"]
    assert [one["asset"] and one["asset"]["name"] for one in items] == [
        None,
        "shop.public.orders",
        None,
    ]
    text = answer.text.replace(estate.ids[SECRET_ORDERS], "")
    assert leaks(estate, text) == set()


@pytest.mark.parametrize("name", ["zanzibar.public.orders", SECRET_ORDERS])
def test_why_tells_no_more_than_of_a_name_that_is_not_there(estate: Shop, name: str) -> None:
    with hidden():
        found = estate.get("/assets/by-name/why", name=name)
        nothing = estate.get("/assets/by-name/why", name=name.replace("orders", "ordery"))
    assert found.json()["asset"] is None
    assert found.text.replace("orders", "ordery") == nothing.text
    assert SECRET not in found.text.replace(name, "")


def test_containers_that_are_hidden_are_no_filter_either(estate: Shop) -> None:
    uid = estate.ids[f"{PG}/shop.hidden"]
    with hidden():
        assert estate.get("/assets", parent=uid).status_code == 404
        assert estate.get("/browse", parent=uid).status_code == 404
        assert estate.get("/changes", under=uid).status_code == 404
        assert estate.get("/changes", source="zanzibar").json()["items"] == []
        asked = {"name": ORDERS, "to": f"{PG}/zanzibar.public.spy"}
        assert estate.get("/assets/by-name/evidence", **asked).status_code == 404
    assert estate.get("/assets", parent=uid).status_code == 200
