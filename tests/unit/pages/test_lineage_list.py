"""Lineage beside its picture: the list, the CSV, and the evidence of an edge."""

from __future__ import annotations

import csv
import io
import re
from urllib.parse import parse_qs, urlsplit

from sqlalchemy import select

from catalog.history.store import table_of
from catalog.model import Asset, AssetAttribute
from tests.support.api import Api
from tests.unit.api.estate import ORDERS, PG, Shop
from tests.unit.pages.asking import see, text_of
from tests.unit.pages.drawn import ask, chain, estate


def test_the_list_tells_distance_neighbour_and_owner(api: Api) -> None:
    known = chain(api)
    asset = table_of(Asset)
    with api.store.write("system") as unit:
        key = unit.connection.execute(select(asset.c.key).where(asset.c.name == "raw")).scalar_one()
        unit.connection.execute(
            table_of(AssetAttribute)
            .insert()
            .values(asset=key, attribute="owner", value="account:1/kim")
        )
    fact = f"/assets/{known['fact']}/lineage"
    page = ask(api, f"{fact}?view=list")
    assert page.picture is None
    text = text_of(page.text)
    assert re.search(r"1 up stage .* 2 up raw .* KI kim .* 1 down report", text)
    why = f"{fact}/evidence?from={known['raw']}&to={known['stage']}"
    assert why in page.links
    # The same tables stand below the picture, for those who cannot use it.
    assert re.search(r"2 up raw .* KI kim", text_of(ask(api, fact).text))
    assert 'class="graph graph-full graph-wide"' in ask(api, fact).text
    assert "graph-wide" not in ask(api, f"{fact}?view=graph").text


def test_what_breaks_is_everything_downstream(api: Api) -> None:
    known = chain(api)
    (link,) = {
        one
        for one in ask(api, f"/assets/{known['raw']}/lineage").links
        if "depth=100" in one and "direction=down" in one
    }
    text = text_of(ask(api, link).text)
    assert "Ask the owners" in text
    assert re.search(r"1 down stage .* 2 down fact .* 3 down report", text)


def test_csv_holds_both_directions_and_no_formula(api: Api) -> None:
    known = estate(api, ("=1+1", "fact"), ("fact", "@report"), ("+x", "fact"))
    reply = see(api, f"/assets/{known['fact']}/lineage?format=csv", "viewer")
    assert reply.headers["content-type"] == "text/csv; charset=utf-8"
    assert reply.headers["content-disposition"] == 'attachment; filename="lineage_fact.csv"'
    rows = list(csv.DictReader(io.StringIO(reply.text)))
    assert [(row["direction"], row["distance"], row["name"]) for row in rows] == [
        ("upstream", "1", f"{PG}/+x"),
        ("upstream", "1", f"{PG}/=1+1"),
        ("downstream", "1", f"{PG}/@report"),
    ]
    assert not any(cell.startswith(("=", "+", "-", "@")) for row in rows for cell in row.values())
    inner = see(api, f"/assets/{known['=1+1']}/lineage?format=csv&depth=5", "viewer").text
    assert [row["next_to"] for row in csv.DictReader(io.StringIO(inner))] == ["'=1+1", "fact"]


def test_the_statement_behind_an_edge(shop: Shop) -> None:
    orders, daily = shop.ids[ORDERS], shop.ids[f"{PG}/shop.public.daily"]
    graph = ask(shop.api, f"/assets/{orders}/lineage")
    (edge,) = [one for one in graph.all("edge-link") if daily in (one.get("href") or "")]
    page = ask(shop.api, edge.get("href") or "")
    text = text_of(page.text)
    assert "1 reason" in text
    assert "the definition of a view, from wh" in text
    assert '<span class="k">SELECT</span>' in page.text
    assert "100 %" in text
    assert re.search(r"id id its values 1 reason .*amount amount its values", text)
    column = next(one for one in page.links if "to_column=amount" in one)
    assert parse_qs(urlsplit(column).query)["column"] == ["amount"]
    assert "1 reason" in text_of(ask(shop.api, column).text)


def test_no_edge_is_not_found_and_says_so(shop: Shop) -> None:
    orders, daily = shop.ids[ORDERS], shop.ids[f"{PG}/shop.public.daily"]
    path = f"/assets/{orders}/lineage/evidence"
    assert see(shop.api, f"{path}?from={daily}&to={orders}").status_code == 404
    assert see(shop.api, f"{path}?from=nothing&to={orders}").status_code == 404
    assert see(shop.api, path).status_code == 404
