"""The picture of lineage: cards, columns and edges, what is cut, plain links."""

from __future__ import annotations

import re

from catalog.lineage.edges import EdgeKey, write_edges
from tests.support.api import Api
from tests.unit.lineage.estate import Estate
from tests.unit.pages.asking import text_of
from tests.unit.pages.drawn import SVG, ask, chain, estate, ids


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
