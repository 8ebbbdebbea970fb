"""Commands that write: who is recorded, what is kept, what is refused."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import Any

import pytest

from tests.unit.cli.conftest import PUSHED, Run


def facts(run: Run, name: str = "main.orders") -> Any:
    return run("show", name, "--json").json


def test_a_description_is_found_at_once(home: Path, run: Run) -> None:
    written = run("describe", "main.orders", "Marmalade", "--title", "Sales", "--json").json
    assert written["changed"] == ["title", "description"]
    assert run("search", "marmalade", "--json").json["total"] == 1
    assert facts(run)["title"] == "Sales"
    assert run("describe", "main.orders", "Marmalade", "--json").json["changed"] == []
    run("describe", "main.orders", "--reset")
    assert (facts(run)["description"], facts(run)["title"]) == (None, "Sales")
    run("describe", "main.orders", "--reset-title")
    assert facts(run)["title"] is None


def test_a_column_is_described_like_a_table(home: Path, run: Run) -> None:
    run("describe", "main.orders#total", "In euros")
    run("describe", "main.orders", "-", "--column", "ID", stdin="Schlüssel".encode())
    texts = {one["path"]: one["description"] for one in facts(run)["columns"]}
    assert texts == {"id": "Schlüssel", "total": "In euros"}
    assert run("describe", "main.orders#nope", "x").code == 1


def test_tags_are_added_and_taken_away(home: Path, run: Run) -> None:
    run("tag", "main.orders", "gold", "sla=daily")
    run("tag", "main.orders", "sla=hourly")
    tags = {one["tag"]: one["value"] for one in facts(run)["tags"]}
    assert tags == {"gold": None, "sla": "hourly"}
    assert run("tag", "main.orders", "gold", "--remove", "--json").json["tags"] == [
        {"tag": "sla", "value": "hourly"}
    ]
    again = run("tag", "main.orders", "gold", "--remove")
    assert again.code == 1
    assert "gold" in again.err


def test_owners_are_people_in_roles(home: Path, run: Run) -> None:
    run("own", "main.orders", "ann")
    run("own", "main.orders", "ann@example.com", "--role", "technical")
    assert {(one["name"], one["role"]) for one in facts(run)["owners"]} == {
        ("ann", "owner"),
        ("ann", "technical"),
    }
    run("own", "main.orders", "ann", "--role", "owner", "--remove")
    assert [one["role"] for one in facts(run)["owners"]] == ["technical"]
    assert run("own", "main.orders", "nobody-known").code == 1
    run("own", "main.orders", "ann", "--remove")
    assert facts(run)["owners"] == []
    assert run("own", "main.orders", "--nobody", "--json").json["owners"] == []


def test_everybody_has_a_flag_of_their_own(home: Path, run: Run) -> None:
    run("flag", "main.orders", "endorsed", "--as", "ann", "--reason", "checked")
    run("flag", "main.orders", "deprecated")
    assert {(one["kind"], one["reason"]) for one in facts(run)["flags"]} == {
        ("endorsed", "checked"),
        ("deprecated", None),
    }
    run("flag", "main.orders", "--remove")
    assert facts(run)["flag"] == "endorsed"


def test_who_wrote_is_recorded(home: Path, run: Run) -> None:
    run("describe", "main.orders", "one")
    run("describe", "main.orders", "two", "--as", "ann")
    changes = run("changes", "main.orders", "--json", "-n", "2").json["items"]
    assert changes[1]["actor"] == f"local:{getpass.getuser()}"
    assert changes[0]["actor"].startswith("user:")
    assert changes[0]["actor_name"] == "ann"


def test_as_somebody_has_their_rights(home: Path, run: Run) -> None:
    refused = run("user", "add", "bob", "--as", "ann")
    assert refused.code == 1
    assert "role admin" in refused.err
    assert run("describe", "main.orders", "x", "--as", "nobody").code == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["describe", "main.orders"],
        ["describe", "main.orders", "x", "--reset"],
        ["flag", "main.orders"],
        ["flag", "main.orders", "loved"],
        ["own", "main.orders"],
        ["own", "main.orders", "ann", "--role", "king"],
        ["tag", "main.orders", "no good/"],
        ["holds", "confirm"],
        ["crawl"],
        ["crawl", "shop", "--all"],
        ["schedule", "set", "shop"],
        ["schedule", "set", "shop", "--cron", "61 * * * *"],
        ["schedule", "set", "shop", "--every", "soon"],
        ["source", "edit", "shop"],
        ["source", "add"],
        ["nothing"],
        ["search", "--nope"],
    ],
)
def test_wrong_use_is_exit_code_2(arguments: list[str], home: Path, run: Run) -> None:
    before = run("changes", "--json").json
    result = run(*arguments)
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("Error: ")
    assert run("changes", "--json").json == before


def test_records_from_standard_input(home: Path, run: Run) -> None:
    taken = run("ingest", "-", "--source", "events", "--json", stdin=PUSHED)
    assert (taken.code, taken.json["crawl"]["ledger"]["new"]) == (0, 1)
    assert run("search", "clicks", "--json").json["total"] == 1
    again = run("ingest", "-", "--source", "events", "--json", stdin=PUSHED)
    assert again.json["crawl"]["ledger"]["unchanged"] == 1


def test_records_taken_in_part_are_exit_code_3(home: Path, run: Run) -> None:
    broken = PUSHED.replace(b'{"type": "done"', b'{"type": "what"}\n{"type": "done"')
    result = run("ingest", "-", "--source", "events", stdin=broken)
    assert result.code == 3
    assert "line 4" in run("problems", "list").out
    assert run("ingest", "/no/such/file", "--source", "events").code == 2
    assert run("ingest", "-", "--source", "shop2", stdin=PUSHED).code == 1


def test_a_password_is_never_an_argument_nor_printed(home: Path, run: Run) -> None:
    secret = "correct horse battery staple"
    made = run("user", "add", "bob", "--stdin", "--json", stdin=secret.encode())
    assert made.json["has_password"] is True
    assert secret not in made.out + made.err
    assert run("user", "password", "bob", "--stdin", stdin=b"\n").code == 2
    assert run("user", "password", "bob", "--stdin", stdin=b"short").code == 2


def test_the_last_admin_stays(home: Path, run: Run) -> None:
    run("user", "add", "root", "--role", "admin")
    assert run("user", "disable", "root").code == 1
    assert run("user", "role", "root", "viewer").code == 1
    assert run("user", "remove", "root").code == 1
    run("user", "add", "second", "--role", "admin")
    assert run("user", "role", "root", "viewer", "--json").json["role"] == "viewer"


def test_a_login_link_is_for_the_first_admin(home: Path, run: Run) -> None:
    assert run("login-link").code == 1
    run("user", "add", "root", "--role", "admin")
    assert run("login-link", "--json").json["login"] == "root"
    assert run("login-link", "ann").out.startswith("http://127.0.0.1:8585/login/")


def test_tokens(home: Path, run: Run) -> None:
    made = run("token", "create", "--role", "viewer", "--name", "ci", "--days", "1", "--json")
    assert list(made.json) == ["token"]
    listed = run("token", "list", "--json").json["items"][0]
    assert made.json["token"] not in run("token", "list", "--json").out
    assert (listed["name"], listed["revoked_at"]) == ("ci", None)
    assert run("token", "revoke", listed["id"], "--json").json["revoked_at"] is not None
