"""Real and hostile files of many projects: none may crash the reader's parent or a crawl.

The files lie in ``CATALOG_CORPORA`` (default ``../shared/data`` beside the repository); where they
are absent, these tests are skipped.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from catalog.crawling import Asset, Done, Objects, Problem, Unchanged, Workers
from catalog.reading import FileFacts, FileRequest, read_file
from crawlers.lake.local import LocalLake, LocalLakeConfig

ROOT = Path(__file__).parents[2]
LAKE = Path(os.environ.get("CATALOG_CORPORA", ROOT / ".." / "shared" / "data")).resolve() / "lake"
CODES = {"unreadable", "too_large", "unknown_format", "empty", "killed", "timeout", "memory"}

pytestmark = [
    pytest.mark.corpora,
    pytest.mark.skipif(not LAKE.is_dir(), reason=f"no corpora at {LAKE}; set CATALOG_CORPORA"),
]


@pytest.fixture(scope="module")
def workers() -> Iterator[Workers]:
    with Workers(count=2, memory_mb=1024, seconds=20) as pool:
        yield pool


def paths() -> list[bytes]:
    return sorted(os.fsencode(path) for path in LAKE.rglob("*") if path.is_file())


@pytest.fixture(scope="module")
def read(workers: Workers) -> dict[str, FileFacts | str]:
    """Path below the lake -> facts, or the code of the failure."""
    found: dict[str, FileFacts | str] = {}
    requests = [FileRequest(path) for path in paths()]
    for request, outcome in workers.map_ordered(read_file, requests):
        name = os.path.relpath(os.fsdecode(request.path), LAKE)
        if outcome.failure is not None:
            assert outcome.failure.code in CODES, (name, outcome.failure)
            assert outcome.failure.why
            found[name] = outcome.failure.code
        else:
            assert outcome.value is not None
            found[name] = outcome.value
    assert len(found) == len(requests)
    return found


def test_good_files_are_read(read: dict[str, FileFacts | str]) -> None:
    """Every Parquet, ORC and CSV file that is not broken on purpose has columns."""
    formats = Counter(f.format for f in read.values() if isinstance(f, FileFacts))
    assert formats["parquet"] > 500
    assert formats["csv"] > 50
    for name, facts in read.items():
        spoilt = ("bad_data", "fuzz", "encrypt", "key_material", "incorrect_map")
        if name.endswith(".parquet") and not any(word in name for word in spoilt):
            assert isinstance(facts, FileFacts), (name, facts)
            assert facts.columns is not None
            assert facts.rows is not None


def test_json_suite(read: dict[str, FileFacts | str]) -> None:
    """What must be accepted (``y_``) is read. What must be refused (``n_``) may be a row of lines
    with a broken one, or no JSON at all, and never more than a failure of its own."""
    suite = {os.path.basename(n): f for n, f in read.items() if n.startswith("JSONTestSuite/")}
    accepted = {name for name, facts in suite.items() if isinstance(facts, FileFacts)}
    wanted = {name for name in suite if name.startswith("y_")}
    assert wanted - accepted == set()
    refused = {name for name in suite if name.startswith("n_")}
    assert len(refused - accepted) >= len(refused) * 0.8


def test_crawl_of_everything_adds_up() -> None:
    lake = LocalLake(LocalLakeConfig(path=str(LAKE), seconds=20))
    try:
        for scope in lake.scopes({}).scopes:
            records = list(lake.crawl(scope, None))
            done = records[-1]
            assert isinstance(done, Done)
            assert done.complete
            objects = [record for record in records if isinstance(record, Objects)]
            failed = sum(r.objects for r in records if isinstance(r, Problem))
            listed = sum(r.listed for r in objects)
            assert listed == sum(r.used + r.filtered for r in objects) + failed
            assert listed == _visible_files(LAKE / scope.name, deep=scope.name != ".")
            names = [r.name for r in records if isinstance(r, Asset) and r.asset_class == "data"]
            assert len(names) == len(set(names))
            again = list(lake.crawl(scope, done.state))
            known = {record.name for record in again if isinstance(record, Unchanged)}
            assert known <= set(names)
    finally:
        lake.close()


def _visible_files(folder: Path, deep: bool) -> int:
    """Files below a folder that are not in a hidden or marker folder."""
    count = 0
    for _, folders, files in os.walk(folder):
        folders[:] = [
            f for f in folders if deep and (f[0] not in "._" or ("=" in f and f[0] != "."))
        ]
        count += len(files)
    return count
