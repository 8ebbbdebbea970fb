"""10,000 tables crawled 365 times; 1 % of structures and half of the row counts move each day.

``python -m tests.benchmarks.year [TABLES [DAYS]]``
"""

from __future__ import annotations

import random
import tempfile
from pathlib import Path

import msgspec

from catalog.crawling import records
from catalog.history.setup import create_all
from catalog.history.store import Store
from catalog.model import clock
from tests.benchmarks.common import Figure, argument, count_argument, emit, tables, timed
from tests.support.crawls import FakeSource

DAYS = 365


def _size(store: Store, path: Path) -> int:
    with store.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    return path.stat().st_size


def main() -> None:
    """Measures the store's size after the first and after the last crawl."""
    count, days = count_argument(10_000), argument(2, DAYS)
    rnd = random.Random(7)
    day = [clock.now()]
    with tempfile.TemporaryDirectory() as folder, clock.fixed(lambda: day[0]):
        home = Path(folder)
        store = Store(f"sqlite:///{home / 'catalog.db'}", home=home, disk_reserve=0)
        create_all(store.engine)
        source = FakeSource(store)
        items = [
            msgspec.structs.replace(item, measures={"rows": records.Measure(rnd.randrange(10**6))})
            if isinstance(item, records.Asset) and item.kind == "table"
            else item
            for item in tables(count)
        ]
        source.put(*items)
        source.run()
        first = _size(store, home / "catalog.db")
        with timed() as seconds:
            for number in range(days - 1):
                day[0] += clock.DAY
                _move(items, rnd, number)
                source.put(*items)
                row = source.run()
                assert row.state == "succeeded", row
            spent = seconds()
        last = _size(store, home / "catalog.db")
        store.close()
    emit(
        [
            Figure("year: store after the first crawl", first / 1e6, "MB"),
            Figure(
                f"year: store after {days} crawls",
                last / first,
                "x its first size",
                "under 3",
                last < 3 * first,
            ),
            Figure("year: one crawl with changes", spent / (days - 1), "s"),
        ]
    )


def _move(items: list[records.Record], rnd: random.Random, number: int) -> None:
    """One day: 1 % of the tables change a column, half of them their row count."""
    for at, item in enumerate(items):
        if not isinstance(item, records.Asset) or item.kind != "table":
            continue
        if rnd.random() < 0.5:
            rows = records.Measure(item.measures["rows"].value + rnd.randrange(1, 1000))
            item = msgspec.structs.replace(item, measures={"rows": rows})
        if rnd.random() < 0.01 and item.columns:
            place = rnd.randrange(len(item.columns))
            column = item.columns[place]
            new = records.Field(f"c{number}_{place}", column.type, column.native_type, True)
            columns = (*item.columns[:place], new, *item.columns[place + 1 :])
            item = msgspec.structs.replace(item, columns=columns)
        items[at] = item


if __name__ == "__main__":
    main()
