"""How every page looks: no finding of axe in either theme, no sideways scroll on a phone, no
shifting, nothing loaded from elsewhere. The pictures go to build/screenshots."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.browser.places import places
from tests.support.browser import Site, Visit

SHOTS = Path("build") / "screenshots"
NAMES = (
    "home", "search", "search-filtered", "search-empty", "browse", "container", "asset",
    "asset-view", "asset-dataset", "columns", "column", "copy", "files", "edit", "edit-column",
    "lineage", "lineage-column", "lineage-list", "history", "asset-crawls", "sources",
    "source-new", "source-new-form", "source", "source-edit", "source-move", "source-remove",
    "holds", "problems", "crawl", "activity", "account", "admin-users", "admin-user",
    "admin-tokens", "admin-settings", "admin-health", "reference", "evidence",
)  # fmt: skip
SHIFT = """() => new Promise(done => {
  let sum = 0;
  new PerformanceObserver(list => {
    for (const entry of list.getEntries()) if (!entry.hadRecentInput) sum += entry.value;
  }).observe({ type: "layout-shift", buffered: true });
  setTimeout(() => done(sum), 150);
})"""


@pytest.fixture(scope="session")
def paths(site: Site) -> dict[str, str]:
    """Where each page is."""
    return places(site)


def test_every_page_is_looked_at(paths: dict[str, str]) -> None:
    assert set(paths) == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_page_in_both_themes(visit: Visit, paths: dict[str, str], name: str) -> None:
    page = visit(paths[name])
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)
        page.screenshot(path=SHOTS / f"{name}-{theme}.png")
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
    assert page.evaluate(SHIFT) < 0.05
    assert_in_view(page)


@pytest.mark.parametrize("name", NAMES)
def test_a_page_on_a_phone(visit: Visit, paths: dict[str, str], name: str) -> None:
    page = visit(paths[name], width=390)
    page.screenshot(path=SHOTS / f"{name}-narrow.png", full_page=True)
    assert_in_view(page)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_pages_of_who_is_not_signed_in(visit: Visit, theme: str) -> None:
    for path, status in (("/login", 200), ("/login/wrong", 401)):
        page = visit(path, role=None, theme=theme, expect=status)
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
    lost = visit("/assets/nothing", theme=theme, expect=404)
    lost.screenshot(path=SHOTS / f"lost-{theme}.png")
    found = Axe().run(lost)
    assert found.violations_count == 0, found.generate_report()


def assert_in_view(page: Any) -> None:
    """The page itself never scrolls sideways."""
    wide, inner = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
    assert wide <= inner, f"{page.url} is {wide} px wide in a window of {inner}"


def test_without_scripts_nothing_is_shown_that_needs_them(
    visit: Visit, paths: dict[str, str]
) -> None:
    """A button that does nothing is worse than none."""
    for name in ("asset", "column", "copy", "source", "lineage"):
        page = visit(paths[name], js=False)
        assert page.locator("[hidden]").count() > 0 or name in ("source", "lineage"), name
        for one in page.locator("[hidden]").all():
            assert not one.is_visible(), name
