"""The first minutes: signing in by link and by password, out again, one's account."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.browser import Site, Visit

SENTENCE = "correct horse battery staple"


@pytest.mark.parametrize("js", [True, False])
def test_a_link_signs_in_once(site: Site, visit: Visit, js: bool) -> None:
    path = site.cli("login-link", "viewer").removeprefix(site.url)
    page = visit(path, role=None, js=js)
    assert page.get_by_role("heading", name="What data do you need?").is_visible()
    again = visit(path, role=None, js=js, expect=401)
    assert "catalog login-link" in again.content()
    assert "used already" in again.get_by_role("alert").inner_text()


def test_a_page_asks_to_sign_in_and_leads_back(site: Site, visit: Visit) -> None:
    page = visit("/account?", role=None, js=False)
    assert page.url.startswith(f"{site.url}/login?next=")
    site.api("/api/v1/users", "POST", {"login": "nina", "password": SENTENCE})
    page.get_by_role("textbox", name="Name").fill("nina")
    page.get_by_role("textbox", name="Password").fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    assert page.get_by_role("alert").is_visible()
    assert page.get_by_role("textbox", name="Name").input_value() == "nina"
    page.get_by_role("textbox", name="Password").fill(SENTENCE)
    page.get_by_role("button", name="Sign in").click()
    assert page.url.startswith(f"{site.url}/account")
    open_menu(page)
    page.get_by_role("button", name="Sign out").click()
    assert page.get_by_role("heading", name="Sign in").is_visible()


@pytest.mark.parametrize("js", [True, False])
def test_theme_and_zone_are_kept(visit: Visit, js: bool) -> None:
    page = visit("/account", role="steward", js=js)
    page.get_by_label("Theme").select_option("dark")
    page.get_by_label("Time zone").select_option("Asia/Tokyo")
    page.get_by_role("button", name="Save").click()
    assert page.locator("html").get_attribute("data-theme") == "dark"
    assert page.get_by_label("Time zone").input_value() == "Asia/Tokyo"
    page.get_by_label("Theme").select_option("")
    page.get_by_label("Time zone").select_option("")
    page.get_by_role("button", name="Save").click()
    assert page.locator("html").get_attribute("data-theme") is None


def test_a_token_is_shown_once(visit: Visit) -> None:
    page = visit("/account", role="editor", js=False)
    page.get_by_label("Name of a new token").fill("nightly")
    page.get_by_role("button", name="Make a token").click()
    assert "cat_" in page.get_by_role("status").inner_text()
    page.goto(page.url.split("/account")[0] + "/account")
    assert "shown only now" not in page.content()
    page.get_by_role("button", name="Revoke the token nightly").click()
    assert "is revoked" in page.content()


def test_the_readers_zone_is_that_of_the_browser(visit: Visit) -> None:
    page = visit("/", zone="Asia/Tokyo")
    page.reload()
    cookies = {one["name"]: one["value"] for one in page.context.cookies()}
    assert cookies["catalog_zone"] == "Asia/Tokyo"


def open_menu(page: Any) -> None:
    page.locator("summary.topbar-me").click()
