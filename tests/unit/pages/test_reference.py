"""The API reference in the frame, and the pages for errors."""

from __future__ import annotations

import gzip
import re

import pytest

from catalog.assets import changes
from tests.support.api import Api
from tests.unit.api.estate import Shop, hidden
from tests.unit.pages.asking import see, text_of


def test_every_link_inside_leads_somewhere_and_every_type_is_there(api: Api) -> None:
    page = see(api, "/api/reference", "viewer").text
    ids = re.findall(r' id="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    inside = set(re.findall(r'href="#([^"]+)"', page))
    assert inside <= set(ids)
    described = api.get("/api/v1/openapi.json").json()
    for name in described["components"]["schemas"]:
        assert f"schema-{name}" in ids
    for methods in described["paths"].values():
        for operation in methods.values():
            assert operation["operationId"] in ids


def test_it_is_small(api: Api) -> None:
    page = see(api, "/api/reference", "viewer")
    assert len(gzip.compress(page.content, 5)) < 60_000
    assert "Needs role viewer" in page.text


def test_it_asks_a_browser_to_sign_in(api: Api) -> None:
    answer = api.client.get(
        "/api/reference", headers={"accept": "text/html"}, follow_redirects=False
    )
    assert answer.headers["location"] == "/login?next=%2Fapi%2Freference"
    assert api.get("/api/reference", api.token("lineage")).status_code == 200


def test_a_shared_link_tells_whom_to_ask_and_not_whether_it_exists(shop: Shop) -> None:
    there = sorted(shop.secrets)[0]
    nowhere = there[:-1] + ("0" if there[-1] != "0" else "1")
    with hidden():
        pages = [see(shop.api, f"/assets/{uid}", "viewer") for uid in (there, nowhere)]
    assert [one.status_code for one in pages] == [404, 404]
    told = [one.text.replace(there, "ID").replace(nowhere, "ID") for one in pages]
    assert told[0] == told[1]
    assert "Whom to ask" in told[0]
    assert "admin" in text_of(told[0])


def test_a_fault_is_a_page_with_its_number(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_args: object, **_more: object) -> None:
        raise RuntimeError("secret inside")

    monkeypatch.setattr(changes, "feed", fail)
    answer = see(api, "/activity", "viewer")
    assert answer.status_code == 500
    text = text_of(answer.text)
    assert "The catalog failed" in text
    assert re.search(r"noted in its log as [0-9a-f]{8}", text)
    assert "secret inside" not in text
    assert answer.headers["content-security-policy"]


def test_a_form_that_is_forbidden_is_a_page(api: Api) -> None:
    answer = see(api, "/admin/users", "viewer")
    assert answer.status_code == 403
    assert "needs the role admin" in answer.text
