"""The page of activity: filters, pages, and never more than the viewer may see."""

from __future__ import annotations

import html
import re

from tests.unit.api.estate import ORDERS, PG, SECRET, Shop, hidden
from tests.unit.pages.asking import HOSTILE, see, text_of


def describe(shop: Shop, text: str, who: str = "editor") -> None:
    done = shop.patch(f"/assets/{shop.ids[ORDERS]}/facts", {"description": text}, who)
    assert done.status_code == 200, done.text


def test_what_a_person_wrote_is_told_with_old_and_new(shop: Shop) -> None:
    describe(shop, "First.")
    describe(shop, HOSTILE)
    page = see(shop.api, "/activity", "viewer")
    assert page.status_code == 200
    assert "The token editor's rewrote the description of" in text_of(page.text)
    assert "<del>First.</del>" in page.text
    assert HOSTILE not in page.text
    assert html.escape(HOSTILE).split("&#34;")[0].split("&quot;")[0] in page.text


def test_filters_narrow_it(shop: Shop) -> None:
    describe(shop, "One row per order.")
    people = text_of(see(shop.api, "/activity?only=people", "viewer").text)
    assert "The token editor's described" in people
    assert "A crawl found" not in people
    assert "A crawl found" in text_of(see(shop.api, "/activity?source=lake").text)
    assert "The token editor's described" not in text_of(
        see(shop.api, "/activity?source=lake").text
    )
    assert "The token editor's described" in text_of(
        see(shop.api, "/activity?who=editor%40example.com").text
    )
    assert "The token editor's described" not in text_of(
        see(shop.api, "/activity?who=steward").text
    )
    written = text_of(see(shop.api, "/activity?what=written&kind=table").text)
    assert "The token editor's described" in written
    assert "A crawl" not in written
    assert "fits these filters" in see(shop.api, "/activity?kind=dashboard").text


def test_it_is_paged_by_keys(shop: Shop) -> None:
    for at in range(65):
        describe(shop, f"Text {at}.")
    first = see(shop.api, "/activity?only=people&what=written").text
    assert "Text 64." in first
    assert "“Text 4.”" not in first
    following = re.search(r'rel="next" href="([^"]+)"', first)
    assert following is not None
    second = see(shop.api, html.unescape(following[1])).text
    assert "“Text 4.”" in second
    assert "“Text 64.”" not in second


def test_users_and_sources_are_the_admins_matter(shop: Shop) -> None:
    assert "login" not in text_of(see(shop.api, "/activity?what=people", "viewer").text)
    told = text_of(see(shop.api, "/activity?what=people", "admin").text)
    assert "root added user editor as editor" in told
    assert "Users, teams and tokens" not in see(shop.api, "/activity", "steward").text


def test_what_is_hidden_is_not_told(shop: Shop) -> None:
    assert SECRET in see(shop.api, "/activity", "admin").text
    with hidden():
        for path in ("/activity", "/activity?source=zanzib%61r", "/activity?kind=view"):
            page = see(shop.api, path, "viewer").text.replace('value="zanzibar"', "")
            assert SECRET not in page.replace(f"source={SECRET}", ""), path
            assert not {uid for uid in shop.secrets if uid in page}, path


def test_a_crawl_that_one_does_not_know_of_is_no_link(shop: Shop) -> None:
    """A crawl of the hidden source noted a reference to what everybody sees."""
    secret = shop.get("/crawls", "admin", source=SECRET).json()["items"][0]["id"]
    database = shop.ids[f"{PG}/shop"]
    paths = ("/activity", f"/assets/{database}/crawls")
    for path in paths:
        assert f'href="/crawls/{secret}"' in see(shop.api, path, "viewer").text, path
    with hidden():
        for path in paths:
            page = see(shop.api, path, "viewer")
            assert (page.status_code, secret in page.text) == (200, False), path
            assert 'href="/crawls/' in page.text, path  # of others there are links
