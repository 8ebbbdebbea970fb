"""The same graph as a list: for screen readers, phones, and as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from catalog.lineage.views import EdgeView, Graph, Node, OwnerName
from catalog.naming import canonical
from catalog.pages.graph_address import Wanted, evidence_path
from catalog.pages.graph_shapes import where_of

_FIELDS: Final = (
    "direction", "distance", "name", "kind", "title", "state", "flag", "columns", "owners",
    "next_to", "job", "url",
)  # fmt: skip
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True)
class Entry:
    """An asset of the list. ``next_to``: an asset one hop nearer that it is joined to, with the
    address of the reasons; ``others``: how many more such there are; ``job``: name of the job;
    ``where``: the container's last part and the platform."""

    node: Node
    where: str
    distance: int
    next_to: Node | None
    why: str | None
    others: int
    job: str | None


def entries(graph: Graph, wanted: Wanted, way: str) -> list[Entry]:
    """The assets in one direction, the nearest first."""
    nodes = {node.id: node for node in graph.nodes}
    joined: dict[str, list[EdgeView]] = {}
    for one in graph.edges:
        near, far = (one.target, one.source) if way == "up" else (one.source, one.target)
        if abs(nodes[near].level) < abs(nodes[far].level) or nodes[near].id == graph.root:
            joined.setdefault(far, []).append(one)
    return [
        _entry(node, joined.get(node.id, []), nodes, wanted, way)
        for node in graph.nodes
        if (node.level < 0 if way == "up" else node.level > 0)
    ]


def _entry(
    node: Node, edges: Sequence[EdgeView], nodes: Mapping[str, Node], wanted: Wanted, way: str
) -> Entry:
    distance = abs(node.level)
    ends = list(dict.fromkeys(one.target if way == "up" else one.source for one in edges))
    near = [nodes[end] for end in ends if abs(nodes[end].level) == distance - 1]
    where = where_of(node)
    if not near:
        return Entry(node, where, distance, None, None, 0, None)
    first = near[0].id
    edge = next(one for one in edges if first in (one.source, one.target))
    jobs = [one.via.name for one in edges if one.via and first in (one.source, one.target)]
    why = evidence_path(wanted.asset, edge.source, edge.target)
    return Entry(node, where, distance, near[0], why, len(near) - 1, jobs[0] if jobs else None)


def as_csv(
    lists: Iterable[tuple[str, Sequence[Entry]]], owners: Mapping[str, Sequence[OwnerName]]
) -> str:
    """The lists of both directions as one table."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(_FIELDS)
    for way, found in lists:
        for one in found:
            node = one.node
            cells: list[str | int] = [
                {"up": "upstream", "down": "downstream"}[way],
                one.distance,
                canonical(node.namespace, node.name),
                node.kind,
                node.title or "",
                node.state,
                node.flag or "",
                " ".join(node.columns),
                "; ".join(owner.name for owner in owners.get(node.id, ())),
                "" if one.next_to is None else one.next_to.name,
                one.job or "",
                node.url,
            ]
            writer.writerow([harmless(cell) for cell in cells])
    return out.getvalue()


def harmless(cell: str | int) -> str | int:
    """A text that a spreadsheet would take for a formula gets an apostrophe before it."""
    if isinstance(cell, str) and cell.lstrip(" \n").startswith(_FORMULA):
        return f"'{cell}"
    return cell
