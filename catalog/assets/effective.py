"""The one function that computes an asset's effective values, for ingest and for curation.

Title and description: curated, else the winning source's report, else what else was crawled,
else inferred. Owners: the curated ones, or the source's accounts where nobody curated any.
Tags add up. The flag is the most severe one that anybody set.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from sqlalchemy import BindParameter, Connection, bindparam, delete, func, select, update

from catalog.access.accounts import ATTRIBUTE_LENGTH, account_value, person_value
from catalog.assets.reports import Sourced, merged, order_of
from catalog.crawling import records
from catalog.history import dialect
from catalog.history.store import table_of
from catalog.history.unit import Unit, unpack
from catalog.model import Account, Asset, AssetAttribute, Fact, Person, Sighting, Source
from catalog.naming import clean_text

CLASSIFICATION_PREFIX: Final = "class/"
_KINDS: Final = ("tag", "classification", "owner")
_PROPERTIES: Final = ("title", "description", "owner", "tag", "flag")
_SEVERITY: Final[dict[str, int]] = {"deprecated": 3, "warned": 2, "endorsed": 1}
_LAYERS: Final[dict[str, int]] = {"curated": 0, "crawled": 1, "inferred": 2}

_ASSET = table_of(Asset)
_ATTRIBUTE = table_of(AssetAttribute)
_FACT = table_of(Fact)
_SIGHTING = table_of(Sighting)
_SOURCE = table_of(Source)
_ACCOUNT = table_of(Account)
_PERSON = table_of(Person)


class FactRow(NamedTuple):
    """A fact as the effective value needs it; ``value`` is JSON text."""

    property: str
    item: str
    layer: str
    value: str
    confidence: float | None
    at: int


class Report(NamedTuple):
    """What the sources of an asset say together, and whose owners these are (key, short name)."""

    source: int | None
    name: str
    record: records.Asset


@dataclass(frozen=True)
class Effective:
    """What stands on the asset's row and in its attributes, as (attribute, value) pairs."""

    title: str | None
    description: str | None
    flag: str | None
    attributes: frozenset[tuple[str, str]]


def effective_values(
    record: records.Asset | None,
    facts: Sequence[FactRow],
    owner_of: Callable[[str], str],
) -> Effective:
    """The effective values of one asset; pure.

    ``facts``: those of the asset itself (column 0), in any order. ``owner_of``: account name in
    the winning source -> owner value (``account:SOURCE/NAME``, or ``person:ID`` when joined).
    """
    return Effective(
        title=effective_text("title", record.title if record else None, facts),
        description=effective_text("description", record.description if record else None, facts),
        flag=effective_flag(facts),
        attributes=frozenset(
            (*_tags(record, facts), *_owners(record, facts, owner_of)),
        ),
    )


def effective_text(name: str, crawled: str | None, facts: Iterable[FactRow]) -> str | None:
    """A text property: curated, else as the source says, else crawled or inferred elsewhere.

    A curated empty text hides the source's: nothing is shown.
    """
    ordered = sorted(
        (fact for fact in facts if fact.property == name),
        key=lambda fact: (_LAYERS.get(fact.layer, 9), -(fact.confidence or 0.0), -fact.at),
    )
    if ordered and ordered[0].layer == "curated":
        return json.loads(ordered[0].value) or None
    if crawled:
        return clean_text(crawled)
    return json.loads(ordered[0].value) or None if ordered else None


def effective_flag(facts: Iterable[FactRow]) -> str | None:
    """The most severe flag that anybody set: deprecated, warned, endorsed."""
    kinds = [json.loads(fact.value).get("kind") for fact in facts if fact.property == "flag"]
    return max(kinds, key=lambda kind: _SEVERITY.get(kind, 0), default=None)


def _tags(record: records.Asset | None, facts: Iterable[FactRow]) -> Iterable[tuple[str, str]]:
    paths = {fact.item for fact in facts if fact.property == "tag"}
    paths.update(clean_text(tag) for tag in record.tags if tag) if record else None
    for path in paths:
        yield "tag", path[:ATTRIBUTE_LENGTH]
        if path.startswith(CLASSIFICATION_PREFIX) and path != CLASSIFICATION_PREFIX:
            yield "classification", path[len(CLASSIFICATION_PREFIX) :][:ATTRIBUTE_LENGTH]


