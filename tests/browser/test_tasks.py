"""What a newcomer comes for, in as many steps as promised. A step is a click, or a form sent."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.support.browser import Site, Visit

FLIGHTS = "warehouse.flights.marts.flights"


class Steps:
    """Counts what is clicked and sent on a page."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.count = 0

    def click(self, target: Any) -> None:
        """One step."""
        self.count += 1
        target.click()
        self.page.wait_for_load_state()

    def send(self, target: Any) -> None:
        """One step: Enter in a field."""
        self.count += 1
        target.press("Enter")
        self.page.wait_for_load_state()


@pytest.mark.parametrize("js", [True, False])
def test_find_the_right_flights_table(visit: Visit, js: bool) -> None:
    """Five look-alikes have the name: the first hit is the one to use, and says so."""
    steps = Steps(visit("/", role="viewer", js=js))
    box = steps.page.get_by_role("searchbox" if not js else "combobox")
    box.fill("flights")
    steps.send(box)
    first = steps.page.locator(".hit").first
    assert "The table to use for analysis" in first.inner_text()
    steps.click(first.locator("h2 a"))
    assert steps.page.get_by_role("heading", name="flights", exact=True, level=1).is_visible()
    assert "marts" in steps.page.get_by_role("navigation", name="Where it lives").inner_text()
    assert steps.count <= 2


@pytest.mark.parametrize("js", [True, False])
def test_see_where_a_column_comes_from(site: Site, visit: Visit, js: bool) -> None:
    steps = Steps(visit(f"/assets/{site.asset(FLIGHTS)}", role="viewer", js=js))
    steps.click(steps.page.get_by_role("link", name="arr_delay").first)
    main = steps.page.locator("main").inner_text()
    assert "staging" in main
    assert steps.count <= 3


@pytest.mark.parametrize("js", [True, False])
def test_add_a_source_and_see_its_tables(visit: Visit, tmp_path: Path, js: bool) -> None:
    path = tmp_path / f"shop{js:d}.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE parcels (parcel_id INTEGER PRIMARY KEY)")
    steps = Steps(visit("/sources", js=js))
    page = steps.page
    steps.click(page.get_by_role("link", name="Add a source"))
    steps.click(page.get_by_role("link", name="SQLite").first)
    page.get_by_label("Path", exact=False).first.fill(str(path))
    steps.click(page.get_by_role("button", name="Add and crawl"))
    for _ in range(60):
        if "parcels" in page.locator("main").inner_text():
            break
        page.wait_for_timeout(500)
        if not js:
            page.reload()
    assert page.get_by_role("link", name="parcels").first.is_visible()
    assert steps.count <= 4


@pytest.mark.parametrize("js", [True, False])
def test_describe_a_column(site: Site, visit: Visit, js: bool) -> None:
    column = "tailnum" if js else "origin"
    asset = site.asset("warehouse.flights.sandbox.flights")
    steps = Steps(visit(f"/assets/{asset}/columns", role="editor", js=js))
    page = steps.page
    steps.click(page.get_by_role("row", name=column).get_by_role("link", name="Describe").first)
    box = page.get_by_role("textbox", name="Description")
    box.wait_for()
    box.fill("Written by a newcomer.")
    steps.click(page.get_by_role("button", name="Save").first)
    page.get_by_text("Written by a newcomer.").first.wait_for()
    columns = site.api(f"/api/v1/assets/{asset}/columns?text={column}")["items"]
    assert columns[0]["description"] == "Written by a newcomer."
    assert steps.count == 2


def test_by_keys_alone(visit: Visit) -> None:
    """Search, step through the hits, open, go home, ask for help: no mouse."""
    page = visit("/activity", role="viewer")
    page.keyboard.press("/")
    page.keyboard.type("flights delay")
    page.keyboard.press("Enter")
    page.wait_for_url("**/search?**")
    page.locator("h1").click()
    page.keyboard.press("j")
    page.keyboard.press("j")
    wanted = page.evaluate("document.activeElement.getAttribute('href')")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{wanted.split('?')[0]}*")
    page.keyboard.press("?")
    assert page.locator("#help").is_visible()
    page.keyboard.press("Escape")
    assert not page.locator("#help").is_visible()
    page.keyboard.press("g")
    page.keyboard.press("h")
    page.wait_for_url("**/")
    assert page.evaluate("document.activeElement.id") == "q"
