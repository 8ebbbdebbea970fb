"""Versions of one asset: each step of its history with who made it, and what it changed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from sqlalchemy import ColumnElement, Connection, and_, func, select

from catalog.access.viewer import Viewer, visible
from catalog.assets.columns import page_size
from catalog.assets.diff import State, diff
from catalog.assets.past import PastParts, column_rows, past_parts
from catalog.assets.people import names_of
from catalog.assets.references import hide_in_record
from catalog.assets.reports import Sourced, merged, order_of
from catalog.assets.resolve import Match
from catalog.assets.rows import ASSET, NAMESPACE, SOURCE, see_assets
from catalog.assets.views import Diff, Page, VersionView
from catalog.history import cursor as cursors
from catalog.history.edges import edges_document
from catalog.history.store import table_of
from catalog.history.unit import unpack
from catalog.model import AssetVersion, Change
from catalog.model.clock import to_text
from catalog.naming import canonical, id_bytes

MOST: Final = 100
_VERSION = table_of(AssetVersion)
_CHANGE = table_of(Change)


@dataclass(frozen=True)
class _Step:
    """The unit of work that ended a state: its first change, and all of its words."""

    sequence: int
    at: int
    actor: str
    what: list[str]
    cause: str | None
    parts: list[str]


def versions(
    connection: Connection,
    viewer: Viewer,
    match: Match,
    *,
    limit: int = 20,
    cursor: str | None = None,
    with_diff: bool = True,
) -> Page[VersionView]:
    """A page of an asset's versions, the newest first.

    The state *at* a version's ``sequence`` is the one it made (`past.as_of`); ``diff`` is what
    it changed. Steps that keep no state (its creation, measures) are not versions.
    """
    page_size(limit, MOST)
    query = {"versions": match.id}
    of_asset = _of_asset(match)
    total = count(connection, viewer, match)
    statement = select(_VERSION.c.to_sequence).distinct().where(of_asset)
    if cursor is not None:
        statement = statement.where(_VERSION.c.to_sequence < cursors.decode(query, cursor)[0])
    ordered = statement.order_by(_VERSION.c.to_sequence.desc()).limit(limit + 1)
    sequences = list(connection.execute(ordered).scalars())
    shown = sequences[:limit]
    steps = _steps(connection, match.key, shown)
    names = names_of(connection, {step.actor for step in steps})
    items = [
        VersionView(
            sequence=step.sequence,
            at=to_text(step.at) or "",
            actor=step.actor,
            actor_name=names.actor(step.actor),
            what=step.what,
            cause=step.cause,
            parts=step.parts,
            diff=difference(connection, viewer, match, step.sequence - 1, step.sequence)
            if with_diff
            else None,
        )
        for step in steps
    ]
    more = len(sequences) > limit
    return Page(
        items=items,
        total=total,
        next=cursors.encode(query, [shown[-1]]) if more else None,
    )


def count(connection: Connection, viewer: Viewer, match: Match) -> int:
    """How many versions an asset has. ``viewer`` has been asked for with the match."""
    del viewer
    statement = select(func.count(_VERSION.c.to_sequence.distinct())).where(_of_asset(match))
    return int(connection.execute(statement).scalar_one())


def _of_asset(match: Match) -> ColumnElement[bool]:
    """Rows of the asset's own parts, and not of those it had before a merge."""
    return and_(_VERSION.c.asset == match.key, ~_VERSION.c.part.contains("/", autoescape=True))


def _steps(connection: Connection, asset: int, sequences: Sequence[int]) -> list[_Step]:
    if not sequences:
        return []
    parts: dict[int, list[str]] = defaultdict(list)
    for row in connection.execute(
        select(_VERSION.c.to_sequence, _VERSION.c.part).where(
            _VERSION.c.asset == asset, _VERSION.c.to_sequence.in_(sequences)
        )
    ):
        parts[row.to_sequence].append(row.part.partition(":")[0])
    # A unit writes all its changes at one time, by one actor.
    last = select(_CHANGE.c.at).where(_CHANGE.c.sequence == max(sequences)).scalar_subquery()
    rows = connection.execute(
        select(_CHANGE.c.sequence, _CHANGE.c.at, _CHANGE.c.actor, _CHANGE.c.what, _CHANGE.c.cause)
        .where(_CHANGE.c.asset == asset, _CHANGE.c.sequence >= min(sequences), _CHANGE.c.at <= last)
        .order_by(_CHANGE.c.sequence)
    ).all()
    by_sequence = {row.sequence: row for row in rows}
    steps = []
    for sequence in sequences:
        first = by_sequence.get(sequence)
        if first is None:
            continue  # its change is no longer kept
        unit = [
            row
            for row in rows
            if row.sequence >= sequence and (row.at, row.actor) == (first.at, first.actor)
        ]
        steps.append(
            _Step(
                sequence=sequence,
                at=first.at,
                actor=first.actor,
                what=list(dict.fromkeys(row.what for row in unit)),
                cause=first.cause,
                parts=sorted(set(parts[sequence])),
            )
        )
    return steps


