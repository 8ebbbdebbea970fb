"""The store at a past sequence: parts of an asset as they were, read by the same function as now.

Permissions and names of people are always today's. What is only of now (measures, crawls,
children, popularity, aliases, the definition's text) is None or empty.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, bindparam, select

from catalog.access.viewer import Viewer
from catalog.assets.assemble import Asked, Identity, Parts, assemble
from catalog.assets.facts import Report, references
from catalog.assets.gather import ColumnRow
from catalog.assets.links import asset_url
from catalog.assets.people import names_of
from catalog.assets.references import hide_references
from catalog.assets.reports import Sourced, key_letters, merged, order_of, unique_fields
from catalog.assets.resolve import Match
from catalog.assets.rows import ASSET, NAMESPACE, SOURCE, SUMMARY, fetch
from catalog.assets.views import AssetView, Crumb
from catalog.crawling import records
from catalog.errors import NotFound
from catalog.history.facts import FactRow, facts_of, facts_of_document
from catalog.history.store import table_of
from catalog.history.unit import unpack
from catalog.model import AssetVersion, Change, Column, Sighting
from catalog.naming import clean_text, id_text, leaf

_VERSION = table_of(AssetVersion)
_CHANGE = table_of(Change)
_SIGHTING = table_of(Sighting)
_COLUMN = table_of(Column)
_PARENTS: Final = 32
_BORN: Final = ("created", "referenced", "observed")


@dataclass(frozen=True)
class PastParts:
    """The documents of one asset at one sequence.

    ``identity``: the part ``asset``. ``sightings``: source key -> record, only present ones, or
    if there was none, the last ones that were withdrawn. ``numbers``: (number, path, id, live) of
    the columns when the store's own are not those of then.
    """

    identity: Mapping[str, Any]
    sightings: Mapping[int, records.Asset]
    facts: Sequence[FactRow]
    numbers: Sequence[tuple[int, str, str | None, bool]] | None = None


def as_of(
    connection: Connection, viewer: Viewer, match: Match, sequence: int, column: str | None = None
) -> AssetView:
    """The asset as it was at ``sequence``; raises `NotFound` when it was not there yet."""
    born, changed, removed = _moments(connection, match, sequence)
    parts = past_parts(connection, match, sequence)
    reports = _reports(connection, parts)
    record = merged([report.record for report in reports]) if reports else None
    columns = column_rows(connection, match.key, record, parts.numbers)
    accounts = {
        (report.source, clean_text(name)) for report in reports for name in report.record.owners
    }
    names = names_of(connection, references(parts.facts), accounts)
    view = assemble(
        Parts(
            identity=_identity(connection, match, parts, born, changed, removed),
            reports=reports,
            columns=columns,
            columns_total=None if columns is None else len(columns),
            facts=parts.facts,
            names=names,
            parents=_crumbs(connection, viewer, parts.identity.get("parent"), sequence),
            sequence=sequence,
        ),
        Asked(match.matched_by, column if column is not None else match.column, match.version),
        None,
    )
    return hide_references(connection, viewer, view)


def _moments(connection: Connection, match: Match, sequence: int) -> tuple[int, int, int | None]:
    """(born, last changed, removed) in microseconds at the sequence."""
    first = connection.execute(
        select(_CHANGE.c.sequence, _CHANGE.c.what, _CHANGE.c.at)
        .where(
            _CHANGE.c.asset == match.key,
            _CHANGE.c.at >= match.row.created_at,
            _CHANGE.c.subject == id_text(match.uid),  # not of an asset that it was merged with
        )
        .order_by(_CHANGE.c.sequence)
        .limit(1)
    ).first()
    if first is not None and first.what in _BORN and first.sequence > sequence:
        raise NotFound(
            f"{match.name} did not exist yet at sequence {sequence:,}.",
            remedy=f"It is known from sequence {first.sequence:,} on.",
            did_you_mean=[],
        )
    past = (_CHANGE.c.asset == match.key) & (_CHANGE.c.sequence <= sequence)
    changed = connection.execute(
        select(_CHANGE.c.at).where(past).order_by(_CHANGE.c.sequence.desc()).limit(1)
    ).scalar()
    removed = connection.execute(
        select(_CHANGE.c.at)
        .where(past, _CHANGE.c.what == "removed")
        .order_by(_CHANGE.c.sequence.desc())
        .limit(1)
    ).scalar()
    born = match.row.created_at
    if first is not None and first.what in _BORN and not _merged_by(connection, match, sequence):
        born = first.at
    return born, changed or born, removed


def _merged_by(connection: Connection, match: Match, sequence: int) -> bool:
    """Whether another asset had gone into it at a sequence: then it is as old as the older one."""
    query = select(_CHANGE.c.sequence).where(
        _CHANGE.c.asset == match.key,
        _CHANGE.c.sequence <= sequence,
        _CHANGE.c.what == "merged",
        _CHANGE.c.subject == id_text(match.uid),
    )
    return connection.execute(query.limit(1)).first() is not None


def past_parts(connection: Connection, match: Match, sequence: int) -> PastParts:
    """The documents of an asset at a sequence: what was kept, else what is there now."""
    kept = documents_at(connection, match.key, sequence)
    facts = (
        facts_of_document(kept["facts"] or "[]")
        if "facts" in kept
        else facts_of(connection, match.key)
    )
    identity = kept.get("asset")
    return PastParts(
        identity=msgspec.json.decode(identity) if identity else _identity_now(match),
        sightings=_sightings_at(connection, match.key, sequence, kept),
        facts=facts,
        numbers=_numbers(kept.get("columns")),
    )


def _numbers(document: bytes | None) -> list[tuple[int, str, str | None, bool]] | None:
    if document is None:
        return None
    return msgspec.json.decode(document, type=list[tuple[int, str, str | None, bool]])


def documents_at(connection: Connection, asset: int, sequence: int) -> dict[str, bytes | None]:
    """Part -> the document it had at a sequence (None: it did not exist); only parts that
    changed since.
    """
    rows = connection.execute(
        select(_VERSION.c.part, _VERSION.c.document)
        .where(_VERSION.c.asset == asset, _VERSION.c.to_sequence > sequence)
        .order_by(_VERSION.c.to_sequence)
    )
    found: dict[str, bytes | None] = {}
    for part, document in rows:
        if part not in found:
            found[part] = None if document is None else unpack(document)
    return found


def _identity_now(match: Match) -> dict[str, Any]:
    row = match.row
    names = ("namespace", "asset_class", "name", "kind", "parent", "state", "source")
    return {name: getattr(row, name) for name in names}


def _sightings_at(
    connection: Connection, asset: int, sequence: int, kept: Mapping[str, bytes | None]
) -> dict[int, records.Asset]:
    present: dict[int, bytes] = {}
    withdrawn: dict[int, bytes] = {}
    for row in connection.execute(
        select(_SIGHTING.c.source, _SIGHTING.c.state, _SIGHTING.c.record).where(
            _SIGHTING.c.asset == asset
        )
    ):
        if f"sighting:{row.source}" not in kept:
            (withdrawn if row.state == "withdrawn" else present)[row.source] = unpack(row.record)
    for part, document in kept.items():
        if part.startswith("sighting:") and document is not None:
            present[int(part.removeprefix("sighting:"))] = document
    found = present or {**_withdrawn_before(connection, asset, sequence), **withdrawn}
    return {source: records.decode_asset(document) for source, document in found.items()}


def _withdrawn_before(connection: Connection, asset: int, sequence: int) -> dict[int, bytes]:
    """Source -> the report that it left last, at or before a sequence."""
    rows = connection.execute(
        select(_VERSION.c.part, _VERSION.c.document)
        .where(
            _VERSION.c.asset == asset,
            _VERSION.c.to_sequence <= sequence,
            _VERSION.c.part.startswith("sighting:"),
            _VERSION.c.document.is_not(None),
        )
        .order_by(_VERSION.c.to_sequence)
    )
    return {int(row.part.removeprefix("sighting:")): unpack(row.document) for row in rows}


def _reports(connection: Connection, parts: PastParts) -> list[Report]:
    rows = {
        row.key: row
        for row in connection.execute(
            select(SOURCE.c.key, SOURCE.c.name, SOURCE.c.kind, SOURCE.c.rank).where(
                SOURCE.c.key.in_(list(parts.sightings))
            )
        )
    }
    deciding = parts.identity.get("source")
    ordered = sorted(
        (key for key in parts.sightings if key in rows),
        key=lambda key: (key != deciding, *order_of(Sourced(key, rows[key].kind, rows[key].rank))),
    )
    return [Report(key, rows[key].name, None, parts.sightings[key]) for key in ordered]


def column_rows(
    connection: Connection,
    asset: int,
    record: records.Asset | None,
    numbers: Sequence[tuple[int, str, str | None, bool]] | None = None,
) -> list[ColumnRow] | None:
    """Columns of a past record, each with its number: see ``numbers`` of `PastParts`.

    By the system's own column id, else by path: live ones before those that sleep.
    """
    if record is None or record.columns is None:
        return None
    if numbers is None:
        numbers = [
            (row.number, row.path, row.stable_id, row.live)
            for row in connection.execute(
                select(_COLUMN.c.number, _COLUMN.c.path, _COLUMN.c.stable_id, _COLUMN.c.live).where(
                    _COLUMN.c.asset == asset
                )
            )
        ]
    ordered = sorted(numbers, key=lambda one: (one[3], one[0]))
    by_path = {path: number for number, path, _, _ in ordered}
    by_id = {stable: number for number, _, stable, _ in ordered if stable}
    letters = key_letters(record.keys)
    rows = []
    for position, one in enumerate(unique_fields(record.columns), 1):
        number = by_id.get(one.id) if one.id else None
        if number is None:
            number = by_path.get(one.path, -position)
        rows.append(
            ColumnRow(
                number,
                one.path,
                position,
                one.type,
                one.native_type,
                one.nullable,
                one.default,
                one.comment,
                letters.get(one.path, ""),
            )
        )
    return rows


def _identity(
    connection: Connection,
    match: Match,
    parts: PastParts,
    born: int,
    changed: int,
    removed: int | None,
) -> Identity:
    past = parts.identity
    namespace = connection.execute(
        select(NAMESPACE.c.text, NAMESPACE.c.platform).where(NAMESPACE.c.key == past["namespace"])
    ).first()
    source = connection.execute(
        select(SOURCE.c.name, SOURCE.c.environment).where(SOURCE.c.key == past.get("source"))
    ).first()
    return Identity(
        uid=match.uid,
        asset_class=past["asset_class"],
        kind=past["kind"],
        platform=namespace.platform if namespace else match.row.platform,
        namespace=namespace.text if namespace else match.row.text,
        name=past["name"],
        state=past["state"],
        source=source.name if source else None,
        environment=source.environment if source else None,
        created_at=born,
        changed_at=changed,
        removed_at=removed if past["state"] == "removed" else None,
    )


def _by_key(see: Any) -> Any:
    return SUMMARY.where(ASSET.c.key == bindparam("of"), see)


def _crumbs(
    connection: Connection, viewer: Viewer, parent: int | None, sequence: int
) -> list[Crumb]:
    """The containers above, as they were called then; those that are visible today."""
    found: list[Crumb] = []
    for _ in range(_PARENTS):
        if parent is None:
            break
        kept = documents_at(connection, parent, sequence).get("asset")
        rows = fetch(connection, viewer, _by_key, {"of": parent})
        now = connection.execute(
            select(ASSET.c.name, ASSET.c.kind, ASSET.c.parent).where(ASSET.c.key == parent)
        ).first()
        past: dict[str, Any] = now._asdict() if now is not None else {}
        if kept:
            past = msgspec.json.decode(kept)
        if not past:
            break
        if rows:
            row = rows[0]
            found.append(
                Crumb(
                    id=id_text(row.uid),
                    kind=past["kind"],
                    label=leaf(past["name"], row.platform),
                    name=past["name"],
                    url=asset_url(row.uid),
                )
            )
        parent = past["parent"]
    return found[::-1]
