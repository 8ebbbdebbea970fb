"""Small lakes on disk, and a crawl of one with its ledger checked."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from catalog.crawling import Asset, Done, Filtered, Objects, Problem, Record, Unchanged, Workers
from crawlers.lake.local import LocalLake, LocalLakeConfig


def put(path: Path, content: str | bytes) -> Path:
    """Writes a file and its folders; a name that ends in ``.gz`` is compressed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    raw = content.encode() if isinstance(content, str) else content
    path.write_bytes(gzip.compress(raw) if path.name.endswith(".gz") else raw)
    return path


def put_parquet(path: Path, rows: int = 2, **columns: Any) -> Path:
    """Writes a Parquet file of nulls with the given columns (``a`` int64 when none is given)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    columns = columns or {"a": pa.int64()}
    arrays = {name: pa.nulls(rows, kind) for name, kind in columns.items()}
    pq.write_table(pa.table(arrays), path)
    return path


@dataclass
class Crawled:
    """All records of one crawl, sorted by what they are."""

    root: Path
    records: list[Record] = field(default_factory=list)
    states: dict[str, Any] = field(default_factory=dict)
    complete: bool = True

    def of(self, kind: type[Any]) -> list[Any]:
        return [record for record in self.records if isinstance(record, kind)]

    @property
    def datasets(self) -> dict[str, Asset]:
        """Datasets by their path below the root (``.`` for the root itself)."""
        return {
            self.relative(record.name): record
            for record in self.of(Asset)
            if record.asset_class == "data"
        }

    @property
    def containers(self) -> dict[str, Asset]:
        return {
            self.relative(record.name): record
            for record in self.of(Asset)
            if record.asset_class == "container"
        }

    @property
    def problems(self) -> dict[str, Problem]:
        return {self.relative(problem.what): problem for problem in self.of(Problem)}

    @property
    def filtered(self) -> dict[str, str]:
        return {self.relative(record.name): record.by for record in self.of(Filtered)}

    @property
    def unchanged(self) -> dict[str, Unchanged]:
        return {self.relative(record.name): record for record in self.of(Unchanged)}

    def relative(self, name: str) -> str:
        return name.removeprefix(str(self.root)).lstrip("/") or "."


def crawl(
    root: Path,
    states: Mapping[str, Any] | None = None,
    only: Iterable[str] | None = None,
    workers: Workers | None = None,
    **config: Any,
) -> Crawled:
    """Crawls every scope of a folder; asserts each scope's ledger and order of records."""
    lake = LocalLake(LocalLakeConfig(path=str(root), **config))
    lake._workers = workers
    found = Crawled(root)
    known = dict(states or {})
    for scope in lake.scopes(known).scopes:
        names = None if only is None else tuple(only)
        records = list(lake.crawl(scope, known.get(scope.name), names))
        _check_ledger(records)
        done = records[-1]
        assert isinstance(done, Done)
        found.complete = found.complete and done.complete
        found.states[scope.name] = json.loads(json.dumps(done.state))
        found.records += records
    if workers is None:
        lake.close()
    _check_parents(found)
    return found


def _check_ledger(records: list[Record]) -> None:
    listed = sum(r.listed for r in records if isinstance(r, Objects))
    used = sum(r.used + r.filtered for r in records if isinstance(r, Objects))
    assert listed == used + sum(r.objects for r in records if isinstance(r, Problem))


def _check_parents(found: Crawled) -> None:
    """Every parent was reported as a container before its children, once."""
    seen: set[str] = set()
    for record in found.of(Asset):
        assert record.parent is None or record.parent in seen, record
        if record.asset_class == "container":
            assert record.name not in seen
            seen.add(record.name)
