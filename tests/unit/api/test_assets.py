"""Assets by id and by name, lists, look-ups, and what is read of one asset."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from fastapi.routing import APIRoute

from catalog.history.store import table_of
from catalog.model import LookupCount
from tests.support.api import Api
from tests.unit.api.estate import LAKE, ORDERS, PG, Shop
from tests.unit.assets.estate import counted

UNKNOWN = "019ab0c4-5f1e-7c3a-9d2b-3e4f5a6b7c8d"


def own_routes(api: Api) -> Iterator[APIRoute]:
    for route in api.app.routes:
        if isinstance(route, APIRoute) and route.path.startswith("/api/v1/assets"):
            yield route


# --- every sub-resource twice -----------------------------------------------------------------


def test_each_route_by_id_exists_by_name_with_the_same_parameters(api: Api) -> None:
    def parameters(route: APIRoute) -> set[str]:
        dependant = route.dependant
        return {one.alias for one in (*dependant.query_params, *dependant.header_params)}

    found = {(route.path, *sorted(route.methods or ())): route for route in own_routes(api)}
    by_id = [key for key in found if "{id}" in key[0]]
    assert len(by_id) >= 12
    for key in by_id:
        twin = found.get((key[0].replace("{id}", "by-name"), *key[1:]))
        assert twin is not None, f"{key} has no route by name"
        assert parameters(twin) - parameters(found[key]) == {"name", "namespace", "class"}
    by_name = [key for key in found if "by-name" in key[0]]
    assert len(by_name) == len(by_id)


READS = ["", "/columns", "/lineage", "/versions", "/changes", "/facts", "/sightings"]
READS += ["/partitions", "/definition"]


@pytest.mark.parametrize("sub", READS)
def test_by_id_and_by_name_say_the_same(shop: Shop, sub: str) -> None:
    by_id = shop.get(f"/assets/{shop.ids[ORDERS]}{sub}").json()
    by_name = shop.get(f"/assets/by-name{sub}", name="wh.shop.public.orders").json()
    assert by_id.pop("matched_by") == "id"
    assert by_name.pop("matched_by") == "source"
    assert by_id == by_name
    if sub:
        assert by_id["asset"]["id"] == shop.ids[ORDERS]
        assert by_id["asset"]["url"].endswith(f"/assets/{shop.ids[ORDERS]}")


@pytest.mark.parametrize("sub", [*READS, "/neighbours", "/evidence"])
def test_a_name_that_nothing_has_is_404_with_suggestions(shop: Shop, sub: str) -> None:
    more = {"/neighbours": {"direction": "up"}, "/evidence": {"to": "orders"}}.get(sub, {})
    answer = shop.get(f"/assets/by-name{sub}", name="shop.public.ordres", **more)
    assert answer.status_code == 404
    assert answer.json()["did_you_mean"][0]["name"].endswith("orders")
    assert shop.get(f"/assets/{UNKNOWN}{sub}", **more).status_code == 404


@pytest.mark.parametrize("sub", READS)
def test_a_name_that_several_have_is_409_with_candidates(shop: Shop, sub: str) -> None:
    answer = shop.get(f"/assets/by-name{sub}", name="public.orders")
    assert answer.status_code == 409
    names = {one["name"] for one in answer.json()["candidates"]}
    assert names == {"shop.public.orders", "zanzibar.public.orders"}


# --- one asset --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "matched_by"),
    [
        ({"name": ORDERS}, "name"),
        ({"name": "shop.public.orders", "namespace": PG}, "name"),
        ({"name": f"{PG}/SHOP.public.Orders"}, "folded"),
        ({"name": "wh.shop.public.orders"}, "source"),
        ({"name": "shop.public.orders"}, "suffix"),
        ({"name": f"{LAKE}/raw/orders/dt=2026-11-01/part-0.parquet"}, "location"),
        ({"name": "public.daily", "class": "data"}, "suffix"),
    ],
)
def test_names_in_their_forms(shop: Shop, asked: dict[str, str], matched_by: str) -> None:
    answer = shop.get("/assets/by-name", **asked)
    assert answer.status_code == 200, answer.text
    assert answer.json()["matched_by"] == matched_by


def test_an_asset_whole(shop: Shop) -> None:
    answer = shop.get("/assets/by-name", name=ORDERS)
    view = answer.json()
    assert answer.headers["etag"] == f'"{view["etag"]}"'
    assert [one["path"] for one in view["columns"]] == ["id", "customer", "amount"]
    assert view["description"] == "One row per order."
    assert [one["label"] for one in view["parents"]] == ["shop", "public"]
    assert view["measures"]["rows"]["value"] == 1234
    assert view["crawl"]["crawl_state"] == "succeeded"
    assert view["url"].endswith(view["id"])
    assert view["flag"] is None
    assert view["changed_at"].endswith("Z")
    assert not {"key", "uid", "name_key", "parent"} & set(view)


def test_a_column_is_named_behind_a_hash_or_beside(shop: Shop) -> None:
    assert shop.get("/assets/by-name", name=f"{ORDERS}#amount").json()["column"] == "amount"
    assert shop.get("/assets/by-name", name=ORDERS, column="amount").json()["column"] == "amount"
    answer = shop.get(f"/assets/{shop.ids[ORDERS]}", column="amuont")
    assert answer.status_code == 404
    assert answer.json()["did_you_mean"] == ["amount"]


def test_unknown_parameters_and_classes_are_400(shop: Shop) -> None:
    assert shop.get("/assets/by-name", name=ORDERS, colour="red").status_code == 400
    assert shop.get("/assets/by-name", name=ORDERS, **{"class": "thing"}).status_code == 400
    assert shop.get("/assets/by-name", name=" ").status_code == 400
    assert shop.get("/assets/by-name").status_code == 400


def test_hot_path_takes_at_most_five_queries_with_authentication(shop: Shop) -> None:
    body = {
        "description": "Orders.",
        "owners": [{"owner": "editor"}],
        "tags": [{"tag": "pii/email"}],
        "flag": {"kind": "endorsed"},
    }
    assert shop.patch("/assets/by-name/facts?name=wh.shop.public.orders", body).status_code == 200
    assert shop.get("/assets/by-name", name=ORDERS).status_code == 200
    with counted(shop.api.store) as statements:
        view = shop.get("/assets/by-name", name=ORDERS).json()
    assert len(statements) <= 5, statements
    assert view["owners"][0]["name"] == "editor"


def test_as_of_gives_the_state_of_then(shop: Shop) -> None:
    before = shop.get("/changes", limit=1).json()["items"][0]["sequence"]
    shop.patch("/assets/by-name/facts?name=wh.shop.public.orders", {"description": "New."})
    asked: dict[str, Any] = {"name": ORDERS, "as_of": before}
    then = shop.get("/assets/by-name", **asked)
    assert then.json()["description"] == "One row per order."
    assert then.json()["sequence"] == before
    assert then.json()["measures"] is None
    assert "etag" not in then.headers
    assert shop.get("/assets/by-name", name=ORDERS).json()["description"] == "New."
    page = shop.get("/assets/by-name/columns", **asked, limit=2).json()
    assert ([one["path"] for one in page["items"]], page["total"]) == (["id", "customer"], 3)
    rest = shop.get("/assets/by-name/columns", **asked, limit=2, cursor=page["next"]).json()
    assert ([one["path"] for one in rest["items"]], rest["next"]) == (["amount"], None)
    text = shop.get("/assets/by-name/columns", **asked, text="AMOU").json()
    assert [one["path"] for one in text["items"]] == ["amount"]


@pytest.mark.parametrize(
    "path",
    [
        "/search?q=orders",
        "/browse?",
        "/glance?",
        "/assets/by-name/lineage?name=shop.public.orders",
        "/assets/by-name/partitions?name=shop.public.orders",
        "/assets/by-name/sightings?name=shop.public.orders",
        "/assets/by-name/definition?name=shop.public.orders",
    ],
)
def test_what_is_only_of_now_refuses_as_of(shop: Shop, path: str) -> None:
    answer = shop.api.call("GET", f"/api/v1{path}&as_of=1", "viewer")
    assert answer.status_code == 400
    assert answer.json()["parameter"] == "as_of"
    assert "only be asked of now" in answer.json()["detail"]


@pytest.mark.parametrize("moment", ["yesterday", "2026-13-01", "2026-11-22T09:00:00", "999999999"])
def test_a_moment_that_is_none_is_400(shop: Shop, moment: str) -> None:
    assert shop.get("/assets/by-name", name=ORDERS, as_of=moment).status_code == 400


# --- lists ------------------------------------------------------------------------------------


def test_list_is_filtered_and_paged_without_loss(shop: Shop) -> None:
    asked: dict[str, Any] = {"source": ["wh", "lake"], "class": "data", "limit": 2}
    names, cursor = [], None
    for _ in range(9):
        page = shop.get("/assets", **asked, **({"cursor": cursor} if cursor else {})).json()
        assert page["total"] == 5
        names += [one["name"] for one in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    labels = ["customers", "daily", "orders", "raw/orders", "thing"]
    assert sorted(name.rpartition(".")[2] for name in names) == labels
    first = shop.get("/assets", **asked).json()["next"]
    assert shop.get("/assets", kind="view", cursor=first).status_code == 400
    assert shop.get("/assets", kind="spoon").status_code == 400
    assert shop.get("/assets", limit=0).status_code == 400


def test_list_by_parent_and_newest_first(shop: Shop) -> None:
    inside = shop.get("/assets", parent=shop.ids[f"{PG}/shop.public"]).json()
    assert [one["label"] for one in inside["items"]] == ["customers", "daily", "orders"]
    assert shop.get("/assets", sort="new").json()["items"][0]["name"] == "raw/orders"


def test_lookup_answers_in_order(shop: Shop) -> None:
    names: list[Any] = ["wh.shop.public.daily", {"namespace": PG, "name": "shop.public.orders"}]
    names += ["nothing.at.all", "public.orders", ""]
    answer = shop.api.post("/api/v1/assets/lookup", "viewer", json={"names": names})
    found = answer.json()
    assert (found["total"], found["found"]) == (5, 2)
    assert [one["asset"] and one["asset"]["label"] for one in found["items"]] == [
        "daily",
        "orders",
        None,
        None,
        None,
    ]
    codes = [one["problem"] and one["problem"]["code"] for one in found["items"]]
    assert codes == [None, None, "not_found", "ambiguous", "bad_input"]
    assert len(found["items"][3]["problem"]["candidates"]) == 2


def test_lookup_takes_a_thousand_names_and_no_more(shop: Shop) -> None:
    many: dict[str, Any] = {"names": [ORDERS] * 1000}
    answer = shop.api.post("/api/v1/assets/lookup", "viewer", json=many)
    assert answer.json()["found"] == 1000
    many["names"].append(ORDERS)
    assert shop.api.post("/api/v1/assets/lookup", "viewer", json=many).status_code == 413
    wrong: dict[str, Any] = {"names": [{"name": "x"}]}
    assert shop.api.post("/api/v1/assets/lookup", "viewer", json=wrong).status_code == 400
    wrong = {"names": [], "key": 1}
    assert shop.api.post("/api/v1/assets/lookup", "viewer", json=wrong).status_code == 400


def test_lookups_are_counted_for_popularity(shop: Shop) -> None:
    shop.get("/assets/by-name", name=ORDERS)
    shop.get(f"/assets/{shop.ids[ORDERS]}")
    shop.api.post("/api/v1/assets/lookup", "viewer", json={"names": [ORDERS, "nothing"]})
    assert shop.api.app.state.catalog.lookups.flush() == 3
    with shop.api.store.connect() as connection:
        rows = connection.execute(table_of(LookupCount).select()).all()
    assert [row._mapping["count"] for row in rows] == [3]


# --- sub-resources ----------------------------------------------------------------------------


def test_columns_are_filtered(shop: Shop) -> None:
    page = shop.get("/assets/by-name/columns", name="shop.public.orders", type="decimal").json()
    assert [one["path"] for one in page["items"]] == ["amount"]
    assert page["total"] == 1
    page = shop.get("/assets/by-name/columns", name="shop.public.orders", text="ID").json()
    assert [one["path"] for one in page["items"]] == ["id"]


@pytest.mark.parametrize(("sort", "first"), [("path", 1), ("newest", 1)])
def test_partitions_are_paged(shop: Shop, sort: str, first: int) -> None:
    asked: dict[str, Any] = {"name": f"{LAKE}/raw/orders", "sort": sort, "limit": 3}
    rows, cursor = [], None
    for _ in range(9):
        page = shop.get("/assets/by-name/partitions", **asked, cursor=cursor or "").json()
        page = page if cursor else shop.get("/assets/by-name/partitions", **asked).json()
        assert page["total"] == 7
        rows += page["items"]
        cursor = page["next"]
        if cursor is None:
            break
    assert [one["rows"] for one in rows] == list(range(first, 8))
    assert rows[0] == {
        "path": "dt=2026-11-01",
        "values": {"dt": "2026-11-01"},
        "files": 2,
        "rows": 1,
        "bytes": 100,
        "newest_file": "2023-11-14T22:13:19Z",
    }
    some = shop.get("/assets/by-name/partitions", name=f"{LAKE}/raw/orders", text="11-05").json()
    assert [one["values"]["dt"] for one in some["items"]] == ["2026-11-05"]


def test_sightings_and_definition(shop: Shop) -> None:
    seen = shop.get("/assets/by-name/sightings", name="shop.public.daily").json()
    assert [(one["source"], one["state"], one["complete"]) for one in seen["items"]] == [
        ("wh", "present", True)
    ]
    found = shop.get("/assets/by-name/definition", name="shop.public.daily").json()
    assert found["definition"]["text"] == "SELECT id, amount FROM shop.public.orders"
    assert shop.get("/assets/by-name/definition", name=ORDERS).json()["definition"] is None


def test_why_explains_what_is_there_and_what_is_not(shop: Shop) -> None:
    there = shop.get("/assets/by-name/why", name=ORDERS).json()
    assert (there["asset"], there["reasons"][0]["code"]) == (shop.ids[ORDERS], "present")
    assert shop.get(f"/assets/{shop.ids[ORDERS]}/why").json()["reasons"] == there["reasons"]
    asked = {"name": "shop.public.nothing", "namespace": PG}
    absent = shop.get("/assets/by-name/why", **asked).json()
    assert absent["asset"] is None
    assert {one["code"] for one in absent["reasons"]} == {"not_listed"}


# --- looking around ---------------------------------------------------------------------------


def test_browse_from_the_top_down(shop: Shop) -> None:
    top = shop.get("/browse").json()
    assert [one["name"] for one in top["items"]] == ["shop", "zanzibar"]
    assert top["items"][0]["children"] == {"total": 2, "at_least": None}
    inside = shop.get("/browse", parent=f"{PG}/shop.public").json()
    assert [one["label"] for one in inside["items"]] == ["customers", "daily", "orders"]
    assert [one["label"] for one in inside["parents"]] == ["shop"]
    assert (inside["parent"]["kind"], inside["matched_by"]) == ("schema", "name")
    assert shop.get("/browse", parent="nowhere").status_code == 404


def test_glance_and_namespaces(shop: Shop) -> None:
    glance = shop.get("/glance").json()
    assert (glance["total"], glance["sources"]) == (13, {"wh": 6, "zanzibar": 6, "lake": 1})
    page = shop.get("/namespaces").json()
    assert [(one["namespace"], one["assets"]) for one in page["items"]] == [(PG, 12), (LAKE, 1)]


def test_renaming_a_namespace_is_an_admins_and_dry_at_first(shop: Shop) -> None:
    body: dict[str, Any] = {"namespace": LAKE, "to": "s3://pond"}
    assert shop.patch("/namespaces", body).status_code == 403
    dry = shop.patch("/namespaces", body, "admin").json()
    assert (dry["moved"], dry["done"]) == (1, False)
    assert shop.get("/assets/by-name", name="s3://pond/raw/orders").status_code == 404
    assert shop.patch("/namespaces", {**body, "dry_run": False}, "admin").json()["done"]
    for name in ("s3://pond/raw/orders", f"{LAKE}/raw/orders"):
        assert shop.get("/assets/by-name", name=name).json()["canonical"] == "s3://pond/raw/orders"


# --- rules of every route ---------------------------------------------------------------------


def test_examples_of_the_description_fit_the_replies(api: Api) -> None:
    """Every own GET shows an example, and each is what the reply can be."""
    mine = {"assets", "curation", "lineage", "changes", "search", "browse"}
    checked = 0
    paths = api.app.openapi()["paths"]
    for route in api.app.routes:
        if not isinstance(route, APIRoute) or not mine & set(route.tags):
            continue
        for method in route.methods or ():
            content = paths[route.path_format][method.lower()]["responses"]["200"]["content"]
            example = content["application/json"].get("example")
            if route.path.endswith(("/by-name", "/assets/{id}", "/sightings")):
                continue  # too large to be written by hand
            returns = route.endpoint.__returns__  # type: ignore[attr-defined]
            made = msgspec.convert(example, returns)
            assert msgspec.json.decode(msgspec.json.encode(made)) == example, route.path
            checked += 1
    assert checked >= 20


@pytest.mark.parametrize("who", ["viewer", "editor", "steward", "admin"])
def test_reads_are_for_every_role_and_for_nobody_else(shop: Shop, who: str) -> None:
    paths = [f"/assets/by-name{sub}?name=shop.public.orders" for sub in READS]
    paths += ["/assets", "/search?q=x", "/browse", "/glance", "/namespaces", "/changes"]
    for path in paths:
        assert shop.api.call("GET", f"/api/v1{path}", who).status_code == 200, path
        assert shop.api.call("GET", f"/api/v1{path}", None).status_code == 401, path
    writer = shop.api.token("lineage")
    assert shop.api.call("GET", "/api/v1/assets", writer).status_code == 403
