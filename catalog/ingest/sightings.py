"""Rows of sightings: what a source said of an asset last, and when it said so."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import bindparam, update

from catalog.crawling import records
from catalog.history import dialect
from catalog.history.store import table_of
from catalog.history.unit import Unit, pack
from catalog.ingest import lookup
from catalog.ingest.context import CrawlContext
from catalog.ingest.matching import Known
from catalog.ingest.prepare import Prepared
from catalog.model import Sighting

_SIGHTING = table_of(Sighting)
_COLUMNS = (
    "asset",
    "source",
    "scope",
    "state",
    "hash",
    "record_format",
    "crawler_version",
    "stable_id",
    "stable_key",
    "crawl",
    "written_at",
    "record",
)
_UPDATE = (
    update(_SIGHTING)
    .where(_SIGHTING.c.asset == bindparam("b_asset"), _SIGHTING.c.source == bindparam("b_source"))
    .values({name: bindparam(name) for name in _COLUMNS if name not in ("asset", "source")})
)


def insert_sightings(
    unit: Unit, context: CrawlContext, scope: int, items: Sequence[tuple[int, Prepared]]
) -> None:
    """Of assets (keys) that this source had never seen."""
    rows = [_row(context, scope, key, item, unit.now) for key, item in items]
    dialect.bulk_insert(unit.connection, _SIGHTING, _COLUMNS, rows)


def update_sightings(
    unit: Unit, context: CrawlContext, scope: int, items: Sequence[tuple[int, Prepared]]
) -> None:
    """Of assets (keys) that this source had seen before."""
    if items:
        rows = [_values(context, scope, key, item, unit.now) for key, item in items]
        unit.connection.execute(_UPDATE, rows)


def _row(context: CrawlContext, scope: int, key: int, item: Prepared, now: int) -> tuple[Any, ...]:
    return (
        key,
        context.source.key,
        scope,
        "present",
        item.hash,
        records.RECORD_FORMAT,
        context.crawler_version,
        item.record.id,
        item.stable_key,
        context.crawl,
        now,
        pack(item.document),
    )


def _values(
    context: CrawlContext, scope: int, key: int, item: Prepared, now: int
) -> dict[str, Any]:
    values = dict(zip(_COLUMNS, _row(context, scope, key, item, now), strict=True))
    return {"b_asset": values.pop("asset"), "b_source": values.pop("source"), **values}


def free_ids(unit: Unit, context: CrawlContext, known: Sequence[Known]) -> None:
    """An id belongs to one asset: who had it before does not, and is read anew when it returns."""
    keys = sorted(
        {
            one.item.stable_key
            for one in known
            if one.item.stable_key is not None and one.item.record.id != one.row.stable_id
        }
    )
    for chunk in lookup.chunks(keys):
        unit.connection.execute(
            update(_SIGHTING)
            .where(_SIGHTING.c.source == context.source.key, _SIGHTING.c.stable_key.in_(chunk))
            .values(stable_id=None, stable_key=None)
        )
