"""Ingest of 100,000 tables of 20 columns, the same again, and the index's catch-up.

``python -m tests.benchmarks.ingest [TABLES [INDEX]]``; INDEX 0 leaves the catch-up out.
"""

from __future__ import annotations

import gc
import multiprocessing
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import event

from catalog.history.setup import create_all
from catalog.history.store import Store
from tests.benchmarks import baseline
from tests.benchmarks.common import (
    Figure,
    argument,
    count_argument,
    emit,
    peak_memory,
    tables,
    timed,
)
from tests.support.crawls import FakeSource


def _baseline(folder: str, count: int, out: Any) -> None:
    out.put(baseline.run(Path(folder), tables(count)))


_OPERATIONAL = ("crawl", "crawl_scope", "crawl_problem", "scope")
"""Tables that say how a crawl goes; the same again writes to no other."""


@contextmanager
def _written(store: Store) -> Iterator[list[str]]:
    """Rows that are written of what the catalog knows, as the first words of the statements."""
    found: list[str] = []

    def note(_c: Any, _cursor: Any, statement: str, rows: Any, _context: Any, many: bool) -> None:
        words = statement.replace('"', "").split()[:3]
        if words[0] not in ("INSERT", "REPLACE", "UPDATE", "DELETE"):
            return
        if words[1 if words[0] == "UPDATE" else 2] not in _OPERATIONAL:
            found.extend([" ".join(words)] * (len(rows) if many else 1))

    event.listen(store.engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(store.engine, "before_cursor_execute", note)


def main() -> None:
    """Measures; the baseline runs in a process of its own, in the same run."""
    count = count_argument(100_000)
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        spawn = multiprocessing.get_context("spawn")
        out = spawn.Queue()
        child = spawn.Process(target=_baseline, args=(folder, count, out))
        child.start()
        base_seconds, base_size = out.get()
        child.join()
        items = tables(count)
        gc.freeze()
        before = peak_memory()
        store = Store(f"sqlite:///{home / 'catalog.db'}", home=home, disk_reserve=0)
        create_all(store.engine)
        source = FakeSource(store)
        source.put(*items)
        with timed() as seconds:
            row = source.run()
            first = seconds()
        assert (row.state, row.new) == ("succeeded", count + 2), row
        peak = peak_memory()
        with store.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        size = (home / "catalog.db").stat().st_size
        with timed() as seconds, _written(store) as written:
            row = source.run()
            again = seconds()
        assert (row.unchanged, row.changed) == (count + 2, 0), row
        figures = [
            Figure("ingest: baseline", count / base_seconds, "tables/s"),
            Figure("ingest: empty store", count / first, "tables/s"),
            _bar("ingest: share of the baseline", base_seconds / first, "x", 0.6),
            Figure(
                "ingest: peak memory beyond the records",
                (peak - before) / 1e6,
                "MB",
                "at most 600",
                peak - before <= 600e6,
            ),
            Figure(
                "ingest: peak memory, records included",
                peak / 1e6,
                "MB",
            ),
            Figure(
                "ingest: store against the baseline's file",
                size / base_size,
                "x",
                "at most 2",
                size <= 2 * base_size,
            ),
            _bar("ingest: the same again", count / again, "tables/s", 25_000),
            Figure("ingest: written by the same again", len(written), "rows", "none", not written),
        ]
        if argument(2, 1):
            figures.append(_catch_up(store, home))
        emit(figures)
        store.close()


def _bar(what: str, figure: float, unit: str, least: float) -> Figure:
    return Figure(what, figure, unit, f"at least {least:,}", figure >= least)


def _catch_up(store: Store, home: Path) -> Figure:
    from catalog.search.follower import Follower
    from catalog.search.whoosh_engine import WhooshEngine

    engine = WhooshEngine(home / "index")
    with timed() as seconds:
        Follower(store, engine).catch_up()
        spent = seconds()
    engine.close()
    return Figure("ingest: the index's own catch-up", spent, "s")


if __name__ == "__main__":
    main()
