"""Which pieces of a hit's texts to show, and where the query's words lie in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from catalog.search.engine import Highlight
from catalog.search.language import And, Filter, Node, Or, Phrase, Start, Word
from catalog.search.text import atoms, singular

_AROUND: Final = 80  # characters of a long text that are shown on each side of the first word
_COLUMNS: Final = 5
_SCANNED: Final = 20_000  # characters of a text that are looked through


@dataclass(frozen=True)
class QueryWords:
    """Folded tokens and beginnings that mark a piece of text."""

    tokens: frozenset[str]
    starts: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.tokens or self.starts)

    def has(self, token: str) -> bool:
        """Whether the token was asked for, in singular or plural."""
        if token in self.tokens or singular(token) in self.tokens:
            return True
        return any(token.startswith(start) for start in self.starts)


def query_tokens(tree: And) -> QueryWords:
    """The words of a query that can be shown in a text; those after a minus are not."""
    tokens: set[str] = set()
    starts: list[str] = []
    for node in _leaves(tree):
        found = [one for _, one in atoms(node.value if isinstance(node, Filter) else node.text)]
        begins = isinstance(node, Start) or (isinstance(node, Filter) and node.how == "start")
        if begins and found:
            starts.extend((found[-1].whole, found[-1].parts[-1]))
            tokens.update(found[-1].parts[:-1])
            found = found[:-1]
        for one in found:
            for token in (one.whole, *one.parts):
                tokens.update(filter(None, (token, singular(token))))
    return QueryWords(frozenset(tokens), tuple(dict.fromkeys(starts)))


def _leaves(node: Node) -> Iterator[Word | Phrase | Start | Filter]:
    match node:
        case And(parts) | Or(parts):
            for part in parts:
                yield from _leaves(part)
        case Word() | Phrase() | Start():
            yield node
        case Filter(field) if field in ("name", "title", "description", "column"):
            yield node
        case _:
            return


def highlights(payload: Mapping[str, Any], words: QueryWords) -> tuple[Highlight, ...]:
    """Pieces of name, title, description and columns that hold words of the query."""
    if not words:
        return ()
    found: list[Highlight] = []
    for field in ("name", "title", "description"):
        text = payload.get(field)
        if text and (spans := marked(text, words)):
            found.append(_piece(field, text, spans))
    columns = 0
    for path, comment in payload.get("columns", ()):
        for text in (path, comment):
            if text and (spans := marked(text, words)):
                found.append(_piece(f"column:{path}", text, spans))
                columns += 1
                break
        if columns == _COLUMNS:
            break
    return tuple(found)


def marked(text: str, words: QueryWords) -> list[tuple[int, int]]:
    """Spans of the words in a text, in order, not overlapping."""
    spans: list[tuple[int, int]] = []
    for offset, one in atoms(text[:_SCANNED]):
        if words.has(one.whole):
            spans.append((offset, offset + one.spans[-1][1]))
            continue
        for part, (start, end) in zip(one.parts, one.spans, strict=True):
            if words.has(part):
                spans.append((offset + start, offset + end))
    return spans


def _piece(field: str, text: str, spans: list[tuple[int, int]]) -> Highlight:
    """The text, or what is around its first marked word."""
    start = max(0, spans[0][0] - _AROUND)
    if start > 0:
        start = text.find(" ", start, spans[0][0]) + 1 or start
    end = min(len(text), max(spans[0][1], start + 2 * _AROUND))
    kept = tuple((a - start, b - start) for a, b in spans if b <= end)
    return Highlight(field, text[start:end], kept)
