"""Commands as processes: nothing there yet, beside a server, interrupted, on PostgreSQL."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from catalog import __version__
from tests.support.postgres import Database
from tests.unit.cli.conftest import Estate, Run

COMMAND = [sys.executable, "-m", "catalog"]


def catalog(*arguments: str, **more: Any) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([*COMMAND, *arguments], capture_output=True, timeout=60, **more)


def test_the_module_is_the_command() -> None:
    done = catalog("--version")
    assert (done.returncode, done.stdout.decode()) == (0, f"{__version__}\n")


def test_help_imports_nothing_heavy() -> None:
    script = (
        "import sys; from catalog.cli.main import main; code = main(['--help']); "
        "print(*sys.modules, file=sys.stderr); sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, timeout=60)
    assert done.returncode == 0
    loaded = set(done.stderr.decode().split())
    heavy = ("pydantic", "sqlalchemy", "sqlmodel", "fastapi", "pyarrow", "duckdb", "sqlglot")
    assert not loaded.intersection((*heavy, "whoosh", "alembic", "msgspec", "rich"))


def test_search_imports_no_engine_of_others(home: Path) -> None:
    script = (
        "import sys; from catalog.cli.main import main; code = main(['search', 'orders']); "
        "print(*sys.modules, file=sys.stderr); sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, timeout=60)
    assert done.returncode == 0
    loaded = set(done.stderr.decode().split())
    assert not loaded.intersection(("fastapi", "pyarrow", "duckdb", "sqlglot", "alembic"))
    assert "whoosh" in loaded


@pytest.mark.parametrize(
    "arguments", [["search", "x"], ["source", "list"], ["crawl", "--all"], ["serve"], ["doctor"]]
)
def test_without_a_store_the_error_names_what_makes_one(
    arguments: list[str], empty_home: Path, run: Run
) -> None:
    result = run(*arguments)
    assert (result.code, result.out) == (1, "")
    assert "catalog db upgrade" in result.err
    assert "catalog up" in result.err


def test_db_upgrade_makes_an_empty_store(empty_home: Path, run: Run) -> None:
    assert run("db", "current", "--json").code == 1
    assert run("db", "upgrade").code == 0
    assert run("search", "x", "--json").json["total"] == 0
    assert run("source", "list", "--json").json == {"items": [], "total": 0}
    assert run("crawl", "--all").code == 0
    assert run("doctor", "--json").json["healthy"] is True


def test_home_on_the_command_line_is_the_home_of_everything(
    home: Path, empty_home: Path, tmp_path: Path, run: Run
) -> None:
    """Keys of secrets too, and only for that command."""
    other = tmp_path / "other"
    assert run("db", "upgrade", "--home", str(other)).code == 0
    added = run(
        *("source", "add", "postgres", "--name", "pg", "--set", "host=db", "--home", str(other)),
        *("--set", "password=-"),
        stdin=b"hunter2hunter2\n",
    )
    assert added.code == 0
    assert (other / "keys").exists()
    assert not empty_home.exists()
    assert os.environ["CATALOG_HOME"] == str(empty_home)


def test_a_reader_that_goes_away_is_no_traceback(home: Path) -> None:
    command = [*COMMAND, "changes", "--json", "-n", "500"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stderr is not None
        child.stdout.close()
        said = child.stderr.read().decode()
        child.wait(timeout=60)
    assert "Traceback" not in said


def test_json_is_utf8_in_every_locale(home: Path, run: Run) -> None:
    run("describe", "main.orders", "Größe 日本")
    environment = {**os.environ, "LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    done = catalog("show", "main.orders", "--json", env=environment)
    assert json.loads(done.stdout)["description"] == "Größe 日本"
    for_people = catalog("show", "main.orders", env=environment)
    assert for_people.returncode == 0


# --- beside a server ------------------------------------------------------------------------


@pytest.fixture
def server(home: Path) -> Iterator[subprocess.Popen[bytes]]:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    child = subprocess.Popen(
        [*COMMAND, "serve", "--port", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    assert child.stderr is not None
    said = b""
    while b"is served on" not in said:
        line = child.stderr.readline()
        assert line, said.decode()
        said += line
    yield child
    child.send_signal(signal.SIGTERM)
    child.stderr.close()
    assert child.wait(timeout=30) == 0


def test_commands_work_beside_a_server(server: subprocess.Popen[bytes], run: Run) -> None:
    refused = run("serve")
    assert refused.code == 1
    assert str(server.pid) in refused.err
    assert run("describe", "main.orders", "Marmalade").code == 0
    until = time.monotonic() + 30
    while run("search", "marmalade", "--json").json["total"] != 1:
        assert time.monotonic() < until, "the server's indexer does not follow"
        time.sleep(0.2)
    assert run("crawl", "shop", "lake").code == 0
    assert run("token", "create", "--role", "viewer", "--name", "x").code == 0


# --- interrupted ----------------------------------------------------------------------------


@pytest.fixture
def large_lake(home: Path, tmp_path: Path, run: Run) -> Path:
    """Many folders with a file each: some seconds of reading."""
    root = tmp_path / "large"
    for scope in range(40):
        for number in range(25):
            folder = root / f"s{scope:02}" / f"t{number:02}"
            folder.mkdir(parents=True)
            (folder / f"only{number}.csv").write_text(f"id,c{number}\n1,2\n")
    assert run("source", "add", str(root), "--name", "large").code == 0
    return root


def test_ctrl_c_cancels_the_crawl_and_loses_nothing(large_lake: Path, run: Run) -> None:
    command = [*COMMAND, "crawl", "large", "lake", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        until = time.monotonic() + 30
        while run("crawls", "list", "--state", "running", "--json").json["total"] == 0:
            assert time.monotonic() < until
            assert child.poll() is None, "it was over before it could be interrupted"
        child.send_signal(signal.SIGINT)
        out, err = child.communicate(timeout=60)
    assert child.returncode == 1, err
    assert b"Traceback" not in err
    crawls = json.loads(out)["crawls"]
    assert [(one["source"], one["state"]) for one in crawls] == [("large", "cancelled")]
    again = run("crawl", "large", "--json")
    assert again.code == 0
    assert again.json["crawls"][0]["seen"] >= 2000
    assert run("doctor").code == 0


# --- on PostgreSQL --------------------------------------------------------------------------


@pytest.mark.postgres
def test_the_same_on_postgresql(
    postgres_database: Database,
    empty_home: Path,
    estate: Estate,
    monkeypatch: pytest.MonkeyPatch,
    run: Run,
) -> None:
    from catalog.settings import settings

    monkeypatch.setenv("CATALOG_DATABASE_URL", postgres_database.url("postgresql"))
    settings.cache_clear()
    assert run("source", "list").code == 1
    assert run("db", "upgrade").code == 0
    assert run("source", "add", str(estate.folder / "shop.db")).code == 0
    said = run("crawl", "shop", "--dry-run", "--json").json["previews"][0]["totals"]
    (crawl,) = run("crawl", "shop", "--json").json["crawls"]
    assert (crawl["state"], crawl["new"]) == ("succeeded", said["new"])
    assert run("describe", "main.orders", "Marmalade").code == 0
    assert run("search", "marmalade", "--json").json["total"] == 1
    assert run("lineage", "main.revenue", "--json").json["edges"]
    assert run("doctor", "--json").json["healthy"] is True
