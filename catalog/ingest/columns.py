"""Effective columns: numbers stay with what they name.

A number is never used again within an asset. The system's own column id keeps it through a
rename; without one a vanished path sleeps with its facts and gets its number back on return.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, select, update

from catalog.assets.reports import key_letters, unique_fields
from catalog.crawling import records
from catalog.history import dialect
from catalog.history.store import table_of
from catalog.history.unit import dump
from catalog.model import Column

_COLUMN = table_of(Column)
COLUMNS = (
    "asset",
    "number",
    "path",
    "position",
    "type",
    "native_type",
    "nullable",
    "default",
    "comment",
    "keys",
    "stable_id",
    "live",
)


class Row(NamedTuple):
    """One stored column, in the order of `COLUMNS`."""

    asset: int
    number: int
    path: str
    position: int
    type: str
    native_type: str | None
    nullable: bool | None
    default: str | None
    comment: str | None
    keys: str
    stable_id: str | None
    live: bool


def new_rows(asset: int, record: records.Asset) -> list[tuple[Any, ...]]:
    """Rows of an asset that has none yet, numbered from 1."""
    letters = key_letters(record.keys) if record.keys else {}
    return [
        (
            asset,
            number,
            column.path,
            number,
            column.type,
            column.native_type,
            column.nullable,
            column.default,
            column.comment,
            letters.get(column.path, ""),
            column.id,
            True,
        )
        for number, column in enumerate(unique_fields(record.columns or ()), 1)
    ]


def load(connection: Connection, assets: Sequence[int]) -> dict[int, list[Row]]:
    """All columns, live and sleeping, of the assets."""
    found: dict[int, list[Row]] = {asset: [] for asset in assets}
    for offset in range(0, len(assets), 500):
        chunk = list(assets[offset : offset + 500])
        statement = select(*[_COLUMN.c[name] for name in COLUMNS]).where(_COLUMN.c.asset.in_(chunk))
        for row in connection.execute(statement):
            found[row.asset].append(Row(*row))
    return found


class ColumnPlan(NamedTuple):
    """What `plan` found to do for one asset.

    ``left``: the columns as they were, for `numbers_document`, when a number goes to another path
    or id: then a past record no longer says by itself which numbers its columns had.
    """

    inserts: list[tuple[Any, ...]]
    updates: list[Row]
    next_column: int
    renamed: dict[str, str]  # old path -> new path, known by the system's column id
    left: Sequence[Row] = ()


def numbers_document(rows: Sequence[Row]) -> bytes:
    """The part ``columns`` of a version: [number, path, id, live] of each column, in order."""
    found = [[row.number, row.path, row.stable_id, row.live] for row in rows]
    return dump(sorted(found)).encode()


def plan(
    asset: int,
    stored: Sequence[Row],
    record: records.Asset,
    next_column: int,
    *,
    by_id: bool,
) -> ColumnPlan:
    """Compares stored columns with a record's. ``by_id`` False: ids are of a new incarnation."""
    letters = key_letters(record.keys) if record.keys else {}
    fields = unique_fields(record.columns or ())
    matched, renamed = _match(stored, fields, by_id)
    inserts: list[tuple[Any, ...]] = []
    updates: list[Row] = []
    kept: set[int] = set()
    for position, column in enumerate(fields, 1):
        old = matched.get(position)
        number = old.number if old is not None else next_column
        row = Row(
            asset,
            number,
            column.path,
            position,
            column.type,
            column.native_type,
            column.nullable,
            column.default,
            column.comment,
            letters.get(column.path, ""),
            column.id,
            True,
        )
        if old is None:
            next_column += 1
            inserts.append(tuple(row))
        else:
            kept.add(number)
            if row != old:
                updates.append(row)
    updates.extend(
        row._replace(live=False) for row in stored if row.live and row.number not in kept
    )
    known = {row.number: row for row in stored}
    moved = any(_is_moved(known[row.number], row) for row in updates)
    return ColumnPlan(inserts, updates, next_column, renamed, stored if moved else ())


def _is_moved(old: Row, new: Row) -> bool:
    """Whether the number is found by another path or id than before."""
    return old.path != new.path or (old.stable_id is not None and old.stable_id != new.stable_id)


def _match(
    stored: Sequence[Row], fields: Sequence[records.Field], by_id: bool
) -> tuple[dict[int, Row], dict[str, str]]:
    """Position -> stored row: first by column id, then by live path, then by sleeping path."""
    matched: dict[int, Row] = {}
    used: set[int] = set()
    renamed: dict[str, str] = {}
    ids: Mapping[str, Row] = (
        {row.stable_id: row for row in stored if row.live and row.stable_id} if by_id else {}
    )
    for position, column in enumerate(fields, 1):
        row = ids.get(column.id) if column.id else None
        if row is not None and row.number not in used:
            matched[position] = row
            used.add(row.number)
            if row.path != column.path:
                renamed[row.path] = column.path
    for live in (True, False):
        paths = {row.path: row for row in stored if row.live == live and row.number not in used}
        for position, column in enumerate(fields, 1):
            row = paths.get(column.path)
            if position in matched or row is None or row.number in used:
                continue
            if by_id and live and row.stable_id and column.id and row.stable_id != column.id:
                continue  # dropped and added again under its name: the old one sleeps
            matched[position] = row
            used.add(row.number)
    return matched, renamed


_UPDATE = (
    update(_COLUMN)
    .where(_COLUMN.c.asset == bindparam("b_asset"), _COLUMN.c.number == bindparam("b_number"))
    .values({name: bindparam(f"b_{name}") for name in COLUMNS[2:]})
)


def write(connection: Connection, plans: Sequence[ColumnPlan]) -> None:
    """Writes what the plans say."""
    dialect.bulk_insert(
        connection, _COLUMN, COLUMNS, [row for found in plans for row in found.inserts]
    )
    updates = [
        {f"b_{name}": value for name, value in row._asdict().items()}
        for found in plans
        for row in found.updates
    ]
    if updates:
        connection.execute(_UPDATE, updates)
