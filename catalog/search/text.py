"""One analyzer for index and queries: identifiers split at case, ``_``, ``-``, dot and digit.

``arrDelay2013`` gives the parts ``arr``, ``delay``, ``2013`` and, at the first part's position,
the whole ``arrdelay2013``; ``arr_delay``, ``arr-delay`` and ``arrDelay`` share ``arrdelay``. A
plural gives its singular too. Letters are folded: case, width, accents.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

TOKEN_LENGTH: Final = 100
"""Characters kept of a token; what is longer is cut alike in index and query."""
_ATOM: Final = re.compile(r"[^\W_]+(?:[_\-]+[^\W_]+)*")
_PART: Final = re.compile(r"U+(?=Ul)|U?l+|U+|d+|c")
_ACCENT: Final = re.compile("[\u0300-\u036f]")
_IDEOGRAMS: Final = (
    (0x3040, 0x30FF),  # kana
    (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF),
    (0xAC00, 0xD7AF),  # hangul
    (0xF900, 0xFAFF),
    (0x20000, 0x3FFFF),
)


@dataclass(frozen=True, slots=True)
class Atom:
    """A run of letters and digits. ``parts``: folded; ``whole``: the parts as one word.

    ``spans``: where each part lies in the atom, in characters.
    """

    whole: str
    parts: tuple[str, ...]
    spans: tuple[tuple[int, int], ...]


def fold(text: str) -> str:
    """Lower case, without accents and width variants; what looks equal compares equal."""
    if text.isascii():
        return text.lower()
    apart = unicodedata.normalize("NFKD", text.casefold())
    return unicodedata.normalize("NFC", _ACCENT.sub("", apart)).casefold()


def atoms(text: str) -> Iterator[tuple[int, Atom]]:
    """The atoms of a text with their offsets."""
    for found in _ATOM.finditer(text):
        yield found.start(), atom(found.group())


@lru_cache(maxsize=1 << 16)
def atom(text: str) -> Atom:
    """Splits one run; column names come again and again, so the results are kept."""
    classes = text.translate(_ASCII) if text.isascii() else "".join(map(_class_of, text))
    spans = tuple(found.span() for found in _PART.finditer(classes))
    parts = tuple(fold(text[start:end])[:TOKEN_LENGTH] for start, end in spans)
    return Atom("".join(parts)[:TOKEN_LENGTH], parts, spans)


def _class_of(char: str) -> str:
    if char.isdigit():
        return "d"
    if char.isupper() or char.istitle():
        return "U"
    if char in "_-":
        return "_"
    if char > "\u303f" and any(low <= ord(char) <= high for low, high in _IDEOGRAMS):
        return "c"
    return "l"


_ASCII: Final = {number: _class_of(chr(number)) for number in range(128)}


@lru_cache(maxsize=1 << 16)
def singular(token: str) -> str | None:
    """The singular of an English plural, or None: ``orders`` -> ``order``."""
    if len(token) < 4 or not token.isascii() or not token.endswith("s"):
        return None
    if token.endswith(("ss", "us", "is")):
        return None
    return token[:-3] + "y" if token.endswith("ies") else token[:-1]


@lru_cache(maxsize=1 << 16)
def atom_tokens(text: str) -> tuple[int, tuple[tuple[str, int], ...]]:
    """What is indexed of an atom: how many positions it takes, and (token, position in it)."""
    one = atom(text)
    found: dict[tuple[str, int], None] = {}
    for position, part in enumerate(one.parts):
        found[part, position] = None
        if (base := singular(part)) is not None:
            found[base, position] = None
    found[one.whole, 0] = None
    if (base := singular(one.whole)) is not None:
        found[base, 0] = None
    return len(one.parts), tuple(found)


def positions(text: str, into: dict[str, list[int]], start: int = 0) -> int:
    """Adds the tokens of a text with their positions; returns the next free position."""
    for found in _ATOM.findall(text):
        width, tokens = atom_tokens(found)
        for token, offset in tokens:
            found_at = into.get(token)
            if found_at is None:
                into[token] = [start + offset]
            else:
                found_at.append(start + offset)
        start += width
    return start