def difference(
    connection: Connection, viewer: Viewer, match: Match, before: int, after: int
) -> Diff:
    """What differs between an asset at two sequences; names what the viewer may see."""
    texts = _Texts(connection, viewer)
    return diff(_state(connection, match, before, texts), _state(connection, match, after, texts))


def _state(connection: Connection, match: Match, sequence: int, texts: _Texts) -> State:
    parts = past_parts(connection, match, sequence)
    record = _record(connection, parts)
    columns = column_rows(connection, match.key, record, parts.numbers) or []
    return State(
        identity=texts.identity(parts.identity),
        record=None if record is None else hide_in_record(connection, texts.viewer, record),
        facts=parts.facts,
        paths={row.number: row.path for row in columns},
        edges=texts.edges(_edges_at(connection, match.key, sequence)),
    )


def _record(connection: Connection, parts: PastParts) -> Any:
    if not parts.sightings:
        return None
    deciding = parts.identity.get("source")
    rows = connection.execute(
        select(SOURCE.c.key, SOURCE.c.kind, SOURCE.c.rank).where(
            SOURCE.c.key.in_(list(parts.sightings))
        )
    ).all()
    ordered = sorted(
        (Sourced(row.key, row.kind, row.rank) for row in rows),
        key=lambda one: (one.source != deciding, *order_of(one)),
    )
    return merged([parts.sightings[one.source] for one in ordered]) if ordered else None


def _edges_at(connection: Connection, asset: int, sequence: int) -> bytes | None:
    row = connection.execute(
        select(_VERSION.c.document)
        .where(
            _VERSION.c.asset == asset,
            _VERSION.c.part == "edges",
            _VERSION.c.to_sequence > sequence,
        )
        .order_by(_VERSION.c.to_sequence)
        .limit(1)
    ).first()
    if row is None:
        return edges_document(connection, asset)
    return None if row.document is None else unpack(row.document)


class _Texts:
    """Store numbers and ids as readable text, each looked up once."""

    def __init__(self, connection: Connection, viewer: Viewer) -> None:
        self._connection = connection
        self.viewer = viewer
        self._see = see_assets(visible(viewer))
        self._assets: dict[bytes | int, str | None] = {}

    def identity(self, document: Mapping[str, Any]) -> dict[str, Any]:
        """The part ``asset`` with names instead of the store's numbers."""
        found = dict(document)
        found["namespace"] = self._one(NAMESPACE.c.text, NAMESPACE.c.key, document["namespace"])
        if "source" in document:
            found["source"] = self._one(SOURCE.c.name, SOURCE.c.key, document["source"])
        if "parent" in document:
            found["parent"] = self._asset(ASSET.c.key, document["parent"])
        return found

    def edges(self, document: bytes | None) -> list[str]:
        """``from#column -> column (kind)`` of each edge whose origin the viewer sees."""
        if document is None:
            return []
        found = []
        for edge in msgspec.json.decode(document)["edges"]:
            origin = self._asset(ASSET.c.uid, id_bytes(edge["from"]))
            if origin is None:
                continue
            text = origin + (f"#{edge['from_column']}" if edge["from_column"] else "")
            text += f" -> {edge['to_column']}" if edge["to_column"] else ""
            found.append(f"{text} ({edge['kind']})" if edge["kind"] != "direct" else text)
        return found

    def _one(self, column: Any, key: Any, value: Any) -> str | None:
        if value is None:
            return None
        text: str | None = self._connection.execute(select(column).where(key == value)).scalar()
        return text

    def _asset(self, column: Any, value: bytes | int | None) -> str | None:
        if value is None:
            return None
        if value not in self._assets:
            row = self._connection.execute(
                select(NAMESPACE.c.text, ASSET.c.name)
                .select_from(
                    ASSET.join(NAMESPACE, NAMESPACE.c.key == ASSET.c.namespace).outerjoin(
                        SOURCE, SOURCE.c.key == ASSET.c.source
                    )
                )
                .where(column == value, self._see)
            ).first()
            self._assets[value] = None if row is None else canonical(row.text, row.name)
        return self._assets[value]
