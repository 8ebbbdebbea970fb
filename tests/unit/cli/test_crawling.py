"""``crawl``, ``source``, ``schedule``, holds and problems."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from catalog.settings import settings
from tests.unit.cli.conftest import Run


@pytest.fixture
def base(home: Path, tmp_path: Path, run: Run) -> Path:
    """A database of the test's own: eight tables, crawled."""
    path = tmp_path / "mine.db"
    execute(path, *(f"create table t{i} (id integer, a text)" for i in range(8)))
    assert run("source", "add", str(path), "--name", "mine").code == 0
    assert run("crawl", "mine").code == 0
    return path


def execute(path: Path, *statements: str) -> None:
    connection = sqlite3.connect(path)
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()


def counted() -> dict[str, int]:
    from sqlalchemy import func, select

    from catalog.history.store import Store
    from catalog.model import metadata

    store = Store(settings().store_url, home=settings().home)
    with store.connect() as connection:
        found = {
            one.name: connection.execute(select(func.count()).select_from(one)).scalar_one()
            for one in metadata.sorted_tables
        }
    store.close()
    return found


def test_a_crawl_says_what_it_found(base: Path, run: Run) -> None:
    execute(base, "create table fresh (id integer)", "alter table t1 add b text")
    (crawl,) = run("crawl", "mine", "--json").json["crawls"]
    assert (crawl["state"], crawl["new"], crawl["changed"]) == ("succeeded", 1, 1)
    assert run("search", "fresh", "--json").json["total"] == 1


def test_a_dry_run_says_the_same_and_writes_nothing(base: Path, run: Run) -> None:
    execute(base, "create table fresh (id integer)", "alter table t1 add b text")
    execute(base, "drop table t2")
    before = counted()
    (said,) = run("crawl", "mine", "--dry-run", "--json").json["previews"]
    assert counted() == before
    totals = said["totals"]
    assert (totals["new"], totals["changed"], totals["missing"], totals["held"]) == (1, 1, 1, 0)
    (crawl,) = run("crawl", "mine", "--json").json["crawls"]
    assert (crawl["new"], crawl["changed"]) == (1, 1)
    shown = run("crawl", "mine", "--dry-run")
    assert "Nothing was written." in shown.err


def test_the_brake_holds_and_a_person_confirms(base: Path, run: Run) -> None:
    execute(base, *(f"drop table t{i}" for i in range(7)))
    said = run("crawl", "mine", "--dry-run").out
    assert "7 of 10 assets were missing at once" in said
    assert run("crawl", "mine").code == 0
    assert run("holds", "list", "--source", "mine", "--json").json["total"] == 7
    one = run("holds", "list", "-n", "1", "--json").json["items"][0]["id"]
    assert run("holds", "confirm", one, "--json").json == {"removed": 1}
    assert run("holds", "confirm", "--source", "mine", "--json").json == {"removed": 6}
    assert run("holds", "list", "--json").json["total"] == 0
    assert run("search", "-f", "source=mine", "-f", "kind=table", "--json").json["total"] == 1


def test_only_some_names(base: Path, run: Run) -> None:
    execute(base, "alter table t1 add b text", "alter table t2 add b text")
    name = run("show", "mine.mine.main.t1", "--json").json["name"]
    (crawl,) = run("crawl", "mine", "--only", name, "--json").json["crawls"]
    assert (crawl["seen"], crawl["changed"]) == (1, 1)


def test_a_source_that_cannot_be_read_fails_alone(base: Path, run: Run) -> None:
    base.write_text("this is no database any more, but a text of some length")
    result = run("crawl", "mine", "lake", "--json")
    assert result.code == 3
    assert [one["state"] for one in result.json["crawls"]] == ["failed", "succeeded"]
    alone = run("crawl", "mine")
    assert alone.code == 1
    problem = run("problems", "list", "--json").json["items"][0]
    assert problem["source"] == "mine"
    assert problem["hint"]
    assert run("source", "check", "mine").code == 1
    assert run("crawl", "mine", "--dry-run").code in (1, 3)


def test_names_are_checked_before_the_first_crawl(base: Path, run: Run) -> None:
    before = run("crawls", "list", "--json").json["total"]
    result = run("crawl", "mine", "mnie")
    assert result.code == 1
    assert "mine" in result.err.partition("Did you mean")[2]
    assert run("crawls", "list", "--json").json["total"] == before
    assert run("crawl", "events").code == 2


def test_crawls_show_both_sums(base: Path, run: Run) -> None:
    crawl = run("crawls", "list", "--source", "mine", "--json").json["items"][0]
    shown = run("crawls", "show", crawl["id"])
    assert "assets: 10 seen = 10 new + 0 changed" in shown.out
    assert run("crawls", "cancel", crawl["id"]).code == 1


# --- sources --------------------------------------------------------------------------------


