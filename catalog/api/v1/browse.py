"""Looking around: containers, namespaces, the catalog at a glance."""

from __future__ import annotations

from typing import Annotated

import msgspec
from fastapi import Body, Query
from pydantic import BaseModel, ConfigDict

from catalog.api.v1.assets import REF
from catalog.api.v1.by_name import AsOfQuery, AssetRef, CursorQuery, LimitQuery, ref
from catalog.assets import counts, listing, namespaces, reading, resolve
from catalog.assets.moments import refuse_as_of
from catalog.assets.namespaces import NamespaceEdit, NamespaceView
from catalog.assets.views import Crumb, Glance, Page, Summary
from catalog.history.unit import Unit
from catalog.serving.call import CallArg, reply
from catalog.serving.routing import Router

router = Router("/api/v1", "browse")


class Inside(msgspec.Struct, frozen=True):
    """The children of a container; ``parent`` None: the outermost containers."""

    parent: AssetRef | None
    matched_by: str | None
    parents: list[Crumb]
    items: list[Summary]
    total: int | None
    at_least: int | None
    next: str | None


@router.get(
    "/browse",
    returns=Inside,
    summary="What lies in a container",
    example={
        "parent": REF["asset"],
        "matched_by": "name",
        "parents": [],
        "items": [],
        "total": 0,
        "at_least": None,
        "next": None,
    },
)
def browse(
    call: CallArg,
    parent: Annotated[
        str | None, Query(description="A container: a name in any form. Without: the outermost.")
    ] = None,
    limit: LimitQuery = 100,
    cursor: CursorQuery = None,
    as_of: AsOfQuery = None,
) -> object:
    """The live children of a container by name; containers say how many children they have."""
    refuse_as_of(as_of, "Browsing")
    with call.connect() as connection:
        match = None
        if parent is not None:
            match = resolve.resolve(connection, call.viewer, parent)
        page = listing.browse(connection, call.viewer, match, limit=limit, cursor=cursor)
        above = reading.parents(connection, call.viewer, match) if match is not None else []
    return reply(
        Inside(
            parent=None if match is None else ref(match),
            matched_by=None if match is None else match.matched_by,
            parents=above,
            items=page.items,
            total=page.total,
            at_least=page.at_least,
            next=page.next,
        )
    )


@router.get(
    "/glance",
    returns=Glance,
    summary="The catalog at a glance",
    example={
        "total": 42,
        "kinds": {"table": 30, "view": 12},
        "states": {"crawled": 42, "referenced": 3},
        "sources": {"wh": 42},
        "platforms": {"postgres": 42},
        "curable": 42,
        "described": 30,
        "owned": 12,
        "endorsed": 3,
    },
)
def glance(call: CallArg, as_of: AsOfQuery = None) -> object:
    """How many assets you see, by kind, state, source and platform."""
    refuse_as_of(as_of, "The glance")
    with call.connect() as connection:
        return reply(counts.at_a_glance(connection, call.viewer))


@router.get(
    "/namespaces",
    returns=Page[NamespaceView],
    summary="Namespaces",
    example={
        "items": [
            {
                "namespace": "postgres://db:5432",
                "platform": "postgres",
                "assets": 42,
                "aliases": ["postgres://old-db:5432"],
            }
        ],
        "total": 1,
        "at_least": None,
        "next": None,
    },
)
def list_namespaces(call: CallArg) -> object:
    """Namespaces that hold something you see, by name, with how many assets."""
    with call.connect() as connection:
        found = namespaces.namespaces(connection, call.viewer)
    return reply(Page(items=found, total=len(found)))


class RenameBody(BaseModel):
    """``namespace``: as it is called now; ``to``: its new name."""

    model_config = ConfigDict(extra="forbid", strict=True)

    namespace: str
    to: str
    dry_run: bool = True


@router.patch(
    "/namespaces",
    action="source",
    returns=NamespaceEdit,
    summary="Rename a namespace",
    example={
        "before": "postgres://old-db:5432",
        "after": "postgres://db:5432",
        "moved": 42,
        "merged": 0,
        "done": False,
    },
)
def rename_namespace(
    call: CallArg,
    body: Annotated[
        RenameBody,
        Body(examples=[{"namespace": "postgres://old-db:5432", "to": "postgres://db:5432"}]),
    ],
) -> object:
    """A system moved to another host: its namespace gets the new name, the old one an alias.

    Without `dry_run` false nothing is written. Assets that are in both become one.
    """

    def work(unit: Unit) -> NamespaceEdit:
        return namespaces.rename_namespace(
            unit, call.viewer, body.namespace, body.to, dry_run=body.dry_run
        )

    return reply(call.write(work))
