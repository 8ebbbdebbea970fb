"""The query language: text in, a small tree out. Nothing here knows an engine.

::

    orders daily            both words            "net revenue"   these words in this order
    orders OR sales         either                arr*            words that begin so
    -draft  NOT draft       without               ( ... )         a group
    kind:table platform:postgres source:wh tag:pii owner:ann flag:endorsed column:arr_delay
    name:  title:  description:  namespace:  class:  classification:  domain:  environment:
    tag:"a b"               a value with spaces   tag:pi*         a value that begins so

Names may be pasted as they are: ``postgres://db:5432/shop.public.orders``, ``shop."a b"``. A
quote or parenthesis without its partner stands for itself. What cannot be understood raises
`BadInput`; there is no other error.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from typing import Final

from catalog.errors import BadInput

MAX_LENGTH: Final = 500
MAX_TERMS: Final = 64
MAX_DEPTH: Final = 20

FIELDS: Final[tuple[str, ...]] = (
    "class",
    "kind",
    "platform",
    "source",
    "namespace",
    "name",
    "title",
    "description",
    "column",
    "tag",
    "classification",
    "domain",
    "owner",
    "flag",
    "environment",
)
_SHORT: Final = {"env": "environment", "ns": "namespace", "columns": "column", "tags": "tag"}


@dataclass(frozen=True)
class Word:
    """A free word: in names, columns, descriptions, tags or owners."""

    text: str


@dataclass(frozen=True)
class Phrase:
    """Words in this order, side by side, in one text."""

    text: str


@dataclass(frozen=True)
class Start:
    """A word that begins so."""

    text: str


@dataclass(frozen=True)
class Filter:
    """A field has a value. ``how``: ``value``, ``phrase`` (was quoted) or ``start``."""

    field: str
    value: str
    how: str = "value"


@dataclass(frozen=True)
class And:
    """All parts; without parts everything."""

    parts: tuple[Node, ...]


@dataclass(frozen=True)
class Or:
    """One of the parts."""

    parts: tuple[Node, ...]


@dataclass(frozen=True)
class Negation:
    """Not the part."""

    part: Node


Node = Word | Phrase | Start | Filter | And | Or | Negation


def parse(text: str) -> And:
    """The tree of a query; its top is always `And`. Raises `BadInput`."""
    if len(text) > MAX_LENGTH:
        raise BadInput(
            f"The query has {len(text)} characters; at most {MAX_LENGTH} are taken.",
            remedy="Search for fewer or shorter words.",
        )
    return _Parser(text).query()


def free_text(tree: And) -> str:
    """The free words of the top level, side by side: what could be a name as a whole."""
    return " ".join(
        part.text for part in tree.parts if isinstance(part, Word | Phrase) and part.text
    )


_SPACE: Final = re.compile(r"\s+")
_FIELD: Final = re.compile(r"([A-Za-z_]{2,30}):(?!/)")
# A run without spaces; a quote inside a word takes in what it encloses: shop."a b".
_RUN: Final = re.compile(r'(?:[^\s"]|(?<=[^\s"])"[^"]*"|")+')
_QUOTED: Final = re.compile(r'"([^"]*)"')


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.terms = 0

    def query(self) -> And:
        parts: list[Node] = []
        while self.at < len(self.text):
            parts.extend(_flat(self.alternatives(0)))
            self.at += 1  # a closing parenthesis that nothing opened stands for itself
        return And(tuple(parts))

    def alternatives(self, depth: int) -> Node:
        """Parts that ``OR`` joins, up to the end or a closing parenthesis."""
        if depth > MAX_DEPTH:
            raise BadInput(
                f"Parentheses are nested more than {MAX_DEPTH} deep.",
                remedy="Write the query with fewer groups.",
            )
        parts: list[Node] = []
        pending = False  # an OR waits for its right side
        while (node := self.next_part(depth)) is not None:
            if isinstance(node, str):
                pending = bool(parts)
                continue
            if pending:
                left = parts.pop()
                before = left.parts if isinstance(left, Or) else (left,)
                parts.append(Or((*before, node)))
                pending = False
            else:
                parts.append(node)
        return parts[0] if len(parts) == 1 else And(tuple(parts))

    def next_part(self, depth: int) -> Node | str | None:
        """The next part, the word OR, or None at the end of this group."""
        while True:
            self.skip_space()
            if self.at >= len(self.text) or (depth and self.text[self.at] == ")"):
                return None
            if self.take_word("OR"):
                return "OR"
            if self.take_word("AND"):
                continue
            if self.take_word("NOT") or self.take_minus():
                part = self.next_part(depth)
                if part is None or part == "OR":
                    return part
                assert not isinstance(part, str)
                return Negation(part)
            if self.text[self.at] == "(":
                self.at += 1
                inner = self.alternatives(depth + 1)
                self.at += 1  # the closing one, or the end
                if inner == And(()):
                    continue
                return inner
            node = self.term(depth)
            if node is not None:
                return node

    def skip_space(self) -> None:
        found = _SPACE.match(self.text, self.at)
        if found:
            self.at = found.end()

    def take_word(self, word: str) -> bool:
        end = self.at + len(word)
        if self.text.startswith(word, self.at) and self.text[end : end + 1] in ("", " ", "\t"):
            self.at = end
            return True
        return False

    def take_minus(self) -> bool:
        after = self.text[self.at + 1 : self.at + 2]
        if self.text[self.at] == "-" and after and not after.isspace() and after != "-":
            self.at += 1
            return True
        return False

    def term(self, depth: int) -> Node | None:
        """A word, phrase, start or filter; None for signs that hold no letter."""
        self.count()
        found = _FIELD.match(self.text, self.at)
        if found:
            self.at = found.end()
            return self.filter(found.group(1), depth)
        how, value = self.value(depth)
        if how == "phrase":
            return Phrase(value) if value.strip() else None
        if how == "start":
            return Start(value) if value else None
        return Word(value)

    def filter(self, name: str, depth: int) -> Filter:
        field = known_field(name)
        at_end = self.at >= len(self.text) or self.text[self.at].isspace()
        how, value = ("value", "") if at_end else self.value(depth)
        if not value.strip():
            raise BadInput(
                f"No value stands after {name}: in the query.",
                remedy=f"Write {field}:VALUE without a space; to search for the word itself, "
                f'write "{name}".',
                field=field,
            )
        return Filter(field, value, how)

    def value(self, depth: int) -> tuple[str, str]:
        """(how, text) of what stands here: quoted, ending in ``*``, or plain."""
        quoted = _QUOTED.match(self.text, self.at)
        if quoted:
            self.at = quoted.end()
            return "phrase", quoted.group(1)
        found = _RUN.match(self.text, self.at)
        assert found is not None
        run = found.group()
        if depth:
            run = _closed(run)
        self.at += len(run)
        if run.endswith("*"):
            return "start", run.rstrip("*")
        return "value", run

    def count(self) -> None:
        self.terms += 1
        if self.terms > MAX_TERMS:
            raise BadInput(
                f"The query has more than {MAX_TERMS} terms.", remedy="Search for fewer words."
            )


def _closed(run: str) -> str:
    """A word inside a group ends before the parenthesis that closes the group."""
    open_ones = 0
    for position, char in enumerate(run):
        if char == "(":
            open_ones += 1
        elif char == ")":
            if open_ones == 0:
                return run[:position]
            open_ones -= 1
    return run


def _flat(node: Node) -> tuple[Node, ...]:
    return node.parts if isinstance(node, And) else (node,)


def known_field(name: str) -> str:
    """The field of this name, in any letter case. Raises `BadInput` with suggestions."""
    field = name.lower()
    field = _SHORT.get(field, field)
    if field in FIELDS:
        return field
    near = difflib.get_close_matches(field, FIELDS, n=3, cutoff=0.6)
    meant = f"Did you mean {' or '.join(f'{one}:' for one in near)}? " if near else ""
    raise BadInput(
        f"The query's field {name}: is not known.",
        remedy=f'{meant}To search for the text itself, write it in quotes: "{name}:...". '
        f"Known are {', '.join(FIELDS)}.",
        field=name,
        suggestions=near,
    )
