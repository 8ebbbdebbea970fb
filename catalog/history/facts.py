"""The facts of one asset as a document (for versions) and as an ETag (for writes)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import NamedTuple

import msgspec
from sqlalchemy import Connection, bindparam, select

from catalog.history.store import table_of
from catalog.history.unit import dump
from catalog.model import Fact

_FACT = table_of(Fact)


class FactRow(NamedTuple):
    """A fact as stored, in the order of the document's rows.

    ``value`` is JSON text; ``column`` 0: of the asset itself.
    """

    column: int
    property: str
    item: str
    layer: str
    origin: str
    value: str
    confidence: float | None
    evidence: str | None
    author: str
    at: int


_FACTS = select(*(_FACT.c[name] for name in FactRow._fields)).where(
    _FACT.c.asset == bindparam("asset")
)


def facts_of(connection: Connection, asset: int) -> list[FactRow]:
    """All facts of an asset and its columns."""
    return [FactRow(*row) for row in connection.execute(_FACTS, {"asset": asset})]


def facts_document(facts: Iterable[FactRow]) -> str:
    """The part ``facts`` of a version: a JSON list of rows like `FactRow`, sorted."""
    rows = [list(fact) for fact in facts]
    return dump(sorted(rows, key=lambda row: row[:5]))


def facts_of_document(document: str | bytes) -> list[FactRow]:
    """The inverse of `facts_document`."""
    return [FactRow(*row) for row in json.loads(document)]


def facts_etag(facts: Iterable[FactRow], column: int = 0) -> str:
    """ETag of what people wrote of an asset (``column`` 0) or of one column, without quotes.

    It covers what a write can change: curated properties, items and values; never what crawls or
    inference change. Of no facts at all it is ``"0"``.
    """
    rows = [
        (fact.property, fact.item, fact.origin, fact.value)
        for fact in facts
        if fact.column == column and fact.layer == "curated"
    ]
    if not rows:
        return "0"
    if len(rows) > 1:
        rows.sort()
    return hashlib.blake2b(msgspec.json.encode(rows), digest_size=9).hexdigest()
