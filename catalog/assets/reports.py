"""Several sources on one asset: whose report comes first, and what they say together. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import msgspec

from catalog.crawling import records

_SINGLE: Final = ("parent", "title", "description", "columns", "location", "format")
_SEVERAL: Final = ("keys", "owners", "tags", "partition_keys")


class Sourced(NamedTuple):
    """A sighting in order: key, kind and rank of its source."""

    source: int
    kind: str
    rank: int


def order_of(sighting: Sourced) -> tuple[bool, int, int]:
    """Sorts the deciding report first: who crawls before who pushes, then rank, then age."""
    return sighting.kind == "push", -sighting.rank, sighting.source


def merged(ordered: Sequence[records.Asset]) -> records.Asset:
    """The effective record of several: field by field the first that knows it."""
    first = ordered[0]
    changes: dict[str, Any] = {}
    for record in ordered[1:]:
        for name in _SINGLE:
            if getattr(first, name) is None and name not in changes:
                value = getattr(record, name)
                if value is not None:
                    changes[name] = value
        for name in _SEVERAL:
            if not getattr(first, name) and name not in changes and getattr(record, name):
                changes[name] = getattr(record, name)
    return msgspec.structs.replace(first, **changes) if changes else first
