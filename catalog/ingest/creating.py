"""New assets: rows, columns, sightings and parents, by one bulk insert each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from catalog import naming
from catalog.assets.effective import refresh_effective
from catalog.history import dialect
from catalog.history.store import table_of
from catalog.history.unit import Unit
from catalog.ingest import columns
from catalog.ingest.accounts import ensure_accounts
from catalog.ingest.aliases import write_unquoted
from catalog.ingest.containers import ASSET_COLUMNS, asset_row, resolve_parents
from catalog.ingest.context import CrawlContext
from catalog.ingest.ledger import Tally
from catalog.ingest.measures import rows_class
from catalog.ingest.prepare import Prepared
from catalog.ingest.sightings import insert_sightings
from catalog.model import Asset

_ASSET = table_of(Asset)
_PARENT = ASSET_COLUMNS.index("parent")


def create(
    unit: Unit,
    context: CrawlContext,
    scope: int,
    items: Sequence[Prepared],
    tally: Tally,
) -> list[int]:
    """Writes assets that nobody knew; their keys, in the order of the records."""
    if not items:
        return []
    made = _reserve(unit, context, items)
    assets: list[tuple[Any, ...]] = []
    cells: list[tuple[Any, ...]] = []
    for key, item in made:
        rows = columns.new_rows(key, item.record)
        cells.extend(rows)
        assets.append(_asset_row(unit, context, key, item, len(rows) + 1))
        tally.outcome("new")
    # Containers first: the foreign key of a child must find its parent.
    assets.sort(key=lambda row: (row[_PARENT] is not None, row[0]))
    dialect.bulk_insert(unit.connection, _ASSET, ASSET_COLUMNS, assets)
    insert_sightings(unit, context, scope, made)
    dialect.bulk_insert(unit.connection, columns._COLUMN, columns.COLUMNS, cells)
    write_unquoted(unit, context, made)
    _write_labels(unit, context, made)
    return [key for key, _ in made]


def _reserve(
    unit: Unit, context: CrawlContext, items: Sequence[Prepared]
) -> list[tuple[int, Prepared]]:
    """A key for each record; all of their parents are known after it."""
    wanted = {
        (item.record.namespace, item.record.parent)
        for item in items
        if item.record.parent is not None
    }
    described = [item for item in items if item.record.asset_class == "container"]
    # Before keys are reserved: a container that nobody has described becomes an asset here.
    names = {(item.record.namespace, item.record.name) for item in described}
    resolve_parents(unit, context, wanted - names, {})
    keys = dialect.next_keys(unit.connection, _ASSET, len(items))
    made = list(zip(keys, items, strict=True))
    for key, item in made:
        if item.record.asset_class == "container":
            context.containers[item.record.namespace, item.record.name] = key
    return made


def _asset_row(
    unit: Unit, context: CrawlContext, key: int, item: Prepared, next_column: int
) -> tuple[Any, ...]:
    record = item.record
    count = record.measures.get("rows")
    parent = record.parent
    row = asset_row(
        context,
        unit,
        key=key,
        asset_class=record.asset_class,
        namespace=context.namespace(unit, record.namespace),
        name=record.name,
        name_key=item.name_key,
        kind=record.kind,
        parent=None if parent is None else context.containers[record.namespace, parent],
        state="crawled",
        source=context.source.key,
        title=record.title,
        description=record.description,
        rows_class=None if count is None else rows_class(count.value),
        next_column=next_column,
    )
    unit.change("created", subject=naming.id_text(row[1]), asset=key)
    return row


def _write_labels(unit: Unit, context: CrawlContext, made: Sequence[tuple[int, Prepared]]) -> None:
    labelled = {key: item.record for key, item in made if item.record.owners or item.record.tags}
    if labelled:
        ensure_accounts(unit, context, [o for r in labelled.values() for o in r.owners])
        refresh_effective(unit, list(labelled), labelled)
