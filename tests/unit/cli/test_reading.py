"""Commands that read: what they say, and what they say when there is nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.cli.conftest import Estate, Run


def test_search_has_the_form_that_others_rely_on(home: Path, run: Run) -> None:
    found = run("search", "orders", "--json").json
    assert list(found)[:2] == ["items", "total"]
    assert found["total"] == len(found["items"]) == 3
    assert {one["name"].rpartition("/")[2] for one in found["items"]} >= {"shop.main.orders"}


def test_search_filters_counts_and_pages(home: Path, run: Run) -> None:
    found = run("search", "-f", "kind=table", "--facet", "kind", "-n", "1", "--json").json
    assert (found["total"], len(found["items"]), found["next"]) == (2, 1, 1)
    assert {one["value"] for one in found["facets"]["kind"]} >= {"table", "view"}
    again = run("search", "-f", "kind=table", "-n", "1", "--offset", "1", "--json").json
    assert again["items"][0]["id"] != found["items"][0]["id"]


def test_several_words_need_no_quotes(home: Path, run: Run) -> None:
    assert run("search", "kind:view", "revenue", "--json").json["total"] == 1


@pytest.mark.parametrize("arguments", [["-f", "kind"], ["--sort", "best"], ["nofield:x"]])
def test_a_wrong_search_is_wrong_use(arguments: list[str], home: Path, run: Run) -> None:
    result = run("search", *arguments)
    assert (result.code, result.out) == (2, "")


def test_search_makes_an_index_that_is_not_there(home: Path, run: Run) -> None:
    import shutil

    shutil.rmtree(home / "index")
    assert run("search", "revenue", "--json").json["total"] == 1


def test_names_in_every_form(home: Path, run: Run, estate: Estate) -> None:
    wanted = run("show", "main.orders", "--json").json
    forms = ["shop.main.orders", wanted["id"], wanted["canonical"], "shop.shop.main.orders"]
    assert {run("show", form, "--json").json["id"] for form in forms} == {wanted["id"]}
    lake = run("show", str(estate.folder / "lake" / "people.csv"), "--json").json
    assert lake["matched_by"] in ("name", "location")


def test_show_for_people(home: Path, run: Run) -> None:
    shown = run("show", "main.orders").out
    assert shown.startswith("table sqlite://")
    assert "primary key" in shown
    assert "total" in shown


def test_a_misspelled_name_is_answered_with_what_was_meant(home: Path, run: Run) -> None:
    result = run("show", "main.ordrs")
    assert result.code == 1
    assert "Did you mean" in result.err
    assert "shop.main.orders (table)" in result.err


def test_an_ambiguous_name_is_answered_with_candidates(home: Path, run: Run) -> None:
    result = run("show", "orders")
    assert result.code == 1
    assert result.err.count("  - ") == 2
    lines = [line for line in result.err.splitlines() if line.startswith("  - ")]
    for line in lines:
        assert run("show", line[4:].rpartition(" (")[0]).code == 0


def test_columns(home: Path, run: Run) -> None:
    found = run("columns", "main.orders", "--json").json
    assert [one["path"] for one in found["items"]] == ["id", "total"]
    assert run("columns", "main.orders", "--text", "tot", "--json").json["total"] == 1


def test_lineage_up_and_down(home: Path, run: Run) -> None:
    def ends(*arguments: str) -> list[tuple[int, str]]:
        found = run("lineage", *arguments, "--json").json
        return sorted((one["level"], one["label"]) for one in found["nodes"])

    assert ends("main.revenue") == [(-1, "orders"), (0, "revenue")]
    assert ends("main.revenue", "--down") == [(0, "revenue")]
    assert ends("main.orders", "--down", "--column", "total")[-1] == (1, "revenue")
    assert ends("main.orders#total", "--down")[-1] == (1, "revenue")
    shown = run("lineage", "main.revenue#total").out
    assert "shop.main.orders#total -> shop.main.revenue#total" in shown
    assert run("lineage", "main.revenue", "--depth", "0").code == 2


def test_why(home: Path, run: Run) -> None:
    assert run("why", "main.orders", "--json").json["reasons"][0]["code"] == "present"
    run("source", "edit", "shop", "--set", "exclude=*customers")
    run("crawl", "shop")
    assert run("why", "main.customers", "--json").json["reasons"][0]["code"] == "filtered"


def test_changes_of_everything_and_of_one(home: Path, run: Run) -> None:
    run("describe", "main.orders", "All of them")
    newest = run("changes", "--json", "-n", "1").json["items"][0]
    assert (newest["what"], newest["after"]) == ("description", {"description": "All of them"})
    mine = run("changes", "main.orders", "--json").json["items"]
    assert [one["what"] for one in mine][-1] == "created"
    people = run("changes", "--people", "--json").json["items"]
    assert not [one for one in people if one["actor"].startswith("crawl:")]


def test_browse(home: Path, run: Run) -> None:
    outermost = run("browse", "--json").json["items"]
    database = next(one for one in outermost if one["platform"] == "sqlite")
    below = run("browse", database["id"], "--json").json
    assert below["total"] == database["children"]["total"] > 0


def test_names_cannot_move_the_cursor(home: Path, run: Run) -> None:
    run("describe", "main.orders", "plain", "--title", "evil")
    from catalog.cli.context import printable

    assert printable("a\x1b[2Jb\u202e") == "a\\x1b[2Jb\\u202e"
