"""Deletes what a removed source left, after 30 days: assets, curation, history, crawls.

In steps of some hundred assets, each a short transaction. Assets that another source reports stay;
those that lineage of others still names stay as referenced. The change log keeps what was done.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, delete, exists, or_, select, update

from catalog.history.store import table_of
from catalog.history.unit import Unit
from catalog.model import (
    Account,
    Alias,
    Asset,
    AssetAttribute,
    AssetVersion,
    Column,
    Crawl,
    CrawlProblem,
    CrawlScope,
    Edge,
    EdgeEvidence,
    Fact,
    Hold,
    LookupCount,
    Measure,
    Partition,
    RecentView,
    Run,
    Scope,
    Sighting,
    Source,
    StatementUse,
)
from catalog.naming import id_text
from catalog.sources.reads import shown_name
from catalog.sources.removal import KEEP

_STEP: Final = 200
_SOURCE = table_of(Source)
_ASSET = table_of(Asset)
_SIGHTING = table_of(Sighting)
_EDGE = table_of(Edge)
_EVIDENCE = table_of(EdgeEvidence)
_USE = table_of(StatementUse)
_CRAWL = table_of(Crawl)
# What describes an asset, and goes even when the asset stays as referenced.
_DESCRIPTION: Final = [
    table_of(model)
    for model in (Sighting, Fact, AssetAttribute, Measure, Partition, AssetVersion, LookupCount,
                  Hold, RecentView)
]  # fmt: skip
# What hangs on its row, and goes with it.
_HANGING: Final = [table_of(model) for model in (Column, Alias)]


def purge_removed(unit: Unit, now: int, limit: int = _STEP) -> int:
    """One step of deleting what was removed more than 30 days before ``now``.

    Answers how many rows' worth it did; 0: nothing is left to do. Call it until then.
    """
    source = unit.connection.scalar(
        select(_SOURCE.c.key)
        .where(_SOURCE.c.removed_at <= now - KEEP, ~_has_live_sightings())
        .order_by(_SOURCE.c.key)
        .limit(1)
    )
    return 0 if source is None else purge_step(unit, source, limit)


def purge_step(unit: Unit, source: int, limit: int = _STEP) -> int:
    """One step for one removed source (key), however long ago; 0 when it is gone.

    What is not yet withdrawn is waited for (0 as well): see `catalog.sources.removal`.
    """
    row = unit.connection.execute(
        select(_SOURCE).where(
            _SOURCE.c.key == source, _SOURCE.c.removed_at.is_not(None), ~_has_live_sightings()
        )
    ).first()
    if row is None:
        return 0
    assets = _only_here(unit, source, limit)
    if assets:
        _delete_assets(unit, assets)
        return len(assets)
    shared = _shared(unit, source, limit)
    if shared:
        _forget_sightings(unit, source, shared)
        return len(shared)
    _delete_source(unit, row)
    return 1


def _has_live_sightings() -> ColumnElement[bool]:
    return exists().where(_SIGHTING.c.source == _SOURCE.c.key, _SIGHTING.c.state != "withdrawn")


def _only_here(unit: Unit, source: int, limit: int) -> list[int]:
    """Removed assets that no other source ever reported, by key."""
    other = _SIGHTING.alias("other")
    return list(
        unit.connection.scalars(
            select(_SIGHTING.c.asset)
            .join(_ASSET, _ASSET.c.key == _SIGHTING.c.asset)
            .where(
                _SIGHTING.c.source == source,
                _ASSET.c.state == "removed",
                ~exists().where(other.c.asset == _SIGHTING.c.asset, other.c.source != source),
            )
            .order_by(_SIGHTING.c.asset)
            .limit(limit)
        )
    )


def _shared(unit: Unit, source: int, limit: int) -> list[int]:
    query = select(_SIGHTING.c.asset).where(_SIGHTING.c.source == source)
    return list(unit.connection.scalars(query.order_by(_SIGHTING.c.asset).limit(limit)))


def _forget_sightings(unit: Unit, source: int, assets: Sequence[int]) -> None:
    unit.connection.execute(
        delete(_SIGHTING).where(_SIGHTING.c.source == source, _SIGHTING.c.asset.in_(assets))
    )


def _delete_assets(unit: Unit, assets: Sequence[int]) -> None:
    _end_uses(unit, _USE.c.asset.in_(assets))
    named = _named_by_others(unit, assets)
    gone = [key for key in assets if key not in named]
    for table in _DESCRIPTION:
        unit.connection.execute(delete(table).where(table.c.asset.in_(assets)))
    rows = unit.connection.execute(
        select(_ASSET.c.key, _ASSET.c.uid).where(_ASSET.c.key.in_(assets))
    )
    ids = {row.key: row.uid for row in rows}
    if named:
        _demote(unit, sorted(named))
    if gone:
        _delete_rows(unit, gone)
    for key in assets:
        unit.change(
            "purged",
            subject=id_text(ids[key]),
            asset=key,
            before={"state": "removed"},
            after={"state": "referenced" if key in named else None},
        )


def _named_by_others(unit: Unit, assets: Sequence[int]) -> set[int]:
    """Assets at one end of an edge whose other end is not removed."""
    far = _ASSET.alias("far")
    named: set[int] = set()
    for near, other in (("from_asset", "to_asset"), ("to_asset", "from_asset")):
        named.update(
            unit.connection.scalars(
                select(_EDGE.c[near])
                .join(far, far.c.key == _EDGE.c[other])
                .where(_EDGE.c[near].in_(assets), far.c.state != "removed")
            )
        )
    return named


def _demote(unit: Unit, assets: Sequence[int]) -> None:
    """Back to what lineage knows: a name. Columns stay, edges refer to their numbers."""
    unit.connection.execute(
        update(_ASSET)
        .where(_ASSET.c.key.in_(assets))
        .values(
            state="referenced",
            source=None,
            parent=None,
            title=None,
            description=None,
            flag=None,
            popularity=0,
            rows_class=None,
            removed_at=None,
            changed_at=unit.now,
        )
    )


def _delete_rows(unit: Unit, assets: Sequence[int]) -> None:
    edges = select(_EDGE.c.key).where(
        or_(_EDGE.c.from_asset.in_(assets), _EDGE.c.to_asset.in_(assets))
    )
    unit.connection.execute(delete(_EVIDENCE).where(_EVIDENCE.c.edge.in_(edges)))
    unit.connection.execute(
        delete(_EDGE).where(or_(_EDGE.c.from_asset.in_(assets), _EDGE.c.to_asset.in_(assets)))
    )
    runs, problems = table_of(Run), table_of(CrawlProblem)
    unit.connection.execute(delete(runs).where(runs.c.job.in_(assets)))
    unit.connection.execute(update(problems).where(problems.c.asset.in_(assets)).values(asset=None))
    for table in _HANGING:
        unit.connection.execute(delete(table).where(table.c.asset.in_(assets)))
    # What they contained is deleted later, or belongs to somebody else.
    unit.connection.execute(update(_ASSET).where(_ASSET.c.parent.in_(assets)).values(parent=None))
    unit.connection.execute(delete(_ASSET).where(_ASSET.c.key.in_(assets)))


def _end_uses(unit: Unit, which: ColumnElement[bool]) -> None:
    """Deletes uses of statements with the evidence they are, and edges that end by it."""
    uses = select(_USE.c.key).where(which)
    evidence = (_EVIDENCE.c.origin == "statement", _EVIDENCE.c.reference.in_(uses))
    edges = list(unit.connection.scalars(select(_EVIDENCE.c.edge).where(*evidence).distinct()))
    unit.connection.execute(delete(_EVIDENCE).where(*evidence))
    for start in range(0, len(edges), 500):
        unit.connection.execute(
            delete(_EDGE).where(
                _EDGE.c.key.in_(edges[start : start + 500]),
                ~exists().where(_EVIDENCE.c.edge == _EDGE.c.key),
            )
        )
    unit.connection.execute(delete(_USE).where(which))


def _delete_source(unit: Unit, row: Any) -> None:
    source = row.key
    _end_uses(unit, _USE.c.source == source)
    measures, scopes, crawl_scopes = table_of(Measure), table_of(Scope), table_of(CrawlScope)
    for table in (_ASSET, measures):
        unit.connection.execute(update(table).where(table.c.source == source).values(source=None))
    of_crawls = select(_CRAWL.c.key).where(_CRAWL.c.source == source)
    unit.connection.execute(delete(crawl_scopes).where(crawl_scopes.c.crawl.in_(of_crawls)))
    for model in (Hold, CrawlProblem, Account, Crawl):
        table = table_of(model)
        unit.connection.execute(delete(table).where(table.c.source == source))
    unit.connection.execute(delete(scopes).where(scopes.c.source == source))
    unit.connection.execute(delete(_SOURCE).where(_SOURCE.c.key == source))
    unit.change(
        "purged",
        subject_type="source",
        subject=id_text(row.uid),
        before={"name": shown_name(row.name)},
        after=None,
    )
