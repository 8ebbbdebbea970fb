"""The visibility expression and field filters as sets of documents of a segment, exactly.

`catalog.access.evaluate` is the reference; the contract suite compares random expressions.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from catalog.access.evaluate import glob_regex, has_prefix
from catalog.access.expression import (
    And,
    Equals,
    Everything,
    Expression,
    Glob,
    In,
    Not,
    Nothing,
    Or,
    Prefix,
)
from catalog.search import bitset
from catalog.search.text import fold
from catalog.search.whoosh_segment import PATHS, Segment

_KEPT: Final = 200


def visible(segment: Segment, expression: Expression) -> int:
    """The documents that fit; kept with the segment, for viewers come back."""
    found = segment.filters.get(expression)
    if found is None:
        found = _compile(segment, expression)
        if len(segment.filters) >= _KEPT:
            segment.filters.clear()
        segment.filters[expression] = found
    return found


def _compile(segment: Segment, expression: Expression) -> int:
    match expression:
        case Everything():
            return bitset.everything(segment.size)
        case Nothing():
            return 0
        case And(parts):
            bits = bitset.everything(segment.size)
            for part in parts:
                bits &= visible(segment, part)
            return bits
        case Or(parts):
            bits = 0
            for part in parts:
                bits |= visible(segment, part)
            return bits
        case Not(part):
            return bitset.everything(segment.size) & ~visible(segment, part)
        case _:
            return _test(segment, expression)


def _test(segment: Segment, expression: Equals | In | Prefix | Glob) -> int:
    field = f"raw_{expression.attribute}"
    match expression:
        case Equals(_, value):
            return segment.term(field, "=" + value)
        case In(_, values):
            bits = 0
            for value in values:
                bits |= segment.term(field, "=" + value)
            return bits
        case Prefix(attribute, prefix):
            bits = segment.fitting(field, "=" + prefix, lambda _term: True)
            if prefix and has_prefix(attribute, prefix[:-1], prefix):
                bits |= segment.term(field, "=" + prefix[:-1])
            return bits
        case Glob(_, pattern):
            fits = glob_regex(pattern).fullmatch
            start = pattern.split("*", 1)[0].split("?", 1)[0]
            return segment.fitting(field, "=" + start, lambda term: bool(fits(term[1:])))


def with_values(segment: Segment, name: str, values: Sequence[str]) -> int:
    """The documents with one of these values, in any letter case; a path holds its children."""
    bits = 0
    for value in values:
        bits |= with_value(segment, name, value)
    return bits


def with_value(segment: Segment, name: str, value: str, *, start: bool = False) -> int:
    """The documents whose attribute has the value (or begins with it), letter case aside."""
    wanted = fold(value)
    field = f"raw_{name}"

    def fits(term: str) -> bool:
        have = fold(term[1:])
        if start:
            return have.startswith(wanted)
        return have == wanted or (name in PATHS and have.startswith(wanted + "/"))

    return segment.fitting(field, "=", fits)
