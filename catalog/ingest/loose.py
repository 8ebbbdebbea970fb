"""Statements that come with no asset: queries, scripts, tables of others."""

from __future__ import annotations

from collections.abc import Sequence

from catalog.crawling import records
from catalog.history.unit import Unit
from catalog.ingest import lookup
from catalog.ingest.context import CrawlContext
from catalog.ingest.statements import write_statements
from catalog.naming import name_key


def write_loose(
    unit: Unit, context: CrawlContext, scope: int, statements: Sequence[records.Statement]
) -> None:
    """Writes them, each with the asset that it defines, where that is known by name."""
    write_statements(unit, context, scope, _targets(context, unit, statements))


def _targets(
    context: CrawlContext, unit: Unit, statements: Sequence[records.Statement]
) -> list[tuple[int | None, list[records.Statement]]]:
    identities = {
        (one.namespace, "data", name_key(one.defines)): one.defines
        for one in statements
        if one.defines is not None
    }
    rows = lookup.by_name(unit.connection, context, identities)
    grouped: dict[int | None, list[records.Statement]] = {}
    for one in statements:
        key = None
        if one.defines is not None:
            row = rows.get((one.namespace, "data", name_key(one.defines)))
            key = None if row is None else row.key
        grouped.setdefault(key, []).append(one)
    return list(grouped.items())
