"""Writes one batch of records: new, changed, restored, taken over, renamed, recreated.

Everything is decided against the store inside the transaction. Sets of rows are read and written
by a constant number of statements per batch, changes and versions come last (see `Unit`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from catalog.history.unit import Unit
from catalog.ingest.containers import resolve_parents
from catalog.ingest.context import CrawlContext
from catalog.ingest.creating import create
from catalog.ingest.ledger import Tally
from catalog.ingest.matching import BatchResult, Known, sort_out
from catalog.ingest.measures import decided_by, write_measures
from catalog.ingest.partitions import write_partitions
from catalog.ingest.prepare import Prepared
from catalog.ingest.statements import write_statements
from catalog.ingest.updating import update_known


def write_batch(
    unit: Unit,
    context: CrawlContext,
    scope: int,
    items: Sequence[Prepared],
    tally: Tally,
    *,
    cause: str | None = None,
    final: bool = False,
) -> BatchResult:
    """Writes records of one scope. ``final``: all ids of the crawl are known, nothing is deferred.

    ``cause``: why differences arise that the system did not make (``crawler 3 -> 4``).
    """
    result = BatchResult()
    known, fresh = sort_out(unit, context, items, result, final)
    keys = create(unit, context, scope, fresh, tally)
    made = dict(zip(keys, fresh, strict=True))
    _fill_parents(unit, context, made, known)
    update_known(unit, context, scope, known, tally, cause)
    touched = list(made.items())
    touched += [(one.row.key, one.item) for one in known]
    _write_hangers(unit, context, scope, touched, {one.row.key for one in known})
    for _ in result.stale:
        tally.outcome("unchanged")
    result.keys = [*(key for key, _ in touched), *result.stale]
    return result


def _fill_parents(
    unit: Unit, context: CrawlContext, made: Mapping[int, Prepared], known: Sequence[Known]
) -> None:
    fresh = {
        (one.item.record.namespace, one.item.record.name): one.row.key
        for one in known
        if one.item.record.asset_class == "container"
    }
    wanted = {
        (one.item.record.namespace, one.item.record.parent)
        for one in known
        if one.item.record.parent is not None
    }
    resolve_parents(unit, context, wanted, fresh)


def _write_hangers(
    unit: Unit,
    context: CrawlContext,
    scope: int,
    touched: Sequence[tuple[int, Prepared]],
    known: set[int],
) -> None:
    """What hangs on the assets: measures, partitions, statements.

    An asset that was known may have had a definition that it has no more: a table in the place
    of a view.
    """
    write_measures(unit, context.source.key, [(key, item.record.measures) for key, item in touched])
    parted = {key: found for key, item in touched if (found := item.record.partitions) is not None}
    decided = decided_by(unit.connection, context.source.key, parted)
    write_partitions(unit, {key: parted[key] for key in decided})
    stated = [
        (key, item.statements)
        for key, item in touched
        if not item.keep_statements and (item.statements or key in known)
    ]
    if stated:
        write_statements(unit, context, scope, stated)
