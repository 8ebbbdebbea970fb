"""A home with a small crawled estate, copied for each test, and a way to run commands on it."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from catalog.cli.main import main
from catalog.settings import settings

PUSHED = (
    b'{"format": 1, "crawler": "nightly", "version": 1, "source": "events"}\n'
    b'{"scope": "all"}\n'
    b'{"type": "asset", "namespace": "kafka://k:9092", "name": "clicks", "kind": "table", '
    b'"columns": [{"path": "at", "type": "timestamp"}]}\n'
    b'{"type": "done", "complete": true, "count": 1}\n'
    b'{"end": true}\n'
)


@dataclass(frozen=True)
class Result:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output as JSON: all of it, or the test fails."""
        return json.loads(self.out)


Run = Callable[..., Result]


@dataclass(frozen=True)
class Estate:
    """``folder`` holds ``shop.db`` (SQLite), ``lake`` and ``clicks.ndjson``."""

    folder: Path
    home: Path


def make_estate(folder: Path) -> None:
    lake = folder / "lake"
    (lake / "orders").mkdir(parents=True)
    (lake / "orders" / "orders.csv").write_text("id,total,note\n1,2.5,a\n2,3.5,b\n")
    (lake / "people.csv").write_text("name,email\nann,ann@example.com\n")
    connection = sqlite3.connect(folder / "shop.db")
    connection.executescript(
        "create table orders (id integer primary key, total real not null);"
        "create table customers (id integer primary key, email text);"
        "create view revenue as select id, total from orders;"
    )
    connection.close()
    (folder / "clicks.ndjson").write_bytes(PUSHED)


def environment(patch: pytest.MonkeyPatch, home: Path) -> None:
    for name in ("CATALOG_DATABASE_URL", "CATALOG_SECRET_KEYS", "CATALOG_BASE_URL"):
        patch.delenv(name, raising=False)
    patch.setenv("CATALOG_HOME", str(home))
    patch.setenv("CATALOG_DISK_RESERVE", "0")
    settings.cache_clear()


@pytest.fixture(scope="session")
def estate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Estate]:
    """Made and crawled once."""
    folder = tmp_path_factory.mktemp("estate")
    home = folder / "home"
    make_estate(folder)
    with pytest.MonkeyPatch.context() as patch:
        environment(patch, home)
        assert main(["up", str(folder / "shop.db"), str(folder / "lake"), "--no-serve"]) == 0
        added = ["source", "add", "push", "--set", "namespaces=kafka://k:9092", "--name", "events"]
        assert main(added) == 0
        made = ["user", "add", "ann", "--role", "editor", "--email", "ann@example.com"]
        assert main(made) == 0
        yield Estate(folder, home)
    settings.cache_clear()


@pytest.fixture
def empty_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home in which nothing is yet."""
    environment(monkeypatch, tmp_path / "empty")
    yield tmp_path / "empty"
    settings.cache_clear()


@pytest.fixture
def home(estate: Estate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the estate's home, of this test alone."""
    shutil.copytree(estate.home, tmp_path / "home")
    environment(monkeypatch, tmp_path / "home")
    yield tmp_path / "home"
    settings.cache_clear()


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command in this process: ``run("search", "orders", stdin=b"")``."""

    def work(*arguments: str, stdin: bytes | None = None) -> Result:
        import io
        import sys

        if stdin is not None:
            monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin), "utf-8"))
        capsys.readouterr()
        code = main(list(arguments))
        captured = capsys.readouterr()
        return Result(code, captured.out, captured.err)

    return work
