"""Endpoints that take only texts are called directly: the same values, the same errors."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi.routing import APIRoute
from starlette.datastructures import QueryParams

from catalog.serving.texts import Texts, texts_of
from tests.support.api import Api
from tests.unit.api.estate import ORDERS, Shop


def texts(api: Api, path: str) -> Texts | None:
    for route in api.app.routes:
        if isinstance(route, APIRoute) and route.path == f"/api/v1{path}":
            return texts_of(route.endpoint, route.dependant)
    raise LookupError(path)


def test_only_endpoints_of_texts_are_plain(api: Api) -> None:
    assert texts(api, "/assets/by-name") is not None
    assert texts(api, "/assets/{id}") is not None
    for path in ("/assets/by-name/lineage", "/assets/lookup", "/assets", "/search", "/records"):
        assert texts(api, path) is None, path


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("name=a", {"name": "a", "namespace": None, "asset_class": None}),
        ("name=a&name=b&class=data", {"name": "b", "asset_class": "data"}),
        ("name=&namespace=", {"name": "", "namespace": ""}),
        ("name=a%2Fb+c", {"name": "a/b c"}),
    ],
)
def test_values_are_those_that_the_framework_would_give(
    api: Api, query: str, expected: dict[str, Any]
) -> None:
    found = texts(api, "/assets/by-name")
    assert found is not None
    values = found.read(QueryParams(query), {})
    assert values is not None
    assert {name: values[name] for name in expected} == expected
    assert set(values) == {"name", "namespace", "asset_class", "column", "as_of"}
    assert found.read(QueryParams("namespace=x"), {}) is None


def test_a_missing_parameter_is_named(shop: Shop) -> None:
    answer = shop.get("/assets/by-name", namespace="x")
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["at"] == "query.name"
    assert shop.get("/assets/by-name", who=None, namespace="x").status_code == 401


def test_every_connection_comes_back(shop: Shop) -> None:
    """Also those of replies that are errors, of writes, and of who is nobody."""
    for who in ("viewer", "cat_unknown", None):
        for path in ("/assets/by-name?name=orders", "/assets/by-name?name=nothing", "/glance"):
            shop.api.call("GET", f"/api/v1{path}", who)
    shop.patch("/assets/by-name/facts?name=wh.shop.public.orders", {"title": "x"})
    shop.patch("/assets/by-name/facts?name=wh.shop.public.orders", {"title": "x"}, "viewer")
    assert shop.get("/assets/by-name", name=ORDERS).status_code == 200
    assert shop.api.store.engine.pool.checkedout() == 0  # type: ignore[attr-defined]
