"""One asset whole, by name or by id: the hot path. At most four queries, with the names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection

from catalog.access.viewer import Viewer
from catalog.assets import resolve as names_as_given
from catalog.assets.assemble import Asked, Identity, Now, Parts, assemble, measure_view
from catalog.assets.columns import count_columns, named_column
from catalog.assets.facts import Report, references
from catalog.assets.gather import CHILDREN_COUNTED, COLUMNS_SHOWN, ColumnRow, Gathered, gather
from catalog.assets.links import asset_url
from catalog.assets.people import Names, names_of
from catalog.assets.references import hide_references
from catalog.assets.reports import Sourced, order_of
from catalog.assets.resolve import Match
from catalog.assets.rows import Row
from catalog.assets.views import AssetView, Crumb, Definition, SeenBy, Tally
from catalog.crawling import records
from catalog.history.unit import unpack
from catalog.model.clock import to_text
from catalog.naming import canonical, clean_text, id_text, leaf


def by_name(
    connection: Connection,
    viewer: Viewer,
    name: str,
    *,
    namespace: str | None = None,
    asset_class: str | None = None,
    column: str | None = None,
) -> AssetView:
    """The asset that a name means (see `catalog.assets.resolve`), whole.

    Raises `BadInput`, `NotFound` with ``did_you_mean``, `Ambiguous` with ``candidates``.
    """
    match = names_as_given.resolve(
        connection, viewer, name, namespace=namespace, asset_class=asset_class, column=column
    )
    return read(connection, viewer, match)


def by_id(connection: Connection, viewer: Viewer, uid: str) -> AssetView:
    """The asset with this public id, whole; raises `NotFound`."""
    return read(connection, viewer, names_as_given.resolve_id(connection, viewer, uid))


def read(
    connection: Connection, viewer: Viewer, match: Match, *, columns_shown: int = COLUMNS_SHOWN
) -> AssetView:
    """The read model of a match; raises `NotFound` when the column asked for is not there.

    ``columns_shown``: how many of its columns are read, from the first on.
    """
    row = match.row
    rows = gather(connection, viewer, match.key, row.parent, columns_shown)
    reports = reports_of(rows.sightings, row.source)
    names = names_for(connection, rows, reports)
    column = None
    if match.column is not None:
        column = named_column(connection, match, match.column).path
    parts = Parts(
        identity=identity_of(row),
        reports=reports,
        columns=_columns(rows.columns, reports, columns_shown),
        columns_total=_total(connection, match.key, rows.columns, reports, columns_shown),
        facts=rows.facts,
        names=names,
        parents=crumbs(rows.ancestors),
    )
    view = assemble(parts, Asked(match.matched_by, column, match.version), _now(row, rows))
    return hide_references(connection, viewer, view)


def parents(connection: Connection, viewer: Viewer, match: Match) -> list[Crumb]:
    """The visible containers above an asset, the outermost first."""
    return crumbs(gather(connection, viewer, match.key, match.row.parent).ancestors)


def identity_of(row: Row) -> Identity:
    """What the asset's row says of its identity."""
    return Identity(
        uid=row.uid,
        asset_class=row.asset_class,
        kind=row.kind,
        platform=row.platform,
        namespace=row.text,
        name=row.name,
        state=row.state,
        source=row.source_name,
        environment=row.environment,
        created_at=row.created_at,
        changed_at=row.changed_at,
        removed_at=row.removed_at,
    )


def reports_of(sightings: Sequence[Any], source: int | None) -> list[Report]:
    """Reports in order, the deciding one first; withdrawn ones only when there is no other."""
    live = [one for one in sightings if one.t3 != "withdrawn"] or list(sightings)
    if len(live) > 1:
        live.sort(key=lambda one: (one.n1 != source, *order_of(Sourced(one.n1, one.t2, one.n2))))
    return [Report(one.n1, one.t1, one.n5, records.decode_asset(unpack(one.b1))) for one in live]


def names_for(connection: Connection, rows: Gathered, reports: Sequence[Report]) -> Names:
    """Names of all who appear: authors, owners, and accounts that the source calls owners."""
    accounts = {
        (report.source, clean_text(name)) for report in reports for name in report.record.owners
    }
    if not rows.facts and not accounts:
        return names_of(connection, ())
    return names_of(connection, references(rows.facts), accounts)


def _columns(
    rows: Sequence[ColumnRow], reports: Sequence[Report], most: int
) -> Sequence[ColumnRow] | None:
    """The first columns; None when no source knows whether there are any."""
    if not rows and all(report.record.columns is None for report in reports):
        return None
    return rows[:most]


def _total(
    connection: Connection,
    asset: int,
    rows: Sequence[ColumnRow],
    reports: Sequence[Report],
    most: int,
) -> int | None:
    if _columns(rows, reports, most) is None:
        return None
    return len(rows) if len(rows) <= most else count_columns(connection, asset)


def _now(row: Row, rows: Gathered) -> Now:
    return Now(
        measures={one.t1: measure_view(one) for one in rows.measures},
        popularity=row.popularity,
        rows_class=row.rows_class,
        children=tally(rows.children, CHILDREN_COUNTED),
        seen_by=[seen_by(one, row.source) for one in sorted(rows.sightings, key=lambda s: s.n1)],
        aliases=sorted(
            one.t2 if one.t1 is None else canonical(one.t1, one.t2) for one in rows.aliases
        ),
        held_since=min((one.n1 for one in rows.holds), default=None),
        definition=_definition(rows.statements),
    )


def tally(count: int, limit: int) -> Tally:
    """A count that was stopped one behind ``limit``."""
    if count > limit:
        return Tally(total=None, at_least=limit)
    return Tally(total=count, at_least=None)


def seen_by(one: Any, deciding: int | None) -> SeenBy:
    """A row of the part ``sighting`` (`catalog.assets.gather`)."""
    present = one.t3 == "present"
    seen = [at for at in (one.n4 if present else None, one.n5) if at is not None]
    return SeenBy(
        source=one.t1,
        source_id=id_text(one.b2),
        kind=one.t2,
        scope=one.t4,
        state=one.t3,
        decides=one.n1 == deciding,
        environment=one.t5,
        crawl=id_text(one.b3) if one.b3 is not None else None,
        crawl_state=one.t6,
        at=to_text(one.n3),
        complete=one.t7 == "complete" if one.t7 is not None else None,
        seen_at=to_text(max(seen)) if seen and one.t3 != "withdrawn" else None,
        changed_by=id_text(one.b4) if one.b4 is not None else None,
    )


def _definition(rows: Sequence[Any]) -> Definition | None:
    if not rows:
        return None
    last = max(rows, key=lambda one: one.n1)
    return Definition(
        id=id_text(last.b1), text=last.t1, dialect=last.t2, kind=last.t3, problem=last.t4
    )


def crumbs(rows: Sequence[Any]) -> list[Crumb]:
    """Rows of the part ``ancestor``, the outermost first."""
    return [
        Crumb(
            id=id_text(one.b1),
            kind=one.t1,
            label=leaf(one.t2, one.t3),
            name=one.t2,
            url=asset_url(one.b1),
        )
        for one in sorted(rows, key=lambda one: -one.n1)
    ]
