"""Vanishing: withdrawal of sightings, the brake, holds and their confirmation."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select, update

from catalog import naming
from catalog.assets.effective import refresh_effective
from catalog.assets.reports import LAST, merged, source_order
from catalog.crawling import records
from catalog.history import dialect
from catalog.history.store import table_of
from catalog.history.unit import Unit, unpack
from catalog.ingest import columns, lookup
from catalog.ingest.changes import asset_document
from catalog.ingest.context import CrawlContext, SourceInfo
from catalog.ingest.lookup import Existing, chunks
from catalog.ingest.statements import end_statements
from catalog.model import Asset, Hold, Sighting

_ASSET = table_of(Asset)
_SIGHTING = table_of(Sighting)
_HOLD = table_of(Hold)
_BATCH = 200


@dataclass(frozen=True)
class Missing:
    """Assets of one scope that its complete listing no longer holds. ``had``: how many it had."""

    scope: int
    keys: tuple[int, ...]
    had: int
    empty: bool


def pack_keys(keys: Iterable[int]) -> bytes:
    """Asset keys as they wait in ``crawl_scope.missing`` for the end of the crawl."""
    return zlib.compress(json.dumps(sorted(keys)).encode(), 1)


def unpack_keys(packed: bytes | None) -> list[int]:
    """The inverse of `pack_keys`."""
    return [] if packed is None else list(json.loads(zlib.decompress(packed)))


def live_keys(connection: Connection, source: int, scope: int) -> list[int]:
    """Assets that this scope holds now: present or held."""
    return list(
        connection.execute(
            select(_SIGHTING.c.asset).where(
                _SIGHTING.c.scope == scope,
                _SIGHTING.c.source == source,
                _SIGHTING.c.state != "withdrawn",
            )
        ).scalars()
    )


def still_missing(
    connection: Connection, source: int, scope: int, keys: Sequence[int]
) -> list[int]:
    """Those that no later scope of the crawl took over meanwhile."""
    found: list[int] = []
    for chunk in chunks(sorted(keys)):
        found.extend(
            connection.execute(
                select(_SIGHTING.c.asset).where(
                    _SIGHTING.c.asset.in_(chunk),
                    _SIGHTING.c.source == source,
                    _SIGHTING.c.scope == scope,
                    _SIGHTING.c.state != "withdrawn",
                )
            ).scalars()
        )
    return found


def brake(source: SourceInfo, missing: Sequence[Missing], filtered: set[int]) -> set[int]:
    """Scopes (keys) whose withdrawals are held.

    More than the source's percentage and count of a scope, or of the whole crawl, would go, or a
    listing that had assets comes back empty. What a person's new filter leaves out is not held
    and does not count.
    """

    def too_many(gone: int, had: int) -> bool:
        return gone > source.brake_assets and gone * 100 > source.brake_percent * had

    counts = {one.scope: len([k for k in one.keys if k not in filtered]) for one in missing}
    all_had = sum(one.had for one in missing)
    if too_many(sum(counts.values()), all_had):
        return {one.scope for one in missing if counts[one.scope]}
    return {
        one.scope
        for one in missing
        if counts[one.scope] and (too_many(counts[one.scope], one.had) or one.empty)
    }


def hold_reason(source: SourceInfo, one: Missing, count: int) -> str:
    """Why the brake holds ``count`` assets of a scope."""
    if one.empty:
        return f"The listing came back empty; it had {one.had:,} assets."
    return (
        f"{count:,} of {one.had:,} assets were missing at once, more than "
        f"{source.brake_percent} % and {source.brake_assets}."
    )


def hold(unit: Unit, context: CrawlContext, scope: int, keys: Sequence[int], why: str) -> int:
    """Keeps assets that are missing, one row each; those held already stay so. Answers how many
    are held anew."""
    rows = lookup.by_key(unit.connection, context, keys)
    fresh = [row for row in rows.values() if row.sighted == "present"]
    if not fresh:
        return 0
    for chunk in chunks([row.key for row in fresh]):
        unit.connection.execute(
            update(_SIGHTING)
            .where(_SIGHTING.c.asset.in_(chunk), _SIGHTING.c.source == context.source.key)
            .values(state="held")
        )
    numbers = dialect.next_keys(unit.connection, _HOLD, len(fresh))
    dialect.bulk_insert(
        unit.connection,
        _HOLD,
        ("key", "uid", "source", "scope", "asset", "crawl", "why", "since"),
        [
            (key, naming.new_id(), context.source.key, scope, row.key, context.crawl, why, unit.now)
            for key, row in zip(numbers, fresh, strict=True)
        ],
    )
    for row in fresh:
        unit.change(
            "held",
            subject=naming.id_text(row.uid),
            asset=row.key,
            before={"state": "present"},
            after={"state": "held", "why": why},
        )
    return len(fresh)


def withdraw(
    unit: Unit,
    context: CrawlContext,
    keys: Sequence[int],
    *,
    cause: str | None = None,
    outcome: str | None = None,
) -> int:
    """Takes this source's sighting away; what no source sees any more is removed.

    Facts stay. Open holds end with ``outcome``. Answers how many assets were removed.
    """
    rows = lookup.by_key(unit.connection, context, keys)
    gone = [row for row in rows.values() if row.sighted in ("present", "held")]
    if not gone:
        return 0
    stored = lookup.sighting_records(unit.connection, [row.key for row in gone])
    for chunk in chunks([row.key for row in gone]):
        unit.connection.execute(
            update(_SIGHTING)
            .where(_SIGHTING.c.asset.in_(chunk), _SIGHTING.c.source == context.source.key)
            .values(state="withdrawn", crawl=context.crawl)
        )
        unit.connection.execute(
            update(_HOLD)
            .where(
                _HOLD.c.asset.in_(chunk),
                _HOLD.c.source == context.source.key,
                _HOLD.c.ended_at.is_(None),
            )
            .values(ended_at=unit.now, outcome=outcome or "seen", ended_by=unit.actor)
        )
    orphans: list[Existing] = []
    left: list[Existing] = []
    for row in gone:
        found = stored[row.key]
        mine = found[context.source.key]
        unit.version(row.key, f"sighting:{context.source.key}", unpack(mine[1]))
        others = [
            s for s, (state, _) in found.items() if s != context.source.key and state != "withdrawn"
        ]
        (left if others else orphans).append(row)
    _remove(unit, orphans, cause)
    _fall_back(unit, context, left, stored, cause)
    return len(orphans)


def _remove(unit: Unit, rows: Sequence[Existing], cause: str | None) -> None:
    if not rows:
        return
    for chunk in chunks([row.key for row in rows]):
        unit.connection.execute(
            update(_ASSET)
            .where(_ASSET.c.key.in_(chunk))
            .values(state="removed", removed_at=unit.now, changed_at=unit.now)
        )
    for row in rows:
        unit.change(
            "removed",
            subject=naming.id_text(row.uid),
            asset=row.key,
            before={"state": row.state},
            after={"state": "removed"},
            cause=cause,
        )
        unit.version(row.key, "asset", asset_document(row))
    end_statements(unit, [row.key for row in rows])


def _fall_back(
    unit: Unit,
    context: CrawlContext,
    rows: Sequence[Existing],
    stored: Mapping[int, Mapping[int, tuple[str, bytes]]],
    cause: str | None,
) -> None:
    """What another source still sees takes its values from there."""
    if not rows:
        return
    order = source_order(unit.connection)
    cells = columns.load(unit.connection, [row.key for row in rows])
    plans = []
    effective: dict[int, records.Asset] = {}
    for row in rows:
        live = sorted(
            (
                (source, records.decode_asset(unpack(record)))
                for source, (state, record) in stored[row.key].items()
                if source != context.source.key and state != "withdrawn"
            ),
            key=lambda pair: order.get(pair[0], LAST),
        )
        record = merged([record for _, record in live])
        effective[row.key] = record
        plan = columns.plan(row.key, cells[row.key], record, row.next_column, by_id=False)
        plans.append(plan)
        unit.connection.execute(
            update(_ASSET)
            .where(_ASSET.c.key == row.key)
            .values(source=live[0][0], kind=record.kind, next_column=plan.next_column)
        )
        unit.change(
            "withdrawn",
            subject=naming.id_text(row.uid),
            asset=row.key,
            before={"source": context.source.name},
            cause=cause,
        )
        unit.version(row.key, "asset", asset_document(row))
        if plan.left:
            unit.version(row.key, "columns", columns.numbers_document(plan.left))
    columns.write(unit.connection, plans)
    refresh_effective(unit, list(effective), effective)
    end_statements(unit, [row.key for row in rows], context.source.key)


def confirm(unit: Unit, source: SourceInfo, crawl: int, keys: Sequence[int]) -> int:
    """Removes held assets (keys) that are still missing; answers how many were removed.

    A person's act: the unit's actor is theirs. Those seen again since are left alone.
    """
    context = CrawlContext(
        store=None,  # type: ignore[arg-type]  # not used by `withdraw`
        source=source,
        crawl=crawl,
        crawl_uid="",
        crawler_version=0,
    )
    held = [
        row.key
        for row in lookup.by_key(unit.connection, context, keys).values()
        if row.sighted == "held"
    ]
    return withdraw(unit, context, held, cause="confirmed by a person", outcome="confirmed")


def keys_of_names(
    connection: Connection, source: int, names: Sequence[str]
) -> dict[int, list[int]]:
    """Scope -> asset keys of this source's live sightings with these names."""
    found: dict[int, list[int]] = {}
    for chunk in chunks([naming.name_key(name) for name in names]):
        for row in connection.execute(
            select(_SIGHTING.c.scope, _ASSET.c.key)
            .join(_ASSET, _ASSET.c.key == _SIGHTING.c.asset)
            .where(
                _SIGHTING.c.source == source,
                _SIGHTING.c.state != "withdrawn",
                _ASSET.c.name_key.in_(chunk),
            )
        ):
            found.setdefault(row.scope, []).append(row.key)
    return found


def open_holds(connection: Connection, source: int) -> set[int]:
    """Assets that are held for this source and wait for a person."""
    return set(
        connection.execute(
            select(_HOLD.c.asset).where(_HOLD.c.source == source, _HOLD.c.ended_at.is_(None))
        ).scalars()
    )


def names_of(connection: Connection, keys: Sequence[int]) -> dict[int, str]:
    """Asset key -> name."""
    found: dict[int, str] = {}
    for chunk in chunks(sorted(keys)):
        for key, name in connection.execute(
            select(_ASSET.c.key, _ASSET.c.name).where(_ASSET.c.key.in_(chunk))
        ):
            found[key] = name
    return found
