"""Writes one batch of records: new, changed, restored, taken over, renamed, recreated.

Everything is decided against the store inside the transaction. Sets of rows are read and written
by a constant number of statements per batch, changes and versions come last (see `Unit`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import bindparam, delete, update

from catalog import naming
from catalog.assets.effective import refresh_effective
from catalog.assets.reports import LAST, merged, source_order
from catalog.crawling import records
from catalog.history import dialect
from catalog.history.store import table_of
from catalog.history.unit import Unit, dump, pack, unpack
from catalog.ingest import columns, lookup
from catalog.ingest.accounts import ensure_accounts
from catalog.ingest.containers import ASSET_COLUMNS, asset_row, name_columns, resolve_parents
from catalog.ingest.context import CrawlContext
from catalog.ingest.diff import difference
from catalog.ingest.ledger import Tally
from catalog.ingest.lookup import Existing
from catalog.ingest.measures import decided_by, rows_class, write_measures, write_partitions
from catalog.ingest.prepare import Prepared
from catalog.ingest.statements import write_statements
from catalog.model import Alias, Asset, Hold, Sighting

_ASSET = table_of(Asset)
_SIGHTING = table_of(Sighting)
_HOLD = table_of(Hold)
_ALIAS = table_of(Alias)
SIGHTING_COLUMNS = (
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
    known, fresh = _sort_out(unit, context, items, result, final)
    keys = _create(unit, context, scope, fresh, tally)
    made = dict(zip(keys, fresh, strict=True))
    _fill_parents(unit, context, made, known)
    _update(unit, context, scope, known, tally, cause)
    touched = list(made.items())
    touched += [(one.row.key, one.item) for one in known]
    _write_hangers(unit, context, scope, touched, {one.row.key for one in known})
    for _ in result.stale:
        tally.outcome("unchanged")
    result.keys = [*(key for key, _ in touched), *result.stale]
    return result


# --- which asset is it? ---------------------------------------------------------------------


def _sort_out(
    unit: Unit,
    context: CrawlContext,
    items: Sequence[Prepared],
    result: BatchResult,
    final: bool,
) -> tuple[list[Known], list[Prepared]]:
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
        elif _contradicts(row, item) or item.identity in elsewhere:
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


def _contradicts(row: Existing, item: Prepared) -> bool:
    """Known by name, but the system says that it is another thing than before."""
    return (
        row.sighted is not None
        and row.stable_id is not None
        and item.record.id is not None
        and row.stable_id != item.record.id
    )


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


# --- new assets -----------------------------------------------------------------------------


def _create(
    unit: Unit,
    context: CrawlContext,
    scope: int,
    items: Sequence[Prepared],
    tally: Tally,
) -> list[int]:
    if not items:
        return []
    wanted = {
        (item.record.namespace, item.record.parent)
        for item in items
        if item.record.parent is not None
    }
    made = {
        (item.record.namespace, item.record.name)
        for item in items
        if item.record.asset_class == "container"
    }
    # Before keys are reserved: a container that nobody has described becomes an asset here.
    resolve_parents(unit, context, wanted - made, {})
    keys = list(dialect.next_keys(unit.connection, _ASSET, len(items)))
    assets: list[tuple[Any, ...]] = []
    sightings: list[tuple[Any, ...]] = []
    cells: list[tuple[Any, ...]] = []
    for key, item in zip(keys, items, strict=True):
        record = item.record
        rows = columns.new_rows(key, record)
        cells.extend(rows)
        count = record.measures.get("rows")
        row = asset_row(
            context,
            unit,
            key=key,
            asset_class=record.asset_class,
            namespace=context.namespace(unit, record.namespace),
            name=record.name,
            name_key=item.name_key,
            kind=record.kind,
            parent=None,
            state="crawled",
            source=context.source.key,
            title=record.title,
            description=record.description,
            rows_class=None if count is None else rows_class(count.value),
            next_column=len(rows) + 1,
        )
        assets.append(row)
        sightings.append(sighting_row(context, scope, key, item, unit.now))
        unit.change("created", subject=naming.id_text(row[1]), asset=key)
        tally.outcome("new")
    context.containers.update(
        {
            (item.record.namespace, item.record.name): key
            for key, item in zip(keys, items, strict=True)
            if item.record.asset_class == "container"
        }
    )
    parent_at = ASSET_COLUMNS.index("parent")
    for at, item in enumerate(items):
        if item.record.parent is not None:
            row = assets[at]
            parent = context.containers[item.record.namespace, item.record.parent]
            assets[at] = (*row[:parent_at], parent, *row[parent_at + 1 :])
    # Containers first: the foreign key of a child must find its parent.
    assets.sort(key=lambda row: (row[parent_at] is not None, row[0]))
    dialect.bulk_insert(unit.connection, _ASSET, ASSET_COLUMNS, assets)
    dialect.bulk_insert(unit.connection, _SIGHTING, SIGHTING_COLUMNS, sightings)
    dialect.bulk_insert(unit.connection, columns._COLUMN, columns.COLUMNS, cells)
    _write_unquoted(unit, context, made=list(zip(keys, items, strict=True)))
    labelled = {
        key: item.record
        for key, item in zip(keys, items, strict=True)
        if item.record.owners or item.record.tags
    }
    if labelled:
        ensure_accounts(unit, context, [o for r in labelled.values() for o in r.owners])
        refresh_effective(unit, list(labelled), labelled)
    return keys


def _write_unquoted(
    unit: Unit, context: CrawlContext, made: Sequence[tuple[int, Prepared]]
) -> None:
    """A name with quoted parts is also found as clients send it, without quotes."""
    rows = []
    for key, item in made:
        record = item.record
        if '"' not in record.name or naming.is_path(naming.platform_of(record.namespace)):
            continue
        plain = ".".join(naming.split_name(record.name))
        rows.append(
            {
                "asset": key,
                "namespace": context.namespace(unit, record.namespace),
                "asset_class": record.asset_class,
                "name": plain,
                "name_key": naming.name_key(plain),
                "origin": "unquoted",
                "created_at": unit.now,
            }
        )
    if rows:
        unit.connection.execute(_ALIAS.insert(), rows)


def sighting_row(
    context: CrawlContext, scope: int, key: int, item: Prepared, now: int
) -> tuple[Any, ...]:
    """A row for `SIGHTING_COLUMNS`."""
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


# --- known assets ---------------------------------------------------------------------------


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


def _update(
    unit: Unit,
    context: CrawlContext,
    scope: int,
    known: Sequence[Known],
    tally: Tally,
    cause: str | None,
) -> None:
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
    sightings: list[dict[str, Any]] = []
    fresh_sightings: list[tuple[Any, ...]] = []
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
        _note_changes(unit, context, one, mine, before, after, row, cause)
        if plan.left:
            unit.version(one.row.key, "columns", columns.numbers_document(plan.left))
        rows.append(row)
        if mine is None:
            fresh_sightings.append(sighting_row(context, scope, one.row.key, one.item, unit.now))
        else:
            sightings.append(_sighting_values(context, scope, one, unit.now))
        _count(context, one, tally)
    columns.write(unit.connection, plans)
    _write_rows(unit, rows)
    _free_ids(unit, context, known)
    dialect.bulk_insert(unit.connection, _SIGHTING, SIGHTING_COLUMNS, fresh_sightings)
    if sightings:
        unit.connection.execute(_UPDATE_SIGHTING, sightings)
    _end_holds(unit, context, [one.row.key for one in known if one.row.sighted == "held"])
    _write_aliases(unit, [one for one in known if one.rename or one.takeover])
    ensure_accounts(unit, context, [o for one in known for o in one.item.record.owners])
    refresh_effective(unit, list(effective), effective)


def lost_its_id(row: Existing, item: Prepared) -> bool:
    """Whether a record has an id and its sighting none: it was freed, or is given for the first
    time. What its columns were called by the system is then not believed either.
    """
    return row.sighted is not None and row.stable_id is None and item.record.id is not None


def _free_ids(unit: Unit, context: CrawlContext, known: Sequence[Known]) -> None:
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


def asset_document(row: Existing) -> bytes:
    """The part ``asset`` of a version: what the asset's own row says of its identity."""
    return dump(
        {
            "namespace": row.namespace,
            "asset_class": row.asset_class,
            "name": row.name,
            "kind": row.kind,
            "parent": row.parent,
            "state": row.state,
            "source": row.source,
        }
    ).encode()


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
_UPDATE_SIGHTING = (
    update(_SIGHTING)
    .where(_SIGHTING.c.asset == bindparam("b_asset"), _SIGHTING.c.source == bindparam("b_source"))
    .values({name: bindparam(name) for name in SIGHTING_COLUMNS if name not in ("asset", "source")})
)


