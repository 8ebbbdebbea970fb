"""What goes wrong around the catalog: each gives a clear error, and nothing is lost.

Broken, odd and hostile files have their tests beside the crawlers that read them.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from catalog.access import users
from catalog.cli.main import main
from catalog.errors import Locked
from catalog.history import dialect
from catalog.history.store import Store, table_of
from catalog.ingest.crawl import run_crawl
from catalog.model import Asset
from catalog.settings import settings
from tests.support.crawls import FakeSource, table
from tests.support.postgres import PASSWORD_GROUP, Database

ASSET = table_of(Asset)
ROOT = users.local_viewer("root")
Run = Callable[..., tuple[int, Any, str]]
ODD_NAMES = (
    'quo"te',
    "do.t",
    "a space",
    "sla/sh",
    "back\\slash",
    "Größe 日本 🦀",
    "'; DROP TABLE asset; --",
    "%_*?[x]",
    "new\nline",
    "-rf",
    "",
)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home with an empty store."""
    for name in ("CATALOG_DATABASE_URL", "CATALOG_SECRET_KEYS", "CATALOG_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CATALOG_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("CATALOG_DISK_RESERVE", "0")
    settings.cache_clear()
    assert main(["db", "upgrade"]) == 0
    yield tmp_path / "home"
    settings.cache_clear()


@pytest.fixture
def run(home: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command: (exit code, standard output as JSON where it is, standard error)."""

    def work(*arguments: str) -> tuple[int, Any, str]:
        capsys.readouterr()
        code = main(list(arguments))
        said = capsys.readouterr()
        return code, json.loads(said.out) if said.out.startswith("{") else said.out, said.err

    return work


# --- the source -----------------------------------------------------------------------------


def test_a_path_that_cannot_be_read(run: Run, tmp_path: Path) -> None:
    code, _, error = run("source", "add", str(tmp_path / "nowhere"))
    assert code == 2
    assert "nowhere" in error
    lake = tmp_path / "lake"
    lake.mkdir()
    (lake / "a.csv").write_text("x,y\n1,2\n")
    assert run("source", "add", str(lake))[0] == 0
    assert run("crawl", "lake")[0] == 0
    shutil.rmtree(lake)
    lake.symlink_to(lake)  # a loop: root cannot read it either
    code, found, _ = run("crawl", "lake", "--json")
    assert code == 1
    assert found["crawls"][0]["state"] == "failed"
    assert str(lake) in found["crawls"][0]["why"]
    assert run("search", "kind:file", "--json")[1]["total"] == 1  # what is known stays
    (problem,) = run("problems", "list", "--json")[1]["items"]
    assert problem["hint"]


@pytest.mark.postgres
def test_a_wrong_password_and_a_host_that_does_not_answer(
    run: Run, postgres_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = postgres_database.server
    postgres_database.run("CREATE ROLE reader LOGIN PASSWORD 'right'")
    postgres_database.run(f"GRANT {PASSWORD_GROUP} TO reader")
    monkeypatch.setenv("THE_PASSWORD", "wr0ng")
    options = [f"host={server.socket}", f"database={postgres_database.name}", "user=reader"]
    fields = [part for option in options for part in ("--set", option)]
    added = run("source", "add", "postgres", "--name", "pg", *fields, "--set",
                "password=env:THE_PASSWORD")  # fmt: skip
    assert added[0] == 0
    code, _, error = run("source", "check", "pg")
    assert code == 1
    assert "password" in error
    assert "wr0ng" not in error
    assert run("crawl", "pg")[0] == 1
    postgres_database.run("DROP ROLE reader")
    assert run("source", "add", "postgresql://me@127.0.0.1:1/shop", "--name", "away")[0] == 0
    code, _, error = run("source", "check", "away")
    assert code == 1
    assert "127.0.0.1" in error
    assert run("doctor")[0] == 0


def test_a_missing_driver_names_its_install_command(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("source", "add", "postgresql://me@db/shop")[0] == 0
    monkeypatch.setitem(sys.modules, "psycopg", None)
    assert run("crawl", "shop")[0] == 1
    (problem,) = run("problems", "list", "--json")[1]["items"]
    assert "pip install" in problem["hint"]


def test_a_broken_file_is_a_failure_and_no_more(run: Run, tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    (lake / "good").mkdir(parents=True)
    (lake / "bad").mkdir()
    (lake / "good" / "g.csv").write_text("x,y\n1,2\n")
    (lake / "bad" / "b.parquet").write_bytes(b"PAR1" + b"\x00" * 100 + b"PAR1")
    assert run("source", "add", str(lake))[0] == 0
    code, found, _ = run("crawl", "lake", "--json")
    assert code == 3
    assert (found["crawls"][0]["state"], found["crawls"][0]["failed"]) == ("partial", 1)
    (problem,) = run("problems", "list", "--json")[1]["items"]
    assert "b.parquet" in problem["what"]
    assert run("search", "good", "--json")[1]["total"] >= 1


def test_odd_names_are_stored_shown_searched_and_edited(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "odd.db"
    with closing(sqlite3.connect(path)) as connection:
        for name in ODD_NAMES:
            quoted = name.replace('"', '""')
            connection.execute(f'CREATE TABLE "{quoted}" (id integer, "{quoted or "c"}" text)')
        connection.commit()
    assert run("source", "add", str(path))[0] == 0
    code, found, _ = run("crawl", "odd", "--json")
    assert (code, found["crawls"][0]["state"]) == (0, "succeeded")
    tables = run("search", "kind:table", "--json")[1]["items"]
    assert len(tables) == len(ODD_NAMES)
    for one in tables:
        shown = run("show", "--json", "--", f"{one['namespace']}/{one['name']}")[1]
        assert shown["id"] == one["id"]
        assert len(shown["columns"]) == 2
        assert run("describe", "--", one["id"], f"about {one['name']!r}")[0] == 0
    assert run("search", "kind:table 日本", "--json")[1]["total"] == 1
    assert run("crawl", "odd")[0] == 0
    assert run("search", "about", "--json")[1]["total"] == len(ODD_NAMES)
    assert run("doctor")[0] == 0


def test_nul_and_lone_surrogates_arrive_as_visible_escapes(run: Run, tmp_path: Path) -> None:
    lines = [
        '{"format": 1, "crawler": "odd", "version": 1}',
        '{"scope": "all"}',
        '{"type": "asset", "namespace": "kafka://k:9092", "name": "a\\u0000b", "kind": "table", '
        '"description": "x\\ud800y", "columns": [{"path": "c\\u0000", "type": "text"}]}',
        '{"type": "done", "complete": true, "count": 1}',
        '{"end": true}',
    ]
    (tmp_path / "odd.ndjson").write_text("\n".join(lines) + "\n")
    assert run("source", "add", "push", "--set", "namespaces=kafka://k:9092", "--name", "e")[0] == 0
    code, _, error = run("ingest", str(tmp_path / "odd.ndjson"), "--source", "e")
    assert code in (0, 3), error
    listed = run("search", "kind:table", "--json")[1]
    assert all("\x00" not in one["name"] for one in listed["items"])
    if code == 0:
        assert [one["name"] for one in listed["items"]] == ["a\\u0000b"]
    assert run("doctor")[0] == 0


def test_ten_thousand_columns(run: Run, tmp_path: Path) -> None:
    columns = ", ".join(f'{{"path": "wide_column_{n}", "type": "int64"}}' for n in range(10_000))
    lines = [
        '{"format": 1, "crawler": "wide", "version": 1}',
        '{"scope": "all"}',
        '{"type": "asset", "namespace": "kafka://k:9092", "name": "wide", "kind": "table", '
        f'"columns": [{columns}]}}',
        '{"type": "done", "complete": true, "count": 1}',
        '{"end": true}',
    ]
    (tmp_path / "wide.ndjson").write_text("\n".join(lines) + "\n")
    assert run("source", "add", "push", "--set", "namespaces=kafka://k:9092", "--name", "e")[0] == 0
    assert run("ingest", str(tmp_path / "wide.ndjson"), "--source", "e")[0] == 0
    shown = run("show", "wide", "--json")[1]
    assert (shown["columns_total"], len(shown["columns"])) == (10_000, 1000)
    assert run("columns", "wide", "--json")[1]["total"] == 10_000
    assert run("describe", "wide#wide_column_9999", "the last one")[0] == 0
    for query in ("wide_column_9999", "column:wide_column_9999"):
        assert run("search", query, "--json")[1]["total"] == 1
    assert run("doctor")[0] == 0


# --- the store ------------------------------------------------------------------------------

HOLDER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.read()
"""


@contextmanager
def held(database: Path) -> Iterator[int]:
    """Another process has the store locked; its id."""
    command = [sys.executable, "-c", HOLDER, str(database)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        assert child.stdout.readline() == b"held\n"
        yield child.pid
        child.stdin.close()
        child.wait(timeout=10)


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """The store is waited for a tenth of a second, not ten."""
    monkeypatch.setattr(dialect, "BUSY_MILLISECONDS", 100)


@pytest.fixture
def store(sqlite_store: Store) -> Store:
    return sqlite_store


@pytest.mark.usefixtures("hasty")
def test_a_store_that_another_process_has_locked(run: Run, home: Path, tmp_path: Path) -> None:
    (tmp_path / "lake").mkdir()
    (tmp_path / "lake" / "a.csv").write_text("x,y\n1,2\n")
    with held(home / "catalog.db") as pid:
        code, _, error = run("source", "add", str(tmp_path / "lake"))
        assert (code, f"{pid} (" in error) == (1, True), error
        assert "nothing was written" in error
        assert run("source", "list", "--json")[:2] == (0, {"items": [], "total": 0})
    assert run("source", "add", str(tmp_path / "lake"))[0] == 0
    assert run("crawl", "lake")[0] == 0


@pytest.mark.usefixtures("hasty")
def test_a_crawl_that_meets_a_locked_store_goes_on_later(store: Store, tmp_path: Path) -> None:
    source = FakeSource(store)
    source.put(*[table(f"s.t{n}", "a") for n in range(450)])
    key = source.queue()

    class Locking(FakeSource):
        """Another process locks the store in the middle of the listing."""

        def crawl(self, *arguments: Any) -> Iterator[Any]:
            for number, record in enumerate(source.crawl(*arguments)):
                if number == 250:
                    self.lock = held(tmp_path / "catalog.db")
                    self.lock.__enter__()
                yield record

    reader = Locking.__new__(Locking)
    reader.content, reader.listed = source.content, True
    with pytest.raises(Locked, match="nothing was written"):
        run_crawl(store, key, reader, crawler_version=1, config_key="k")
    reader.lock.__exit__(None, None, None)
    assert run_crawl(store, key, source, crawler_version=1, config_key="k") == "succeeded"
    crawl = source.row(key)
    assert (crawl.seen, crawl.new) == (450, 450)


def test_commands_warn_of_a_disk_that_fills(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = tmp_path / "lake"
    lake.mkdir()
    (lake / "a.csv").write_text("x,y\n1,2\n")
    assert run("source", "add", str(lake))[0] == 0
    monkeypatch.setenv("CATALOG_DISK_RESERVE", str(1 << 60))
    settings.cache_clear()
    code, found, error = run("crawl", "lake", "--json")
    assert (code, found["crawls"][0]["state"]) == (1, "failed")
    assert "Warning: Only" in error
