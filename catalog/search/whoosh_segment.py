"""One Whoosh segment as sets of document numbers: what a query is evaluated on.

A segment's files never change, only which of its documents are dropped, so what is read of it
is kept for as long as it lives. Whoosh's files have one read position each: a lock guards it.
"""

from __future__ import annotations

import json
import threading
import weakref
import zlib
from array import array
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from whoosh.reading import SegmentReader, TermNotFound

from catalog.search import bitset
from catalog.search.whoosh_schema import (
    COLUMNS,
    HEAD,
    STATE_LIVE,
    STATE_POSITION,
    STATE_REFERENCED,
    schema,
    unpack_positions,
)

MAX_EXPANSION: Final = 1000
"""Terms that a prefix stands for in one field of one segment; further ones are left out."""
_KEPT_SETS: Final = 4000
_SCHEMA: Final = schema()
_POPULARITY_WEIGHT: Final = 0.5
_FLAG_WEIGHTS: Final = {1: 4.0, 0: 0.0, -1: -2.0, -2: -10.0}


@dataclass(frozen=True)
class FacetSets:
    """Values of one facet: ``dense`` as sets, ``sparse`` (few documents each) as numbers."""

    dense: list[tuple[str, int]]
    sparse: list[tuple[str, array[int]]]


class Damaged(Exception):
    """A file of the index is not what was written."""


