"""CSV and its kin: dialect, header and typed columns of a bounded sample."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from itertools import islice
from typing import Final

import msgspec

from catalog.errors import Unreadable
from catalog.naming import clean_text, join_path
from catalog.reading.csv_dialect import Dialect, detect, rows_of
from catalog.reading.schema import Column
from catalog.reading.values import column_type

_TYPED_ROWS: Final = 10_000
_TYPED_CELLS: Final = 400_000
MAX_COLUMNS: Final = 20_000


class Delimited(msgspec.Struct, frozen=True):
    """``rows``: data rows in the text, exact only when the text is the whole file."""

    columns: tuple[Column, ...]
    rows: int
    dialect: Dialect


def read_delimited(text: str, whole: bool, hint: str | None = None) -> Delimited:
    """Columns of delimited text. Raises `Unreadable` when it holds no row.

    ``whole`` False: the last line may be cut and is left out.
    """
    if not whole:
        text = _without_last_line(text)
    if len(text) and not text.isspace() and "\n" not in text and "\r" not in text and not whole:
        raise Unreadable("Its first line is longer than what is read of it.", code="too_large")
    csv.field_size_limit(1 << 20)
    dialect = detect(text, hint)
    if dialect is None:
        raise Unreadable("It holds no row of text.", code="empty")
    if dialect.width > MAX_COLUMNS:
        raise Unreadable(f"It has more than {MAX_COLUMNS:,} columns.", code="too_large")
    rows = rows_of(text, dialect.delimiter, dialect.quote)
    for _ in islice(rows, dialect.skip + (1 if dialect.header else 0)):
        pass
    typed = list(islice(rows, max(1, min(_TYPED_ROWS, _TYPED_CELLS // dialect.width))))
    count = len(typed) + sum(1 for _ in rows)
    return Delimited(_columns(dialect, typed), count, dialect)


def _without_last_line(text: str) -> str:
    end = max(text.rfind("\n"), text.rfind("\r"))
    return text if end < 0 else text[: end + 1]


def _columns(dialect: Dialect, rows: Sequence[Sequence[str]]) -> tuple[Column, ...]:
    columns = []
    for number, name in enumerate(column_names(dialect)):
        kind, nulls = column_type(row[number] for row in rows if number < len(row))
        short = any(number >= len(row) for row in rows)
        columns.append(Column(join_path([name]), kind, nullable=True if nulls or short else None))
    return tuple(columns)


def column_names(dialect: Dialect) -> list[str]:
    """One name per column, no two alike: ``column0`` where there is none, ``id_1`` for the second
    ``id`` (as DuckDB names them)."""
    names: list[str] = []
    taken: set[str] = set()
    for number in range(dialect.width):
        given = dialect.names[number].strip() if number < len(dialect.names) else ""
        base = clean_text(given) or f"column{number}"
        name, suffix = base, 0
        while name in taken:
            suffix += 1
            name = f"{base}_{suffix}"
        taken.add(name)
        names.append(name)
    return names
