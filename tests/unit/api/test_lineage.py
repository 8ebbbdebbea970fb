"""Lineage by API: direction, depth, columns, budget, neighbours, evidence."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.api.estate import ORDERS, PG, Shop

DAILY = f"{PG}/shop.public.daily"


def lineage(shop: Shop, name: str = ORDERS, **more: Any) -> Any:
    answer = shop.get("/assets/by-name/lineage", name=name, **more)
    assert answer.status_code == 200, answer.text
    return answer.json()


def labels(graph: Any) -> dict[str, int]:
    return {one["label"]: one["level"] for one in graph["nodes"]}


def test_up_down_and_both(shop: Shop) -> None:
    assert labels(lineage(shop)) == {"orders": 0, "daily": 1, "spy": 1}
    assert labels(lineage(shop, direction="up")) == {"orders": 0}
    assert labels(lineage(shop, DAILY, direction="up")) == {"daily": 0, "orders": -1}
    assert labels(lineage(shop, DAILY)) == {"daily": 0, "orders": -1}
    assert labels(lineage(shop, DAILY, depth=2, direction="both"))["orders"] == -1


def test_a_column_is_followed(shop: Shop) -> None:
    graph = lineage(shop, column="amount")
    assert labels(graph) == {"orders": 0, "daily": 1}
    assert graph["column"] == "amount"
    assert [(one["source_column"], one["target_column"]) for one in graph["column_edges"]] == [
        ("amount", "amount")
    ]
    assert lineage(shop, f"{ORDERS}#AMOUNT")["column"] == "amount"
    assert lineage(shop)["column_edges"] is None
    assert len(lineage(shop, columns=True)["column_edges"]) == 3


def test_a_budget_cuts_and_says_so(shop: Shop) -> None:
    graph = lineage(shop, budget=2)
    assert (len(graph["nodes"]), graph["truncated"]) == (2, True)
    assert graph["nodes"][0]["more_down"] == 1


@pytest.mark.parametrize(
    "wrong", [{"direction": "left"}, {"depth": 0}, {"depth": 101}, {"budget": 0}, {"budget": 5001}]
)
def test_limits_are_400(shop: Shop, wrong: dict[str, Any]) -> None:
    answer = shop.get("/assets/by-name/lineage", name=ORDERS, **wrong)
    assert answer.status_code == 400


def test_neighbours_are_paged(shop: Shop) -> None:
    asked: dict[str, Any] = {"name": ORDERS, "direction": "down", "limit": 1}
    first = shop.get("/assets/by-name/neighbours", **asked).json()
    assert (first["total"], [one["label"] for one in first["items"]]) == (2, ["daily"])
    rest = shop.get("/assets/by-name/neighbours", **asked, cursor=first["next"]).json()
    assert ([one["label"] for one in rest["items"]], rest["next"]) == (["spy"], None)
    assert shop.get("/assets/by-name/neighbours", name=ORDERS).status_code == 400


def test_evidence_shows_the_statement(shop: Shop) -> None:
    asked = {"name": ORDERS, "to": DAILY}
    found = shop.get("/assets/by-name/evidence", **asked).json()
    assert (found["target"], found["total"]) == (shop.ids[DAILY], 1)
    assert found["items"][0]["statement"]["text"] == "SELECT id, amount FROM shop.public.orders"
    columns = {"column": "amount", "to_column": "amount"}
    assert shop.get("/assets/by-name/evidence", **asked, **columns).json()["total"] == 1
    crossed = {"column": "amount", "to_column": "id"}
    assert shop.get("/assets/by-name/evidence", **asked, **crossed).status_code == 404
    back = {"name": DAILY, "to": ORDERS}
    assert shop.get("/assets/by-name/evidence", **back).status_code == 404
