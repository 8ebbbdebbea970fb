"""Lineage pages: picture, list, CSV, evidence; what is cut and what is hidden; plain links."""

from __future__ import annotations

import csv
import html
import io
import re
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from itertools import pairwise
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import select

from catalog.access.expression import Equals, Everything, Expression, Not
from catalog.access.viewer import Viewer, install_policy
from catalog.history.store import table_of
from catalog.lineage.edges import EdgeKey, write_edges
from catalog.model import Asset, AssetAttribute
from catalog.naming import id_text
from tests.support.api import Api
from tests.unit.api.estate import ORDERS, PG, Shop, hidden
from tests.unit.lineage.estate import Estate
from tests.unit.pages.asking import HOSTILE, see, text_of

SVG = "{http://www.w3.org/2000/svg}"


@dataclass
class Drawn:
    """A reply. ``picture``: its SVG as a tree, or None."""

    text: str

    @property
    def picture(self) -> ElementTree.Element | None:
        found = re.search(r'<svg class="lineage".*?\n</svg>', self.text, re.DOTALL)
        if found is None:
            return None
        return ElementTree.fromstring(found[0].replace("<svg ", f'<svg xmlns="{SVG[1:-1]}" '))

    def all(self, kind: str) -> list[ElementTree.Element]:
        """Elements of the picture whose class list has a word."""
        picture = self.picture
        assert picture is not None
        return [one for one in picture.iter() if kind in (one.get("class") or "").split()]

    @property
    def cards(self) -> dict[str, ElementTree.Element]:
        """Cards by the asset's whole name."""
        return {one.findtext(f"{SVG}a/{SVG}title") or "": one for one in self.all("card")}

    @property
    def links(self) -> list[str]:
        return [html.unescape(one) for one in re.findall(r'href="([^"]*)"', self.text)]


def ask(api: Api, path: str, who: str = "viewer") -> Drawn:
    reply = see(api, path, who)
    assert reply.status_code == 200, reply.text
    return Drawn(reply.text)


def ids(api: Api) -> dict[str, str]:
    asset = table_of(Asset)
    with api.store.connect() as connection:
        rows = connection.execute(select(asset.c.name, asset.c.uid))
        return {row.name: id_text(row.uid) for row in rows}


def estate(api: Api, *pairs: tuple[str, str], **columns: list[str]) -> dict[str, str]:
    """Assets by one word, linked; ids by name."""
    with api.store.write("system") as unit:
        made = Estate(unit)
        ends = (end.partition(".")[0] for pair in pairs for end in pair)
        for name in dict.fromkeys([*columns, *ends]):
            made.asset(name, columns.get(name, []))
        made.link(*pairs)
    return ids(api)


def chain(api: Api) -> dict[str, str]:
    """raw -> stage -> fact -> report; the column x goes all the way, y to the fact only."""
    names = ("raw", "stage", "fact", "report")
    pairs = list(pairwise(names))
    flows = [(f"{one}.x", f"{other}.x") for one, other in pairs]
    flows += [("raw.y", "stage.y"), ("stage.y", "fact.y")]
    columns = {name: ["x", "y", "z", *(f"c{at}" for at in range(9))] for name in names}
    return estate(api, *pairs, *flows, **columns)


# --- the picture ----------------------------------------------------------------------------


def test_cards_stand_from_left_to_right_with_columns_and_edges(api: Api) -> None:
    known = chain(api)
    page = ask(api, f"/assets/{known['fact']}/lineage")
    cards = page.cards
    assert list(cards) == ["fact", "stage", "report", "raw"]
    moved = {name: card.get("transform") or "" for name, card in cards.items()}
    lefts = {name: float(re.findall(r"[\d.]+", text)[0]) for name, text in moved.items()}
    assert lefts["raw"] < lefts["stage"] < lefts["fact"] < lefts["report"]
    assert "is-focus" in (cards["fact"].get("class") or "")
    assert "4 assets drawn" in text_of(page.text)
    rows = {name: [one.text for one in card.iter() if one.get("class") == "col"]
            for name, card in cards.items()}  # fmt: skip
    assert rows == {"fact": ["x", "y"], "stage": ["x", "y"], "raw": ["x", "y"], "report": ["x"]}
    assert "10 more columns" in "".join(cards["fact"].itertext())
    keys = {one.get("data-col") for one in page.all("row")}
    edges = page.all("edge-col")
    assert len(edges) == 5
    assert {one.get("data-from") for one in edges} | {one.get("data-to") for one in edges} == keys
    assert not any("is-on" in (one.get("class") or "") for one in edges)
    assert len(page.all("edge-link")) == 3


