"""Edges and the evidence for them. An edge without evidence ends.

Whoever changes the edges that lead into an asset keeps the state they leave (version part
``edges``) and notes a change ``lineage`` on that asset. All functions work inside the unit given.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, bindparam, delete, select, update

from catalog.history import dialect
from catalog.history.edges import edges_documents
from catalog.history.store import table_of
from catalog.history.unit import Unit
from catalog.model import Asset, Edge, EdgeEvidence
from catalog.naming import id_text

STATEMENT: Final = "statement"
"""Origin of evidence whose reference is a statement use."""
_ASSET = table_of(Asset)
_EDGE = table_of(Edge)
_EVIDENCE = table_of(EdgeEvidence)
_CHUNK: Final = 500
_EDGE_COLUMNS: Final = (
    "key", "from_asset", "from_column", "to_asset", "to_column", "kind", "via",
)  # fmt: skip
_EVIDENCE_COLUMNS: Final = (
    "edge", "origin", "reference", "confidence", "first_seen", "last_seen",
)  # fmt: skip


class EdgeKey(NamedTuple):
    """What makes an edge one: both ends by asset key and column number (0: the asset)."""

    from_asset: int
    from_column: int
    to_asset: int
    to_column: int
    kind: str = "direct"
    via: int = 0


def write_edges(
    unit: Unit, reference: int, wanted: Mapping[EdgeKey, float], *, origin: str = STATEMENT
) -> set[int]:
    """Makes ``wanted`` (edge -> confidence) exactly what the reference gives evidence for.

    Returns the assets into which other edges lead now. The same again writes nothing.
    """
    connection = unit.connection
    held = _held(connection, origin, [reference])
    current = {key: (edge, confidence) for edge, _, confidence, key in held}
    gone = [edge for key, (edge, _) in current.items() if key not in wanted]
    fresh = sorted(key for key in wanted if key not in current)
    if gone or fresh:
        # Reserving keys takes the lock that lets one writer at a time compare edges (PostgreSQL).
        keys = iter(dialect.next_keys(connection, _EDGE, max(1, len(fresh))))
        ending = _without_other_evidence(connection, gone, origin, {reference})
        known = _existing(connection, {key.to_asset for key in fresh})
        missing = [key for key in fresh if key not in known]
        touched = {key.to_asset for key in missing}
        touched |= {key.to_asset for key, (edge, _) in current.items() if edge in ending}
        before = edges_documents(connection, sorted(touched))
        known.update(_insert(connection, missing, keys))
        _insert_evidence(unit, origin, reference, [(known[key], wanted[key]) for key in fresh])
        _delete_evidence(connection, origin, [reference], gone)
        _delete_edges(connection, ending)
        _note(unit, before)
    else:
        touched = set()
    _update_confidence(unit, origin, reference, current, wanted)
    return touched


def end_evidence(unit: Unit, references: Collection[int], *, origin: str = STATEMENT) -> set[int]:
    """Removes all evidence that the references give, and the edges that had no other.

    Returns the assets whose incoming edges changed.
    """
    connection = unit.connection
    held = _held(connection, origin, sorted(references))
    if not held:
        return set()
    dialect.next_keys(connection, _EDGE, 1)  # the same lock as in `write_edges`
    gone = sorted({edge for edge, *_ in held})
    ending = _without_other_evidence(connection, gone, origin, set(references))
    touched = {key.to_asset for edge, _, _, key in held if edge in ending}
    before = edges_documents(connection, sorted(touched))
    _delete_evidence(connection, origin, sorted(references), None)
    _delete_edges(connection, ending)
    _note(unit, before)
    return touched


# --- reading --------------------------------------------------------------------------------


def _chunks(items: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for offset in range(0, len(items), _CHUNK):
        yield items[offset : offset + _CHUNK]


_KEY_FIELDS = tuple(_EDGE.c[name] for name in EdgeKey._fields)
_HELD = (
    select(_EVIDENCE.c.edge, _EVIDENCE.c.reference, _EVIDENCE.c.confidence, *_KEY_FIELDS)
    .join(_EDGE, _EDGE.c.key == _EVIDENCE.c.edge)
    .where(
        _EVIDENCE.c.origin == bindparam("origin"),
        _EVIDENCE.c.reference.in_(bindparam("references", expanding=True)),
    )
)


def _held(
    connection: Connection, origin: str, references: Sequence[int]
) -> list[tuple[int, int, float, EdgeKey]]:
    """(edge, reference, confidence, what it joins) of all evidence of the references."""
    return [
        (row[0], row[1], row[2], EdgeKey(*row[3:]))
        for chunk in _chunks(references)
        for row in connection.execute(_HELD, {"origin": origin, "references": chunk})
    ]


def _without_other_evidence(
    connection: Connection, edges: Sequence[int], origin: str, references: Collection[int]
) -> set[int]:
    """Those edges that nobody but the references gives evidence for."""
    ending = set(edges)
    for chunk in _chunks(sorted(ending)):
        found = connection.execute(
            select(_EVIDENCE.c.edge, _EVIDENCE.c.origin, _EVIDENCE.c.reference).where(
                _EVIDENCE.c.edge.in_(chunk)
            )
        )
        ending.difference_update(
            row.edge for row in found if row.origin != origin or row.reference not in references
        )
    return ending


def _existing(connection: Connection, targets: Iterable[int]) -> dict[EdgeKey, int]:
    """All edges into the targets."""
    found: dict[EdgeKey, int] = {}
    for chunk in _chunks(sorted(targets)):
        statement = select(_EDGE.c.key, *_KEY_FIELDS).where(_EDGE.c.to_asset.in_(chunk))
        for row in connection.execute(statement):
            found[EdgeKey(*row[1:])] = row.key
    return found


# --- writing --------------------------------------------------------------------------------


def _insert(
    connection: Connection, missing: Sequence[EdgeKey], keys: Iterator[int]
) -> dict[EdgeKey, int]:
    made = dict(zip(missing, keys, strict=False))
    dialect.bulk_insert(
        connection, _EDGE, _EDGE_COLUMNS, [(key, *edge) for edge, key in made.items()]
    )
    return made


def _insert_evidence(
    unit: Unit, origin: str, reference: int, edges: Sequence[tuple[int, float]]
) -> None:
    dialect.bulk_insert(
        unit.connection,
        _EVIDENCE,
        _EVIDENCE_COLUMNS,
        [(edge, origin, reference, sure, unit.now, unit.now) for edge, sure in edges],
    )


def _delete_evidence(
    connection: Connection, origin: str, references: Sequence[int], edges: Sequence[int] | None
) -> None:
    """Of all edges when ``edges`` is None."""
    for chunk in _chunks(references):
        statement = delete(_EVIDENCE).where(
            _EVIDENCE.c.origin == origin, _EVIDENCE.c.reference.in_(chunk)
        )
        if edges is None:
            connection.execute(statement)
            continue
        for part in _chunks(edges):
            connection.execute(statement.where(_EVIDENCE.c.edge.in_(part)))


def _delete_edges(connection: Connection, edges: Collection[int]) -> None:
    for chunk in _chunks(sorted(edges)):
        connection.execute(delete(_EDGE).where(_EDGE.c.key.in_(chunk)))


def _update_confidence(
    unit: Unit,
    origin: str,
    reference: int,
    current: Mapping[EdgeKey, tuple[int, float]],
    wanted: Mapping[EdgeKey, float],
) -> None:
    moved: dict[float, list[int]] = defaultdict(list)
    for key, confidence in wanted.items():
        known = current.get(key)
        if known is not None and known[1] != confidence:
            moved[confidence].append(known[0])
    for confidence, edges in moved.items():
        for chunk in _chunks(edges):
            unit.connection.execute(
                update(_EVIDENCE)
                .where(
                    _EVIDENCE.c.origin == origin,
                    _EVIDENCE.c.reference == reference,
                    _EVIDENCE.c.edge.in_(chunk),
                )
                .values(confidence=confidence, last_seen=unit.now)
            )


# --- history --------------------------------------------------------------------------------


def _note(unit: Unit, before: Mapping[int, bytes | None]) -> None:
    """One change and one version for each asset whose incoming edges moved."""
    if not before:
        return
    after = edges_documents(unit.connection, list(before))
    subjects: dict[int, str] = {}
    for chunk in _chunks(sorted(before)):
        statement = select(_ASSET.c.key, _ASSET.c.uid).where(_ASSET.c.key.in_(chunk))
        for row in unit.connection.execute(statement):
            subjects[row.key] = id_text(row.uid)
    for asset, left in before.items():
        if left == after[asset]:
            continue
        unit.version(asset, "edges", left)
        unit.change(
            "lineage",
            subject=subjects[asset],
            asset=asset,
            before=_summary(left, after[asset]),
            after=_summary(after[asset], left),
        )


def _summary(document: bytes | None, other: bytes | None) -> dict[str, Any]:
    """Upstream assets (public ids) that only this side has, and its number of edges."""
    edges, others = _edges(document), _edges(other)
    only = {edge["from"] for edge in edges} - {edge["from"] for edge in others}
    return {"upstream": sorted(only), "edges": len(edges)}


def _edges(document: bytes | None) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [] if document is None else json.loads(document)["edges"]
    return found
