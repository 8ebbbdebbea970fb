"""Evaluates a query's tree over the segments: which documents fit, and how well.

A set is a list with one integer (see `catalog.search.bitset`) for each segment. A word fits
where one of its forms stands: the whole (``arrdelay``) or all of its parts (``arr``, ``delay``).
The score of a document is the sum over words, forms and fields of field weight times rarity.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from catalog.search import bitset
from catalog.search.bitset import Sets
from catalog.search.language import And, Filter, Negation, Node, Or, Phrase, Start, Word
from catalog.search.text import Atom, atoms, fold, singular
from catalog.search.whoosh_filter import with_value
from catalog.search.whoosh_schema import POSITIONAL
from catalog.search.whoosh_segment import Segment
from catalog.search.whoosh_write import joined

WEIGHTS: Final[dict[str, float]] = {
    "leaf": 8.0,
    "title": 5.0,
    "name": 4.0,
    "labels": 3.0,
    "columns": 2.0,
    "people": 2.0,
    "description": 1.5,
    "comments": 1.0,
    "body": 0.5,
}
_ALL_FIELDS: Final = tuple(WEIGHTS)
_FIELDS_OF: Final = {
    "name": ("name", "leaf"),
    "title": ("title",),
    "description": ("description",),
    "column": ("columns",),
}
_EXACT: Final = (("f", 1000.0), ("s", 500.0), ("j", 250.0))
"""Score of a document whose name is the query: full, its last parts, letters and digits alone."""


@dataclass(frozen=True)
class Match:
    """Where one form of a word stands in one field. ``labels``: how people call the field."""

    field: str
    weight: float
    sets: Sets


class Evaluation:
    """One query over opened segments. ``matches`` are filled while evaluating."""

    def __init__(self, segments: Sequence[Segment]) -> None:
        self.segments = segments
        self.matches: list[Match] = []
        self._documents = sum(segment.live.bit_count() for segment in segments)
        self._scoring = True

    # --- the tree -----------------------------------------------------------------------

    def evaluate(self, node: Node) -> Sets | None:
        """The documents that fit, or None for what says nothing (signs without letters)."""
        match node:
            case Word(text):
                return self._word(text, _ALL_FIELDS)
            case Phrase(text):
                return self._phrase(text, _ALL_FIELDS)
            case Start(text):
                return self._start(text, _ALL_FIELDS)
            case Filter():
                return self._filter(node)
            case And(parts):
                return self.all_of(self.evaluate(part) for part in parts)
            case Or(parts):
                return self.any_of(self.evaluate(part) for part in parts)
            case Negation(part):
                return self._negation(part)

    def _negation(self, part: Node) -> Sets | None:
        before, self._scoring = self._scoring, False
        found = self.evaluate(part)
        self._scoring = before
        if found is None:
            return None
        return [
            bitset.everything(segment.size) & ~bits
            for segment, bits in zip(self.segments, found, strict=True)
        ]

    def all_of(self, parts: Iterable[Sets | None]) -> Sets | None:
        """What is in every part; parts that say nothing do not count."""
        return _combined(parts, bitset.meet)

    def any_of(self, parts: Iterable[Sets | None]) -> Sets | None:
        """What is in one of the parts."""
        return _combined(parts, bitset.union)

    def exact(self, texts: Iterable[str]) -> Sets:
        """The documents that have one of these names, which scores most of all.

        ``namespace/name`` and ``source.name`` are names too.
        """
        found = [0] * len(self.segments)
        for text in {text for text in texts if text}:
            single = not any(mark in text for mark in "./")
            for sign, weight in _EXACT:
                if sign == "f" and single:
                    # One word as a whole name (a database) says no more than as a last part:
                    # the table of that name is meant as often.
                    weight = 0.0
                name = joined(text) if sign == "j" else fold(text)
                if name:
                    read = partial(_exact, sign=sign, name=name)
                    sets = [read(segment) for segment in self.segments]
                    self.matches.append(Match("name", weight, sets))
                    found = bitset.union(found, sets)
        return found

    # --- words --------------------------------------------------------------------------

    def _word(self, text: str, fields: Sequence[str]) -> Sets | None:
        return self.all_of([self._atom(one, fields) for _, one in atoms(text)])

    def _atom(self, one: Atom, fields: Sequence[str]) -> Sets:
        whole = self._token(one.whole, fields, 1.0)
        if len(one.parts) < 2:
            return whole
        parts = self.all_of([self._token(part, fields, 0.3) for part in one.parts])
        assert parts is not None
        return bitset.union(whole, parts)

    def _token(self, token: str, fields: Sequence[str], factor: float) -> Sets:
        found = self._sets(fields, factor, lambda segment, field: segment.term(field, token))
        base = singular(token)
        if base is None:
            return found
        others = self._sets(fields, factor, lambda segment, field: segment.term(field, base))
        return bitset.union(found, others)

    def _start(self, text: str, fields: Sequence[str]) -> Sets | None:
        found = [one for _, one in atoms(text)]
        if not found:
            return None
        *before, last = found
        sets = [self._atom(one, fields) for one in before]
        whole = self._starting(last.whole, fields)
        if len(last.parts) > 1:
            parts = [self._token(part, fields, 0.3) for part in last.parts[:-1]]
            rest = self.all_of([*parts, self._starting(last.parts[-1], fields)])
            assert rest is not None
            whole = bitset.union(whole, rest)
        return self.all_of([*sets, whole])

    def _starting(self, start: str, fields: Sequence[str]) -> Sets:
        return self._sets(fields, 0.5, lambda segment, field: segment.starting(field, start))

    def _sets(
        self, fields: Sequence[str], factor: float, read: Callable[[Segment, str], int]
    ) -> Sets:
        """What is found in any field, noted as matches with the rarity over all fields."""
        by_field = [(name, [read(one, name) for one in self.segments]) for name in fields]
        found = [0] * len(self.segments)
        for _, sets in by_field:
            found = bitset.union(found, sets)
        if self._scoring:
            count = bitset.count(found)
            rarity = 1.0 + math.log((self._documents + 1) / (count + 1)) if count else 0.0
            self.matches.extend(
                Match(name, WEIGHTS[name] * factor * max(rarity, 1.0), sets)
                for name, sets in by_field
                if any(sets)
            )
        return found

    # --- phrases ------------------------------------------------------------------------

    def _phrase(self, text: str, fields: Sequence[str]) -> Sets | None:
        parts = [part for _, one in atoms(text) for part in one.parts]
        if not parts:
            return None
        if len(parts) == 1:
            token = parts[0]
            return self._sets(fields, 1.0, lambda segment, field: segment.term(field, token))
        positional = [name for name in fields if name in POSITIONAL]
        return self._sets(positional, 2.0, lambda one, field: _side_by_side(one, field, parts))

    # --- filters ------------------------------------------------------------------------

    def _filter(self, node: Filter) -> Sets | None:
        fields = _FIELDS_OF.get(node.field)
        if fields is not None:
            read = {"value": self._word, "phrase": self._phrase, "start": self._start}[node.how]
            return read(node.value, fields)
        start = node.how == "start"
        found = [
            with_value(segment, node.field, node.value, start=start) for segment in self.segments
        ]
        if node.field != "owner":
            return found
        read = self._start if start else self._word
        return self.any_of([found, read(node.value, ("people",))])

    # --- scores -------------------------------------------------------------------------

    def scores(self, hits: Sets) -> list[dict[int, float]]:
        """For each segment: document number -> score."""
        found = []
        for index, (segment, bits) in enumerate(zip(self.segments, hits, strict=True)):
            static = segment.static
            scores = {number: static[number] for number in bitset.to_ids(bits)}
            for match in self.matches:
                weight = match.weight
                for number in bitset.to_ids(match.sets[index] & bits):
                    scores[number] += weight
            found.append(scores)
        return found

    def matched(self, index: int, number: int) -> tuple[str, ...]:
        """Fields of a document in which words of the query stand."""
        bit = 1 << number
        names = {
            _LABELS.get(match.field, match.field)
            for match in self.matches
            if match.sets[index] & bit
        }
        return tuple(sorted(names))


_LABELS: Final = {
    "leaf": "name",
    "labels": "tags",
    "people": "owners",
    "comments": "columns",
    "body": "definition",
}


def _exact(segment: Segment, sign: str, name: str) -> int:
    if sign != "f":
        return segment.term("raw_exact", sign + name)
    bits = _named(segment, name)
    for attribute, between in (("namespace", "/"), ("source", ".")):
        for term in segment.lexicon(f"raw_{attribute}"):
            start = fold(term[1:])
            rest = name[len(start) :]
            if rest and name.startswith(start):
                inner = _named(segment, rest.removeprefix(between))
                if rest.startswith("/"):  # no second slash before a name that begins with one
                    inner |= _named(segment, rest)
                bits |= inner and inner & segment.term(f"raw_{attribute}", term)
    return bits


def _named(segment: Segment, name: str) -> int:
    """The documents whose folded full name it is."""
    return segment.term("raw_exact", f"f{name}") | segment.term("raw_name", f"={name}")


def _combined(parts: Iterable[Sets | None], join: Callable[[Sets, Sets], Sets]) -> Sets | None:
    found: Sets | None = None
    for sets in parts:
        if sets is not None:
            found = sets if found is None else join(found, sets)
    return found


def _side_by_side(segment: Segment, field: str, parts: Sequence[str]) -> int:
    """The documents in which the parts follow each other in a field."""
    bits = segment.live
    for part in parts:
        bits &= segment.term(field, part)
        if not bits:
            return 0
    within = bitset.flags(bits, segment.size)
    first, *rest = (segment.positions_of(field, part, within) for part in parts)
    later = [{number: set(at) for number, at in found.items()} for found in rest]
    return bitset.from_ids(
        [
            number
            for number, starts in first.items()
            if any(
                all(start + step in found[number] for step, found in enumerate(later, 1))
                for start in starts
            )
        ],
        segment.size,
    )
