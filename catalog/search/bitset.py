"""Sets of document numbers as integers: bit ``n`` is document ``n``.

Python's big integers intersect and count 100,000 documents in microseconds, without numpy.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import compress
from typing import Final

_TO_DIGITS: Final = bytes([48, 49] + [49] * 254)
_TO_FLAGS: Final = bytes([0] * 49 + [1] + [0] * 206)
_FEW: Final = 16


def from_ids(ids: Sequence[int], size: int) -> int:
    """The set of these numbers, all below ``size``."""
    if len(ids) <= _FEW:
        bits = 0
        for one in ids:
            bits |= 1 << one
        return bits
    marks = bytearray(size)
    for one in ids:
        marks[one] = 1
    marks.reverse()
    return int(marks.translate(_TO_DIGITS), 2)


def everything(size: int) -> int:
    """All numbers below ``size``."""
    return (1 << size) - 1


def flags(bits: int, size: int) -> bytes:
    """One byte for each number, 1 where it is in the set."""
    digits = bin(bits)[2:].encode()[::-1]
    return digits.translate(_TO_FLAGS).ljust(size, b"\0")


def to_ids(bits: int) -> Iterable[int]:
    """The numbers in ascending order."""
    if bits.bit_count() <= _FEW:
        return _few(bits)
    digits = bin(bits)[2:].encode()[::-1].translate(_TO_FLAGS)
    return compress(range(len(digits)), digits)


def _few(bits: int) -> list[int]:
    found = []
    while bits:
        low = bits & -bits
        found.append(low.bit_length() - 1)
        bits ^= low
    return found


Sets = list[int]
"""One set for each segment of an index."""


def meet(one: Sets, other: Sets) -> Sets:
    """What is in both, segment by segment."""
    return [a & b for a, b in zip(one, other, strict=True)]


def union(one: Sets, other: Sets) -> Sets:
    """What is in either, segment by segment."""
    return [a | b for a, b in zip(one, other, strict=True)]


def count(sets: Sets) -> int:
    """How many documents all segments have together."""
    return sum(bits.bit_count() for bits in sets)
