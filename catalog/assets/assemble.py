"""The one function that makes an asset's read model from its parts, of now and of the past. Pure.

`Parts` is what both know: identity, reports, columns, facts. `Now` is what exists only of now.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, TypedDict

from catalog.assets.facts import (
    SEVERITY,
    Report,
    flags_of,
    owners_of,
    tags_of,
    text_of,
)
from catalog.assets.gather import ColumnRow
from catalog.assets.links import asset_url
from catalog.assets.people import Names
from catalog.assets.reports import merged
from catalog.assets.views import (
    AssetView,
    ColumnView,
    Crumb,
    Definition,
    Flag,
    Key,
    MeasureView,
    Origin,
    SeenBy,
    Tally,
)
from catalog.crawling import records
from catalog.history.facts import FactRow, facts_etag
from catalog.model.clock import to_text
from catalog.naming import canonical, id_text, leaf

_KEYS: Final = {"p": "primary", "u": "unique", "f": "foreign"}
_NO_FACTS: Final = facts_etag(())


class Identity(NamedTuple):
    """What the asset's own row says. ``source``: short name of the source that decides."""

    uid: bytes
    asset_class: str
    kind: str
    platform: str
    namespace: str
    name: str
    state: str
    source: str | None
    environment: str | None
    created_at: int
    changed_at: int
    removed_at: int | None


@dataclass(frozen=True)
class Parts:
    """One asset at one moment. ``reports``: the deciding one first. ``columns`` None: unknown.

    ``columns_total``: how many there are, when ``columns`` holds only the first.
    """

    identity: Identity
    reports: Sequence[Report]
    columns: Sequence[ColumnRow] | None
    columns_total: int | None
    facts: Sequence[FactRow]
    names: Names
    parents: list[Crumb]
    sequence: int | None = None


@dataclass(frozen=True)
class Now:
    """What is only of now: crawls, measures, children, aliases, the definition."""

    measures: dict[str, MeasureView]
    popularity: int
    rows_class: int | None
    children: Tally
    seen_by: list[SeenBy]
    aliases: list[str]
    held_since: int | None
    definition: Definition | None


@dataclass(frozen=True)
class Asked:
    """How the asset was asked for."""

    matched_by: str
    column: str | None = None
    version: str | None = None


def assemble(parts: Parts, asked: Asked, now: Now | None) -> AssetView:
    """The read model; ``now`` None: of a past sequence, and what is only of now is None."""
    who, reports, names = parts.identity, parts.reports, parts.names
    by_column: dict[int, list[FactRow]] = defaultdict(list)
    for fact in parts.facts:
        by_column[fact.column].append(fact)
    own = by_column[0]
    record = merged([report.record for report in reports]) if reports else None
    title, title_origin = _text("title", reports, own, names)
    description, description_origin = _text("description", reports, own, names)
    flags = flags_of(own, names)
    return AssetView(
        id=id_text(who.uid),
        url=asset_url(who.uid),
        matched_by=asked.matched_by,
        column=asked.column,
        version=asked.version,
        asset_class=who.asset_class,
        kind=who.kind,
        platform=who.platform,
        namespace=who.namespace,
        name=who.name,
        canonical=canonical(who.namespace, who.name),
        label=leaf(who.name, who.platform),
        state=who.state,
        source=who.source,
        environment=who.environment,
        title=title,
        title_origin=title_origin,
        description=description,
        description_origin=description_origin,
        owners=owners_of(reports, own, names),
        tags=tags_of(reports, own, names),
        flag=_worst(flags),
        flags=flags,
        columns=columns_of(parts.columns, reports, by_column, names),
        columns_total=parts.columns_total,
        keys=_keys(who.namespace, record),
        location=record.location if record else None,
        format=record.format if record else None,
        partition_keys=list(record.partition_keys) if record else [],
        properties=record.properties if record else {},
        parents=parts.parents,
        created_at=to_text(who.created_at) or "",
        changed_at=to_text(who.changed_at) or "",
        removed_at=to_text(who.removed_at),
        sequence=parts.sequence,
        etag=facts_etag(own),
        **_of_now(now),
    )


