"""Each rule of ``docs/grouping.md`` with a folder of its own."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from catalog.crawling import Workers
from catalog.crawling.lake.grouping import shape
from tests.unit.crawlers.lake.lakes import crawl, put, put_parquet

FLIGHTS = "year,carrier,delay\n2013,UA,1\n"


def rules(root: Path, workers: Workers) -> dict[str, str]:
    """Path of each dataset below the root -> the rule that made it."""
    found = crawl(root, workers=workers)
    return {name: asset.properties["grouping"] for name, asset in found.datasets.items()}


def test_hive_partitions(tmp_path: Path, workers: Workers) -> None:
    for year, month in (("2017", "1"), ("2017", "02"), ("2018", "1")):
        put_parquet(tmp_path / f"raw/flights/year={year}/month={month}/part-0.parquet", 3)
    put_parquet(tmp_path / "raw/flights/year=2018/month=__HIVE_DEFAULT_PARTITION__/x.parquet", 1)
    asset = crawl(tmp_path, workers=workers).datasets["raw/flights"]
    assert asset.properties["grouping"] == "hive"
    assert asset.partition_keys == ("year", "month")
    assert [(c.path, c.type) for c in asset.columns or ()] == [
        ("a", "int64"),
        ("year", "int64"),
        ("month", "int64"),
    ]
    assert [(p.values, p.rows, p.files) for p in asset.partitions or ()] == [
        ({"year": "2017", "month": "02"}, 3, 1),
        ({"year": "2017", "month": "1"}, 3, 1),
        ({"year": "2018", "month": "1"}, 3, 1),
        ({"year": "2018", "month": None}, 1, 1),
    ]
    assert asset.measures["rows"].value == 10
    assert asset.measures["partitions"].value == 4


def test_partitions_with_other_columns_stay_one_dataset(tmp_path: Path, workers: Workers) -> None:
    """{A, B} under year=2017 and {C, D} under year=2018 are not two tables."""
    put_parquet(tmp_path / "t/year=2017/f.parquet", a=pa.int32(), b=pa.string())
    put_parquet(tmp_path / "t/year=2018/f.parquet", c=pa.int32(), d=pa.string())
    found = crawl(tmp_path, workers=workers).datasets
    assert list(found) == ["t"]
    assert {c.path: c.nullable for c in found["t"].columns or ()} == {
        "a": True,
        "b": True,
        "c": True,
        "d": True,
        "year": False,
    }


def test_empty_files_and_markers_beside_partitions(tmp_path: Path, workers: Workers) -> None:
    put_parquet(tmp_path / "t/dt=2024-01-01/f.parquet")
    for name in ("t/dt=2024-01-01_$folder$", "t/_SUCCESS", "t/.f.crc", "t/dt=2024-01-01/empty"):
        put(tmp_path / name, "")
    put(tmp_path / "t/_committed_1", "x")
    found = crawl(tmp_path, workers=workers)
    assert list(found.datasets) == ["t"]
    assert found.datasets["t"].columns is not None
    assert [c.type for c in found.datasets["t"].columns] == ["int64", "date"]


def test_partitions_of_mixed_formats(tmp_path: Path, workers: Workers) -> None:
    put_parquet(tmp_path / "t/k=1/a.parquet")
    put_parquet(tmp_path / "t/k=2/b.parquet")
    put(tmp_path / "t/k=2/b.csv", FLIGHTS)
    assert rules(tmp_path, workers) == {"t": "hive", "t/**/*.csv": "hive"}


@pytest.mark.parametrize(
    ("folders", "keys"),
    [
        (("2024/01/02", "2024/01/03", "2023/12/31"), ("year", "month", "day")),
        (("2024-01-02", "2024-01-03"), ("date",)),
        (("20240102", "20240103"), ("date",)),
        (("dt-2024-01-02", "dt-2024-01-03"), ("date",)),
        (("2024-01", "2024-02"), ("month",)),
        (("2023", "2024"), ("year",)),
        (("2024/01/02/23", "2024/01/02/00"), ("year", "month", "day", "hour")),
    ],
)
def test_date_folders(
    tmp_path: Path, workers: Workers, folders: tuple[str, ...], keys: tuple[str, ...]
) -> None:
    for folder in folders:
        put(tmp_path / "raw/events" / folder / "events.json", '{"id": 1}\n{"id": 2}\n')
    asset = crawl(tmp_path, workers=workers).datasets["raw/events"]
    assert asset.properties["grouping"] == "dates"
    assert asset.partition_keys == keys
    assert len(asset.partitions or ()) == len(folders)
    assert asset.measures["rows"].value == 2 * len(folders)


def test_date_folders_that_hold_several_tables(tmp_path: Path, workers: Workers) -> None:
    for day in ("2024-01-01", "2024-01-02"):
        put(tmp_path / f"dump/{day}/orders.csv", "id,total\n1,2.5\n")
        put(tmp_path / f"dump/{day}/people.csv", "name,city\nAda,London\n")
    found = crawl(tmp_path, workers=workers)
    assert set(found.datasets) == {"dump/**/orders.csv", "dump/**/people.csv"}
    assert found.datasets["dump/**/orders.csv"].partition_keys == ("date",)


def test_years_above_tables_are_folders(tmp_path: Path, workers: Workers) -> None:
    put(tmp_path / "z/2024/orders/orders.csv", "id,total\n1,2.5\n")
    put(tmp_path / "z/2024/people/people.csv", "name,city\nAda,London\n")
    assert set(rules(tmp_path, workers)) == {"z/2024/orders", "z/2024/people"}


@pytest.mark.parametrize(
    "names",
    [
        ("part-00000", "part-00001"),
        ("data_1.csv", "data_2.csv", "data_10.csv"),
        ("flights-2013-01.csv.gz", "flights-2013-02.csv.gz"),
        ("part-00000-1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed-c000.csv", "part-00001-0a1d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed-c000.csv"),  # noqa: E501
        ("20240101.csv", "20240102.csv"),
    ],
)  # fmt: skip
def test_shards(tmp_path: Path, workers: Workers, names: tuple[str, ...]) -> None:
    for name in names:
        put(tmp_path / "raw/flights" / name, FLIGHTS)
    asset = crawl(tmp_path, workers=workers).datasets["raw/flights"]
    assert asset.properties["grouping"] == "shards"
    assert asset.measures["files"].value == len(names)
    assert asset.measures["rows"].value == len(names)


def test_shards_beside_other_files(tmp_path: Path, workers: Workers) -> None:
    for month in ("01", "02"):
        put(tmp_path / f"raw/flights-2013-{month}.csv.gz", FLIGHTS)
    put(tmp_path / "raw/planes.csv", "tail,seats\nN1,9\n")
    assert rules(tmp_path, workers) == {
        "raw/flights-*.csv.gz": "shards",
        "raw/planes.csv": "single",
    }


def test_numbered_files_without_a_column_in_common(tmp_path: Path, workers: Workers) -> None:
    put(tmp_path / "raw/report1.csv", "id,total\n1,2.5\n")
    put(tmp_path / "raw/report2.csv", "name,city\nAda,London\n")
    assert rules(tmp_path, workers) == {"raw/report1.csv": "single", "raw/report2.csv": "single"}


def test_one_folder_per_table(tmp_path: Path, workers: Workers) -> None:
    for name in ("north", "south", "late-arrivals"):
        put(tmp_path / f"raw/flights/{name}.csv", FLIGHTS)
    put(tmp_path / "raw/planes/planes.csv", "tail,seats\nN1,9\n")
    put(tmp_path / "raw/weather/data.json", '{"t": 1}\n')
    assert rules(tmp_path, workers) == {
        "raw/flights": "folder",
        "raw/planes": "folder",
        "raw/weather": "folder",
    }


def test_a_folder_of_unrelated_files(tmp_path: Path, workers: Workers) -> None:
    put(tmp_path / "raw/customers.csv", "id,name,email\n1,Ada,a@b.c\n")
    put(tmp_path / "raw/products.csv", "id,name,price\n1,Pen,2.5\n")
    put(tmp_path / "raw/airports.json", '[{"faa": "JFK"}]')
    found = crawl(tmp_path, workers=workers)
    assert {name: a.properties["grouping"] for name, a in found.datasets.items()} == {
        "raw/customers.csv": "single",
        "raw/products.csv": "single",
        "raw/airports.json": "single",
    }
    assert "No grouping rule fits" in found.datasets["raw/products.csv"].properties["grouping_why"]
    assert {asset.kind for asset in found.datasets.values()} == {"file"}


def test_files_without_columns(tmp_path: Path, workers: Workers) -> None:
    for name in ("cat", "dog", "cow"):
        put(tmp_path / f"pics/{name}.png", b"\x89PNG\r\n\x1a\n")
    found = crawl(tmp_path, workers=workers).datasets
    assert {name: a.properties["grouping"] for name, a in found.items()} == {"pics": "files"}
    assert found["pics"].columns is None


def test_a_root_that_is_itself_a_dataset(tmp_path: Path, workers: Workers) -> None:
    put_parquet(tmp_path / "year=2017/f.parquet")
    put_parquet(tmp_path / "year=2018/f.parquet")
    found = crawl(tmp_path, workers=workers)
    assert list(found.datasets) == ["."]
    assert list(found.states) == ["."]


def test_a_delta_table_says_so_and_claims_no_rows(tmp_path: Path, workers: Workers) -> None:
    put(tmp_path / "t/_delta_log/00000000000000000000.json", "{}")
    put_parquet(tmp_path / "t/part-0.parquet")
    asset = crawl(tmp_path, workers=workers).datasets["t"]
    assert asset.properties["table_format"] == "delta"
    assert "rows" not in asset.measures


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("flights-2013-01.csv.gz", "flights-*.csv.gz"),
        ("data_1_2.csv", "data_*.csv"),
        ("song.mp3", "song.mp3"),
        ("orders.csv", "orders.csv"),
        ("deadbeef.csv", "deadbeef.csv"),
        ("1a2b3c4d5e6f7a8b.csv", "*.csv"),
        ("000001_0", "*"),
    ],
)
def test_shape(name: str, expected: str) -> None:
    assert shape(name) == expected
