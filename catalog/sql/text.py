"""Text of statements: normalized for hashing, and its identifiers for the search document."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from catalog.naming import case_rule_of
from catalog.sql.dialects import sqlglot_name
from catalog.sql.parsing import tokenize

if TYPE_CHECKING:
    from sqlglot import Token

_LITERAL = re.compile(r"'(?:[^']|'')*'|\b\d+(?:\.\d+)?(?:[eE][+-]?\d+)?\b")
_LITERAL_TYPES = [
    "STRING",
    "NUMBER",
    "BIT_STRING",
    "HEX_STRING",
    "BYTE_STRING",
    "NATIONAL_STRING",
    "RAW_STRING",
    "HEREDOC_STRING",
    "UNICODE_STRING",
]


def normalize(text: str, dialect: str, *, keep_literals: bool) -> str:
    """The statement without comments and layout, keywords in capitals.

    Without literals each string and number is ``?``, and a list of them one ``?``, so that a
    logged query hashes alike whatever it asked for. A text that cannot be split into tokens only
    loses its layout (and what looks like a literal).
    """
    name = sqlglot_name(dialect)
    tokens = tokenize(text, name)
    if not tokens:
        plain = " ".join(text.split())
        return plain if keep_literals else _LITERAL.sub("?", plain)
    words = [_word(token, text, name, keep_literals) for token in tokens]
    return " ".join(words if keep_literals else _collapsed(words))


def _word(token: Token, text: str, dialect: str, keep_literals: bool) -> str:
    kind = token.token_type.name
    written = text[token.start : token.end + 1]
    if kind in _LITERAL_TYPES:
        return written if keep_literals else "?"
    if kind == "IDENTIFIER":
        return written
    if kind == "VAR":
        return written if case_rule_of(dialect) == "sensitive" else written.lower()
    return written.upper()


def _collapsed(words: list[str]) -> list[str]:
    """``( ? , ? , ? )`` as ``( ? )``, and rows of VALUES likewise."""
    kept: list[str] = []
    for word in words:
        kept.append(word)
        if kept[-3:] == ["?", ",", "?"]:
            del kept[-2:]
        elif kept[-7:] == ["(", "?", ")", ",", "(", "?", ")"]:
            del kept[-4:]
    return kept


def identifiers(text: str, dialect: str, limit: int = 10_000) -> str:
    """The names in a statement, each once, in order, by spaces; at most ``limit`` characters."""
    tokens = tokenize(text, sqlglot_name(dialect))
    found: dict[str, None] = {}
    size = 0
    for at, token in enumerate(tokens):
        if not _is_name(tokens, at) or token.text in found:
            continue
        size += len(token.text) + 1
        if size > limit + 1:
            break
        found[token.text] = None
    return " ".join(found)


def _is_name(tokens: list[Token], at: int) -> bool:
    """Names are what no keyword is, and keywords beside a dot or behind AS (``t.date``)."""
    kind = tokens[at].token_type.name
    if kind in ("VAR", "IDENTIFIER"):
        return True
    if not tokens[at].text.isidentifier():
        return False
    before = tokens[at - 1].token_type.name if at else ""
    after = tokens[at + 1].token_type.name if at + 1 < len(tokens) else ""
    return before == "DOT" or after == "DOT" or (before == "ALIAS" and after in ("COMMA", "FROM"))
