"""Measures: the latest value in place, a thinned series beside it; no change."""

from __future__ import annotations

import struct
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, select, update

from catalog.crawling import records
from catalog.history import dialect
from catalog.history.store import table_of
from catalog.history.unit import Unit
from catalog.ingest.lookup import chunks
from catalog.model import Asset, Change, Measure, clock
from catalog.naming import id_text

_MEASURE = table_of(Measure)
_ASSET = table_of(Asset)
_CHANGE = table_of(Change)
_POINT = struct.Struct(">Id")
SERIES_POINTS = 48
"""Points kept of a series: new ones dense, old ones thinned."""


def append_point(series: bytes, at: int, value: float) -> bytes:
    """Adds a point (``at`` in microseconds); over `SERIES_POINTS` the densest old one goes.

    A second point within the same hour replaces the first. The series keeps its first and last
    points; of the others the one whose neighbours are closest together, relative to their age,
    is dropped, so that detail fades with age.
    """
    points = list(_POINT.iter_unpack(series))
    second = at // clock.SECOND
    if points and second - points[-1][0] < 3600:
        points.pop()
    points.append((second, value))
    if len(points) > SERIES_POINTS:
        newest = points[-1][0]
        crowded = min(
            range(1, len(points) - 1),
            key=lambda i: (points[i + 1][0] - points[i - 1][0]) / (newest - points[i][0] + 1),
        )
        del points[crowded]
    return b"".join(_POINT.pack(*point) for point in points)


def read_series(series: bytes) -> list[tuple[int, float]]:
    """(microseconds, value) of each kept point, oldest first."""
    return [(second * clock.SECOND, value) for second, value in _POINT.iter_unpack(series)]


def rows_class(rows: float) -> int:
    """Power of ten of a row count; 0 for none to nine rows."""
    return max(0, len(str(int(max(rows, 0)))) - 1)


def write_measures(
    unit: Unit, source: int, items: Sequence[tuple[int, Mapping[str, records.Measure]]]
) -> None:
    """Writes values that differ from the latest. Also moves the class of row counts.

    Where another source decides over the asset, only what that one does not measure is written:
    two sources crawled in turn do not overwrite each other.
    """
    wanted = {key: measures for key, measures in items if measures}
    if not wanted:
        return
    mine = decided_by(unit.connection, source, wanted)
    known: dict[int, dict[str, Any]] = defaultdict(dict)
    for chunk in chunks(sorted(wanted)):
        for row in unit.connection.execute(
            select(_MEASURE).where(_MEASURE.c.asset.in_(chunk), _MEASURE.c.column == 0)
        ):
            known[row.asset][row.name] = row
    inserts: list[tuple[Any, ...]] = []
    updates: list[dict[str, Any]] = []
    counts: dict[int, float] = {}
    for key, measures in wanted.items():
        for name, measure in measures.items():
            latest = known[key].get(name)
            if latest is not None and (
                (latest.value == measure.value and latest.how == measure.how)
                or (key not in mine and latest.source != source)
            ):
                continue
            at = clock.from_text(measure.at) if measure.at else unit.now
            series = append_point(b"" if latest is None else latest.series, at, measure.value)
            if name == "rows":
                counts[key] = measure.value
            if latest is None:
                inserts.append((key, 0, name, measure.value, measure.how, at, source, series))
            else:
                updates.append(
                    {
                        "b_asset": key,
                        "b_name": name,
                        "value": measure.value,
                        "how": measure.how,
                        "at": at,
                        "source": source,
                        "series": series,
                    }
                )
    dialect.bulk_insert(
        unit.connection,
        _MEASURE,
        ("asset", "column", "name", "value", "how", "at", "source", "series"),
        inserts,
    )
    if updates:
        unit.connection.execute(_UPDATE, updates)
    _move_classes(unit, counts)


_UPDATE = (
    update(_MEASURE)
    .where(
        _MEASURE.c.asset == bindparam("b_asset"),
        _MEASURE.c.column == 0,
        _MEASURE.c.name == bindparam("b_name"),
    )
    .values(
        value=bindparam("value"),
        how=bindparam("how"),
        at=bindparam("at"),
        source=bindparam("source"),
        series=bindparam("series"),
    )
)


def decided_by(connection: Connection, source: int, assets: Iterable[int]) -> set[int]:
    """Those of the assets over which this source's report decides."""
    found: set[int] = set()
    for chunk in chunks(sorted(assets)):
        found.update(
            connection.execute(
                select(_ASSET.c.key).where(_ASSET.c.key.in_(chunk), _ASSET.c.source == source)
            ).scalars()
        )
    return found


def _move_classes(unit: Unit, counts: Mapping[int, float]) -> None:
    """The class of the row count: a change without version, at most once a day per asset."""
    if not counts:
        return
    moved: list[tuple[Any, int]] = []
    for chunk in chunks(sorted(counts)):
        for row in unit.connection.execute(
            select(_ASSET.c.key, _ASSET.c.uid, _ASSET.c.rows_class).where(_ASSET.c.key.in_(chunk))
        ):
            new = rows_class(counts[row.key])
            if new != row.rows_class:
                moved.append((row, new))
    recent: set[int] = set()
    again = [row.key for row, _ in moved if row.rows_class is not None]
    for chunk in chunks(again):
        recent.update(
            unit.connection.execute(
                select(_CHANGE.c.asset).where(
                    _CHANGE.c.asset.in_(chunk),
                    _CHANGE.c.what == "rows_class",
                    _CHANGE.c.at > unit.now - clock.DAY,
                )
            ).scalars()
        )
    kept = [(row, new) for row, new in moved if row.key not in recent]
    if not kept:
        return
    unit.connection.execute(
        update(_ASSET)
        .where(_ASSET.c.key == bindparam("b_key"))
        .values(rows_class=bindparam("rows_class")),
        [{"b_key": row.key, "rows_class": new} for row, new in kept],
    )
    for row, new in kept:
        unit.change(
            "rows_class",
            subject=id_text(row.uid),
            asset=row.key,
            before={"rows_class": row.rows_class},
            after={"rows_class": new},
        )


def changed_measures(
    connection: Connection,
    source: int,
    items: Sequence[tuple[int, Mapping[str, records.Measure]]],
) -> list[tuple[int, Mapping[str, records.Measure]]]:
    """Those that `write_measures` would write: a read, so that equal ones write nothing."""
    wanted = {key: measures for key, measures in items if measures}
    if not wanted:
        return []
    mine = decided_by(connection, source, wanted)
    latest: dict[int, dict[str, tuple[float, str, int | None]]] = defaultdict(dict)
    for chunk in chunks(sorted(wanted)):
        statement = select(
            _MEASURE.c.asset, _MEASURE.c.name, _MEASURE.c.value, _MEASURE.c.how, _MEASURE.c.source
        ).where(_MEASURE.c.asset.in_(chunk), _MEASURE.c.column == 0)
        for asset, name, value, how, by in connection.execute(statement):
            latest[asset][name] = (value, how, by)

    def moves(key: int, name: str, measure: records.Measure) -> bool:
        known = latest[key].get(name)
        if known is None:
            return True
        value, how, by = known
        return (value, how) != (measure.value, measure.how) and (key in mine or by == source)

    return [
        (key, measures)
        for key, measures in wanted.items()
        if any(moves(key, name, measure) for name, measure in measures.items())
    ]
