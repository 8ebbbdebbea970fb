"""A posting pool that keeps postings by term in memory: Whoosh's own sorts one tuple for each.

A commit holds at most some 10,000 documents, so memory is bounded by the follower's batch.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from typing import Any

Postings = tuple["array[int]", list[bytes] | None]


class TermPool:
    """Stands in for ``whoosh.writing.PostingPool``. Documents come in ascending order."""

    def __init__(self) -> None:
        self._fields: dict[str, dict[bytes, tuple[array[int], list[bytes]]]] = {}

    def add(self, item: tuple[str, bytes, int, float, bytes]) -> None:
        """One posting: (field, term, document, weight, value)."""
        field, term, number, _weight, value = item
        terms = self._fields.get(field)
        if terms is None:
            terms = self._fields[field] = {}
        found = terms.get(term)
        if found is None:
            found = terms[term] = (array("I"), [])
        found[0].append(number)
        if value:
            found[1].append(value)

    def iter_postings(self) -> Iterator[tuple[str, bytes, int, float, bytes]]:
        """All postings in the order that the index wants: field, term, document."""
        for field in sorted(self._fields):
            terms = self._fields[field]
            for term in sorted(terms):
                numbers, values = terms[term]
                if values:
                    for number, value in zip(numbers, values, strict=True):
                        yield field, term, number, 1.0, value
                else:
                    for number in numbers:
                        yield field, term, number, 1.0, b""

    def write(self, writer: Any, schema: Any) -> None:
        """Writes all postings through Whoosh's field writer, a term at a time."""
        for field in sorted(self._fields):
            writer.start_field(field, schema[field])
            terms = self._fields[field]
            for term in sorted(terms):
                numbers, values = terms[term]
                writer.start_term(term)
                if values:
                    for number, value in zip(numbers, values, strict=True):
                        writer.add(number, 1.0, value, None)
                else:
                    for number in numbers:
                        writer.add(number, 1.0, b"", None)
                writer.finish_term()
            writer.finish_field()

    def cleanup(self) -> None:
        """Nothing lies on disk."""
        self._fields.clear()
