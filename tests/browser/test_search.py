"""Searching in a browser: the right table in two steps, results that follow, keys, no scripts."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.browser import Site, Visit

FACT = "warehouse.flights.marts.flights"
HEAD = "#results h1"


def test_the_right_flights_table_is_two_steps_from_home(site: Site, visit: Visit) -> None:
    page = visit("/")
    page.keyboard.type("flights")  # the box has the focus
    option = page.get_by_role("option").first
    option.wait_for()
    assert "warehouse / flights / marts" in option.inner_text()
    option.click()
    page.wait_for_url(f"{site.url}/assets/{site.asset(FACT)}")


def test_results_follow_words_facets_and_order(visit: Visit) -> None:
    page = visit("/search?q=flights")
    page.evaluate("window.kept = true")
    page.get_by_role("checkbox", name="View").check()
    page.wait_for_url("**q=flights&kind=view")
    assert page.get_by_role("checkbox", name="View").is_checked()
    assert page.evaluate("document.activeElement.value") == "view"  # the focus stays
    page.locator("#sort").select_option("name")
    page.wait_for_url("**&sort=name")
    page.locator("#q").fill("flights del")  # still being typed
    page.wait_for_url("**q=flights+del&**")
    assert "Nothing has all" not in page.locator(".hits").inner_text()
    assert page.locator(".hit mark").count()
    page.get_by_role("link", name="Remove the filter Kind is View").click()
    page.wait_for_url(lambda url: "kind" not in url)
    assert page.evaluate("window.kept")  # the page was never left


def test_back_goes_to_the_state_before(visit: Visit) -> None:
    page = visit("/search?q=flights")
    before = page.locator(HEAD).inner_text()
    page.get_by_role("checkbox", name="View").check()
    page.wait_for_url("**kind=view")
    page.go_back()
    page.get_by_role("heading", name=before, exact=True).wait_for()
    assert not page.get_by_role("checkbox", name="View").is_checked()


def test_keys_walk_the_hits_and_the_preview_follows(visit: Visit) -> None:
    page = visit("/search?q=flights")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.wait_for_url("**&preview=*")
    chosen = page.locator(".hit").nth(1)
    assert "is-current" in (chosen.get_attribute("class") or "")
    heading = page.locator("#preview h2").inner_text()
    assert heading == chosen.locator("h2").inner_text()
    page.reload()  # the state is in the address
    assert page.locator("#preview h2").inner_text() == heading
    opened = page.locator(".hit h2 a").nth(1)
    target = opened.get_attribute("href")
    opened.focus()
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{target}")


@pytest.mark.parametrize("js", [True, False])
def test_pages_of_results(visit: Visit, js: bool) -> None:
    page = visit("/search?q=flights", js=js)
    page.get_by_role("link", name="Next page").click()
    page.wait_for_url("**page=2")
    page.get_by_text("21 to", exact=False).wait_for()
    page.get_by_role("link", name="Previous").click()
    page.wait_for_url(lambda url: "page=" not in url)


def test_without_scripts_everything_is_a_form(visit: Visit) -> None:
    page = visit("/search?q=flights", js=False)
    page.get_by_role("checkbox", name="View").check()
    page.get_by_role("button", name="Apply filters").click()
    assert "kind=view" in page.url
    page.locator("#sort").select_option("name")
    page.get_by_role("button", name="Sort").click()
    assert shown(page) == sorted(shown(page))
    assert "kind=view" in page.url
    page.locator("#q").fill("delay")
    page.locator("#q").press("Enter")
    assert "q=delay" in page.url
    assert "kind=view" in page.url


def shown(page: Any) -> list[str]:
    """Labels of the hits."""
    return [one.inner_text() for one in page.locator(".hit h2").all()]


def test_browse_leads_to_a_table_and_narrows_by_name(site: Site, visit: Visit) -> None:
    page = visit("/browse", js=False)
    for name in ("flights", "marts"):
        page.locator("main").get_by_role("link", name=name, exact=True).first.click()
    page.get_by_label("Name of something inside").fill("DELAY")
    page.get_by_label("Name of something inside").press("Enter")
    assert page.get_by_role("link", name="daily_delays").is_visible()
    assert page.get_by_role("link", name="airlines").count() == 0
    page.get_by_role("link", name="Clear").click()
    page.get_by_role("link", name="flights", exact=True).last.click()
    assert page.url == f"{site.url}/assets/{site.asset(FACT)}"
