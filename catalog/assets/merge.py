"""Two assets turn out to be one: everything moves to the kept one, the dropped id answers with it.

Sightings, facts, columns' facts (by path), edges, evidence, statement uses, measures, partitions,
aliases, children, problems, runs and holds move; changes too. Where both have the same thing the
kept one's stays. The dropped one's versions are kept under their own id, beside the kept one's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import Connection, delete, literal, select, update

from catalog.access.viewer import Viewer
from catalog.assets.effective import refresh_effective
from catalog.assets.merge_edges import move_edges
from catalog.assets.reports import source_order
from catalog.assets.resolve import resolve_id
from catalog.errors import BadInput
from catalog.history.facts import facts_document, facts_of
from catalog.history.store import table_of
from catalog.history.unit import Unit, dump
from catalog.model import (
    Alias,
    Asset,
    AssetAttribute,
    AssetVersion,
    Change,
    Column,
    CrawlProblem,
    Fact,
    Hold,
    LookupCount,
    Measure,
    Namespace,
    Partition,
    RecentView,
    Run,
    Sighting,
    StatementUse,
)
from catalog.naming import canonical, id_text
from catalog.types import REFINES

_ASSET = table_of(Asset)
_NAMESPACE = table_of(Namespace)
_ALIAS = table_of(Alias)
_COLUMN = table_of(Column)
_FACT = table_of(Fact)
_SIGHTING = table_of(Sighting)
_VERSION = table_of(AssetVersion)
_COUNT = table_of(LookupCount)
_RECENT = table_of(RecentView)
_HOLD = table_of(Hold)
_RUN = table_of(Run)
_STRENGTH: Final = {"removed": 0, "referenced": 1, "observed": 2, "crawled": 3, "own": 4}

ColumnMap = Mapping[int, int]
"""Column number of the dropped asset -> number in the kept one; 0 stays 0."""


def merge_assets(unit: Unit, viewer: Viewer, keep: str, drop: str) -> None:
    """Merges two visible assets (public ids) of one class; a steward's act.

    Raises `NotFound`, `NotAllowed` and `BadInput`.
    """
    viewer.require("bulk")
    kept = resolve_id(unit.connection, viewer, keep)
    dropped = resolve_id(unit.connection, viewer, drop)
    if kept.key == dropped.key:
        raise BadInput("Both ids name the same asset.", remedy="Give the ids of two assets.")
    if kept.row.asset_class != dropped.row.asset_class:
        raise BadInput(
            f"A {kept.row.asset_class} and a {dropped.row.asset_class} are never one.",
            remedy="Give two assets of one class.",
        )
    merge(unit, kept.key, dropped.key)


def merge(unit: Unit, keep: int, drop: int, *, cause: str | None = None) -> None:
    """Moves all of ``drop`` (integer key) to ``keep``, removes its row, notes the change.

    For machines: ingest when a spelling turns out to be another's, and namespaces that merge.
    """
    connection = unit.connection
    rows = {
        row.key: row
        for row in connection.execute(
            select(_ASSET, _NAMESPACE.c.text)
            .join(_NAMESPACE, _NAMESPACE.c.key == _ASSET.c.namespace)
            .where(_ASSET.c.key.in_([keep, drop]))
            .order_by(_ASSET.c.key)
        )
    }
    kept, dropped = rows[keep], rows[drop]
    columns, next_column = _move_columns(connection, kept, drop)
    _move_facts(unit, keep, drop, columns)
    move_edges(unit, keep, drop, columns)
    _move_sightings(unit, keep, drop)
    _move_versions(connection, keep, drop, id_text(dropped.uid))
    _move_plain(connection, keep, drop, columns)
    _move_holds(unit, keep, drop)
    _move_runs(connection, keep, drop)
    _move_counts(connection, keep, drop)
    connection.execute(update(_ASSET).where(_ASSET.c.parent == drop).values(parent=keep))
    _write_row(unit, kept, dropped, next_column)
    connection.execute(delete(table_of(AssetAttribute)).where(_of(AssetAttribute, drop)))
    connection.execute(delete(_ASSET).where(_ASSET.c.key == drop))
    _add_alias(unit, keep, dropped)
    refresh_effective(unit, [keep])
    _note(unit, kept, dropped, cause)


def _of(model: Any, asset: int) -> Any:
    return table_of(model).c.asset == asset


def _move_columns(connection: Connection, kept: Any, drop: int) -> tuple[dict[int, int], int]:
    """(column map, the kept asset's next number).

    A column of the dropped asset that the kept one has no path for gets a new number; it lives
    on only when the kept one had no columns at all, else it sleeps with its facts.
    """
    mine = connection.execute(select(_COLUMN).where(_COLUMN.c.asset == kept.key)).all()
    paths = {row.path: row.number for row in sorted(mine, key=lambda row: row.live)}
    known = any(row.live for row in mine)
    found, number = {0: 0}, kept.next_column
    theirs = connection.execute(
        select(_COLUMN).where(_COLUMN.c.asset == drop).order_by(_COLUMN.c.number)
    ).all()
    for row in theirs:
        if row.path in paths:
            found[row.number] = paths[row.path]
            continue
        found[row.number] = paths[row.path] = number
        values = {**row._asdict(), "asset": kept.key, "number": number}
        connection.execute(_COLUMN.insert().values(**values | {"live": row.live and not known}))
        number += 1
    connection.execute(delete(_COLUMN).where(_COLUMN.c.asset == drop))
    return found, number


def _move_facts(unit: Unit, keep: int, drop: int, columns: ColumnMap) -> None:
    """Facts that the kept asset does not have; one that says "nobody owns it" stands alone."""
    connection = unit.connection
    before = facts_of(connection, keep)
    taken = {(one.column, one.property, one.item, one.layer, one.origin) for one in before}
    owned = {one.column for one in before if (one.property, one.layer) == ("owner", "curated")}
    nobody = {one.column for one in before if one.property == "owner" and one.item == ""}
    moved = False
    for row in connection.execute(select(_FACT).where(_FACT.c.asset == drop)).all():
        column = columns.get(row.column, 0)
        theirs = (column, row.property, row.item, row.layer, row.origin)
        alone = row.property == "owner" and (
            column in nobody or (row.item == "" and column in owned)
        )
        if theirs in taken or alone or (row.column and row.column not in columns):
            connection.execute(delete(_FACT).where(_FACT.c.key == row.key))
            continue
        taken.add(theirs)
        moved = True
        connection.execute(
            update(_FACT).where(_FACT.c.key == row.key).values(asset=keep, column=column)
        )
    if moved:
        unit.version(keep, "facts", facts_document(before).encode() if before else None)


def _move_sightings(unit: Unit, keep: int, drop: int) -> None:
    """Reports of other sources; of one source the present one stays, else the kept asset's."""
    connection = unit.connection
    rows = connection.execute(select(_SIGHTING).where(_SIGHTING.c.asset.in_([keep, drop]))).all()
    mine = {row.source: row for row in rows if row.asset == keep}
    for row in (one for one in rows if one.asset == drop):
        other = mine.get(row.source)
        this = (_SIGHTING.c.asset == drop) & (_SIGHTING.c.source == row.source)
        if other is not None and (other.state != "withdrawn" or row.state == "withdrawn"):
            connection.execute(delete(_SIGHTING).where(this))
            continue
        if other is not None:
            connection.execute(
                delete(_SIGHTING).where(_SIGHTING.c.asset == keep, _SIGHTING.c.source == row.source)
            )
        connection.execute(update(_SIGHTING).where(this).values(asset=keep))
        if row.state != "withdrawn":
            unit.version(keep, f"sighting:{row.source}", None)


def _move_versions(connection: Connection, keep: int, drop: int, uid: str) -> None:
    """The dropped asset's own history, under its id: the states of two assets are never mixed."""
    connection.execute(
        update(_VERSION)
        .where(_VERSION.c.asset == drop)
        .values(asset=keep, part=literal(f"{uid}/") + _VERSION.c.part)
    )
    change = table_of(Change)
    connection.execute(update(change).where(change.c.asset == drop).values(asset=keep))


def _move_plain(connection: Connection, keep: int, drop: int, columns: ColumnMap) -> None:
    for model in (Alias, StatementUse, CrawlProblem):
        connection.execute(update(table_of(model)).where(_of(model, drop)).values(asset=keep))
    measure, partition = table_of(Measure), table_of(Partition)
    have = {
        (row.column, row.name)
        for row in connection.execute(select(measure).where(measure.c.asset == keep))
    }
    for row in connection.execute(select(measure).where(measure.c.asset == drop)).all():
        column = columns.get(row.column)
        this = (
            (measure.c.asset == drop)
            & (measure.c.column == row.column)
            & (measure.c.name == row.name)
        )
        if column is None or (column, row.name) in have:
            connection.execute(delete(measure).where(this))
        else:
            connection.execute(update(measure).where(this).values(asset=keep, column=column))
    kept = select(partition.c.path_key).where(partition.c.asset == keep).scalar_subquery()
    connection.execute(
        delete(partition).where(partition.c.asset == drop, partition.c.path_key.in_(kept))
    )
    connection.execute(update(partition).where(partition.c.asset == drop).values(asset=keep))


def _move_holds(unit: Unit, keep: int, drop: int) -> None:
    """A hold that is open for the kept asset too ends; the others move."""
    connection = unit.connection
    held = select(_HOLD.c.source).where(_HOLD.c.asset == keep, _HOLD.c.ended_at.is_(None))
    connection.execute(
        update(_HOLD)
        .where(
            _HOLD.c.asset == drop,
            _HOLD.c.ended_at.is_(None),
            _HOLD.c.source.in_(held.scalar_subquery()),
        )
        .values(ended_at=unit.now, outcome="seen", ended_by=unit.actor)
    )
    connection.execute(update(_HOLD).where(_HOLD.c.asset == drop).values(asset=keep))


def _move_runs(connection: Connection, keep: int, drop: int) -> None:
    known = select(_RUN.c.run_id).where(_RUN.c.job == keep).scalar_subquery()
    connection.execute(delete(_RUN).where(_RUN.c.job == drop, _RUN.c.run_id.in_(known)))
    connection.execute(update(_RUN).where(_RUN.c.job == drop).values(job=keep))


def _move_counts(connection: Connection, keep: int, drop: int) -> None:
    count = _COUNT.c["count"]
    of_mine = select(_COUNT.c.day, count).where(_COUNT.c.asset == keep)
    mine: dict[int, int] = {row[0]: row[1] for row in connection.execute(of_mine)}
    for day, number in connection.execute(
        select(_COUNT.c.day, count).where(_COUNT.c.asset == drop)
    ).all():
        if day in mine:
            connection.execute(
                update(_COUNT)
                .where(_COUNT.c.asset == keep, _COUNT.c.day == day)
                .values({count: number + mine[day]})
            )
        else:
            connection.execute(_COUNT.insert().values(asset=keep, day=day, count=number))
    connection.execute(delete(_COUNT).where(_COUNT.c.asset == drop))
    connection.execute(delete(_RECENT).where(_RECENT.c.asset == drop))


def _write_row(unit: Unit, kept: Any, dropped: Any, next_column: int) -> None:
    """The stronger state, the finer kind, the source that decides among all that see it."""
    live = unit.connection.execute(
        select(_SIGHTING.c.source).where(
            _SIGHTING.c.asset == kept.key, _SIGHTING.c.state != "withdrawn"
        )
    ).scalars()
    order = source_order(unit.connection)
    source = min(live, key=lambda key: order[key], default=kept.source or dropped.source)
    state = max(kept.state, dropped.state, key=lambda one: _STRENGTH.get(one, 0))
    kind = max(kept.kind, dropped.kind, key=lambda one: REFINES.get(one, 0))
    parent = kept.parent if kept.parent is not None else dropped.parent
    new = {"state": state, "kind": kind, "source": source, "parent": parent}
    names = ("namespace", "asset_class", "name", "kind", "parent", "state", "source")
    if any(getattr(kept, name) != value for name, value in new.items()):
        left = dump({name: getattr(kept, name) for name in names})
        unit.version(kept.key, "asset", left.encode())
    unit.connection.execute(
        update(_ASSET)
        .where(_ASSET.c.key == kept.key)
        .values(
            **new,
            removed_at=kept.removed_at if state == "removed" else None,
            next_column=next_column,
            created_at=min(kept.created_at, dropped.created_at),
            changed_at=unit.now,
            popularity=max(kept.popularity, dropped.popularity),
            rows_class=kept.rows_class if kept.rows_class is not None else dropped.rows_class,
        )
    )


def _add_alias(unit: Unit, keep: int, dropped: Any) -> None:
    unit.connection.execute(
        _ALIAS.insert().values(
            asset=keep,
            namespace=dropped.namespace,
            asset_class=dropped.asset_class,
            name=dropped.name,
            name_key=dropped.name_key,
            uid=dropped.uid,
            origin="merge",
            created_at=unit.now,
        )
    )


def _note(unit: Unit, kept: Any, dropped: Any, cause: str | None) -> None:
    """Two changes: of the kept asset, and of the dropped key, so that followers forget it."""
    gone = {"id": id_text(dropped.uid), "name": canonical(dropped.text, dropped.name)}
    unit.change(
        "merged",
        subject=id_text(kept.uid),
        asset=kept.key,
        before=gone,
        after={"id": id_text(kept.uid), "name": canonical(kept.text, kept.name)},
        cause=cause,
    )
    unit.change(
        "dropped",
        subject=id_text(dropped.uid),
        asset=dropped.key,
        after={"into": id_text(kept.uid)},
        cause=cause,
    )