def _owners(
    record: records.Asset | None, facts: Iterable[FactRow], owner_of: Callable[[str], str]
) -> Iterable[tuple[str, str]]:
    """Curated owners; the source's own where there are none. The item '' says: nobody."""
    curated = [fact.item for fact in facts if fact.property == "owner" and fact.layer == "curated"]
    if curated:
        return [("owner", item.split("/", 1)[0]) for item in curated if item]
    if record is not None and record.owners:
        return [("owner", owner_of(name)[:ATTRIBUTE_LENGTH]) for name in record.owners if name]
    return [
        ("owner", fact.item.split("/", 1)[0])
        for fact in facts
        if fact.property == "owner" and fact.item
    ]


# --- the store ------------------------------------------------------------------------------


def refresh_effective(
    unit: Unit,
    asset_keys: Sequence[int],
    records: Mapping[int, records.Asset] | None = None,
) -> set[int]:
    """Sets title, description, flag and attributes of assets where they differ.

    ``records``: asset key -> what its sightings say together (`catalog.assets.reports.merged`);
    what is missing there is read from the store. Sightings are written before. Returns the keys
    of the assets that were written. The number of statements does not depend on the number of
    assets; at most some hundred at a time. Notes no change: whoever wrote the fact or the
    sighting does.
    """
    keys = sorted(set(asset_keys))
    if not keys:
        return set()
    connection = unit.connection
    rows = connection.execute(_ROWS, {"keys": keys}).all()
    facts = _facts(connection, keys)
    reports = _reports(connection, rows, records or {})
    owner_of = _owner_values(connection, reports.values())
    wanted = {}
    for row in rows:
        report = reports.get(row.key)
        wanted[row.key] = effective_values(
            report.record if report else None,
            facts.get(row.key, ()),
            lambda name, report=report: owner_of(report, name),  # type: ignore[misc]
        )
    return _write_rows(connection, rows, wanted) | _write_attributes(connection, keys, wanted)


_KEYS: Final[BindParameter[Any]] = bindparam("keys", expanding=True)
_ROWS = (
    select(_ASSET.c.key, _ASSET.c.title, _ASSET.c.description, _ASSET.c.flag, _ASSET.c.source)
    .where(_ASSET.c.key.in_(_KEYS))
    .order_by(_ASSET.c.key)
)
_FACTS = select(
    _FACT.c.asset,
    _FACT.c.property,
    _FACT.c.item,
    _FACT.c.layer,
    _FACT.c.value,
    _FACT.c.confidence,
    _FACT.c.at,
).where(_FACT.c.asset.in_(_KEYS), _FACT.c.column == 0, _FACT.c.property.in_(_PROPERTIES))
_SIGHTINGS = (
    select(
        _SIGHTING.c.asset,
        _SIGHTING.c.source,
        _SIGHTING.c.state,
        _SIGHTING.c.record,
        _SOURCE.c.name,
        _SOURCE.c.kind,
        _SOURCE.c.rank,
        _ASSET.c.source.label("decides"),
    )
    .join(_SOURCE, _SOURCE.c.key == _SIGHTING.c.source)
    .join(_ASSET, _ASSET.c.key == _SIGHTING.c.asset)
    .where(_SIGHTING.c.asset.in_(_KEYS))
)
_SEVERAL = (
    select(_SIGHTING.c.asset)
    .where(_SIGHTING.c.asset.in_(_KEYS))
    .group_by(_SIGHTING.c.asset)
    .having(func.count() > 1)
)
_ATTRIBUTES = select(_ATTRIBUTE.c.asset, _ATTRIBUTE.c.attribute, _ATTRIBUTE.c.value).where(
    _ATTRIBUTE.c.asset.in_(_KEYS), _ATTRIBUTE.c.attribute.in_(_KINDS)
)
_JOINED = (
    select(_ACCOUNT.c.source, _ACCOUNT.c.name, _PERSON.c.uid)
    .join(_PERSON, _PERSON.c.key == _ACCOUNT.c.person)
    .where(
        _ACCOUNT.c.source.in_(bindparam("sources", expanding=True)),
        _ACCOUNT.c.name.in_(bindparam("names", expanding=True)),
    )
)
_UPDATE = (
    update(_ASSET)
    .where(_ASSET.c.key == bindparam("of"))
    .values(
        title=bindparam("new_title"),
        description=bindparam("new_description"),
        flag=bindparam("new_flag"),
    )
)
_DELETE = delete(_ATTRIBUTE).where(
    _ATTRIBUTE.c.asset == bindparam("of"),
    _ATTRIBUTE.c.attribute == bindparam("kind"),
    _ATTRIBUTE.c.value == bindparam("old"),
)


