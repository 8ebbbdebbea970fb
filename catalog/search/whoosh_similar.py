"""Names like a mistyped one: nearest tokens first, then nearest names."""

from __future__ import annotations

import heapq
from difflib import SequenceMatcher
from typing import Final

from catalog.access.expression import Expression
from catalog.naming import id_text
from catalog.search import bitset
from catalog.search.engine import Similar
from catalog.search.text import atoms, fold
from catalog.search.whoosh_filter import visible
from catalog.search.whoosh_read import View
from catalog.search.whoosh_segment import Segment

_COMPARED: Final = 200  # documents of a segment whose whole names are compared
_WORDS: Final = 6  # words of the text that are looked at, from its end
_LEAST: Final = 0.6


def similar_names(view: View, text: str, visibility: Expression, limit: int) -> list[Similar]:
    """Visible live assets whose last name part is like the text's, best first."""
    words = [one.whole for _, one in atoms(text[:500])][-_WORDS:]
    if not words or limit < 1:
        return []
    wanted = fold(text.strip())
    found: list[tuple[float, float, Similar]] = []
    for segment, alive in zip(view.segments, view.alive, strict=True):
        seen = alive & segment.live & visible(segment, visibility)
        votes: dict[int, float] = {}
        for weight, word in enumerate(words, 1):  # the last word is the name's own
            for term, nearness in _near_terms(segment, word):
                for number in bitset.to_ids(segment.term("leaf", term) & seen):
                    votes[number] = max(votes.get(number, 0.0), weight + nearness)
        best = heapq.nlargest(_COMPARED, votes.items(), key=lambda item: (item[1], -item[0]))
        for number, _ in best:
            one = _similar(segment, number, wanted)
            if one.score >= _LEAST:
                found.append((one.score, segment.static[number], one))
    found.sort(key=lambda item: (-item[0], -item[1], item[2].name, item[2].uid))
    return [one for _, _, one in found[:limit]]


def _similar(segment: Segment, number: int, wanted: str) -> Similar:
    payload = segment.payload(number)
    name = payload["name"]
    score = max(_ratio(wanted, fold(name)), _ratio(wanted, fold(payload["leaf"])))
    return Similar(
        key=segment.keys[number],
        uid=id_text(segment.uid(number)),
        name=name,
        namespace=payload["namespace"],
        kind=payload["kind"],
        score=round(score, 3),
    )


def _ratio(one: str, other: str) -> float:
    return SequenceMatcher(None, one[:200], other[:200], autojunk=False).ratio()


def _near_terms(segment: Segment, word: str) -> list[tuple[str, float]]:
    """Tokens of last name parts within one or two edits, and how near (0 to 1)."""
    most = 1 if len(word) < 5 else 2
    found = []
    for term in segment.lexicon("leaf"):
        if abs(len(term) - len(word)) > most:
            continue
        if term[0] != word[0] and term[-1] != word[-1]:
            continue
        distance = edits(word, term, most)
        if distance <= most:
            found.append((term, 1.0 - distance / (most + 1)))
    return found


def edits(one: str, other: str, most: int) -> int:
    """Edit distance (a swap of neighbours is one edit), or ``most + 1`` if it is more."""
    if one == other:
        return 0
    before: list[int] = []
    row = list(range(len(other) + 1))
    for index, char in enumerate(one, 1):
        before, last, row = row, before, [index]
        for column, against in enumerate(other, 1):
            cost = min(before[column] + 1, row[-1] + 1, before[column - 1] + (char != against))
            if index > 1 and column > 1 and char == other[column - 2] and one[index - 2] == against:
                cost = min(cost, last[column - 2] + 1)
            row.append(cost)
        if min(row) > most:
            return most + 1
    return row[-1]
