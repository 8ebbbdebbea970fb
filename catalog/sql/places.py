"""Where in a text names of tables and paths may stand: by its tokens alone, so it is always quick.

A name that only looks like one is no harm: who asks keeps those that mean an asset.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from catalog.sql.dialects import sqlglot_name
from catalog.sql.parsing import tokenize
from catalog.sql.refs import TableRef, path_ref

_BEFORE: Final = frozenset(
    {"FROM", "JOIN", "INTO", "UPDATE", "TABLE", "COMMA", "L_PAREN", "USING", "VIEW", "LATERAL"}
)
"""What a name of one part stands behind when it is a table's; of more parts the dots tell."""


@dataclass(frozen=True)
class Place:
    """A name or path from ``start`` to ``end`` (behind its last letter) of the text."""

    start: int
    end: int
    ref: TableRef


def places(text: str, dialect: str) -> list[Place]:
    """All that may name a table or a file, in their order; none of a text that is not readable."""
    tokens = tokenize(text, sqlglot_name(dialect))
    return list(_places(tokens))


def _places(tokens: Sequence[Any]) -> Iterator[Place]:
    at = 0
    while at < len(tokens):
        token = tokens[at]
        kind = token.token_type.name
        if kind == "STRING" and "/" in token.text:
            yield Place(token.start, token.end + 1, path_ref(token.text))
        elif _is_part(token):
            last = _end_of_chain(tokens, at)
            before = tokens[at - 1].token_type.name if at else ""
            if last > at or before in _BEFORE:
                yield _chain(tokens[at : last + 1 : 2])
            at = last
        at += 1


def _is_part(token: Any) -> bool:
    return token.token_type.name in ("VAR", "IDENTIFIER") or token.text.isidentifier()


def _end_of_chain(tokens: Sequence[Any], at: int) -> int:
    """The index of the last part of ``a.b.c`` that begins at ``at``."""
    while (
        at + 2 < len(tokens)
        and tokens[at + 1].token_type.name == "DOT"
        and _is_part(tokens[at + 2])
    ):
        at += 2
    return at


def _chain(parts: Sequence[Any]) -> Place:
    names = tuple(part.text for part in parts)
    quoted = tuple(part.token_type.name == "IDENTIFIER" for part in parts)
    return Place(parts[0].start, parts[-1].end + 1, TableRef(names, quoted))
