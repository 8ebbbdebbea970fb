"""Text to syntax trees: guards, splitting, and one problem per statement that cannot be read."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlglot import Token, exp

MAX_TEXT = 1_000_000
"""Characters; a longer text is refused."""
MAX_DEPTH = 200
"""Nested brackets and CASEs; a deeper text is refused before it costs time."""

_OPENING = frozenset({"(", "[", "{", "CASE"})
_CLOSING = frozenset({")", "]", "}", "END"})
_TOKEN = re.compile(r"<Token .*>", re.DOTALL)
# Words that may stand before a statement inside a procedural block.
_BLOCK_WORDS = frozenset({"BEGIN", "END", "ELSE", "LOOP", "THEN", "TRY", "CATCH", "AS", "IS"})
_STARTS = frozenset(
    [
        "SELECT",
        "INSERT",
        "UPDATE",
        "DELETE",
        "MERGE",
        "WITH",
        "CREATE",
        "ALTER",
        "DROP",
        "TRUNCATE",
        "DECLARE",
        "EXEC",
        "EXECUTE",
        "SET",
        "USE",
        "GRANT",
        "PRINT",
    ]
)
_CONTINUES = frozenset({"INSERT", "UPDATE", "DELETE"})  # after THEN in a MERGE


@dataclass(frozen=True)
class Piece:
    """One statement: its tree, or why there is none. ``line``: where it begins, from 1."""

    line: int
    tree: exp.Expr | None = None
    text: str = ""
    problem: str | None = None


def pieces(text: str, dialect: str) -> Iterator[Piece]:
    """The statements of a text (``dialect``: sqlglot's name). Never raises on bad SQL."""
    if len(text) > MAX_TEXT:
        yield Piece(1, problem=f"the text has {len(text)} characters, more than {MAX_TEXT}")
        return
    try:
        tokens = _tokens(text, dialect)
    except Exception:
        problem = "line 1: not readable as SQL: a string, name or comment is not closed"
        yield Piece(1, text=text, problem=problem)
        return
    line = _too_deep(tokens)
    if line is not None:
        yield Piece(line, problem=f"line {line}: nested deeper than {MAX_DEPTH} levels")
        return
    for chunk in _split(tokens, dialect):
        yield from _parse(chunk, text, dialect)


def tokenize(text: str, dialect: str) -> list[Token]:
    """Tokens of a text, or none when it has no readable ones (an open quote, too long)."""
    if len(text) > MAX_TEXT:
        return []
    try:
        return _tokens(text, dialect)
    except Exception:
        return []


def _engine(dialect: str) -> Any:
    from sqlglot.dialects.dialect import Dialect

    # It warns of every statement that it keeps as text; `Parsed.problems` says so instead.
    logging.getLogger("sqlglot").setLevel(logging.ERROR)
    return Dialect.get_or_raise(dialect or None)


def _tokens(text: str, dialect: str) -> list[Token]:
    return list(_engine(dialect).tokenize(text))


def _too_deep(tokens: list[Token]) -> int | None:
    """The line where brackets and CASEs nest too deep."""
    depth = 0
    for token in tokens:
        word = token.text
        if len(word) > 4:
            continue
        word = word.upper()
        if word in _OPENING:
            depth += 1
            if depth > MAX_DEPTH:
                return token.line
        elif word in _CLOSING and depth:
            depth -= 1
    return None


def _split(tokens: list[Token], dialect: str) -> Iterator[list[Token]]:
    from sqlglot import TokenType

    chunk: list[Token] = []
    for token in tokens:
        if dialect == "tsql" and _is_compound(chunk, token):
            chunk.pop()  # `SET a += b`: the operator says nothing about where b comes from
        if token.token_type == TokenType.SEMICOLON:
            if chunk:
                yield chunk
            chunk = []
        else:
            chunk.append(token)
    if chunk:
        yield chunk


def _is_compound(chunk: list[Token], token: Token) -> bool:
    return (
        token.text == "="
        and bool(chunk)
        and chunk[-1].text in ("+", "-", "*", "/", "%")
        and chunk[-1].end + 1 == token.start
    )


def _parse(chunk: list[Token], text: str, dialect: str) -> Iterator[Piece]:
    """One chunk between semicolons: a statement, part of a block, or several T-SQL statements."""
    chunk = _without_block(chunk)
    if not chunk:
        return
    line = chunk[0].line
    source = text[chunk[0].start : chunk[-1].end + 1]
    try:
        yield Piece(line, tree=_one(chunk, text, dialect), text=source)
        return
    except Exception as error:
        problem, where = _short(error), _line_of(error, line)
    parts = _at_line_starts(chunk)
    if len(parts) > 1:
        for part in parts:
            yield from _parse(part, text, dialect)
    else:
        yield Piece(line, text=source, problem=f"line {where}: {problem}")


def _one(chunk: list[Token], text: str, dialect: str) -> exp.Expr:
    from sqlglot import TokenType
    from sqlglot.errors import ErrorLevel, ParseError

    first = chunk[0]
    if first.token_type == TokenType.REPLACE and len(chunk) == 2:
        # MySQL's INSERT OR REPLACE, which the tokenizer leaves as one text.
        text = "INSERT" + text[first.end + 1 : chunk[-1].end + 1]
        chunk = _tokens(text, dialect)
    trees = _engine(dialect).parser(error_level=ErrorLevel.IMMEDIATE).parse(chunk, text)
    if len(trees) != 1 or trees[0] is None:
        raise ParseError("no statement")
    tree: exp.Expr = trees[0]
    return tree


def _without_block(chunk: list[Token]) -> list[Token]:
    """The statement inside ``CREATE PROCEDURE .. BEGIN stmt``, ``IF .. THEN stmt``, ``END``."""
    words = [token.text.upper() for token in chunk]
    start = 0
    if words[0] in ("CREATE", "ALTER") and {"PROCEDURE", "PROC"} & set(words[:6]):
        start = next((at for at, word in enumerate(words) if word in ("BEGIN", "AS", "IS")), 0)
    elif words[0] in ("IF", "ELSEIF", "ELSIF", "WHEN", "WHILE", "FOR"):
        start = next((at for at, word in enumerate(words) if word in ("THEN", "LOOP", "DO")), 0)
    elif words[0] not in _BLOCK_WORDS:
        return chunk
    if words[start] == "BEGIN" and words[start + 1 :] in ([], ["TRANSACTION"], ["TRAN"]):
        return []
    while start < len(chunk) and words[start] in _BLOCK_WORDS | {"DO"}:
        start += 1
    return chunk[start:]


def _at_line_starts(chunk: list[Token]) -> list[list[Token]]:
    """T-SQL needs no semicolons: split where a statement's first word begins a line."""
    parts: list[list[Token]] = [[]]
    depth, previous = 0, ""
    line = -1
    for token in chunk:
        word = token.text.upper()
        depth += (word == "(") - (word == ")")
        begins = token.line != line and depth == 0 and word in _STARTS
        if begins and parts[-1] and not _goes_on(previous, word, parts[-1]):
            parts.append([])
        parts[-1].append(token)
        previous, line = word, token.line
    return parts


def _goes_on(previous: str, word: str, part: list[Token]) -> bool:
    """Whether a word that could begin a statement is part of the one before it."""
    first = part[0].text.upper()
    if previous in ("THEN", "AS", "ALL", "UNION", "EXCEPT", "INTERSECT", ",", "EXPLAIN"):
        return True
    if word == "SET":
        return first in ("UPDATE", "MERGE", "WITH")
    if word in ("SELECT", "WITH"):
        return first in ("INSERT", "WITH", "CREATE", "EXPLAIN") and not _has_select(part)
    return word in _CONTINUES and first == "WITH"


def _has_select(part: list[Token]) -> bool:
    depth = 0
    for token in part:
        depth += (token.text == "(") - (token.text == ")")
        if depth == 0 and token.text.upper() in ("SELECT", "VALUES"):
            return True
    return False


def _short(error: Exception) -> str:
    """What is wrong, in a few words, without the text that follows sqlglot's message."""
    if isinstance(error, RecursionError):
        return "nested too deep"
    details = getattr(error, "errors", None)
    message = details[0].get("description") if details else None
    message = message or str(error).split("\n", 1)[0] or type(error).__name__
    return _TOKEN.sub("something else", message)[:200]


def _line_of(error: Exception, default: int) -> int:
    details = getattr(error, "errors", None)
    line = details[0].get("line") if details else None
    return line if isinstance(line, int) else default