class Segment:
    """A segment opened for reading. ``size``: documents in it, dropped ones included."""

    def __init__(self, storage: Any, segment: Any) -> None:
        self.id: str = segment.segment_id()
        self.size: int = segment.doc_count_all()
        self._lock = threading.RLock()
        self._reader = SegmentReader(storage, _SCHEMA, segment)
        # Old views let go of their segments without a word; Whoosh closes nothing by itself.
        self._end = weakref.finalize(self, _close, self._reader)
        columns = self._reader._perdoc
        for name in COLUMNS:  # opened now: a later commit may remove the files
            columns._colfiles[name] = columns._get_column_file(name)
        self._sets: dict[tuple[str, bytes], int] = {}
        self._numbers: dict[int, int] | None = None
        self._payloads: Any = None
        self._orders: Any = None
        self._lexicons: dict[str, list[str]] = {}
        self._facets: dict[str, FacetSets] = {}
        self.filters: dict[Any, int] = {}
        self._read_heads()

    def close(self) -> None:
        """Closes its files."""
        with self._lock:
            self._end()

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """Holds the files. What Whoosh raises on damaged ones is anything: it becomes one."""
        with self._lock:
            try:
                yield
            except Damaged:
                raise
            except Exception as error:
                raise Damaged(f"segment {self.id}: {error}") from error

    # --- heads --------------------------------------------------------------------------

    def _read_heads(self) -> None:
        column = self._column("head")
        length = HEAD.size * self.size
        raw = b"".join(column[number] for number in range(self.size))
        if self._reader._perdoc._colfiles["head"][2] != length:
            raise Damaged(f"segment {self.id}: {length} bytes of heads expected")
        self._heads = raw
        self.keys = array("q")
        self.static: list[float] = []
        positions: list[int] = []
        live: list[int] = []
        referenced: list[int] = []
        lists = {STATE_POSITION: positions, STATE_LIVE: live, STATE_REFERENCED: referenced}
        for number, head in enumerate(HEAD.iter_unpack(raw)):
            key, _, _, start, popularity, flag, state, parts = head
            self.keys.append(key)
            self.static.append(
                popularity * _POPULARITY_WEIGHT
                + _FLAG_WEIGHTS.get(flag, 0.0)
                + 3.0 / (parts + 1)
                - start * 1e-13  # equal ones in the order of their names
            )
            lists[state].append(number)
        self.positions = positions
        self.live = bitset.from_ids(live, self.size)
        self.referenced = bitset.from_ids(referenced, self.size)

    def _column(self, name: str) -> Any:
        return self._reader._perdoc.column_reader(name, _SCHEMA[name].column_type)

    def uid(self, number: int) -> bytes:
        """Public id of a document's asset."""
        return HEAD.unpack_from(self._heads, number * HEAD.size)[1]  # type: ignore[no-any-return]

    def heads(self) -> Iterator[tuple[int, int, bytes]]:
        """(number, asset key, hash) of each document but positions."""
        for number, head in enumerate(HEAD.iter_unpack(self._heads)):
            if head[6] != STATE_POSITION:
                yield number, head[0], head[2]

    def numbers(self, keys: set[int]) -> list[int]:
        """Numbers of the documents of these assets; a segment has each asset at most once."""
        if self._numbers is None:
            self._numbers = {key: number for number, key in enumerate(self.keys)}
        return [self._numbers[key] for key in keys if key in self._numbers]

    def payload(self, number: int) -> dict[str, Any]:
        """What a hit shows."""
        with self._reading():
            if self._payloads is None:  # making the reader reads all offsets
                self._payloads = self._column("payload")
            raw = self._payloads[number]
            found: dict[str, Any] = json.loads(raw if raw[:1] == b"{" else zlib.decompress(raw))
        return found

    def orders(self, numbers: Iterator[int]) -> list[bytes]:
        """Sort names of documents."""
        with self._reading():
            if self._orders is None:
                self._orders = self._column("order")
            return [self._orders[number] for number in numbers]

    # --- terms --------------------------------------------------------------------------

    def term(self, field: str, term: str) -> int:
        """The documents that have a term in a field."""
        raw = term.encode("utf-8", "surrogatepass")
        found = self._sets.get((field, raw))
        if found is None:
            found = bitset.from_ids(self._ids(field, raw), self.size)
            self._keep(field, raw, found)
        return found

    def _keep(self, field: str, raw: bytes, found: int) -> None:
        if len(self._sets) >= _KEPT_SETS:
            self._sets.clear()
        self._sets[field, raw] = found

    def _ids(self, field: str, raw: bytes) -> array[int]:
        ids = array("I")
        with self._reading():
            for block in self._blocks(self._matcher(field, raw)):
                ids.extend(block._ids)
        return ids

    def _matcher(self, field: str, raw: bytes) -> Any:
        """Whoosh's postings of a term, dropped documents included; None without the term."""
        try:
            return self._reader._terms.matcher(field, raw, _SCHEMA[field].format)
        except TermNotFound:
            return None

    def _blocks(self, matcher: Any) -> Iterator[Any]:
        """The matcher at each of its blocks, numbers read; the caller holds the lock."""
        while matcher is not None and matcher.is_active():
            matcher._read_ids()
            yield matcher
            matcher._next_block()

    def positions_of(self, field: str, term: str, within: bytes) -> dict[int, tuple[int, ...]]:
        """Positions of a term in the documents flagged in ``within``."""
        found = {}
        with self._reading():
            for block in self._blocks(self._matcher(field, term.encode())):
                block._read_values()
                for number, value in zip(block._ids, block._values, strict=True):
                    if within[number]:
                        found[number] = unpack_positions(value)
        return found

    def lexicon(self, field: str) -> list[str]:
        """All terms of a field in order, kept for as long as the segment lives."""
        found = self._lexicons.get(field)
        if found is None:
            with self._reading():
                found = [term for term, _ in self._terms_from(field, "")]
            self._lexicons[field] = found
        return found

    def _terms_from(self, field: str, start: str) -> Iterator[tuple[str, Any]]:
        """(term, where its postings are) of those that begin so; the caller holds the lock."""
        terms = self._reader._terms
        begin = start.encode("utf-8", "surrogatepass")
        if field not in terms.indexed_field_names():
            return
        for (name, raw), info in terms.items_from(field, begin):
            if name != field or not raw.startswith(begin):
                return  # Whoosh goes on with the next field
            yield raw.decode("utf-8", "surrogatepass"), info

    def _postings(self, field: str, info: Any) -> Iterator[Any]:
        terms = self._reader._terms
        matcher = terms._codec.postings_reader(terms._postfile, info, _SCHEMA[field].format)
        return (block._ids for block in self._blocks(matcher))

    def starting(self, field: str, start: str) -> int:
        """The documents that have a term beginning so; at most `MAX_EXPANSION` terms count."""
        key = (f"{field}*", start.encode("utf-8", "surrogatepass"))
        bits = self._sets.get(key)
        if bits is None:
            ids = array("I")
            with self._reading():
                for _, info in islice(self._terms_from(field, start), MAX_EXPANSION):
                    for block in self._postings(field, info):
                        ids.extend(block)
            bits = bitset.from_ids(ids, self.size)
            self._keep(*key, bits)
        return bits

    def fitting(self, field: str, start: str, fits: Callable[[str], bool]) -> int:
        """The documents that have a term that begins so and fits; no limit: it is a filter."""
        ids = array("I")
        with self._reading():
            for term, info in self._terms_from(field, start):
                if fits(term):
                    for block in self._postings(field, info):
                        ids.extend(block)
        return bitset.from_ids(ids, self.size)

    # --- facets -------------------------------------------------------------------------

    def facet(self, name: str) -> FacetSets:
        """The values of a facet; a parent of a path holds its children."""
        found = self._facets.get(name)
        if found is None:
            with self._reading():
                found = self._facets[name] = self._read_facet(name)
        return found

    def _read_facet(self, name: str) -> FacetSets:
        values: dict[str, array[int]] = {}
        field = f"raw_{name}"
        for term, info in self._terms_from(field, "="):
            numbers = [number for block in self._postings(field, info) for number in block]
            for value in _with_parents(term[1:]) if name in PATHS else (term[1:],):
                values.setdefault(value, array("I")).extend(numbers)
        dense, sparse = [], []
        for value, ids in values.items():
            distinct = array("I", sorted(set(ids)))
            if len(distinct) * 64 > self.size:
                dense.append((value, bitset.from_ids(distinct, self.size)))
            else:
                sparse.append((value, distinct))
        return FacetSets(dense, sparse)


def _close(reader: Any) -> None:
    with suppress(Exception):  # what is damaged does not close well either
        reader.close()


PATHS: Final = frozenset({"tag", "classification", "domain"})


def _with_parents(path: str) -> list[str]:
    """``a/b/c`` -> ``a``, ``a/b``, ``a/b/c``."""
    steps = path.split("/")
    return ["/".join(steps[:count]) for count in range(1, len(steps) + 1)]
