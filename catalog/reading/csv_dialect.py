"""Delimiter, quote, header and preamble of delimited text, by an own consistency score.

Candidates are all usual delimiters plus what `csv.Sniffer` says, which is often wrong alone. The
score multiplies how regularly rows have the same number of cells with how many cells look like
clean values (after van den Burg, Nazabal, Sutton: Wrangling Messy CSV Files, 2019, with a simpler
measure of regularity).
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final

import msgspec

from catalog.reading.values import looks_typed

DELIMITERS: Final = (",", ";", "\t", "|", ":", "~", "^", " ")
_SCORED_ROWS: Final = 300
_SCORED_CHARACTERS: Final = 128 * 1024
_SNIFFED_CHARACTERS: Final = 4 * 1024  # its patterns take time with the square of this
_UNLIKELY: Final = {" ": 0.6, ":": 0.5, "~": 0.8, "^": 0.8}
_CLEAN = re.compile(r"[\w][\w .,'&/()%$€£#@:+*!?°_-]*", re.UNICODE)


class Dialect(msgspec.Struct, frozen=True):
    """``skip``: rows before the header or first row; ``names``: the header's cells, empty
    without a header; fewer names than ``width`` leave the last columns unnamed. ``regular``:
    share of the rows that have the most usual number of cells."""

    delimiter: str
    quote: str
    width: int
    skip: int = 0
    names: tuple[str, ...] = ()
    regular: float = 1.0

    @property
    def header(self) -> bool:
        """Whether the text names its columns."""
        return bool(self.names)


def rows_of(text: str, delimiter: str, quote: str) -> Iterator[list[str]]:
    """Parsed rows without empty ones; an unclosed quote ends them, it raises nothing."""
    reader = csv.reader(
        io.StringIO(text, newline=""),
        delimiter=delimiter,
        quotechar=quote or None,
        quoting=csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE,
        skipinitialspace=delimiter != "\t",
    )
    try:
        for row in reader:
            if row and any(cell.strip() for cell in row):
                yield row
    except csv.Error:  # a cell above csv's limit: garbage or a bomb
        return


def detect(text: str, hint: str | None = None) -> Dialect | None:
    """The best dialect of a text, None when it has no row. ``hint``: the name's ending (tsv)."""
    text = text[:_SCORED_CHARACTERS]
    best: tuple[float, tuple[str, str], list[list[str]]] | None = None
    for delimiter, quote in _candidates(text):
        rows = list(islice(rows_of(text, delimiter, quote), _SCORED_ROWS))
        if not rows:
            continue
        score = _score(rows) * _UNLIKELY.get(delimiter, 1.0)
        if hint in ("tsv", "tab") and delimiter == "\t":
            score *= 1.5
        if best is None or score > best[0] * 1.0001:
            best = (score, (delimiter, quote), rows)
    if best is None:
        return None
    return _finished(best[1], best[2])


def _candidates(text: str) -> list[tuple[str, str]]:
    """Pairs of (delimiter, quote), likely ones first, each once."""
    quotes = ['"'] + (["'"] if "'" in text else [])
    present = [delimiter for delimiter in DELIMITERS if delimiter in text]
    pairs = [(delimiter, quote) for delimiter in present for quote in quotes]
    for pair in _sniffed(text):
        if pair not in pairs:
            pairs.append(pair)
    return pairs or [(",", '"')]


def _sniffed(text: str) -> Iterator[tuple[str, str]]:
    try:
        found = csv.Sniffer().sniff(text[:_SNIFFED_CHARACTERS])
    except csv.Error:
        return
    if len(found.delimiter) == 1 and not (found.delimiter.isalnum() or found.delimiter in "\"'"):
        yield found.delimiter, found.quotechar or '"'


def _score(rows: Sequence[Sequence[str]]) -> float:
    """Regularity of the rows' widths times the share of clean cells; both in 0..1."""
    width, count = _main_width(rows)
    regular = count / len(rows)
    if width == 1:
        return 0.02 * regular
    cells = [cell for row in rows if len(row) == width for cell in row]
    return regular * (width - 1) / width * _cleanliness(cells)


def _main_width(rows: Sequence[Sequence[str]]) -> tuple[int, int]:
    """(width, rows that have it) of the most usual width; the wider one when equally usual."""
    counted = Counter(len(row) for row in rows)
    return max(counted.items(), key=lambda item: (item[1], item[0]))


def _cleanliness(cells: Sequence[str]) -> float:
    if not cells:
        return 0.0
    total = 0.0
    for cell in cells:
        text = cell.strip()
        if looks_typed(text):
            total += 1.0
        elif not text:
            total += 0.5
        elif _CLEAN.fullmatch(text):
            total += 0.8
        else:
            total += 0.2
    return total / len(cells)


def _finished(pair: tuple[str, str], rows: list[list[str]]) -> Dialect:
    """Finds where the table starts and whether its first row names the columns."""
    width, count = _main_width(rows)
    regular = count / len(rows)
    skip = next((at for at, row in enumerate(rows) if len(row) == width), 0)
    if skip > len(rows) // 2:
        skip = 0
    body = [row for row in rows[skip:] if len(row) == width]
    if _has_header(body):
        return Dialect(*pair, width, skip, tuple(body[0]), regular)
    spare = all(not row[-1].strip() for row in body)
    if skip and _names_of_another_width(rows[skip - 1], width, spare):
        names = tuple(rows[skip - 1])
        if len(names) == width - 1 and not spare:
            names = ("", *names)  # R leaves the column of row names unnamed
        width = max(len(names), width - 1 if spare else width)
        return Dialect(*pair, width, skip - 1, names, regular)
    return Dialect(*pair, width, skip, regular=regular)


def _names_of_another_width(row: Sequence[str], width: int, spare: bool) -> bool:
    """Whether the row above the body is its header, though it has a few cells more or less.

    Rows that end in a delimiter (``spare``: their last cell is always empty) or begin with a row
    name have one cell more than their header; short rows have less.
    """
    cells = [cell.strip() for cell in row]
    if len(cells) < 2 or not all(cells) or any(map(looks_typed, cells)):
        return False
    if len(cells) == width - 1:
        return True
    distinct = len(set(cells)) == len(cells)
    return distinct and (spare or len(cells) > width) and abs(len(cells) - width) <= width // 5


def _has_header(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first of equally wide rows names the columns.

    Names are not numbers or dates; a column of numbers under a name proves it. When all cells are
    words, names are those that stand nowhere below.
    """
    first, body = rows[0], rows[1:]
    named = [cell.strip() for cell in first if cell.strip()]
    if not named or any(looks_typed(cell) and not _is_year(cell) for cell in named):
        return False
    if not body:  # an empty table is more usual than a table of one row
        return len(named) == len(first) == len(set(named)) and len(named) > 1
    for column, name in enumerate(first):
        below = [row[column] for row in body if row[column].strip()]
        if below and sum(map(looks_typed, below)) * 2 > len(below) and not looks_typed(name):
            return True
    recurring = sum(
        1 for column, name in enumerate(first) if name and any(r[column] == name for r in body)
    )
    return recurring * 3 < len(first) and len(set(named)) == len(named)


def _is_year(cell: str) -> bool:
    """Years stand in headers of pivoted tables."""
    return re.fullmatch(r"(?:19|20)\d\d", cell.strip()) is not None
