"""What a crawl has read against what the store has: the same again, or to be written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection

from catalog.crawling import records
from catalog.ingest import lookup
from catalog.ingest.context import CrawlContext
from catalog.ingest.matching import lost_its_id
from catalog.ingest.measures import changed_measures
from catalog.ingest.partitions import Reports, changed_partitions
from catalog.ingest.prepare import Prepared


@dataclass
class Compared:
    """Records of a scope. ``measures`` and ``partitions``: what moved of assets that are the same.

    ``same``: keys of assets.
    """

    same: list[int] = field(default_factory=list)
    differing: list[Prepared] = field(default_factory=list)
    measures: list[tuple[int, Mapping[str, records.Measure]]] = field(default_factory=list)
    partitions: Reports = field(default_factory=dict)


def compare(
    connection: Connection, context: CrawlContext, scope: int, items: Sequence[Prepared]
) -> Compared:
    """Finds what differs, by few statements per chunk; marks what is the same as seen."""
    found = Compared()
    rows = lookup.by_name(connection, context, (item.identity for item in items))
    measures: list[tuple[int, Mapping[str, records.Measure]]] = []
    partitions: dict[int, Sequence[records.Partition]] = {}
    for item in items:
        row = rows.get(item.identity)
        if row is None or not _is_as_it_was(context, scope, row, item):
            found.differing.append(item)
            continue
        context.seen.add(row.key)  # reported again, it is a duplicate
        found.same.append(row.key)
        measures.append((row.key, item.record.measures))
        # Only of assets over which this source decides.
        if item.record.partitions is not None and row.source == context.source.key:
            partitions[row.key] = item.record.partitions
    found.measures = changed_measures(connection, context.source.key, measures)
    found.partitions = changed_partitions(connection, partitions)
    return found


def _is_as_it_was(context: CrawlContext, scope: int, row: lookup.Existing, item: Prepared) -> bool:
    return (
        row.hash == item.hash
        and row.sighted == "present"
        and row.state == "crawled"
        and row.scope == scope
        and row.record_format == records.RECORD_FORMAT
        and row.key not in context.seen
        and not lost_its_id(row, item)
    )