def test_a_source_by_its_kind_and_fields(home: Path, run: Run, tmp_path: Path) -> None:
    execute(tmp_path / "x.db", "create table a (b integer)")
    added = run(
        *("source", "add", "sqlite", "--set", f"path={tmp_path / 'x.db'}", "--set", "lock_wait=1"),
        *("--set", "exclude=*.tmp", "--set", 'exclude=["*.old", "*.bak"]', "--name", "x"),
        "--json",
    ).json
    assert added["config"] == {
        "path": str(tmp_path / "x.db"),
        "lock_wait": 1.0,
        "exclude": ["*.tmp", "*.old", "*.bak"],
    }
    edited = run("source", "edit", "x", "--unset", "exclude", "--rank", "3", "--json").json
    assert (edited["config"].get("exclude"), edited["rank"]) == (None, 3)


def test_help_describes_the_fields_of_a_kind(home: Path, run: Run) -> None:
    shown = run("source", "add", "postgres", "--help")
    assert shown.code == 0
    for text in ("sslmode", "password", "(secret)", 'default "localhost"', "include"):
        assert text in shown.out
    assert "local" in run("source", "add", "--help").out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["source", "add", "oracle", "--kind", "oracle"], "There is no crawler of kind 'oracle'"),
        (["source", "add", "/no/such/place"], "No crawler reads"),
        (["source", "add", "sqlite"], "path: Field required"),
        (["source", "add", "sqlite", "--set", "pth=x"], "has no field 'pth'"),
        (["source", "add", "sqlite", "--set", "path"], "FIELD=VALUE"),
        (["source", "add", "sqlite", "--set", "path=/x", "--set", "lock_wait=soon"], "lock_wait"),
        (["source", "add", "/tmp", "--kind", "postgres"], "cannot be made of"),
    ],
)
def test_a_wrong_source_says_what_is_wrong(
    arguments: list[str], said: str, home: Path, run: Run
) -> None:
    result = run(*arguments)
    assert result.code == 2
    assert said in result.err


def test_secrets_are_asked_for_kept_and_never_shown(home: Path, run: Run) -> None:
    added = run(
        *("source", "add", "postgres", "--name", "pg", "--set", "host=db.example.com"),
        *("--set", "password=-", "--json"),
        stdin=b"hunter2hunter2\n",
    )
    assert added.json["config"]["password"] == "***"
    edited = run("source", "edit", "pg", "--set", "connect_timeout=5", "--json")
    assert edited.json["config"]["password"] == "***"
    moved = run("source", "edit", "pg", "--set", "host=evil.example.com")
    assert moved.code == 2
    assert "password" in moved.err
    gone = run("source", "edit", "pg", "--unset", "password", "--json")
    assert gone.json["config"].get("password") is None
    everything = added.out + added.err + edited.out + run("changes", "--json").out
    assert "hunter2" not in everything + run("source", "show", "pg").out
    assert b"hunter2" not in (home / "catalog.db").read_bytes()


def test_preview_of_patterns_keeps_nothing(base: Path, run: Run) -> None:
    found = run("source", "preview", "mine", "--set", "exclude=*t1", "--json").json
    assert [one["name"] for one in found["items"] if one["filtered_by"]] == ["mine.main.t1"]
    assert "exclude" not in run("source", "show", "mine", "--json").json["config"]


def test_pause_move_and_remove(base: Path, run: Run) -> None:
    assert run("source", "pause", "mine", "--json").json["state"] == "paused"
    names = {one["source"] for one in run("crawl", "--all", "--json").json["crawls"]}
    assert names == {"shop", "lake"}
    assert run("source", "resume", "mine", "--json").json["state"] == "active"
    assert run("source", "move", "mine", "lake").code == 1
    assert run("source", "move", "mine", "yours", "--json").json["name"] == "yours"
    run("describe", "yours.mine.main.t1", "Kept")
    assert run("source", "remove", "yours").code == 0
    assert run("search", "kept", "--json").json["total"] == 0
    assert run("source", "add", str(base), "--name", "back").code == 0
    run("crawl", "back")
    assert run("search", "kept", "--json").json["total"] == 1


def test_remove_now_wants_the_name_typed(base: Path, run: Run) -> None:
    wrong = run("source", "remove", "mine", "--now", "--confirm", "other")
    assert wrong.code == 2
    assert run("source", "show", "mine", "--json").json["state"] == "active"
    assert run("source", "remove", "mine", "--now", "--confirm", "mine", "--json").json["deleted"]
    assert run("source", "list", "--removed", "--json").json["total"] == 3
    assert run("doctor").code == 0


# --- schedules ------------------------------------------------------------------------------


def test_a_schedule_shows_its_next_five_runs(home: Path, run: Run) -> None:
    arguments = ["--cron", "30 2 * * *", "--zone", "Europe/Berlin"]
    found: Any = run("schedule", "set", "shop", *arguments, "--json").json
    assert found["schedule"] == {"cron": "30 2 * * *", "zone": "Europe/Berlin"}
    assert len(set(found["next_runs"])) == 5
    assert all(one[11:] in ("00:30:00Z", "01:30:00Z") for one in found["next_runs"])
    assert run("schedule", "show", "shop", "--json").json == found
    assert run("schedule", "show", "--json").json["total"] == 1
    assert run("schedule", "remove", "shop", "--json").json["next_runs"] == []
    assert run("schedule", "set", "shop", "--cron", "0 0 * * *", "--zone", "Mars").code == 2
