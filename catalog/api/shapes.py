"""Replies from read models: the same fields, times as RFC 3339 in UTC; lists with their pages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Generic, TypeVar

import msgspec

from catalog.errors import BadInput
from catalog.history import cursor as cursors
from catalog.model import clock

StructT = TypeVar("StructT", bound=msgspec.Struct)
ItemT = TypeVar("ItemT")
LIMIT: Final = 50
MOST: Final = 1000


class Listed(msgspec.Struct, Generic[ItemT], frozen=True):
    """One page of a list. ``total``: of all pages; ``next``: the cursor to go on with, or null."""

    items: Sequence[ItemT]
    total: int
    next: str | None = None


def shaped(kind: type[StructT], view: Any, **more: Any) -> StructT:
    """A reply of this type from a read model with fields of the same names.

    A field whose name says that it is a time (``*_at``, ``since``, ``*_seen``, ``*_until``) is
    taken from microseconds to text. ``more``: fields that the read model does not have so.
    """
    values = {}
    for name in kind.__struct_fields__:
        value = more[name] if name in more else getattr(view, name)
        if name not in more and _is_time(name):
            value = clock.to_text(value)
        values[name] = value
    return kind(**values)


def listed(items: Iterable[ItemT]) -> Listed[ItemT]:
    """A whole list as its only page."""
    found = list(items)
    return Listed(found, len(found))


def after_of(query: Mapping[str, Any], cursor: str | None) -> str | None:
    """The id after which the page with this cursor begins; `BadInput` for another query's."""
    if cursor is None:
        return None
    (found,) = cursors.decode(query, cursor)
    return str(found)


def cursor_of(query: Mapping[str, Any], following: str | None) -> str | None:
    """The cursor of the page after this one, None at the end."""
    return None if following is None else cursors.encode(query, [following])


def moment(text: str, field: str) -> int:
    """Microseconds of an RFC 3339 time that was sent; `BadInput` names the field."""
    try:
        return clock.from_text(text)
    except (ValueError, OverflowError):
        raise BadInput(
            f"{field} is no time: {text[:60]!r}.", remedy="Write 2026-11-22T09:00:00Z."
        ) from None


def version_of(if_match: str | None) -> int | None:
    """The version in an ``If-Match``; one that is no number fits no state."""
    if if_match is None:
        return None
    return int(if_match) if if_match.isascii() and if_match.isdigit() else -1


def _is_time(name: str) -> bool:
    return name.endswith(("_at", "_seen", "_until")) or name == "since"
