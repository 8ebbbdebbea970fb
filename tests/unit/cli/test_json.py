"""With ``--json`` standard output holds JSON alone, for every command that has it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from catalog.cli.main import build
from catalog.history.store import Store
from catalog.settings import settings
from catalog.sources.crawls import enqueue_crawl
from catalog.usecases.crawling import source_key
from tests.unit.cli.conftest import Estate, Run

PASSWORD = b"correct horse battery staple\n"
Arguments = Callable[[Run, Estate], list[str]]


def commands(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """All commands of the application with their full names."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, (*path, name))
        else:
            yield " ".join((*path, name)), command


ALL = dict(commands(typer.main.get_command(build())))
WITH_JSON = [
    name
    for name, command in ALL.items()
    if any("--json" in parameter.opts for parameter in command.params)
]


def plain(*arguments: str) -> Arguments:
    return lambda _run, _estate: list(arguments)


def a_crawl(run: Run, _estate: Estate) -> list[str]:
    return [run("crawls", "list", "--json").json["items"][0]["id"]]


def a_queued_crawl(run: Run, _estate: Estate) -> list[str]:
    store = Store(settings().store_url, home=settings().home, disk_reserve=0)
    with store.write("test") as unit:
        crawl = enqueue_crawl(unit, "test", source_key(unit.connection, "shop"))
    store.close()
    return [crawl]


def a_problem(run: Run, estate: Estate) -> list[str]:
    run("ingest", "-", "--source", "events", stdin=BROKEN)
    return [run("problems", "list", "--json").json["items"][0]["id"]]


def a_token(run: Run, _estate: Estate) -> list[str]:
    run("token", "create", "--role", "viewer", "--name", "x")
    return [run("token", "list", "--json").json["items"][0]["id"]]


def muted(run: Run, estate: Estate) -> list[str]:
    problem = a_problem(run, estate)
    run("problems", "mute", *problem, "--reason", "known")
    return problem


def a_backup(run: Run, _estate: Estate) -> list[str]:
    target = str(settings().home.parent / "copy.backup")
    assert run("backup", target).code == 0
    return [target]


BROKEN = b'{"format": 1, "crawler": "x"}\n{"scope": "a"}\n{"type": "nonsense"}\n' + (
    b'{"type": "done"}\n{"end": true}\n'
)
# Command -> arguments that make it do something; exit codes other than 0 stand beside.
EXAMPLES: dict[str, Arguments] = {
    "up": lambda _run, estate: [str(estate.folder / "lake"), "--no-serve"],
    "crawl": plain("--all"),
    "crawls list": plain(),
    "crawls show": a_crawl,
    "crawls cancel": a_queued_crawl,
    "holds list": plain(),
    "holds confirm": plain("--source", "shop"),
    "problems list": plain(),
    "problems mute": lambda run, estate: [*a_problem(run, estate), "--reason", "known"],
    "problems unmute": muted,
    "source add": lambda _run, estate: [str(estate.folder), "--name", "more"],
    "source list": plain(),
    "source show": plain("shop"),
    "source edit": plain("shop", "--title", "The shop"),
    "source check": plain("shop"),
    "source preview": plain("lake"),
    "source pause": plain("shop"),
    "source resume": plain("shop"),
    "source move": plain("shop", "store"),
    "source remove": plain("lake"),
    "source kinds": plain("sqlite"),
    "schedule set": plain("shop", "--every", "2h"),
    "schedule show": plain(),
    "schedule remove": plain("shop"),
    "search": plain("orders"),
    "show": plain("main.orders"),
    "columns": plain("main.orders"),
    "lineage": plain("main.revenue"),
    "why": plain("main.nothing"),
    "changes": plain(),
    "browse": plain(),
    "describe": plain("main.orders", "All orders"),
    "tag": plain("main.orders", "gold"),
    "own": plain("main.orders", "ann"),
    "flag": plain("main.orders", "endorsed"),
    "ingest": lambda _run, estate: [str(estate.folder / "clicks.ndjson"), "--source", "events"],
    "user add": plain("bob"),
    "user list": plain(),
    "user role": plain("ann", "steward"),
    "user disable": plain("ann"),
    "user enable": plain("ann"),
    "user remove": plain("ann"),
    "user password": plain("ann", "--stdin"),
    "login-link": plain("ann"),
    "token create": plain("--role", "viewer", "--name", "x"),
    "token list": plain(),
    "token revoke": a_token,
    "db upgrade": plain(),
    "db current": plain(),
    "backup": lambda _run, _estate: [str(settings().home / "other.backup")],
    "restore": a_backup,
    "reindex": plain(),
    "doctor": plain(),
}
# Tested elsewhere: it takes a while, tests/integration/test_readme.py.
ELSEWHERE = {"demo"}


def test_every_command_has_an_example() -> None:
    assert set(WITH_JSON) == set(EXAMPLES) | ELSEWHERE


def test_only_serving_has_no_json() -> None:
    assert set(ALL) - set(WITH_JSON) == {"serve"}


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_standard_output_is_json_alone(name: str, home: Path, run: Run, estate: Estate) -> None:
    arguments = EXAMPLES[name](run, estate)
    result = run(*name.split(), *arguments, "--json", stdin=PASSWORD)
    assert result.code == 0, result.err
    assert isinstance(result.json, dict)


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_people_get_text(name: str, home: Path, run: Run, estate: Estate) -> None:
    arguments = EXAMPLES[name](run, estate)
    result = run(*name.split(), *arguments, stdin=PASSWORD)
    assert result.code == 0, result.err
    assert result.out or result.err
    assert "Traceback" not in result.err


@pytest.mark.parametrize(
    "arguments",
    [
        ["show", "no.such.thing"],
        ["source", "show", "nope"],
        ["crawl", "nope"],
        ["search", "nofield:x"],
        ["crawls", "show", "nope"],
        ["token", "create", "--role", "king", "--name", "x"],
    ],
)
def test_an_error_leaves_standard_output_empty(arguments: list[str], home: Path, run: Run) -> None:
    result = run(*arguments, "--json")
    assert result.code in (1, 2)
    assert result.out == ""
    assert result.err.startswith("Error: ")
