"""Every crawler keeps the contract, also one that comes from another distribution."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from catalog.crawling import registry
from catalog.testing.crawlers import CHECKS, Broken, Case, Check, run
from tests.support.postgres import Postgres
from tests.support.warehouses import fill_postgres, make_duckdb, make_sqlite

PASSWORD = "pa55-word-of-the-test"


def _sqlite(folder: Path, request: pytest.FixtureRequest) -> dict[str, object]:
    return {"path": str(make_sqlite(folder / "ops.db"))}


def _duckdb(folder: Path, request: pytest.FixtureRequest) -> dict[str, object]:
    return {"path": str(make_duckdb(folder / "shop.duckdb"))}


def _postgres(folder: Path, request: pytest.FixtureRequest) -> dict[str, object]:
    server: Postgres = request.getfixturevalue("postgres")
    database = fill_postgres(server.create_database())
    request.addfinalizer(database.drop)
    found = {"host": server.socket, "database": database.name, "user": server.user}
    return {**found, "password": PASSWORD}


def _local(folder: Path, request: pytest.FixtureRequest) -> dict[str, object]:
    for day in (1, 2):
        path = folder / "lake" / "orders" / f"day={day}" / "part.csv"
        path.parent.mkdir(parents=True)
        path.write_text("id,price\n1,2.5\n2,3.5\n")
    (folder / "lake" / "people.json").write_text('[{"name": "Ada"}]')
    return {"path": str(folder / "lake")}


SYSTEMS: dict[str, Callable[[Path, pytest.FixtureRequest], dict[str, object]]] = {
    "duckdb": _duckdb,
    "local": _local,
    "postgres": _postgres,
    "sqlite": _sqlite,
}


@pytest.fixture(scope="module", params=sorted(SYSTEMS))
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Case:
    kind = str(request.param)
    config = SYSTEMS[kind](tmp_path_factory.mktemp(kind), request)
    return Case(registry.crawler_class(kind), config)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_contract(case: Case, check: Check) -> None:
    check(case)


def test_every_installed_crawler_is_under_contract() -> None:
    ours = [kind for kind in registry.kinds() if _is_ours(kind)]
    assert ours == sorted(SYSTEMS)


def _is_ours(kind: str) -> bool:
    return registry.crawler_class(kind).__module__.startswith("crawlers.")


# --- a crawler of somebody else ---------------------------------------------------------------

FOREIGN = '''
"""Crawls a folder of text files: each file is a dataset, each word of its first line a column."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import Field as Option

from catalog.crawling import (
    Asset, CheckResult, Crawler, CrawlerConfig, Done, Field, Filtered, Objects, Record, Scope,
    Scopes,
)


class NotesConfig(CrawlerConfig):
    folder: str = Option(description="Folder of the text files.")


class Notes(Crawler[NotesConfig]):
    kind = "notes"
    title = "Text notes"
    Config = NotesConfig
    examples = (\'{"folder": "/srv/notes"}\',)

    def check(self) -> CheckResult:
        there = Path(self.config.folder).is_dir()
        return CheckResult(there, f"{self.config.folder} is {\'there\' if there else \'missing\'}.")

    def namespaces(self) -> tuple[str, ...]:
        return (f"notes://{self.config.folder}",)

    def scopes(self, state: Mapping[str, Any]) -> Scopes:
        return Scopes([Scope("all")])

    def crawl(
        self, scope: Scope, state: Mapping[str, Any] | None, only: Sequence[str] | None = None
    ) -> Iterator[Record]:
        files = sorted(Path(self.config.folder).glob("*.txt"))
        (namespace,) = self.namespaces()
        filtered = 0
        for file in files:
            refused = self.config.refused_by(file.stem)
            if refused:
                filtered += 1
                yield Filtered(namespace, file.stem, refused)
                continue
            words = file.read_text().split()
            yield Asset(namespace, file.stem, "dataset", columns=tuple(map(Field, words)))
        yield Objects(listed=len(files), used=len(files) - filtered, filtered=filtered)
        yield Done()
'''


@pytest.fixture
def distribution(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A distribution that brings nothing but an entry point."""
    (tmp_path / "notes_crawler.py").write_text(FOREIGN)
    info = tmp_path / "notes_crawler-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: notes-crawler\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[catalog.crawlers]\nnotes = notes_crawler:Notes\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.invalidate_caches()
    registry.refresh()
    yield tmp_path
    sys.modules.pop("notes_crawler", None)
    monkeypatch.undo()
    registry.refresh()


def test_a_foreign_crawler_needs_only_an_entry_point(distribution: Path) -> None:
    assert len(FOREIGN.strip().splitlines()) < 60
    folder = distribution / "notes"
    folder.mkdir()
    (folder / "a.txt").write_text("one two")
    assert "notes" in registry.kinds()
    run(Case(registry.crawler_class("notes"), {"folder": str(folder)}))


def test_its_kind_is_gone_with_the_distribution() -> None:
    assert "notes" not in registry.kinds()


# --- the contract itself notices what it is for -----------------------------------------------

FAULTS = {
    "yield Done()": ("", "done_comes_last"),
    "used=len(files) - filtered": ("used=len(files)", "objects_add_up"),
    'f"notes://{self.config.folder}",)': ('f"notes://{id(self)}",)', "names_are_inside"),
    "            if refused:\n": ("            if False:\n", "patterns_are_kept"),
    'Scope("all")': ("Scope(str(id(self)))", "scopes_are_stable"),
    "for file in files:": ("for file in files + files:", "names_are_unique"),
    "for file in files:\n": (
        "for file in files if not state else []:\n",
        "state_changes_nothing",
    ),
    'description="Folder of the text files."': ("...", "config_is_described"),
}


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_each_fault_is_found(distribution: Path, fault: str) -> None:
    replacement, rule = FAULTS[fault]
    assert fault in FOREIGN
    (distribution / "notes_crawler.py").write_text(FOREIGN.replace(fault, replacement, 1))
    importlib.invalidate_caches()
    folder = distribution / "notes"
    folder.mkdir()
    (folder / "a.txt").write_text("one two")
    found = Case(registry.crawler_class("notes"), {"folder": str(folder)})
    check = next(check for check in CHECKS if check.__name__ == rule)
    with pytest.raises(Broken):
        check(found)