def test_a_column_is_followed_and_lit(api: Api) -> None:
    known = chain(api)
    page = ask(api, f"/assets/{known['fact']}/lineage?column=y")
    assert set(page.cards) == {"raw", "stage", "fact"}
    assert all("is-on" in (one.get("class") or "") for one in page.all("row"))
    assert [one.findtext(f"{SVG}text") for one in page.all("row")] == ["y", "y", "y"]
    assert len(page.all("edge-col")) == 2
    # A column's way is followed further than assets are, unless a depth is asked for.
    short = ask(api, f"/assets/{known['report']}/lineage?column=x&depth=1")
    assert set(short.cards) == {"report", "fact"}
    assert "+1" in [one.text for one in short.all("beyond")]
    assert set(ask(api, f"/assets/{known['report']}/lineage?column=x").cards) == {
        "raw",
        "stage",
        "fact",
        "report",
    }


def test_three_steps_lead_from_the_asset_to_where_a_column_comes_from(api: Api) -> None:
    known = chain(api)
    first = ask(api, f"/assets/{known['report']}")
    path = f"/assets/{known['report']}/lineage"
    assert path in first.links
    second = ask(api, path)
    (row,) = [one for one in second.all("row") if (one.get("data-col") or "").startswith("0.")]
    assert row.get("href") == f"{path}?column=x"
    third = ask(api, row.get("href") or "")
    assert "raw" in third.cards


def test_every_control_is_a_plain_link_or_form(api: Api) -> None:
    known = chain(api)
    fact = f"/assets/{known['fact']}/lineage"
    page = ask(api, f"{fact}?direction=up&depth=1&expand={known['stage']}")
    assert set(page.cards) == {"fact", "stage"}
    form = re.search(rf'<form class="toolbar" action="{fact}">.*?</form>', page.text, re.DOTALL)
    assert form
    assert re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form[0]) == [
        ("direction", "up"),
        ("expand", known["stage"]),
    ]
    assert f"{fact}?direction=down&depth=1&expand={known['stage']}" in page.links
    assert ask(api, f"{fact}?direction=&depth=&column=&view=").cards.keys() == known.keys()


def test_a_card_opens_and_closes(api: Api) -> None:
    known = chain(api)
    fact = f"/assets/{known['fact']}/lineage"
    closed = ask(api, fact)
    opening = f"{fact}?expand={known['stage']}"
    assert opening in closed.links
    opened = ask(api, opening)
    rows = [one.text for one in opened.cards["stage"].iter() if one.get("class") == "col"]
    assert rows == ["x", "y", "z", *(f"c{at}" for at in range(9))]
    assert "fewer columns" in "".join(opened.cards["stage"].itertext())
    assert fact in [one.get("href") for one in opened.cards["stage"].iter(f"{SVG}a")]


def test_an_opened_card_has_a_limit_and_leads_to_the_columns(api: Api) -> None:
    known = estate(api, ("wide", "narrow"), wide=[f"c{at:03}" for at in range(300)])
    page = ask(api, f"/assets/{known['narrow']}/lineage?expand={known['wide']}")
    assert len([one for one in page.cards["wide"].iter() if one.get("class") == "col"]) == 200
    assert "100 more columns" in "".join(page.cards["wide"].itertext())
    assert f"/assets/{known['wide']}/columns" in page.links


def test_what_is_not_drawn_is_counted_and_leads_on(api: Api) -> None:
    known = estate(api, *(("hub", f"t{at:02}") for at in range(30)), ("t00", "u"), ("u", "v"))
    hub = f"/assets/{known['hub']}/lineage"
    page = ask(api, hub)
    assert "14 of 33 assets drawn" in text_of(page.text)
    assert "+18 more" in text_of(page.text)
    assert f"{hub}?fan=50" in page.links
    assert "+1" in [one.text for one in page.all("beyond")]
    assert f"/assets/{known['u']}/lineage" in page.links
    wider = ask(api, f"{hub}?fan=50")
    assert "32 of 33 assets drawn" in text_of(wider.text)
    assert "+18" not in text_of(wider.text)
    assert "33 assets drawn" in text_of(ask(api, f"{hub}?fan=50&depth=3").text)
    # A hub among others is put in focus instead.
    inner = ask(api, f"/assets/{known['v']}/lineage?depth=100&direction=both")
    assert set(inner.cards) == {"v", "u", "t00", "hub"}


