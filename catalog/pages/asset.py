"""The page of an asset: Overview answers a newcomer's six questions; a container has its own.

Also what is read from it: columns to copy, and the files or partitions of a dataset.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

from fastapi import Path, Query
from markupsafe import Markup
from sqlalchemy import Connection
from starlette.responses import Response

from catalog.assets import partitions
from catalog.assets.resolve import resolve_id
from catalog.assets.views import AssetView, ColumnView
from catalog.lineage import definitions, graph
from catalog.lineage.views import Graph, Node
from catalog.pages.asset_head import Head, head_in
from catalog.pages.container import container_page
from catalog.pages.copies import LABELS, LANGUAGES, copied
from catalog.pages.definition import linked
from catalog.pages.frame import page
from catalog.pages.mini import SIDE, mini
from catalog.pages.quoting import top_level
from catalog.pages.snippets import snippets
from catalog.serving.call import Call, CallArg
from catalog.serving.routing import Router

router = Router("/assets", "pages")
AssetId = Annotated[str, Path()]
Form = Literal["select", "ddl", "dbt", "pyarrow"]
COLUMNS_READ: Final = 60
COLUMNS_SHOWN: Final = 6
MOST_COPIED: Final = 10_000
FILES_SHOWN: Final = 100


@dataclass(frozen=True)
class Doubt:
    """An asset upstream that is deprecated, warned of, removed or only referenced."""

    node: Node
    why: str


@router.get("/{id}", include_in_schema=False)
def overview(call: CallArg, id: AssetId, as_of: str | None = None) -> Response:
    """Overview, or the page of a container."""
    with call.connect() as connection:
        match = resolve_id(connection, call.viewer, id)
        head = head_in(connection, call, match, as_of=as_of, columns_shown=COLUMNS_READ)
        own = head.view.asset_class != "container"
        around = _around(connection, call, head) if own else None
        definition = _definition(connection, call, head) if own else None
    if not own:
        return container_page(call, head)
    call.viewed(match.key)
    return page(
        call,
        "asset/overview.html",
        here="/browse",
        head=head,
        columns=chosen_columns(head.view),
        mini=None if around is None else mini(around, head.up, head.down),
        doubts=doubts(around),
        definition=definition,
        snippets=snippets(head.view),
        forms=LABELS,
    )


def _around(connection: Connection, call: Call, head: Head) -> Graph | None:
    """The nearest assets on both sides; of now only."""
    if head.as_of is not None or not (head.up or head.down):
        return None
    return graph.traverse(
        connection, call.viewer, head.match.key, depth=1, fan=SIDE + 1, budget=2 * SIDE + 3
    )


def _definition(connection: Connection, call: Call, head: Head) -> Markup | None:
    if head.view.definition is None:
        return None
    found = definitions.mentions(connection, call.viewer, head.match.key)
    return linked(head.view.definition.text, found)


def chosen_columns(view: AssetView) -> list[ColumnView]:
    """The columns that tell the most: keys, then described ones, then the first; in their order."""
    own = [column for column in view.columns or () if top_level(column.path) is not None]
    ranked = sorted(own, key=lambda one: (not one.keys, not one.description, one.position))
    return sorted(ranked[:COLUMNS_SHOWN], key=lambda one: one.position)


def doubts(around: Graph | None) -> list[Doubt]:
    """What upstream says against trusting this asset."""
    found = []
    for node in around.nodes if around is not None else ():
        if node.level >= 0:
            continue
        if node.flag in ("deprecated", "warned"):
            found.append(
                Doubt(node, "is deprecated" if node.flag == "deprecated" else "is warned of")
            )
        elif node.state == "removed":
            found.append(Doubt(node, "was removed"))
    return found


@router.get("/{id}/copy", include_in_schema=False)
def copy(
    call: CallArg, id: AssetId, form: Annotated[Form, Query(alias="as")] = "select"
) -> Response:
    """All columns as text to paste."""
    with call.connect() as connection:
        match = resolve_id(connection, call.viewer, id)
        head = head_in(connection, call, match, columns_shown=MOST_COPIED)
    return page(
        call,
        "asset/copy.html",
        here="/browse",
        head=head,
        form=form,
        forms=LABELS,
        language=LANGUAGES[form],
        text=copied(head.view, form),
    )


@router.get("/{id}/files", include_in_schema=False)
def files(
    call: CallArg,
    id: AssetId,
    text: str | None = None,
    sort: Literal["path", "newest"] = "path",
    cursor: str | None = None,
) -> Response:
    """The partitions of a dataset with their files, rows and bytes."""
    with call.connect() as connection:
        match = resolve_id(connection, call.viewer, id)
        head = head_in(connection, call, match)
        found = partitions.partitions(
            connection,
            call.viewer,
            match,
            text=text or None,
            order=sort,
            limit=FILES_SHOWN,
            cursor=cursor or None,
        )
    given: dict[str, Any] = {"text": text, "sort": sort if sort != "path" else None}
    return page(
        call, "asset/files.html", here="/browse", head=head, found=found, given=given, sort=sort
    )
