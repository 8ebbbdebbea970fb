"""Collects postings by term in memory and writes them in Whoosh's format, a term at a time.

Whoosh's own pool sorts one tuple for each posting and takes each through six calls: four times
slower. A commit holds at most some 10,000 documents, so memory is bounded by the follower's batch.
"""

from __future__ import annotations

import pickle
import struct
from array import array
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any, Final

from whoosh.codec.whoosh3 import WHOOSH3_HEADER_MAGIC

from catalog.search.whoosh_schema import POSITIONAL, pack_positions

BLOCK: Final = 512
"""Postings of one block."""
_INT: Final = struct.Struct("!i")
_FIELD: Final = struct.Struct("!H")
# Flags, weight, documents, least and most length, most weight, first and last number; place.
_TERM: Final = struct.Struct("!BfIBBfIIqi")

Terms = Mapping[str, list[int]] | Mapping[str, None]
"""Terms of one field of a document, with positions where the field has them."""


class TermPool:
    """Stands in for ``whoosh.writing.PostingPool``. Documents come in ascending order."""

    def __init__(self) -> None:
        self._fields: dict[str, dict[bytes, tuple[array[int], list[bytes]]]] = {}

    def add_terms(
        self, field: str, terms: Mapping[str, list[int]] | Mapping[str, None], number: int
    ) -> None:
        """The terms of one field of a document, each with its positions if it has them."""
        if not terms:
            return
        known = self._fields.setdefault(field, {})
        for term, positions in terms.items():
            raw = term.encode("utf-8", "surrogatepass")
            found = known.get(raw)
            if found is None:
                found = known[raw] = (array("I"), [])
            found[0].append(number)
            if positions is not None:
                found[1].append(pack_positions(positions))

    def add(self, item: tuple[str, bytes, int, float, bytes]) -> None:
        """One posting of a merged segment: (field, term, document, weight, value)."""
        field, term, number, _weight, value = item
        found = self._fields.setdefault(field, {}).setdefault(term, (array("I"), []))
        found[0].append(number)
        if field in POSITIONAL:
            found[1].append(value or b"")

    def iter_postings(self) -> Iterator[Any]:
        """Nothing: `write` writes them itself."""
        return iter(())

    def write(self, writer: Any) -> None:
        """Writes all postings into the files of a ``W3FieldWriter``."""
        for number, field in enumerate(sorted(self._fields)):
            writer._fieldmap[field] = number
            prefix = _FIELD.pack(number)
            terms = self._fields[field]
            for term in sorted(terms):
                numbers, values = terms[term]
                info = _write_term(writer._postfile, numbers, values)
                writer._tindex.add(prefix + term, info)

    def cleanup(self) -> None:
        """Nothing lies on disk."""
        self._fields.clear()


def _write_term(file: Any, numbers: array[int], values: list[bytes]) -> bytes:
    """Writes the blocks of one term; its entry in the table of terms."""
    start = file.tell()
    parts = [WHOOSH3_HEADER_MAGIC]
    count = len(numbers)
    for begin in range(0, count, BLOCK):
        end = min(begin + BLOCK, count)
        ids = numbers[begin:end]
        data = pickle.dumps((_deltas(ids), None, tuple(values[begin:end]) or None), 2)
        info = pickle.dumps((end - begin, ids[-1], 1.0, 0, 0, 0), 2)
        length = len(info) + len(data)
        parts += (_INT.pack(-length if end == count else length), info, data)
    raw = b"".join(parts)
    file.write(raw)
    return _TERM.pack(0, count, count, 0, 0, 1.0, numbers[0], numbers[-1], start, len(raw))


def _deltas(ids: array[int]) -> tuple[int, ...]:
    """The first number, then the distances."""
    if len(ids) == 1:
        return (ids[0],)
    return (ids[0], *(b - a for a, b in pairwise(ids)))
