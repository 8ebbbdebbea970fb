"""The visibility expression on plain values: the reference that every compiler must equal."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Final

from catalog.access.expression import (
    And,
    Equals,
    Everything,
    Expression,
    Glob,
    In,
    Not,
    Nothing,
    Or,
    Prefix,
)

PATHS: Final = frozenset({"tag", "classification", "domain"})
"""Attributes that are paths: a prefix that ends in ``/`` fits the parent itself too."""

Values = str | None | tuple[str, ...] | frozenset[str]


def evaluate(expression: Expression, attributes: Mapping[str, Values]) -> bool:
    """Whether an asset with these attributes fits.

    ``attributes``: name -> its value, its values, or None; what is missing has no value. A test
    of an attribute without value does not hold.
    """
    match expression:
        case Everything():
            return True
        case Nothing():
            return False
        case And(parts):
            return all(evaluate(part, attributes) for part in parts)
        case Or(parts):
            return any(evaluate(part, attributes) for part in parts)
        case Not(part):
            return not evaluate(part, attributes)
        case Equals(attribute, value):
            return _any(attributes, attribute, lambda one: one == value)
        case In(attribute, values):
            return _any(attributes, attribute, lambda one: one in values)
        case Prefix(attribute, prefix):
            return _any(attributes, attribute, lambda one: has_prefix(attribute, one, prefix))
        case Glob(attribute, pattern):
            fits = glob_regex(pattern).fullmatch
            return _any(attributes, attribute, lambda one: fits(one) is not None)


def has_prefix(attribute: str, value: str, prefix: str) -> bool:
    """`Prefix` on one value."""
    if value.startswith(prefix):
        return True
    return attribute in PATHS and prefix.endswith("/") and value == prefix[:-1]


@lru_cache(maxsize=1024)
def glob_regex(pattern: str) -> re.Pattern[str]:
    """`Glob` as a regular expression for ``fullmatch``: only ``*`` and ``?`` are special."""
    parts = re.split(r"([*?])", pattern)
    meaning = {"*": ".*", "?": "."}
    return re.compile("".join(meaning.get(part, re.escape(part)) for part in parts), re.DOTALL)


def _any(attributes: Mapping[str, Values], name: str, test: Callable[[str], bool]) -> bool:
    values = attributes.get(name)
    if values is None:
        return False
    return any(map(test, (values,) if isinstance(values, str) else values))
