"""What benchmarks share: rows of the printed table, synthetic tables, stores of a given size."""

from __future__ import annotations

import json
import random
import resource
import string
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from catalog.crawling import records

NAMESPACE = "postgres://db:5432"
COLUMNS = 20


@dataclass(frozen=True)
class Figure:
    """One measured figure. ``bar``: text; ``holds``: None when the issue sets no bar."""

    what: str
    figure: float
    unit: str
    bar: str = ""
    holds: bool | None = None


def emit(figures: list[Figure]) -> None:
    """One JSON line per figure on standard output: what the runner reads."""
    for figure in figures:
        sys.stdout.write(json.dumps(asdict(figure)) + "\n")
    sys.stdout.flush()


def tables(count: int, seed: int = 1) -> list[records.Record]:
    """A database, a schema and tables of 20 columns: names of 30, comments of 20 characters."""
    rnd = random.Random(seed)

    def word(length: int) -> str:
        return "".join(rnd.choices(string.ascii_lowercase, k=length))

    found: list[records.Record] = [
        records.Asset(NAMESPACE, "shop", "database", "container"),
        records.Asset(NAMESPACE, "shop.public", "schema", "container", parent="shop"),
    ]
    for _ in range(count):
        fields = tuple(
            records.Field(word(30), "int64", "bigint", True, comment=word(20))
            for _ in range(COLUMNS)
        )
        found.append(
            records.Asset(
                NAMESPACE,
                f"shop.public.{word(30)}",
                "table",
                parent="shop.public",
                columns=fields,
            )
        )
    return found


@contextmanager
def timed() -> Iterator[Callable[[], float]]:
    """Seconds since the block began."""
    began = time.perf_counter()
    yield lambda: time.perf_counter() - began


def peak_memory() -> int:
    """Largest resident memory of this process so far, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def folder_size(folder: Path) -> int:
    """Bytes of all files in a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def percentile(values: list[float], share: float) -> float:
    """The value below which this share of the values lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def count_argument(default: int) -> int:
    """How many assets: the first argument, or the issue's number."""
    return argument(1, default)


def argument(place: int, default: int) -> int:
    """A number on the command line; the planted faults measure less and for a shorter time."""
    return int(sys.argv[place]) if len(sys.argv) > place else default
