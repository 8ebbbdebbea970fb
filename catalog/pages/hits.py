"""How a hit looks: where the words of the query stand in it, where it lives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup, escape

from catalog.errors import BadInput
from catalog.pages.texts import plain, where
from catalog.search.highlight import QueryWords, marked, query_tokens
from catalog.search.language import parse
from catalog.search.page import HitView

COLUMNS_SHOWN: Final = 5
NO_WORDS: Final = QueryWords(frozenset(), ())


@dataclass(frozen=True)
class Column:
    """A column that matches. ``why``: the comment that does, when the path does not."""

    path: str
    text: Markup
    why: str | None


@dataclass(frozen=True)
class Shown:
    """A hit with its texts marked up; all of them are escaped."""

    hit: HitView
    label: Markup
    title: Markup | None
    where: Markup
    text: Markup | None
    columns: list[Column]


def words_of(q: str) -> QueryWords:
    """The words to mark; none when the query cannot be understood."""
    try:
        return query_tokens(parse(q)) if q else NO_WORDS
    except BadInput:
        return NO_WORDS


def mark(text: str, spans: Sequence[tuple[int, int]]) -> Markup:
    """The text, escaped, with ``<mark>`` around the spans."""
    made, at = Markup(""), 0
    for start, end in spans:
        made += escape(text[at:start]) + Markup("<mark>{}</mark>").format(text[start:end])
        at = end
    return made + escape(text[at:])


def emphasized(text: str, words: QueryWords) -> Markup:
    """The text with the query's words marked."""
    return mark(text, marked(text, words) if words else ())


def shown(found: Sequence[HitView], q: str) -> list[Shown]:
    """All hits of a page."""
    words = words_of(q)
    return [_shown(hit, words) for hit in found]


def _shown(hit: HitView, words: QueryWords) -> Shown:
    return Shown(
        hit=hit,
        label=emphasized(hit.label, words),
        title=emphasized(hit.title, words) if hit.title else None,
        where=emphasized(where(hit), words),
        text=_text(hit, words),
        columns=columns(hit, words),
    )


def _text(hit: HitView, words: QueryWords) -> Markup | None:
    """The first line, or the piece of the description around the first word when that is later."""
    line = plain(hit.description)
    if line and not marked(line, words):
        for one in hit.highlights:
            if one.field == "description":
                return Markup("… {}").format(mark(one.text, one.spans))
    return emphasized(line, words) if line else None


def columns(hit: HitView, words: QueryWords) -> list[Column]:
    """The columns in which words of the query stand, in path or comment."""
    found = []
    for one in hit.highlights:
        field, _, path = one.field.partition(":")
        if field == "column":
            in_path = one.text == path
            text = mark(path, one.spans) if in_path else emphasized(path, words)
            found.append(Column(path, text, None if in_path else one.text))
    return found[:COLUMNS_SHOWN]
