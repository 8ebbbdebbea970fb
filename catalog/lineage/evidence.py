"""Beside the graph: neighbours of a hub in pages, and why an edge is believed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Connection, and_, or_, select

from catalog.access.sqlfilter import visible_assets
from catalog.access.viewer import Viewer
from catalog.assets.views import Page
from catalog.errors import BadInput, NotFound
from catalog.history import cursor as cursors
from catalog.history.store import table_of
from catalog.lineage import adjacency
from catalog.lineage.adjacency import Way
from catalog.lineage.edges import STATEMENT
from catalog.lineage.graph import column_number, missing_neighbours, node_view, root_row
from catalog.lineage.views import EvidenceView, Node, StatementView
from catalog.model import (
    Asset,
    Edge,
    EdgeEvidence,
    Namespace,
    Run,
    Scope,
    Source,
    Statement,
    StatementUse,
    clock,
)
from catalog.naming import id_bytes, id_text

MAX_PAGE: Final = 500
MOST_EVIDENCE: Final = 200
_ASSET = table_of(Asset)
_EDGE = table_of(Edge)
_EVIDENCE = table_of(EdgeEvidence)
_NAMESPACE = table_of(Namespace)
_RUN = table_of(Run)
_SCOPE = table_of(Scope)
_SOURCE = table_of(Source)
_STATEMENT = table_of(Statement)
_USE = table_of(StatementUse)


def neighbours(
    connection: Connection,
    viewer: Viewer,
    asset: int | bytes,
    direction: Way,
    *,
    cursor: str | None = None,
    limit: int = 50,
) -> Page[Node]:
    """The assets one hop up or down, by name, in pages of at most 500. ``total`` is exact."""
    viewer.require("read")
    if direction not in ("up", "down"):
        raise BadInput(f"There is no direction {direction!r}.", remedy="Use up or down.")
    if not 1 <= limit <= MAX_PAGE:
        raise BadInput(f"limit is {limit}.", remedy=f"Use a number from 1 to {MAX_PAGE}.")
    root = root_row(connection, viewer, asset)
    query = {"neighbours": id_text(root.uid), "direction": direction}
    after = None if cursor is None else cursors.decode(query, cursor)
    found = _page(connection, viewer, root.key, direction, after, limit + 1)
    rows = adjacency.described(connection, viewer, [row.key for row in found[:limit]])
    keys = [row.key for row in found[:limit] if row.key in rows]
    ends = {(key, root.key) if direction == "up" else (root.key, key) for key in keys}
    more = missing_neighbours(connection, viewer, keys, ends)
    total = adjacency.degrees(connection, viewer, [root.key], direction).get(root.key, 0)
    last = found[limit - 1] if len(found) > limit else None
    level = -1 if direction == "up" else 1
    return Page(
        [
            node_view(
                rows[key],
                level=level,
                columns=[],
                more_up=more["up"][key],
                more_down=more["down"][key],
            )
            for key in keys
        ],
        total=total,
        next=None if last is None else cursors.encode(query, [last.sort, id_text(last.uid)]),
    )


def _page(
    connection: Connection,
    viewer: Viewer,
    root: int,
    way: Way,
    after: Sequence[Any] | None,
    limit: int,
) -> Sequence[Any]:
    near, far = _EDGE.c.to_asset, _EDGE.c.from_asset
    near_column, far_column = _EDGE.c.to_column, _EDGE.c.from_column
    if way == "down":
        near, far, near_column, far_column = far, near, far_column, near_column
    linked = select(far).where(near == root, near_column == 0, far_column == 0, far != near)
    statement = select(_ASSET.c.key, _ASSET.c.uid, _ASSET.c.sort).where(
        _ASSET.c.key.in_(linked), visible_assets(viewer)
    )
    if after is not None:
        sort, uid = str(after[0]), id_bytes(str(after[1])) or b""
        statement = statement.where(
            or_(_ASSET.c.sort > sort, and_(_ASSET.c.sort == sort, _ASSET.c.uid > uid))
        )
    return connection.execute(statement.order_by(_ASSET.c.sort, _ASSET.c.uid).limit(limit)).all()


# --- evidence -------------------------------------------------------------------------------


def evidence(
    connection: Connection,
    viewer: Viewer,
    source: int | bytes,
    target: int | bytes,
    *,
    source_column: str | None = None,
    target_column: str | None = None,
) -> list[EvidenceView]:
    """Why data is believed to flow from ``source`` to ``target``; the surest first, at most 200.

    With columns (field paths): of that column edge. A source column alone: of the indirect edge
    to the target as a whole. Raises `NotFound` when there is no such edge.
    """
    viewer.require("read")
    start, end = root_row(connection, viewer, source), root_row(connection, viewer, target)
    numbers = [
        0 if path is None else column_number(connection, row, path)
        for row, path in ((start, source_column), (end, target_column))
    ]
    found = connection.execute(
        _WHY.where(
            _EDGE.c.from_asset == start.key,
            _EDGE.c.from_column == numbers[0],
            _EDGE.c.to_asset == end.key,
            _EDGE.c.to_column == numbers[1],
        )
    ).all()
    if not found:
        raise NotFound(
            f"No lineage is known from {start.name} to {end.name} at these columns.",
            remedy="Look at the edges of the graph.",
        )
    references: dict[str, set[int]] = {"statement": set(), "event": set()}
    for row in found:
        references.setdefault(row.origin, set()).add(row.reference)
    statements = _statements(connection, viewer, sorted(references[STATEMENT]))
    runs = _runs(connection, viewer, sorted(references["event"]))
    return [_evidence(row, statements, runs) for row in found]


_WHY = (
    select(
        _EVIDENCE.c.origin,
        _EVIDENCE.c.reference,
        _EVIDENCE.c.confidence,
        _EVIDENCE.c.first_seen,
        _EVIDENCE.c.last_seen,
    )
    .join(_EDGE, _EDGE.c.key == _EVIDENCE.c.edge)
    .order_by(
        _EVIDENCE.c.confidence.desc(),
        _EVIDENCE.c.last_seen.desc(),
        _EVIDENCE.c.origin,
        _EVIDENCE.c.reference,
    )
    .limit(MOST_EVIDENCE)
)


def _evidence(row: Any, statements: dict[int, StatementView], runs: dict[int, str]) -> EvidenceView:
    is_statement = row.origin == STATEMENT
    return EvidenceView(
        origin=row.origin,
        confidence=row.confidence,
        first_seen=clock.to_text(row.first_seen) or "",
        last_seen=clock.to_text(row.last_seen) or "",
        statement=statements.get(row.reference) if is_statement else None,
        run=None if is_statement else runs.get(row.reference),
    )


def _statements(
    connection: Connection, viewer: Viewer, uses: Sequence[int]
) -> dict[int, StatementView]:
    """Statements by use; one that defines an asset is seen by who sees that asset."""
    statement = (
        select(
            _USE,
            _STATEMENT.c.uid.label("statement_uid"),
            _STATEMENT.c.text,
            _STATEMENT.c.dialect,
            _NAMESPACE.c.text.label("namespace_text"),
            _SOURCE.c.name.label("source_name"),
            _SCOPE.c.name.label("scope_name"),
            _ASSET.c.uid.label("defines"),
        )
        .select_from(
            _USE.join(_STATEMENT, _STATEMENT.c.key == _USE.c.statement)
            .join(_NAMESPACE, _NAMESPACE.c.key == _USE.c.namespace)
            .join(_SOURCE, _SOURCE.c.key == _USE.c.source)
            .outerjoin(_SCOPE, _SCOPE.c.key == _USE.c.scope)
            .outerjoin(_ASSET, _ASSET.c.key == _USE.c.asset)
        )
        .where(or_(_USE.c.asset.is_(None), visible_assets(viewer)))
    )
    return {
        row.key: _statement(row)
        for chunk in adjacency.chunks(uses)
        for row in connection.execute(statement.where(_USE.c.key.in_(chunk)))
    }


def _statement(row: Any) -> StatementView:
    return StatementView(
        id=id_text(row.statement_uid),
        use=id_text(row.uid),
        text=row.text,
        dialect=row.dialect,
        kind=row.kind,
        namespace=row.namespace_text,
        default_database=row.default_database,
        default_schema=row.default_schema,
        defines=None if row.defines is None else id_text(row.defines),
        source=row.source_name,
        scope=row.scope_name,
        live=row.live,
        problem=row.problem,
    )


def _runs(connection: Connection, viewer: Viewer, keys: Sequence[int]) -> dict[int, str]:
    """The runs' own ids; a run is seen by who sees its job."""
    statement = (
        select(_RUN.c.key, _RUN.c.run_id)
        .join(_ASSET, _ASSET.c.key == _RUN.c.job)
        .where(visible_assets(viewer))
    )
    return {
        row.key: row.run_id
        for chunk in adjacency.chunks(keys)
        for row in connection.execute(statement.where(_RUN.c.key.in_(chunk)))
    }