def _sighting_values(context: CrawlContext, scope: int, one: Known, now: int) -> dict[str, Any]:
    row = sighting_row(context, scope, one.row.key, one.item, now)
    values = dict(zip(SIGHTING_COLUMNS, row, strict=True))
    return {"b_asset": values.pop("asset"), "b_source": values.pop("source"), **values}


def _note_changes(
    unit: Unit,
    context: CrawlContext,
    one: Known,
    mine: tuple[str, bytes] | None,
    before: records.Asset | None,
    after: records.Asset,
    row: Mapping[str, Any],
    cause: str | None,
) -> None:
    key, subject = one.row.key, naming.id_text(one.row.uid)
    identity = _identity_changes(one, row, before, after)
    left = unpack(mine[1]) if mine is not None and mine[0] != "withdrawn" else None
    noted = False
    for what, was, now in identity:
        unit.change(what, subject=subject, asset=key, before=was, after=now, cause=cause)
        noted = True
    if before is not None:
        found = difference(before, after)
        if found.schema_after or found.schema_before:
            unit.change(
                "schema",
                subject=subject,
                asset=key,
                before=found.schema_before,
                after=found.schema_after,
                cause=cause,
            )
            noted = True
        if found.metadata_after or found.metadata_before:
            unit.change(
                "metadata",
                subject=subject,
                asset=key,
                before=found.metadata_before,
                after=found.metadata_after,
                cause=cause,
            )
            noted = True
    if left != one.item.document:
        if not noted:  # another source decides; what this one says is kept all the same
            unit.change(
                "sighting", subject=subject, asset=key, after={"source": context.source.name}
            )
        unit.version(key, f"sighting:{context.source.key}", left)
    decided = one.row.source != row["source"]  # by another source than before
    if decided or any(what not in ("recreated", "found") for what, _, _ in identity):
        unit.version(key, "asset", asset_document(one.row))


