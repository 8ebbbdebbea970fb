"""The generated reference is what the code says, and what texts mention exists."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import pytest
import typer

from catalog.cli.main import build
from catalog.testing import docs

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
SOURCES = sorted([*(ROOT / "catalog").rglob("*.py"), *(ROOT / "crawlers").rglob("*.py")])


@pytest.mark.parametrize("name", docs.PAGES)
def test_the_committed_page_is_the_generated_one(name: str) -> None:
    committed = (docs.folder() / f"{name}.md").read_text(encoding="utf-8")
    assert committed == docs.page(name), "run `make docs`"


def test_nothing_else_lies_among_the_generated_pages() -> None:
    assert {path.stem for path in docs.folder().iterdir()} == set(docs.PAGES)


def test_the_readme_lists_every_setting() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert docs.readme(text) == text, "run `make docs`"
    assert "`CATALOG_HOME`" in text


def test_pages_tell_nothing_of_a_machine() -> None:
    told = (str(ROOT), str(Path.home()), sys.prefix, str(Path(sys.executable).resolve().parent))
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        assert not [one for one in told if len(one) > 5 and one in text], page


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", text):
        if "://" not in target:
            assert (page.parent / target).exists(), target


def names_of(group: Any) -> dict[str, Any]:
    return {
        name: names_of(command) if hasattr(command, "commands") else None
        for name, command in group.commands.items()
    }


COMMANDS = names_of(typer.main.get_command(build()))
# `catalog crawl NAME`, "Run catalog db upgrade": what stands in backticks, or begins a sentence.
MENTION = re.compile(r"(?:`|Run |run |remedy=\")catalog ([a-z][a-z-]*)(?: ([a-z][a-z-]*))?")


def unknown(text: str) -> list[str]:
    found = []
    for first, second in MENTION.findall(text):
        below = COMMANDS.get(first, "unknown")
        if below == "unknown" or (isinstance(below, dict) and second and second not in below):
            found.append(f"catalog {first} {second}".strip())
    return found


def test_the_check_of_mentions_finds_what_is_not_there() -> None:
    assert unknown('remedy="catalog person list"') == ["catalog person list"]
    assert unknown("Run `catalog source addd x`") == ["catalog source addd"]
    assert unknown("`catalog source add KIND`, `catalog crawl shop`") == []


@pytest.mark.parametrize("kind", ["pages", "code"])
def test_every_command_that_is_mentioned_exists(kind: str) -> None:
    wrong = {
        f"{path.relative_to(ROOT)}: {one}"
        for path in (PAGES if kind == "pages" else SOURCES)
        for one in unknown(path.read_text(encoding="utf-8"))
    }
    assert not wrong


def test_every_page_of_settings_names_the_variable() -> None:
    rows = docs.settings_rows()
    assert all(description.endswith(".") for _, _, description in rows)
