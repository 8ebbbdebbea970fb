"""Known assets: what their new records change, against all that sources say of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import bindparam, update

from catalog.assets.effective import refresh_effective
from catalog.assets.reports import LAST, merged, source_order
from catalog.crawling import records
from catalog.history.store import table_of
from catalog.history.unit import Unit, unpack
from catalog.ingest import columns, lookup
from catalog.ingest.accounts import ensure_accounts
from catalog.ingest.aliases import write_aliases
from catalog.ingest.changes import note_changes
from catalog.ingest.containers import name_columns
from catalog.ingest.context import CrawlContext
from catalog.ingest.ledger import Tally
from catalog.ingest.matching import Known
from catalog.ingest.prepare import Prepared
from catalog.ingest.sightings import free_ids, insert_sightings, update_sightings
from catalog.model import Asset, Hold

_ASSET = table_of(Asset)
_HOLD = table_of(Hold)
_ROW_FIELDS = (
    "namespace",
    "name",
    "name_key",
    "folded_key",
    "leaf_key",
    "sort",
    "kind",
    "parent",
    "state",
    "source",
    "next_column",
    "changed_at",
    "removed_at",
)
_UPDATE_ROW = (
    update(_ASSET)
    .where(_ASSET.c.key == bindparam("b_key"))
    .values({name: bindparam(name) for name in _ROW_FIELDS})
)


def update_known(
    unit: Unit,
    context: CrawlContext,
    scope: int,
    known: Sequence[Known],
    tally: Tally,
    cause: str | None,
) -> None:
    """Writes records of known assets: what differs, and why."""
    if not known:
        return
    stored = lookup.sighting_records(unit.connection, (one.row.key for one in known))
    alone = {context.source.key}
    order = source_order(unit.connection) if any(stored[k].keys() - alone for k in stored) else {}
    others = _other_records(context, stored, order)
    stored_columns = columns.load(unit.connection, [one.row.key for one in known])
    plans: list[columns.ColumnPlan] = []
    effective: dict[int, records.Asset] = {}
    rows: list[dict[str, Any]] = []
    seen: list[tuple[int, Prepared]] = []
    unseen: list[tuple[int, Prepared]] = []
    for one in known:
        mine = stored.get(one.row.key, {}).get(context.source.key)
        old = records.decode_asset(unpack(mine[1])) if mine is not None else None
        winner, before, after = _effective_of(context, one, old, mine, others, order)
        effective[one.row.key] = after
        plan = columns.plan(
            one.row.key,
            stored_columns[one.row.key],
            after,
            one.row.next_column,
            by_id=not (one.recreated or one.lost),
        )
        if after.columns is not None or stored_columns[one.row.key]:
            plans.append(plan)
        row = _asset_values(context, unit, one, after, winner, plan.next_column)
        note_changes(unit, context, one, mine, before, after, row, cause)
        if plan.left:
            unit.version(one.row.key, "columns", columns.numbers_document(plan.left))
        rows.append(row)
        (unseen if mine is None else seen).append((one.row.key, one.item))
        _count(context, one, tally)
    columns.write(unit.connection, plans)
    unit.connection.execute(_UPDATE_ROW, rows)
    free_ids(unit, context, known)
    insert_sightings(unit, context, scope, unseen)
    update_sightings(unit, context, scope, seen)
    _end_holds(unit, context, [one.row.key for one in known if one.row.sighted == "held"])
    write_aliases(unit, [one for one in known if one.rename or one.takeover])
    ensure_accounts(unit, context, [o for one in known for o in one.item.record.owners])
    refresh_effective(unit, list(effective), effective)


def _other_records(
    context: CrawlContext,
    stored: Mapping[int, Mapping[int, tuple[str, bytes]]],
    order: Mapping[int, tuple[bool, int, int]],
) -> dict[int, list[tuple[int, records.Asset]]]:
    found: dict[int, list[tuple[int, records.Asset]]] = {}
    for key, by_source in stored.items():
        live = [
            (source, records.decode_asset(unpack(record)))
            for source, (state, record) in by_source.items()
            if source != context.source.key and state != "withdrawn"
        ]
        found[key] = sorted(live, key=lambda pair: order.get(pair[0], LAST))
    return found


def _effective_of(
    context: CrawlContext,
    one: Known,
    old: records.Asset | None,
    mine: tuple[str, bytes] | None,
    others: Mapping[int, list[tuple[int, records.Asset]]],
    order: Mapping[int, tuple[bool, int, int]],
) -> tuple[int, records.Asset | None, records.Asset]:
    """(winning source, effective record before, effective record after)."""
    other = others.get(one.row.key, [])
    me = context.source.key

    def ordered(record: records.Asset) -> list[tuple[int, records.Asset]]:
        if not other:
            return [(me, record)]
        return sorted([*other, (me, record)], key=lambda pair: order.get(pair[0], LAST))

    was_mine = old is not None and mine is not None and mine[0] != "withdrawn"
    if was_mine and old is not None:
        before: records.Asset | None = merged([record for _, record in ordered(old)])
    elif other:
        before = merged([record for _, record in other])
    else:
        before = old  # withdrawn: compare with what it was
    now = ordered(one.item.record)
    return now[0][0], before, merged([record for _, record in now])


def _asset_values(
    context: CrawlContext,
    unit: Unit,
    one: Known,
    after: records.Asset,
    winner: int,
    next_column: int,
) -> dict[str, Any]:
    record = one.item.record
    namespace = context.namespace(unit, record.namespace)
    folded_key, leaf_key, sort = name_columns(context, namespace, record.name)
    parent = one.row.parent
    if after.parent is None:
        parent = None
    elif (record.namespace, after.parent) in context.containers:
        parent = context.containers[record.namespace, after.parent]
    return {
        "b_key": one.row.key,
        "namespace": namespace,
        "name": record.name,
        "name_key": one.item.name_key,
        "folded_key": folded_key,
        "leaf_key": leaf_key,
        "sort": sort,
        "kind": after.kind,
        "parent": parent,
        "state": "crawled",
        "source": winner,
        "next_column": next_column,
        "changed_at": unit.now,
        "removed_at": None,
    }


def _count(context: CrawlContext, one: Known, tally: Tally) -> None:
    """The outcome against the state before the crawl began, also after a resume."""
    key, before = one.row.key, context.before
    same = one.row.hash == one.item.hash and one.row.sighted != "withdrawn" and not one.rename
    if one.row.sighted is None or key in before.get("created", ()):
        tally.outcome("new")
    else:
        tally.outcome("unchanged" if same and key not in before.get("changed", ()) else "changed")
    if one.rename or key in before.get("renamed", ()):
        tally.add("renamed")
    if one.row.state == "removed" or key in before.get("restored", ()):
        tally.add("restored")


def _end_holds(unit: Unit, context: CrawlContext, keys: Sequence[int]) -> None:
    """What is seen again leaves the hold."""
    for chunk in lookup.chunks(keys):
        unit.connection.execute(
            update(_HOLD)
            .where(
                _HOLD.c.source == context.source.key,
                _HOLD.c.asset.in_(chunk),
                _HOLD.c.ended_at.is_(None),
            )
            .values(ended_at=unit.now, outcome="seen", ended_by=context.actor)
        )
