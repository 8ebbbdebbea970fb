"""Partitions: the stored rows become those of the report, by few statements."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import event, select

from catalog.crawling import records
from catalog.history.store import Store, table_of
from catalog.model import Asset, Partition
from tests.support.crawls import FakeSource, table

ASSET, PARTITION = table_of(Asset), table_of(Partition)


def dataset(name: str, *days: str, rows: int = 1) -> records.Asset:
    parts = tuple(records.Partition(f"d={day}", {"d": day}, rows=rows) for day in days)
    return table(name, "a", partitions=parts)


def stored(store: Store) -> dict[str, list[tuple[str, int]]]:
    """Name -> (path, rows) of its partitions."""
    query = (
        select(ASSET.c.name, PARTITION.c.path, PARTITION.c.rows)
        .join(PARTITION, PARTITION.c.asset == ASSET.c.key)
        .order_by(ASSET.c.name, PARTITION.c.path)
    )
    found: dict[str, list[tuple[str, int]]] = {}
    with store.connect() as connection:
        for name, path, rows in connection.execute(query):
            found.setdefault(name, []).append((path, rows))
    return found


def statements(store: Store, work: Callable[[], object]) -> list[str]:
    """Statements that read or write partitions, by their first word."""
    found: list[str] = []

    def note(_c: Any, _u: Any, statement: str, *_: Any) -> None:
        if '"partition"' in statement or " partition" in statement:
            found.append(statement.split(None, 1)[0].upper())

    event.listen(store.engine, "before_cursor_execute", note)
    try:
        work()
    finally:
        event.remove(store.engine, "before_cursor_execute", note)
    return found


def test_partitions_become_those_of_the_report(store: Store) -> None:
    source = FakeSource(store)
    source.put(dataset("s.a", "1", "2"), dataset("s.b", "1"), dataset("s.c"), dataset("s.d", "1"))
    source.run()
    assert stored(store) == {
        "s.a": [("d=1", 1), ("d=2", 1)],
        "s.b": [("d=1", 1)],
        "s.d": [("d=1", 1)],
    }
    source.put(
        dataset("s.a", "2", "3"), dataset("s.b", "1", rows=7), dataset("s.c", "1"), dataset("s.d")
    )
    assert source.run().unchanged == 4
    assert stored(store) == {
        "s.a": [("d=2", 1), ("d=3", 1)],
        "s.b": [("d=1", 7)],
        "s.c": [("d=1", 1)],
    }


def test_the_partitions_of_changed_datasets_too(store: Store) -> None:
    source = FakeSource(store)
    source.put(dataset("s.a", "1", "2"), dataset("s.b", "1"))
    source.run()
    source.put(*[table(f"s.{n}", "a", "b", partitions=(records.Partition("d=2"),)) for n in "ab"])
    assert source.run().changed == 2
    assert {name: [path for path, _ in paths] for name, paths in stored(store).items()} == {
        "s.a": ["d=2"],
        "s.b": ["d=2"],
    }


def test_one_statement_however_many_datasets(store: Store) -> None:
    """Of those that are new, and of those that are as they were."""
    for count in (10, 100):
        source = FakeSource(store, name=f"wh{count}")
        source.put(*[dataset(f"s{count}.t{n}", "1", "2") for n in range(count)])
        assert statements(store, source.run).count("SELECT") == 1
        assert statements(store, source.run) == ["SELECT"]