def _facts(connection: Connection, keys: Sequence[int]) -> dict[int, list[FactRow]]:
    found: dict[int, list[FactRow]] = defaultdict(list)
    for asset, *rest in connection.execute(_FACTS, {"keys": keys}):
        found[asset].append(FactRow(*rest))
    return found


def _reports(
    connection: Connection, rows: Sequence[Any], given: Mapping[int, records.Asset]
) -> dict[int, Report]:
    """What the sources of each asset say, given or read."""
    names: Mapping[int, str] = {}
    if any(record.owners for record in given.values()):
        sources = connection.execute(select(_SOURCE.c.key, _SOURCE.c.name))
        names = {row.key: row.name for row in sources}
        # Of several sources' reports the record does not say whose the owners are: read them.
        several = set(connection.execute(_SEVERAL, {"keys": sorted(given)}).scalars())
        given = {key: record for key, record in given.items() if key not in several}
    found = read_reports(connection, [row.key for row in rows if row.key not in given])
    for row in rows:
        if row.key in given:
            found[row.key] = Report(row.source, names.get(row.source, ""), given[row.key])
    return found


def read_reports(connection: Connection, keys: Sequence[int]) -> dict[int, Report]:
    """Asset key -> what its sightings say together, in one query.

    Withdrawn ones count only when there is no other, so that a removed asset keeps its words.
    """
    if not keys:
        return {}
    sightings: dict[int, list[Any]] = defaultdict(list)
    for row in connection.execute(_SIGHTINGS, {"keys": keys}):
        sightings[row.asset].append(row)
    return {asset: _report(found) for asset, found in sightings.items()}


def _report(sightings: list[Any]) -> Report:
    live = [row for row in sightings if row.state != "withdrawn"] or sightings
    live.sort(
        key=lambda row: (
            row.source != row.decides,
            *order_of(Sourced(row.source, row.kind, row.rank)),
        )
    )
    said = [records.decode_asset(unpack(row.record)) for row in live]
    owning = next((row for row, one in zip(live, said, strict=True) if one.owners), live[0])
    return Report(owning.source, owning.name, merged(said))


def _owner_values(
    connection: Connection, reports: Iterable[Report]
) -> Callable[[Report, str], str]:
    """Account -> owner value; a joined account is its person."""
    owned = [report for report in reports if report.record.owners and report.source is not None]
    joined: dict[tuple[int, str], str] = {}
    if owned:
        names = {clean_text(name) for report in owned for name in report.record.owners}
        found = connection.execute(
            _JOINED,
            {"sources": list({report.source for report in owned}), "names": sorted(names)},
        )
        joined = {(source, name): person_value(uid) for source, name, uid in found}

    def value(report: Report, name: str) -> str:
        known = joined.get((report.source or 0, clean_text(name)))
        return known or account_value(report.name, name)

    return value


def _write_rows(
    connection: Connection, rows: Sequence[Any], wanted: Mapping[int, Effective]
) -> set[int]:
    changed = []
    for row in rows:
        new = wanted[row.key]
        values = (new.title, new.description, new.flag)
        if values != (row.title, row.description, row.flag):
            names = ("new_title", "new_description", "new_flag")
            changed.append({"of": row.key, **dict(zip(names, values, strict=True))})
    if changed:
        connection.execute(_UPDATE, changed)
    return {one["of"] for one in changed}


def _write_attributes(
    connection: Connection, keys: Sequence[int], wanted: Mapping[int, Effective]
) -> set[int]:
    have = {tuple(row) for row in connection.execute(_ATTRIBUTES, {"keys": keys})}
    want = {(key, *pair) for key, new in wanted.items() for pair in new.attributes}
    gone, new = sorted(have - want), sorted(want - have)
    if gone:
        connection.execute(
            _DELETE, [{"of": key, "kind": kind, "old": value} for key, kind, value in gone]
        )
    dialect.bulk_insert(connection, _ATTRIBUTE, ("asset", "attribute", "value"), new)
    return {key for key, _, _ in (*gone, *new)}
