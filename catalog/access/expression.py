"""The visibility expression: small, closed, and compiled to SQL and to each search engine.

Attributes: class, kind, platform, source (its short name), namespace, name (the full name),
domain, tag, classification, owner. ``tag``, ``classification``, ``owner`` and ``domain`` have
several values per asset: a test holds when one of them fits. ``tag`` with `Prefix` matches a tag
and its children only when the prefix ends in ``/``: ``pii/`` fits ``pii`` and ``pii/email``, not
``pii2``; the same holds for ``classification`` and ``domain``, which are paths too. Everything is
compared by code point, letter case counts. `catalog.access.evaluate` is the reference.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

ATTRIBUTES: Final[tuple[str, ...]] = (
    "class",
    "kind",
    "platform",
    "source",
    "namespace",
    "name",
    "domain",
    "tag",
    "classification",
    "owner",
)


@dataclass(frozen=True)
class Everything:
    """All assets."""


@dataclass(frozen=True)
class Nothing:
    """No asset."""


@dataclass(frozen=True)
class Equals:
    """The attribute has exactly this value."""

    attribute: str
    value: str


@dataclass(frozen=True)
class In:
    """The attribute has one of these values."""

    attribute: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class Prefix:
    """The attribute's value begins with this text."""

    attribute: str
    value: str


@dataclass(frozen=True)
class Glob:
    """``*`` any run, ``?`` one character; everything else stands for itself."""

    attribute: str
    pattern: str


@dataclass(frozen=True)
class And:
    """All parts hold; no parts: everything."""

    parts: tuple[Expression, ...]


@dataclass(frozen=True)
class Or:
    """One part holds; no parts: nothing."""

    parts: tuple[Expression, ...]


@dataclass(frozen=True)
class Not:
    """The part does not hold."""

    part: Expression


Expression = Everything | Nothing | Equals | In | Prefix | Glob | And | Or | Not
