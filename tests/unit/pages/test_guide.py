"""docs/pages.md says what is so: its addresses, keys, fields and queries exist."""

from __future__ import annotations

import re
from pathlib import Path

from catalog.search.language import FIELDS, parse
from catalog.settings import shipped
from tests.support.api import Api
from tests.unit.api.route_table import routes
from tests.unit.pages.asking import see

GUIDE = (Path(__file__).resolve().parents[3] / "docs" / "pages.md").read_text(encoding="utf-8")
# Pieces of pages, and steps within a page that the guide names.
PARTS = {
    "/admin", "/admin/users/{login}", "/assets/{id}/copy", "/assets/{id}/lineage/evidence",
    "/crawls/{crawl}/live", "/login/{secret}", "/search/preview", "/search/suggest",
    "/sources/{source}/edit", "/sources/{source}/move", "/sources/{source}/remove",
}  # fmt: skip


def section(title: str) -> str:
    return GUIDE.split(f"## {title}\n", 1)[1].split("\n## ", 1)[0]


def rows(title: str) -> list[list[str]]:
    """The cells of a section's table, without its head."""
    lines = [line for line in section(title).splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_every_page_stands_there_and_every_address_is_a_page(api: Api) -> None:
    named = {row[1].strip("`") for row in rows("What pages there are")}
    served = {
        name.removeprefix("GET ")
        for name in routes(api)
        if name.startswith("GET ") and not name.startswith("GET /api/v1")
    }
    assert named == served - PARTS
    assert served >= PARTS


def test_who_a_page_is_for_is_so(api: Api) -> None:
    for row in rows("What pages there are"):
        address = row[1].strip("`")
        if "{" in address:
            continue
        status = see(api, address, "viewer").status_code
        assert (status == 403) == row[2].endswith("(admins)"), (address, status)


def test_the_keys_are_those_of_the_module_and_of_the_panel(api: Api) -> None:
    module = (shipped("web") / "static" / "js" / "keys.js").read_text(encoding="utf-8")
    panel = see(api, "/", "viewer").text
    for row in rows("Keys"):
        for key in re.findall(r"`([^`]+)`", row[0]):
            last = key[-1]
            quoted = f'event.key === "{last}"' in module
            place = re.search(rf'\b{re.escape(last)}: "(/\w*)"', module)
            assert quoted or (key.startswith("g ") and place), key
            assert f"<kbd>{last}</kbd>" in panel, key


def test_every_query_is_understood_and_the_fields_are_all() -> None:
    for row in rows("What can be searched for"):
        (query,) = re.findall(r"`([^`]+)`", row[0])
        assert parse(query).parts, query
    fields = section("What can be searched for").split("Fields:")[1]
    assert tuple(re.findall(r"`(\w+)`", fields)) == FIELDS
    assert parse("NOT draft") == parse("-draft")
