"""An opened index: its segments, which documents are still in it, and searching them."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from whoosh.filedb.filestore import FileStorage
from whoosh.index import TOC

from catalog.access.expression import Expression
from catalog.errors import BadInput
from catalog.search import bitset
from catalog.search.bitset import Sets, count, meet
from catalog.search.engine import (
    FACET_VALUES,
    FACETS,
    MAX_LIMIT,
    MAX_OFFSET,
    SORTS,
    FacetValue,
    Hit,
    Position,
    Query,
    SearchResult,
)
from catalog.search.highlight import highlights, query_tokens
from catalog.search.language import (
    And,
    Filter,
    Negation,
    Node,
    Or,
    free_text,
    known_field,
    parse,
)
from catalog.search.whoosh_filter import visible, with_values
from catalog.search.whoosh_query import Evaluation
from catalog.search.whoosh_schema import RAW, schema
from catalog.search.whoosh_segment import Segment

_NAME: Final = "MAIN"
_SCHEMA: Final = schema()
Stamp = tuple[str, int]


class View:
    """One commit of the index. Segments are shared with the views before and after it."""

    def __init__(self, stamp: Stamp, parts: Sequence[tuple[Segment, int]]) -> None:
        self.stamp = stamp
        self.segments = [segment for segment, _ in parts]
        self.alive: Sets = [alive for _, alive in parts]

    def close(self) -> None:
        """Closes all segments."""
        for segment in self.segments:
            segment.close()

    def position(self) -> Position | None:
        """The position in the index, or None if it is not there (once)."""
        found = [
            segment.payload(number)
            for segment, alive in zip(self.segments, self.alive, strict=True)
            for number in segment.positions
            if alive >> number & 1
        ]
        return Position(**found[0]) if len(found) == 1 else None

    def hashes(self) -> Iterator[tuple[int, bytes]]:
        """(asset key, document hash) of each document."""
        for segment, alive in zip(self.segments, self.alive, strict=True):
            flags = bitset.flags(alive, segment.size)
            for number, key, digest in segment.heads():
                if flags[number]:
                    yield key, digest

    def count(self) -> int:
        """Documents, the position aside."""
        return sum(
            ((segment.live | segment.referenced) & alive).bit_count()
            for segment, alive in zip(self.segments, self.alive, strict=True)
        )

    def numbers(self, keys: Iterable[int]) -> list[int]:
        """Whoosh's document numbers of assets and of the position (key 0)."""
        wanted = {*keys, 0}
        found: list[int] = []
        base = 0
        for segment, alive in zip(self.segments, self.alive, strict=True):
            for number in segment.numbers(wanted):
                if alive >> number & 1:
                    found.append(base + number)
            base += segment.size
        return found


def stamp(folder: Path) -> Stamp:
    """What tells one commit from another."""
    return folder.name, TOC._latest_generation(FileStorage(str(folder)), _NAME)


class _Files(FileStorage):  # type: ignore[misc]
    """The files of an index; Whoosh leaves them open when it cannot read them."""

    def __init__(self, folder: Path) -> None:
        super().__init__(str(folder))
        self._opened: list[Any] = []

    def open_file(self, name: str, **more: Any) -> Any:
        file = super().open_file(name, **more)
        self._opened.append(file)
        return file

    def close_all(self) -> None:
        """After a failure."""
        for file in self._opened:
            with suppress(Exception):
                file.close()


def open_view(folder: Path, before: View | None) -> View:
    """Opens the newest commit; segments that the view before has open are taken over.

    What is damaged raises anything.
    """
    files = _Files(folder)
    try:
        return _open(folder, files, before)
    except BaseException:
        files.close_all()
        raise


def _open(folder: Path, storage: FileStorage, before: View | None) -> View:
    known = {segment.id: segment for segment in before.segments} if before else {}
    seen = stamp(folder)
    toc = TOC.read(storage, _NAME, gen=seen[1], schema=_SCHEMA)
    parts = []
    for one in toc.segments:
        segment = known.get(one.segment_id()) or Segment(storage, one)
        dropped = bitset.from_ids(list(one.deleted_docs()), segment.size)
        parts.append((segment, bitset.everything(segment.size) & ~dropped))
    return View(seen, parts)


RAW_FILTERS: Final = frozenset(RAW) - {"name", "exact"}


# --- searching ------------------------------------------------------------------------------


def search(view: View, query: Query, visibility: Expression) -> SearchResult:
    """See `SearchEngine.search`."""
    _check(query)
    tree = parse(query.text)
    evaluation = Evaluation(view.segments)
    found = _Hits(view, evaluation, tree, query, visibility)
    page = _page(view, evaluation, found.hits, query)
    words = query_tokens(tree)
    return SearchResult(
        hits=tuple(_hit(view, evaluation, place, score, words) for place, score in page),
        total=count(found.hits),
        facets={name: found.facet(name) for name in query.facets},
        fallback=found.fallback,
    )


def _check(query: Query) -> None:
    for name, value, most in (
        ("limit", query.limit, MAX_LIMIT),
        ("offset", query.offset, MAX_OFFSET),
    ):
        if not 0 <= value <= most:
            raise BadInput(f"{name} is {value}.", remedy=f"Give a number from 0 to {most}.")
    if query.sort not in SORTS:
        raise BadInput(f"sort is {query.sort!r}.", remedy=f"Give one of {', '.join(SORTS)}.")
    for name in query.facets:
        if name not in FACETS:
            raise BadInput(f"There is no facet {name!r}.", remedy=f"Known: {', '.join(FACETS)}.")


