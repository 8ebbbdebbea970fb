"""Types of text values, as they stand in CSV cells."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from catalog.reading.schema import widen

NULLS: Final = frozenset({"", "NA", "N/A", "NULL", "null", "None", "\\N", "#N/A", "n/a"})
_INT = re.compile(r"[+-]?(?:0|[1-9]\d{0,18})")
_FLOAT = re.compile(
    r"[+-]?(?:\d+\.\d*|\.\d+|\d+)(?:[eE][+-]?\d+)?|[+-]?(?:nan|NaN|inf|Inf|Infinity)"
)
_LEADING_ZERO = re.compile(r"[+-]?0\d+")
_DATE = re.compile(r"\d{4}[-/](?:0?[1-9]|1[0-2])[-/](?:0?[1-9]|[12]\d|3[01])")
_CLOCK = r"(?:[01]?\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d+)?)?"
_TIME = re.compile(_CLOCK)
_STAMP = re.compile(_DATE.pattern + r"[T ]" + _CLOCK + r"\s?(Z|UTC|[+-]\d\d:?\d\d)?")
# Not typed (day and month can be swapped), but a good sign that cells were cut rightly.
_LOCAL_DATE = re.compile(r"\d{1,2}[-/. ](?:\d{1,2}|[A-Za-z]{3,9})[-/. ]\d{2,4}(?: " + _CLOCK + ")?")
_NUMBER_LIKE = re.compile(r"[$€£]?\s?[+-]?\d{1,3}(?:[, ]\d{3})*(?:[.,]\d+)?\s?[%$€£]?")
_LIMIT = 1 << 63


def value_type(text: str) -> str:
    """The narrowest of null, boolean, int64, float64, date, time, timestamp(tz), string.

    Digits with a leading zero (postal codes) and whole numbers beyond 64 bits are strings.
    """
    text = text.strip()
    if text in NULLS:
        return "null"
    first = text[0]
    if first.isdigit() or first in "+-.":
        return _numeric_type(text)
    if text.lower() in ("true", "false"):
        return "boolean"
    return "float64" if _FLOAT.fullmatch(text) else "string"


def _numeric_type(text: str) -> str:
    if _INT.fullmatch(text):
        return "int64" if -_LIMIT <= int(text) < _LIMIT else "string"
    if _LEADING_ZERO.fullmatch(text):
        return "string"
    if _DATE.fullmatch(text):
        return "date"
    if _TIME.fullmatch(text):
        return "time"
    stamp = _STAMP.fullmatch(text)
    if stamp:
        return "timestamptz" if stamp.group(1) else "timestamp"
    if _FLOAT.fullmatch(text) and not text.isdigit():
        return "float64"
    return "string"


def column_type(values: Iterable[str]) -> tuple[str, bool]:
    """(type, whether some value is null) of one column's cells; no value at all: string."""
    found, nulls = "null", False
    for text in values:
        kind = value_type(text)
        if kind == "null":
            nulls = True
        elif kind != found:
            found = widen(found, kind)
        if found == "string" and nulls:
            break
    return ("string" if found == "null" else found), nulls


def looks_typed(text: str) -> bool:
    """Whether a cell is a number, date, time or boolean, also in a local way of writing."""
    text = text.strip()
    if not text:
        return False
    return (
        value_type(text) not in ("string", "null")
        or _LEADING_ZERO.fullmatch(text) is not None
        or _LOCAL_DATE.fullmatch(text) is not None
        or _NUMBER_LIKE.fullmatch(text) is not None
    )


def key_type(values: Iterable[str]) -> str:
    """Type of a partition key: int64 (``01`` too), date, or string; string without values."""
    kinds = {"int64" if re.fullmatch(r"-?\d{1,18}", text) else value_type(text) for text in values}
    only = kinds.pop() if len(kinds) == 1 else "string"
    return only if only in ("int64", "date") else "string"
