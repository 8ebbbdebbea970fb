"""Which asset is it? Records matched with assets, by name, by id, by another spelling."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from catalog import naming
from catalog.history.unit import Unit
from catalog.ingest import lookup
from catalog.ingest.containers import name_columns
from catalog.ingest.context import CrawlContext
from catalog.ingest.lookup import Existing
from catalog.ingest.prepare import Prepared


@dataclass
class Known:
    """A record and the asset it belongs to. ``outcome``: what the ledger counts."""

    item: Prepared
    row: Existing
    takeover: bool = False  # the asset was only referenced under another spelling
    rename: bool = False  # known by the system's own id under another name
    recreated: bool = False  # a new id under a known name
    lost: bool = False  # see `lost_its_id`


@dataclass
class BatchResult:
    """What one batch did. ``deferred``: records whose id contradicts the name; decided last."""

    keys: list[int] = field(default_factory=list)
    deferred: list[Prepared] = field(default_factory=list)
    duplicates: list[Prepared] = field(default_factory=list)
    stale: list[int] = field(default_factory=list)  # keys: written since by another crawl


def sort_out(
    unit: Unit,
    context: CrawlContext,
    items: Sequence[Prepared],
    result: BatchResult,
    final: bool,
) -> tuple[list[Known], list[Prepared]]:
    """(records of known assets, records of new ones); notes the others in ``result``."""
    connection = unit.connection
    for item in items:
        context.namespace(unit, item.record.namespace)
    existing = lookup.by_name(connection, context, (item.identity for item in items))
    elsewhere = set() if final else lookup.known_elsewhere(connection, context, items, existing)
    known: list[Known] = []
    unmatched: list[Prepared] = []
    taken: set[Any] = set()
    for item in items:
        row = existing.get(item.identity)
        if item.identity in taken or (row is not None and row.key in context.seen):
            result.duplicates.append(item)
            continue
        taken.add(item.identity)
        if row is None:
            unmatched.append(item)
        elif _is_stale(context, row):
            result.stale.append(row.key)
        elif final:  # it contradicted, or it would not be here
            known.append(Known(item, row, recreated=True))
        elif contradicts(row, item) or item.identity in elsewhere:
            result.deferred.append(item)
        else:
            known.append(Known(item, row, lost=lost_its_id(row, item)))
    unmatched = _match_renames(unit, context, unmatched, known)
    return known, _match_referenced(unit, context, unmatched, known)


def _is_stale(context: CrawlContext, row: Existing) -> bool:
    """Another crawl, of this source, wrote the sighting after the reading of this scope began.

    A crawl that names its assets runs beside a whole one; what was read before is dropped.
    """
    return (
        row.crawl is not None
        and row.crawl != context.crawl
        and (row.written_at or 0) > context.read_since > 0
    )


def contradicts(row: Existing, item: Prepared) -> bool:
    """Known by name, but the system says that it is another thing than before."""
    return (
        row.sighted is not None
        and row.stable_id is not None
        and item.record.id is not None
        and row.stable_id != item.record.id
    )


def lost_its_id(row: Existing, item: Prepared) -> bool:
    """Whether a record has an id and its sighting none: it was freed, or is given for the first
    time. What its columns were called by the system is then not believed either.
    """
    return row.sighted is not None and row.stable_id is None and item.record.id is not None


def _match_renames(
    unit: Unit, context: CrawlContext, unmatched: list[Prepared], known: list[Known]
) -> list[Prepared]:
    """A new name with a known id is a rename: everything moves along."""
    ids = [item.stable_key for item in unmatched if item.stable_key is not None]
    if not ids:
        return unmatched
    found = lookup.by_stable_id(unit.connection, context, ids)
    rest: list[Prepared] = []
    moved = {one.row.key for one in known}  # what was matched by name is no other's
    for item in unmatched:
        row = found.get(item.stable_key) if item.stable_key is not None else None
        if (
            row is None
            or row.stable_id != item.record.id
            or row.asset_class != item.record.asset_class
            or row.key in context.seen
            or row.key in moved
        ):
            rest.append(item)
        else:
            moved.add(row.key)
            known.append(Known(item, row, rename=True))
    return rest


def _match_referenced(
    unit: Unit, context: CrawlContext, unmatched: list[Prepared], known: list[Known]
) -> list[Prepared]:
    """A crawl that finds a referenced asset under another spelling takes over its row."""
    groups: dict[tuple[int, str], dict[int, list[Prepared]]] = {}
    for item in unmatched:
        namespace = context.namespace(unit, item.record.namespace)
        folded, _, _ = name_columns(context, namespace, item.record.name)
        groups.setdefault((namespace, item.record.asset_class), {}).setdefault(folded, []).append(
            item
        )
    taken: dict[int, Known] = {}
    for (namespace, asset_class), by_folded in groups.items():
        rule = context.case_rules[namespace]
        rows = lookup.referenced(
            unit.connection, context, namespace, asset_class, sorted(by_folded)
        )
        for row in rows:
            folded_name = naming.fold(row.name, rule)
            items = by_folded.get(naming.text_key(folded_name), [])
            fits = [i for i in items if naming.fold(i.record.name, rule) == folded_name]
            if len(fits) == 1 and id(fits[0]) not in taken:
                taken[id(fits[0])] = Known(fits[0], row, takeover=True)
    known.extend(taken.values())
    return [item for item in unmatched if id(item) not in taken]
