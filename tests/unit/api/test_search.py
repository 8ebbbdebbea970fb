"""Search by API: words, filters, facets, pages."""

from __future__ import annotations

import shutil
from typing import Any

import pytest

from tests.support.search import assert_index_equals_store
from tests.unit.api.estate import Shop


def search(shop: Shop, q: str = "", **more: Any) -> Any:
    answer = shop.get("/search", q=q, **more)
    assert answer.status_code == 200, answer.text
    return answer.json()


def names(page: Any) -> set[str]:
    return {one["name"] for one in page["items"]}


def test_words_filters_and_facets(shop: Shop) -> None:
    page = search(shop, "orders source:wh")
    assert "shop.public.orders" in names(page)
    page = search(shop, "orders", source="wh", kind="table")
    assert names(page) == {"shop.public.orders"}
    facets = {one["value"]: one["count"] for one in page["facets"]["source"]}
    assert set(facets) == {"wh", "zanzibar"}  # its own filter does not narrow it
    assert "platform" in page["facets"]
    assert search(shop, "orders", facets="kind")["facets"].keys() == {"kind"}
    assert search(shop, "orders", facets="none")["facets"] == {}
    both = search(shop, "orders", kind=["table", "dataset"], source=["wh", "lake"])
    assert names(both) == {"shop.public.orders", "raw/orders"}
    assert search(shop, "", **{"class": "container"}, source="wh")["total"] == 2


def test_a_hit_shows_what_a_list_needs(shop: Shop) -> None:
    shop.patch(
        "/assets/by-name/facts?name=wh.shop.public.orders",
        {"owners": [{"owner": "editor"}], "tags": [{"tag": "pii/email"}]},
    )
    assert shop.api.catalog.catch_up()
    (hit,) = search(shop, "tag:pii")["items"]
    assert (hit["name"], hit["tags"]) == ("shop.public.orders", ["pii/email"])
    assert hit["owners"][0]["name"] == "editor"
    assert hit["url"].endswith(hit["id"])
    assert names(search(shop, "owner:editor")) == {"shop.public.orders"}
    (owner,) = search(shop, "")["facets"]["owner"]
    assert owner["label"] == "editor"
    assert names(search(shop, "", owner=owner["value"])) == {"shop.public.orders"}
    assert_index_equals_store(shop.api.store, shop.api.catalog.engine)


def test_pages_by_cursor_and_by_offset_are_the_same(shop: Shop) -> None:
    every = [one["id"] for one in search(shop, "", sort="name", limit=200)["items"]]
    found: list[str] = []
    cursor: dict[str, str] = {}
    for _ in range(20):
        page = search(shop, "", sort="name", limit=3, **cursor)
        found += [one["id"] for one in page["items"]]
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}
    assert found == every
    assert len(set(every)) == search(shop)["total"] == 13
    offset = search(shop, "", sort="name", limit=3, offset=3)
    assert [one["id"] for one in offset["items"]] == every[3:6]
    other = shop.get("/search", q="orders", sort="name", **cursor)
    assert other.status_code == 400
    assert shop.get("/search", sort="name", offset=3, **cursor).status_code == 400


def test_a_typo_is_answered_with_suggestions(shop: Shop) -> None:
    page = search(shop, "custmers")
    assert page["total"] == 0
    assert page["did_you_mean"][0]["name"] == "shop.public.customers"


@pytest.mark.parametrize(
    "wrong",
    [
        {"sort": "best"},
        {"limit": 201},
        {"limit": -1},
        {"offset": 10_001},
        {"facets": "colour"},
        {"q": "x" * 501},
        {"colour": "red"},
        {"cursor": "abc"},
    ],
)
def test_what_is_not_right_is_400(shop: Shop, wrong: dict[str, Any]) -> None:
    answer = shop.get("/search", **{"q": "orders", **wrong})
    assert answer.status_code == 400
    assert answer.json()["detail"]


def test_without_an_index_it_is_503_and_says_when(shop: Shop) -> None:
    shop.api.catalog.engine.close()
    shutil.rmtree(shop.api.catalog.settings.index_folder)
    answer = shop.get("/search", q="orders")
    assert answer.status_code == 503
    assert answer.headers["retry-after"]
