"""Lineage pages asked wrongly: odd addresses, hostile names, what is hidden."""

from __future__ import annotations

from typing import Any

import pytest

from catalog.access.expression import Equals, Everything, Expression, Not
from catalog.access.viewer import Viewer, install_policy
from catalog.lineage.edges import EdgeKey, write_edges
from tests.support.api import Api
from tests.unit.api.estate import ORDERS, PG, Shop, hidden
from tests.unit.lineage.estate import Estate
from tests.unit.pages.asking import HOSTILE, see, text_of
from tests.unit.pages.drawn import ask, chain, estate, ids


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