def _identity_changes(
    one: Known,
    row: Mapping[str, Any],
    before: records.Asset | None,
    after: records.Asset,
) -> list[tuple[str, Any, Any]]:
    """Changes of the asset's own row, as (what, before, after)."""
    found: list[tuple[str, Any, Any]] = []
    old = one.row
    if old.state == "removed":
        found.append(("restored", {"state": "removed"}, {"state": "crawled"}))
    elif old.state != "crawled":
        found.append(("crawled", {"state": old.state}, {"state": "crawled"}))
    if old.name != row["name"] or old.namespace != row["namespace"]:
        found.append(("renamed", {"name": old.name}, {"name": row["name"]}))
    if one.recreated:
        found.append(("recreated", {"id": old.stable_id}, {"id": one.item.record.id}))
    if old.sighted == "held":
        found.append(("found", {"state": "held"}, {"state": "present"}))
    if old.kind != row["kind"]:
        found.append(("kind", {"kind": old.kind}, {"kind": row["kind"]}))
    if old.parent != row["parent"]:
        found.append(("moved", {"parent": before and before.parent}, {"parent": after.parent}))
    return found


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


def _write_rows(unit: Unit, rows: Sequence[dict[str, Any]]) -> None:
    unit.connection.execute(_UPDATE_ROW, list(rows))


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


def _write_aliases(unit: Unit, moved: Sequence[Known]) -> None:
    """The old name leads on to the asset."""
    rows = [
        {
            "asset": one.row.key,
            "namespace": one.row.namespace,
            "asset_class": one.row.asset_class,
            "name": one.row.name,
            "name_key": naming.name_key(one.row.name),
            "origin": "rename" if one.rename else "spelling",
            "created_at": unit.now,
        }
        for one in moved
    ]
    for row in rows:
        # One row a name; the present name of an asset is no alias of it.
        present = next(one.item.name_key for one in moved if one.row.key == row["asset"])
        same = (
            (_ALIAS.c.asset == row["asset"])
            & (_ALIAS.c.namespace == row["namespace"])
            & _ALIAS.c.name_key.in_([row["name_key"], present])
        )
        unit.connection.execute(delete(_ALIAS).where(same, _ALIAS.c.uid.is_(None)))
        # An id that a merge dropped leads here for ever.
        unit.connection.execute(update(_ALIAS).where(same).values(name=None, name_key=None))
    if rows:
        unit.connection.execute(_ALIAS.insert(), rows)


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
    for key in sorted(decided_by(unit.connection, context.source.key, parted)):
        write_partitions(unit, key, parted[key])
    stated = [
        (key, item.statements)
        for key, item in touched
        if not item.keep_statements and (item.statements or key in known)
    ]
    if stated:
        write_statements(unit, context, scope, stated)