def test_a_hub_of_hundreds_leads_to_its_list(api: Api) -> None:
    known = estate(api, *(("hub", f"t{at:03}") for at in range(230)))
    hub = f"/assets/{known['hub']}/lineage"
    page = ask(api, f"{hub}?fan=150")
    assert "151 of 231 assets drawn" in text_of(page.text)
    (link,) = [one for one in page.links if "direction=down&depth=1&" in one]
    listed = ask(api, link)
    assert "230 assets, 100 on this page" in text_of(listed.text)
    assert "t099" in text_of(listed.text)
    assert "t100" not in text_of(listed.text)
    (following,) = {one for one in listed.links if "page=2" in one}
    assert "t100" in text_of(ask(api, following).text)
    last = ask(api, following.replace("page=2", "page=3"))
    assert "t229" in text_of(last.text)
    assert "Next page" not in last.text


def test_a_large_graph_shows_columns_of_the_focus_only(api: Api) -> None:
    fans = [("hub", f"t{at:02}") for at in range(70)]
    known = estate(
        api, *fans, ("hub.x", "t00.x"), hub=["x"], **{f"t{at:02}": ["x"] for at in range(70)}
    )
    page = ask(api, f"/assets/{known['hub']}/lineage?fan=150")
    assert len(page.all("row")) == 1
    assert "1 column" in "".join(page.cards["t01"].itertext())


def test_cycles_are_drawn(api: Api) -> None:
    known = estate(api, ("a", "b"), ("b", "c"), ("c", "a"), ("c", "d"))
    page = ask(api, f"/assets/{known['a']}/lineage?depth=100")
    assert set(page.cards) == {"a", "b", "c", "d"}
    assert len(page.all("edge-link")) == 4
    assert ask(api, f"/assets/{known['a']}/lineage?view=list&depth=100")


def test_very_many_edges_are_one_line_and_the_list_gives_their_reasons(api: Api) -> None:
    """A link for each of thousands of edges would be most of the page."""
    left, right = [f"l{at:02}" for at in range(18)], [f"r{at:02}" for at in range(18)]
    pairs = [(one, other) for one in left for other in right]
    pairs += [("first", one) for one in left]
    known = estate(api, *pairs)
    page = ask(api, f"/assets/{known['first']}/lineage?depth=3&fan=150")
    assert len(page.cards) == 37
    assert page.all("edge-link") == []
    (drawn,) = page.all("edge")
    assert drawn.get("d", "").count("M") == len(pairs) == 342
    assert any("view=list" in one for one in page.links)
    reasons = ask(api, f"/assets/{known['first']}/lineage?view=list&depth=1")
    assert any("/lineage/evidence?" in one for one in reasons.links)


def test_a_job_is_a_round_node_over_the_card_that_it_writes(api: Api) -> None:
    with api.store.write("system") as unit:
        made = Estate(unit)
        for name in ("a", "b", "c"):
            made.asset(name)
        job = made.asset("build_marts", asset_class="job", kind="job")
        keys = made.keys
        write_edges(unit, 1, {EdgeKey(keys["a"], 0, keys["c"], 0, via=job): 1.0})
        write_edges(unit, 2, {EdgeKey(keys["b"], 0, keys["c"], 0, via=job): 1.0})
        write_edges(unit, 3, {EdgeKey(keys["b"], 0, keys["c"], 0): 1.0})
    known = ids(api)
    page = ask(api, f"/assets/{known['c']}/lineage")
    assert len(page.all("job-box")) == 1
    assert [one.text for one in page.all("job")] == ["build_marts"]
    assert f"/assets/{known['build_marts']}" in page.links
    assert len(page.all("edge-link")) == 3
    assert "build_marts" in text_of(ask(api, f"/assets/{known['c']}/lineage?view=list").text)


def test_flags_and_states_are_badges(api: Api) -> None:
    with api.store.write("system") as unit:
        made = Estate(unit)
        made.asset("a", flag="endorsed")
        made.asset("b", state="referenced", flag="deprecated")
        made.asset("c")
        made.link(("a", "c"), ("b", "c"))
    page = ask(api, f"/assets/{ids(api)['c']}/lineage")
    assert [one.get("aria-label") for one in page.all("icon-ok")] == ["endorsed"]
    assert [one.get("aria-label") for one in page.all("icon-bad")] == ["deprecated"]
    assert "is-referenced" in (page.cards["b"].get("class") or "")
    assert "referenced" in "".join(page.cards["b"].itertext())


def test_an_asset_without_lineage_says_what_would_fill_it(api: Api) -> None:
    known = estate(api, alone=["x"])
    page = ask(api, f"/assets/{known['alone']}/lineage")
    assert page.picture is None
    assert "No lineage yet" in text_of(page.text)
    column = ask(api, f"/assets/{known['alone']}/lineage?column=x")
    assert "No lineage of this column" in text_of(column.text)


# --- list and CSV ---------------------------------------------------------------------------


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