class _Hits:
    """The documents that fit a query, with and without each of its filters."""

    def __init__(
        self,
        view: View,
        evaluation: Evaluation,
        tree: And,
        query: Query,
        visibility: Expression,
    ) -> None:
        self._view = view
        self.fallback = False
        self._seen = [
            alive & visible(segment, visibility)
            for segment, alive in zip(view.segments, view.alive, strict=True)
        ]
        self._filters = {
            field: self._fitting(evaluation, field, values)
            for field, values in ((known_field(one), of) for one, of in query.filters.items())
        }
        words = [part for part in tree.parts if not _narrows(part)]
        narrow = [evaluation.evaluate(part) for part in tree.parts if _narrows(part)]
        self._narrow = evaluation.all_of([self._seen, *narrow])
        self._words(evaluation, words, free_text(tree), query.text)

    def _fitting(self, evaluation: Evaluation, field: str, values: Sequence[str]) -> Sets:
        if field in RAW_FILTERS:
            return [with_values(segment, field, values) for segment in self._view.segments]
        found = evaluation.any_of(evaluation.evaluate(Filter(field, one)) for one in values)
        return [0] * len(self._view.segments) if found is None else found

    def _words(self, evaluation: Evaluation, words: list[Node], free: str, text: str) -> None:
        live = [segment.live for segment in self._view.segments]
        if not words:
            self._base = self._within(live)
            self.hits = self._filtered(self._base)
            return
        parts = [found for found in map(evaluation.evaluate, words) if found is not None]
        exact = evaluation.exact((text.strip(), free))
        together = evaluation.all_of(parts)
        self._use(exact, together, live)
        if count(self.hits) == 0 and len(parts) > 1:
            self._use(exact, evaluation.any_of(parts), live)
            self.fallback = count(self.hits) > 0

    def _use(self, exact: Sets, words: Sets | None, live: Sets) -> None:
        """Exact names, referenced ones too; and what has the words and is more than a name."""
        ordinary = (
            [0] * len(live) if words is None else [a & b for a, b in zip(words, live, strict=True)]
        )
        self._base = self._within([a | b for a, b in zip(exact, ordinary, strict=True)])
        self.hits = self._filtered(self._base)

    def _within(self, sets: Sets) -> Sets:
        assert self._narrow is not None
        return meet(sets, self._narrow)

    def _filtered(self, sets: Sets, but: str | None = None) -> Sets:
        for name, allowed in self._filters.items():
            if name != but:
                sets = meet(sets, allowed)
        return sets

    def facet(self, name: str) -> tuple[FacetValue, ...]:
        """Counts by value over the hits without the facet's own filter; referenced ones aside."""
        counts: Counter[str] = Counter()
        hits = self._filtered(self._base, but=name)
        for segment, bits in zip(self._view.segments, hits, strict=True):
            _count_values(segment, name, bits & segment.live, counts)
        ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        return tuple(FacetValue(value, count) for value, count in ordered[:FACET_VALUES])


def _narrows(part: Node) -> bool:
    """Whether a part of the query only narrows: it finds nothing by itself."""
    match part:
        case Filter() | Negation():
            return True
        case And(parts) | Or(parts):
            return all(map(_narrows, parts))
        case _:
            return False


def _count_values(segment: Segment, name: str, bits: int, counts: Counter[str]) -> None:
    if not bits:
        return
    sets = segment.facet(name)
    for value, having in sets.dense:
        if having & bits:
            counts[value] += (having & bits).bit_count()
    if not sets.sparse:
        return
    flags = bitset.flags(bits, segment.size)
    for value, numbers in sets.sparse:
        if having_any := sum(map(flags.__getitem__, numbers)):
            counts[value] += having_any


Place = tuple[int, int]  # segment, document number in it


def _page(
    view: View, evaluation: Evaluation, hits: Sets, query: Query
) -> list[tuple[Place, float]]:
    end = query.offset + query.limit
    scores = evaluation.scores(hits)
    if query.sort == "name":
        return _by_name(view, scores)[query.offset : end]
    if query.sort == "popularity":
        scores = [
            {number: segment.static[number] for number in found}
            for segment, found in zip(view.segments, scores, strict=True)
        ]
    best = [
        ((index, number), score)
        for index, found in enumerate(scores)
        for number, score in heapq.nlargest(end, found.items(), key=lambda item: item[1])
    ]
    best.sort(key=lambda item: -item[1])
    return best[query.offset : end]


def _by_name(view: View, scores: Sequence[Mapping[int, float]]) -> list[tuple[Place, float]]:
    named = [
        (order, (index, number), found[number])
        for index, (segment, found) in enumerate(zip(view.segments, scores, strict=True))
        for number, order in zip(found, segment.orders(iter(found)), strict=True)
    ]
    named.sort(key=lambda item: item[:2])
    return [(place, score) for _, place, score in named]


def _hit(view: View, evaluation: Evaluation, place: Place, score: float, words: Any) -> Hit:
    index, number = place
    segment = view.segments[index]
    return Hit(
        key=segment.keys[number],
        uid=_uid(segment.uid(number)),
        score=round(score, 3),
        matched=evaluation.matched(index, number),
        highlights=highlights(segment.payload(number), words),
    )


def _uid(raw: bytes) -> str:
    from catalog.naming import id_text

    return id_text(raw)