class _OfNow(TypedDict):
    """Fields of the read model that exist only of now."""

    definition: Definition | None
    measures: dict[str, MeasureView] | None
    popularity: int | None
    rows_class: int | None
    children: Tally | None
    seen_by: list[SeenBy] | None
    crawl: SeenBy | None
    complete: bool | None
    aliases: list[str]
    held_since: str | None


def _of_now(now: Now | None) -> _OfNow:
    crawl = _deciding(now.seen_by) if now is not None else None
    return {
        "definition": now.definition if now else None,
        "measures": now.measures if now else None,
        "popularity": now.popularity if now else None,
        "rows_class": now.rows_class if now else None,
        "children": now.children if now else None,
        "seen_by": now.seen_by if now else None,
        "crawl": crawl,
        "complete": crawl.complete if crawl else None,
        "aliases": now.aliases if now else [],
        "held_since": to_text(now.held_since) if now else None,
    }


def _text(
    name: str, reports: Sequence[Report], facts: Sequence[FactRow], names: Names
) -> tuple[str | None, Origin | None]:
    for report in reports:
        crawled: str | None = getattr(report.record, name)
        if crawled:
            return text_of(name, crawled, report.origin, facts, names)
    return text_of(name, None, None, facts, names)


def columns_of(
    columns: Sequence[ColumnRow] | None,
    reports: Sequence[Report],
    facts: Mapping[int, Sequence[FactRow]],
    names: Names,
) -> list[ColumnView] | None:
    """Columns with their effective facts; ``facts``: column number -> its facts."""
    if columns is None:
        return None
    origin = next((one.origin for one in reports if one.record.columns is not None), None)
    return [_column(row, origin, facts.get(row.number, ()), names) for row in columns]


def _column(
    row: ColumnRow, origin: Origin | None, facts: Sequence[FactRow], names: Names
) -> ColumnView:
    if not facts:
        return ColumnView(
            path=row.path,
            position=row.position,
            type=row.type,
            native_type=row.native_type,
            nullable=row.nullable,
            default=row.default,
            comment=row.comment,
            keys=[_KEYS[letter] for letter in row.keys],
            title=None,
            description=row.comment or None,
            description_origin=origin if row.comment else None,
            owners=[],
            tags=[],
            flag=None,
            flags=[],
            etag=_NO_FACTS,
        )
    description, came_from = text_of("description", row.comment, origin, facts, names)
    flags = flags_of(facts, names)
    return ColumnView(
        path=row.path,
        position=row.position,
        type=row.type,
        native_type=row.native_type,
        nullable=row.nullable,
        default=row.default,
        comment=row.comment,
        keys=[_KEYS[letter] for letter in row.keys],
        title=text_of("title", None, None, facts, names)[0],
        description=description,
        description_origin=came_from,
        owners=owners_of((), facts, names),
        tags=tags_of((), facts, names),
        flag=_worst(flags),
        flags=flags,
        etag=facts_etag(facts, row.number),
    )


def _worst(flags: Sequence[Flag]) -> str | None:
    return max((flag.kind for flag in flags), key=lambda kind: SEVERITY.get(kind, 0), default=None)


def _keys(namespace: str, record: records.Asset | None) -> list[Key]:
    if record is None:
        return []
    return [
        Key(
            kind=key.kind,
            columns=list(key.columns),
            name=key.name,
            references=canonical(key.references_namespace or namespace, key.references)
            if key.references
            else None,
            references_columns=list(key.references_columns),
        )
        for key in record.keys
    ]


def _deciding(seen: Sequence[SeenBy]) -> SeenBy | None:
    return next((one for one in seen if one.decides), seen[0] if seen else None)


def measure_view(row: Any) -> MeasureView:
    """A row of the part ``measure`` (`catalog.assets.gather`)."""
    return MeasureView(value=row.f1, at=to_text(row.n1) or "", how=row.t2, source=row.t3)
