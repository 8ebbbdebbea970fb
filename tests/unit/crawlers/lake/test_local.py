"""The crawler of local folders: records, state, filters, ledger and bad input."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from catalog.crawling import Asset, Done, Scope, Workers, errors
from catalog.crawling.records import canonical
from crawlers.lake.local import LocalLake, LocalLakeConfig
from tests.unit.crawlers.lake.lakes import Crawled, crawl, put, put_parquet

FLIGHTS = "year,carrier,delay\n2013,UA,1\n2013,AA,\n"
as_root = pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    for month in ("01", "02"):
        put(tmp_path / f"raw/flights/month={month}/flights.csv.gz", FLIGHTS)
    put(tmp_path / "raw/airports/airports.json", '[{"faa": "JFK", "at": {"lat": 40.6}}]')
    put_parquet(tmp_path / "curated/planes/part-0.parquet", 5, tail=pa.string(), seats=pa.int32())
    put(tmp_path / "notes.csv", "who;what\nme;this\n")
    return tmp_path


def by_json(records: list[Any]) -> set[bytes]:
    return {canonical(record) for record in records if isinstance(record, Asset)}


def test_records_of_a_lake(lake: Path, workers: Workers) -> None:
    found = crawl(lake, workers=workers)
    assert set(found.containers) == {".", "raw", "curated"}
    assert found.containers["."].parent is None
    assert found.containers["raw"].parent == str(lake)
    flights = found.datasets["raw/flights"]
    assert (flights.namespace, flights.name) == ("file", f"{lake}/raw/flights")
    assert (flights.parent, flights.kind, flights.format) == (f"{lake}/raw", "dataset", "csv")
    assert flights.location == f"file://{lake}/raw/flights"
    assert flights.partition_keys == ("month",)
    assert flights.properties == {
        "grouping": "hive",
        "grouping_why": "Its folders are named key=value.",
        "compression": "gzip",
        "encoding": "utf-8",
        "delimiter": ",",
        "header": True,
    }
    assert [(c.path, c.type, c.nullable) for c in flights.columns or ()] == [
        ("year", "int64", None),
        ("carrier", "string", None),
        ("delay", "int64", True),
        ("month", "int64", False),
    ]
    assert {name: m.value for name, m in flights.measures.items() if name != "last_written"} == {
        "bytes": sum(file.stat().st_size for file in lake.rglob("flights.csv.gz")),
        "files": 2,
        "rows": 4,
        "partitions": 2,
    }
    airports = found.datasets["raw/airports"]
    assert [(c.path, c.type) for c in airports.columns or ()] == [
        ("faa", "string"),
        ("at", "struct"),
        ("at.lat", "float64"),
    ]
    assert found.datasets["notes.csv"].properties["delimiter"] == ";"
    assert found.datasets["curated/planes"].measures["rows"].value == 5
    assert found.complete
    assert found.problems == {}


def test_two_crawls_report_the_same(lake: Path, workers: Workers) -> None:
    assert by_json(crawl(lake, workers=workers).records) == by_json(
        crawl(lake, workers=workers).records
    )


def test_state_spares_reading(lake: Path, workers: Workers, monkeypatch: Any) -> None:
    first = crawl(lake, workers=workers)
    opened: list[str] = []
    monkeypatch.setattr(LocalLake, "_read", lambda self, files: (_note(opened, files), {}))
    again = crawl(lake, first.states, workers=workers)
    assert opened == []
    assert set(again.unchanged) == set(first.datasets)
    for name, asset in first.datasets.items():
        assert again.unchanged[name].measures == asset.measures
    assert again.states == first.states


def _note(opened: list[str], files: Any) -> dict[str, Any]:
    opened.extend(file.path for file in files)
    return {}


def test_a_new_partition_is_a_measure_and_no_change(lake: Path, workers: Workers) -> None:
    first = crawl(lake, workers=workers)
    put(lake / "raw/flights/month=03/flights.csv.gz", FLIGHTS)
    again = crawl(lake, first.states, workers=workers)
    assert list(again.datasets) == ["raw/flights"]
    before, after = first.datasets["raw/flights"], again.datasets["raw/flights"]
    assert canonical(before) == canonical(after)
    assert len(after.partitions or ()) == 3
    assert after.measures["rows"].value == 6


@pytest.mark.parametrize(
    "foreign",
    [
        {"v": 99},
        {"v": 1, "bundles": 7},
        {"v": 1, "bundles": {"x": None}},
        {"watermark": "2024"},
        [],
    ],
)
def test_a_foreign_state_is_ignored(lake: Path, workers: Workers, foreign: Any) -> None:
    plain = crawl(lake, workers=workers)
    scopes = dict.fromkeys(plain.states, foreign)
    assert by_json(crawl(lake, scopes, workers=workers).records) == by_json(plain.records)


def test_a_state_of_another_lake_is_ignored(lake: Path, workers: Workers) -> None:
    plain = crawl(lake, workers=workers)
    name = f"{lake}/raw/flights"
    entry = dict(plain.states["raw"]["bundles"][name], datasets={"/elsewhere": [1, "exact"]})
    states = {"raw": {"v": 1, "bundles": {name: entry}}}
    assert by_json(crawl(lake, states, workers=workers).records) == by_json(plain.records)


def test_patterns_match_full_and_relative_names(lake: Path, workers: Workers) -> None:
    found = crawl(lake, workers=workers, exclude=["raw/air*"], include=["raw/*", f"{lake}/cur*"])
    assert set(found.datasets) == {"raw/flights", "curated/planes"}
    assert set(found.containers) == {".", "raw", "curated"}
    assert found.filtered["raw/airports"] == "exclude raw/air*"
    assert found.filtered["notes.csv"].startswith("include ")


def test_only_narrows_to_what_is_named(lake: Path, workers: Workers) -> None:
    found = crawl(lake, only=[f"{lake}/raw/flights"], workers=workers)
    assert set(found.datasets) == {"raw/flights"}
    assert set(found.states.values()) == {None}


def test_a_broken_file_is_a_problem_and_the_rest_stays(lake: Path, workers: Workers) -> None:
    put_parquet(lake / "curated/planes/part-1.parquet", 5, tail=pa.string(), seats=pa.int32())
    put(lake / "curated/planes/part-2.parquet", b"PAR1 and nothing else PAR1")
    put(lake / "curated/lost/x.parquet", b"PAR1")
    found = Crawled(lake)
    for _ in range(2):  # a failure is told again: the state does not hide it
        found = crawl(lake, found.states, workers=workers)
        assert set(found.problems) == {"curated/planes/part-2.parquet", "curated/lost/x.parquet"}
    assert found.problems["curated/planes/part-2.parquet"].name is None
    assert found.problems["curated/lost/x.parquet"].name == f"{lake}/curated/lost/x.parquet"
    planes = found.datasets["curated/planes"]
    assert planes.measures["files"].value == 3
    assert "rows" not in planes.measures


def test_a_file_that_vanishes_is_a_problem(lake: Path, workers: Workers, monkeypatch: Any) -> None:
    read = LocalLake._read

    def late(self: LocalLake, files: Any) -> Any:
        (lake / "notes.csv").unlink(missing_ok=True)
        return read(self, files)

    monkeypatch.setattr(LocalLake, "_read", late)
    found = crawl(lake, workers=workers)
    assert found.problems["notes.csv"].code == "vanished"
    assert found.complete


def test_names_with_anything_in_them(tmp_path: Path, workers: Workers) -> None:
    names = ['a"b.csv', "a'b.csv", "new\nline.csv", "tab\t.csv", "späße.csv", "; DROP TABLE x.csv"]
    for name in names:
        put(tmp_path / "odd" / name, f"{names.index(name)}_x,y\nq,w\n")
    os.makedirs(os.fsencode(tmp_path / "odd") + b"/k=\xff")
    with open(os.fsencode(tmp_path / "odd") + b"/k=\xff/\xfe.csv", "wb") as stream:
        stream.write(b"a,b\n1,2\n")
    with open(os.fsencode(tmp_path / "odd") + b"/\xfc.csv", "wb") as stream:
        stream.write(b"\xfc_u,b\n1,2\n")
    found = crawl(tmp_path, workers=workers)
    assert found.problems == {}
    assert found.complete
    assert set(found.datasets) >= {"odd", r"odd/\udcfc.csv", "odd/new\nline.csv", 'odd/a"b.csv'}
    assert [p.values for p in found.datasets["odd"].partitions or ()] == [{"k": r"\udcff"}]
    assert (found.datasets[r"odd/\udcfc.csv"].location or "").endswith("/odd/%FC.csv")


def test_links_loops_and_devices(tmp_path: Path, workers: Workers) -> None:
    outside = tmp_path / "outside"
    put(outside / "secret.csv", "a,b\n1,2\n")
    root = tmp_path / "lake"
    put(root / "z/orders.csv", "id,total\n1,2\n")
    (root / "z/loop").symlink_to(root / "z")
    (root / "z/away").symlink_to(outside)
    (root / "z/secret.csv").symlink_to(outside / "secret.csv")
    (root / "z/dangling.csv").symlink_to(root / "nothing")
    (root / "link").symlink_to(outside)
    os.mkfifo(root / "z/pipe.csv")
    found = crawl(root, workers=workers)
    assert set(found.datasets) == {"z/orders.csv"}
    assert found.complete


def test_links_to_files_inside_are_read(tmp_path: Path, workers: Workers) -> None:
    put(tmp_path / ".store/1", "id,total\n1,2\n")
    (tmp_path / "z").mkdir()
    (tmp_path / "z/orders.csv").symlink_to(tmp_path / ".store/1")
    assert set(crawl(tmp_path, workers=workers).datasets) == {"z/orders.csv"}


@as_root
def test_a_folder_without_permission(lake: Path, workers: Workers) -> None:
    (lake / "raw/flights").chmod(0)
    try:
        found = crawl(lake, workers=workers)
    finally:
        (lake / "raw/flights").chmod(0o755)
    assert found.problems["raw/flights"].code == "denied"
    assert not found.complete


def test_a_folder_that_cannot_be_listed(lake: Path, workers: Workers, monkeypatch: Any) -> None:
    scandir = os.scandir

    def refuse(path: Any) -> Any:
        if str(path).endswith("raw/flights"):
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    found = crawl(lake, workers=workers)
    problem = found.problems["raw/flights"]
    assert (problem.code, problem.objects) == ("denied", 0)
    assert not found.complete
    assert set(found.datasets) >= {"raw/airports", "curated/planes"}
    [done] = [r for r in found.of(Done) if not r.complete]
    assert done.why


def test_too_many_files(lake: Path, workers: Workers) -> None:
    found = crawl(lake, workers=workers, max_files=2)
    assert not found.complete
    assert found.problems["raw"].code == "too_many"


def test_a_root_that_is_not_there(tmp_path: Path) -> None:
    for path, kind in (
        (tmp_path / "no", errors.Unreachable),
        (put(tmp_path / "f", "x"), errors.Unreadable),
    ):
        lake = LocalLake(LocalLakeConfig(path=str(path)))
        check = lake.check()
        assert not check.ok
        assert check.remedy
        with pytest.raises(kind) as caught:
            lake.scopes({})
        assert str(path) in caught.value.message
        assert caught.value.remedy


def test_check_says_what_is_there(lake: Path) -> None:
    check = LocalLake(LocalLakeConfig(path=str(lake))).check()
    assert check.ok
    assert check.details == {"folders": 2, "files": 1}


def test_a_scope_that_is_gone_is_empty(lake: Path) -> None:
    records = list(LocalLake(LocalLakeConfig(path=str(lake))).crawl(Scope("gone"), None))
    assert records == [Done(complete=True, state={"v": 1, "bundles": {}})]


def test_claims(tmp_path: Path) -> None:
    assert LocalLake.claims(str(tmp_path)) == {"path": str(tmp_path)}
    assert LocalLake.claims(f"file://{tmp_path}") == {"path": str(tmp_path)}
    assert LocalLake.claims(str(put(tmp_path / "f", "x"))) is None
    assert LocalLake.claims("postgresql://host/db") is None
    assert LocalLake.claims("") is None


def test_preview_uses_the_patterns(lake: Path) -> None:
    crawler = LocalLake(LocalLakeConfig(path=str(lake), exclude=["raw/*"]))
    items = {Path(item.name).name: item.filtered_by for item in crawler.preview()}
    crawler.close()
    assert items == {
        "notes.csv": None,
        "planes": None,
        "flights": "exclude raw/*",
        "airports": "exclude raw/*",
    }