# --- evidence -------------------------------------------------------------------------------


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


# --- wrong, hostile, hidden -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("depth=0", 400),
        ("depth=101", 400),
        ("depth=x", 400),
        ("depth=²", 400),
        ("direction=left", 400),
        ("column=nope", 404),
        ("more=1", 400),
        ("fan=100000", 200),
        ("expand=nonsense,,", 200),
        ("view=list&page=99", 200),
    ],
)
def test_wrong_addresses(api: Api, query: str, status: int) -> None:
    known = chain(api)
    assert see(api, f"/assets/{known['fact']}/lineage?{query}", "viewer").status_code == status


def test_nobody_gets_in_without_signing_in(api: Api) -> None:
    known = chain(api)
    reply = api.client.get(
        f"/assets/{known['fact']}/lineage", headers={"accept": "text/html"}, follow_redirects=False
    )
    assert reply.status_code == 303
    assert reply.headers["location"].startswith("/login")


def test_hostile_names_are_inert(api: Api) -> None:
    quote = '" onload="alert(1)'
    with api.store.write("system") as unit:
        made = Estate(unit)
        names = (HOSTILE, quote, "end")
        for name in names:
            made.asset(name, [HOSTILE, quote])
        job = made.asset("<b>job</b>", asset_class="job", kind="job")
        keys = made.keys
        for at, (one, other) in enumerate([(0, 2), (1, 2)]):
            source, target = keys[names[one]], keys[names[other]]
            edges = {EdgeKey(source, 0, target, 0, via=job): 1.0}
            edges |= {EdgeKey(source, number, target, number): 1.0 for number in (1, 2)}
            write_edges(unit, at + 1, edges)
    known = ids(api)
    home = f"/assets/{known['end']}/lineage"
    for query in ("", "?view=list", "?column=%22+onload%3D%22alert(1)", "?depth=1"):
        page = ask(api, home + query)
        assert "<script>alert" not in page.text
        assert 'onload="alert' not in page.text
        assert "<b>job" not in page.text
    edge = ask(api, f"{home}/evidence?from={known[HOSTILE]}&to={known['end']}")
    assert "<script>alert" not in edge.text
    assert set(ask(api, home).cards) == set(names)


def test_what_is_hidden_is_nowhere(shop: Shop) -> None:
    orders = shop.ids[ORDERS]
    spy = shop.ids[f"{PG}/zanzibar.public.spy"]
    home = f"/assets/{orders}/lineage"
    paths = (
        home,
        f"{home}?view=list",
        f"{home}?format=csv",
        f"{home}?column=id",
        f"{home}?expand={spy}",
    )
    for path in paths:
        assert "spy" in see(shop.api, path, "admin").text
    with hidden():
        for path in paths:
            text = see(shop.api, path, "viewer").text
            assert "spy" not in text
            assert "zanzibar" not in text
            assert spy not in text.replace(path, "").replace(f"expand={spy}", "").replace(
                f'value="{spy}"', ""
            )
        assert see(shop.api, f"/assets/{spy}/lineage", "viewer").status_code == 404
        edge = f"{home}/evidence?from={orders}&to={spy}"
        assert see(shop.api, edge, "viewer").status_code == 404
        assert see(shop.api, edge, "admin").status_code == 200


def test_hidden_assets_are_not_counted(api: Api) -> None:
    known = estate(api, *(("hub", f"t{at:02}") for at in range(20)))

    def policy(viewer: Viewer) -> Expression:
        return Everything() if viewer.role == "admin" else Not(Equals("name", "t19"))

    before = install_policy(policy)
    try:
        assert "13 of 20 assets" in text_of(ask(api, f"/assets/{known['hub']}/lineage").text)
        seen: Any = ask(api, f"/assets/{known['hub']}/lineage", "admin")
    finally:
        install_policy(before)
    assert "13 of 21 assets" in text_of(seen.text)


def test_a_picture_takes_more_cards_when_asked(api: Api) -> None:
    pairs = [("hub", f"t{at:03}") for at in range(100)]
    pairs += [(f"t{at:03}", f"u{at:03}") for at in range(100)]
    pairs += [(f"u{at:03}", f"v{at:03}") for at in range(100)]
    hub = f"/assets/{estate(api, *pairs)['hub']}/lineage?depth=100"
    page = ask(api, f"{hub}&fan=150")
    assert "200 of 301 assets drawn, draw more" in text_of(page.text)
    (more,) = [one for one in page.links if "nodes=500" in one]
    assert "301 assets drawn" in text_of(ask(api, more).text)
    assert len(ask(api, f"{hub}&fan=150&nodes=100000").all("card")) == 301
