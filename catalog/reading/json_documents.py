"""JSON documents one after the other in a text: lines, one array, one value, or concatenated."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from catalog.errors import Unreadable

MAX_DEPTH: Final = 200
_SPACE = re.compile(r"[ \t\r\n\x1e]*")  # RFC 7464 puts a record separator before each text


@dataclass
class Documents:
    """``values``: parsed rows; ``layout``: lines, array, value or concatenated; ``whole``: these
    are all rows of the file; ``bad``: rows that could not be parsed."""

    values: list[Any]
    layout: str
    whole: bool
    bad: int = 0


def _decode(text: str, position: int) -> tuple[Any, int]:
    """The value that begins at a position and the position behind it. Raises `ValueError`."""
    try:
        return _decoder.raw_decode(text, position)
    except RecursionError as error:
        raise Unreadable("It is nested too deeply.", code="too_large") from error


def _integer(digits: str) -> int | float:
    """Whole numbers of any length; Python refuses to convert thousands of digits."""
    return int(digits) if len(digits) <= 40 else float("inf")


_decoder: Final = json.JSONDecoder(parse_int=_integer)


def read_documents(text: str, whole: bool, max_rows: int) -> Documents:
    """The rows in a text that may be cut off at its end (``whole`` False).

    An array at the top is a list of rows. Raises `Unreadable` when nothing could be parsed or more
    rows are broken than good.
    """
    start = _skip(text, 0)
    if start < len(text) and text[start] == "[":
        found = _array(text, start, whole, max_rows)
    else:
        found = _sequence(text, start, whole, max_rows)
    if not found.values and found.bad == 0 and not (found.layout == "array" and found.whole):
        raise Unreadable(
            "It holds no complete JSON value in the part that is read."
            if not whole
            else "It holds no JSON value.",
            code="too_large" if not whole else "empty",
        )
    if found.bad > len(found.values):
        raise Unreadable("It is not valid JSON.")
    return found


def _skip(text: str, position: int) -> int:
    found = _SPACE.match(text, position)
    return found.end() if found else position


def _array(text: str, start: int, whole: bool, max_rows: int) -> Documents:
    """Elements of the array at ``start``; several arrays one behind the other are rows of their
    own and left to `_sequence`."""
    values: list[Any] = []
    position = _skip(text, start + 1)
    if text[position : position + 1] == "]":
        return _closed(text, position, values, start, whole, max_rows)
    while len(values) < max_rows:
        try:
            value, position = _decode(text, position)
        except ValueError as error:
            return _cut(error, values, whole)
        values.append(value)
        position = _skip(text, position)
        mark = text[position : position + 1]
        if mark == "]":
            return _closed(text, position, values, start, whole, max_rows)
        if mark != ",":
            return _cut(None, values, whole)
        position = _skip(text, position + 1)
    return Documents(values, "array", whole=False)


def _closed(
    text: str, position: int, values: list[Any], start: int, whole: bool, max_rows: int
) -> Documents:
    """After the array's end: the end of the text, or further documents."""
    rest = _skip(text, position + 1)
    if rest < len(text):
        return _sequence(text, start, whole, max_rows)
    return Documents(values, "array", whole)


def _cut(error: ValueError | None, values: list[Any], whole: bool) -> Documents:
    """A broken array: cut by our own limit if the text is not whole, else damaged."""
    if whole:
        where = f": {error}" if error is not None else "."
        raise Unreadable(f"It is not valid JSON{where}")
    return Documents(values, "array", whole=False)


def _sequence(text: str, start: int, whole: bool, max_rows: int) -> Documents:
    """Values separated by white space; a broken line is counted and skipped."""
    values: list[Any] = []
    bad, by_lines, position, end = 0, True, start, len(text)
    while position < end and len(values) < max_rows:
        try:
            value, behind = _decode(text, position)
        except ValueError:
            line_end = text.find("\n", position)
            if not whole and line_end < 0:
                break  # the cut
            bad += 1
            if line_end < 0 or bad > 1000:
                break
            position = _skip(text, line_end + 1)
            continue
        values.append(value)
        by_lines = by_lines and "\n" not in text[position:behind]
        position = _skip(text, behind)
        by_lines = by_lines and (position >= end or "\n" in text[behind:position])
    layout = "value" if len(values) + bad < 2 and whole else "lines" if by_lines else "concatenated"
    return Documents(values, layout, whole and position >= end and len(values) < max_rows, bad)


def lines_of(documents: Documents) -> Iterator[Any]:
    """The rows."""
    yield from documents.values
