"""Partitions of datasets: rows that are made equal to the report; no change."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, delete, select

from catalog.crawling import records
from catalog.history import dialect
from catalog.history.store import table_of
from catalog.history.unit import Unit
from catalog.ingest.lookup import chunks
from catalog.model import Partition, clock
from catalog.naming import name_key

Reports = Mapping[int, Sequence[records.Partition]]
"""Asset (key) -> all of its partitions."""
_PARTITION = table_of(Partition)
_COLUMNS = ("asset", "path_key", "path", "values", "files", "rows", "size", "newest_file")
_DELETE = delete(_PARTITION).where(
    _PARTITION.c.asset == bindparam("b_asset"), _PARTITION.c.path_key == bindparam("b_path_key")
)
_ROWS_AT_ONCE = 1000


class _Step(NamedTuple):
    """What makes the stored partitions of an asset equal to its report."""

    asset: int
    gone: list[bytes]  # path keys
    fresh: list[tuple[Any, ...]]


def write_partitions(unit: Unit, reports: Reports) -> None:
    """Makes the stored partitions of assets equal to the reports; writes differences only."""
    steps = sorted(_steps(unit.connection, reports))
    gone = [{"b_asset": step.asset, "b_path_key": key} for step in steps for key in step.gone]
    if gone:
        unit.connection.execute(_DELETE, gone)
    fresh = [row for step in steps for row in step.fresh]
    dialect.bulk_insert(unit.connection, _PARTITION, _COLUMNS, fresh)


def changed_partitions(connection: Connection, reports: Reports) -> Reports:
    """Those that `write_partitions` would write: a read, so that equal ones write nothing."""
    return {step.asset: reports[step.asset] for step in _steps(connection, reports)}


def _steps(connection: Connection, reports: Reports) -> Iterator[_Step]:
    """One per asset that differs; one SELECT per chunk, and one asset in memory."""
    for chunk in chunks(sorted(reports)):
        statement = (
            select(*[_PARTITION.c[name] for name in _COLUMNS])
            .where(_PARTITION.c.asset.in_(chunk))
            .order_by(_PARTITION.c.asset)
        )
        stored = connection.execute(statement, execution_options={"yield_per": _ROWS_AT_ONCE})
        without = set(chunk)
        for asset, rows in groupby(stored, attrgetter("asset")):
            without.discard(asset)
            step = _step(asset, {row.path_key: tuple(row) for row in rows}, reports[asset])
            if step.gone or step.fresh:
                yield step
        for asset in without:
            if reports[asset]:
                yield _step(asset, {}, reports[asset])


def _step(
    asset: int, stored: Mapping[bytes, tuple[Any, ...]], partitions: Sequence[records.Partition]
) -> _Step:
    wanted = {}
    for partition in partitions:
        key = name_key(partition.path)
        newest = partition.newest_file
        wanted[key] = (
            asset,
            key,
            partition.path,
            json.dumps(partition.values, sort_keys=True, ensure_ascii=False),
            partition.files,
            partition.rows,
            partition.bytes,
            None if newest is None else int(newest * clock.SECOND),
        )
    gone = [key for key in stored if wanted.get(key) != stored[key]]
    fresh = [row for key, row in wanted.items() if stored.get(key) != row]
    return _Step(asset, gone, fresh)
