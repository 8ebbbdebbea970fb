"""The frozen read models of lineage. Ids are public; names of columns are field paths."""

from __future__ import annotations

import msgspec


class Node(msgspec.Struct, frozen=True):
    """An asset in a graph.

    ``state``: ``referenced`` is badged (nobody has described it), ``removed`` is no longer there.
    ``level``: hops from the asset that was asked for, negative upstream. ``columns``: field paths
    that a column trace passes, else empty. ``more_up``, ``more_down``: neighbours that are not
    drawn; in a column trace, columns that are not.
    """

    id: str
    url: str
    asset_class: str
    kind: str
    platform: str
    namespace: str
    name: str
    label: str
    state: str
    title: str | None
    flag: str | None
    level: int
    columns: list[str]
    more_up: int
    more_down: int


class Job(msgspec.Struct, frozen=True):
    """The job between two assets."""

    id: str
    url: str
    name: str


class EdgeView(msgspec.Struct, frozen=True):
    """Data flows from ``source`` to ``target`` (ids of nodes).

    Columns None: the edge is of the assets. ``kind``: direct, or indirect (the source column
    decides which rows the target has). ``evidence``: how many reasons there are to believe it.
    """

    source: str
    target: str
    source_column: str | None
    target_column: str | None
    kind: str
    via: Job | None
    evidence: int


class Graph(msgspec.Struct, frozen=True):
    """What leads to an asset and what it leads to.

    ``edges`` join assets; ``column_edges`` join columns: those that a column trace passes, or, if
    asked for, those between the drawn nodes (None: not asked for). ``truncated``: something
    within the depth is not drawn; each node says how much. ``column_edges_truncated``: there are
    more column edges than are listed.
    """

    root: str
    column: str | None
    direction: str
    depth: int
    nodes: list[Node]
    edges: list[EdgeView]
    column_edges: list[EdgeView] | None
    truncated: bool
    column_edges_truncated: bool


class StatementView(msgspec.Struct, frozen=True):
    """A statement where it is used. ``defines``: id of the asset that it makes, ``live`` False:
    it no longer does. ``source``, ``scope``: who reported it. ``problem``: what was not
    understood of it.
    """

    id: str
    use: str
    text: str
    dialect: str
    kind: str
    namespace: str
    default_database: str | None
    default_schema: str | None
    defines: str | None
    source: str
    scope: str | None
    live: bool
    problem: str | None


class EvidenceView(msgspec.Struct, frozen=True):
    """Why an edge is believed. ``origin``: statement or event; ``statement`` or ``run`` (the run's
    own id) says which, None when it is not the viewer's to see. ``confidence``: 0 to 1.
    """

    origin: str
    confidence: float
    first_seen: str
    last_seen: str
    statement: StatementView | None
    run: str | None


class CardColumns(msgspec.Struct, frozen=True):
    """The columns of an asset in a picture: how many there are, and the paths of the first."""

    total: int
    paths: list[str]


class ColumnPair(msgspec.Struct, frozen=True):
    """A column that flows into another (None: it decides which rows the whole asset has)."""

    source_column: str
    target_column: str | None
    kind: str
    evidence: int


class OwnerName(msgspec.Struct, frozen=True):
    """Who answers for an asset. ``type``: person, team or account."""

    type: str
    name: str
