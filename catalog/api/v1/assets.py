"""Assets: one whole, many by name, lists, and what is read of one asset."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from fastapi import Body, Query
from pydantic import BaseModel, ConfigDict, Field

from catalog.api.v1.by_name import (
    EXAMPLE_ID,
    Asked,
    AsOfQuery,
    ColumnQuery,
    CursorQuery,
    LimitQuery,
    ListQuery,
    Pair,
    of_asset,
    told,
)
from catalog.assets import columns as asset_columns
from catalog.assets import listing, moments, past, reading
from catalog.assets import lookup as lookups
from catalog.assets import partitions as asset_partitions
from catalog.assets.views import (
    AssetView,
    ColumnView,
    Definition,
    Found,
    Page,
    SeenBy,
    Summary,
)
from catalog.serving.call import Call, CallArg, reply
from catalog.serving.routing import Router
from catalog.usecases import why as reasons

router = Router("/api/v1", "assets")
pair = Pair(router)

ColumnPage = of_asset("ColumnPage", Page[ColumnView])
PartitionPage = of_asset("PartitionPage", Page[asset_partitions.PartitionView])
SightingPage = of_asset("SightingPage", Page[SeenBy])

_SUMMARY = {
    "id": EXAMPLE_ID,
    "url": f"http://127.0.0.1:8585/assets/{EXAMPLE_ID}",
    "asset_class": "data",
    "kind": "table",
    "platform": "postgres",
    "namespace": "postgres://db:5432",
    "name": "shop.public.orders",
    "label": "orders",
    "state": "crawled",
    "title": None,
    "description": "One row per order.",
    "flag": "endorsed",
    "source": "wh",
    "popularity": 4,
    "rows_class": 6,
    "changed_at": "2026-11-22T09:00:00.123456Z",
    "removed_at": None,
    "children": None,
}
REF = {
    "asset": {
        "id": EXAMPLE_ID,
        "url": f"http://127.0.0.1:8585/assets/{EXAMPLE_ID}",
        "name": "postgres://db:5432/shop.public.orders",
        "kind": "table",
        "state": "crawled",
    },
    "matched_by": "source",
}
"""How every example of a sub-resource begins."""


class NamePair(BaseModel):
    """A name in a namespace, exactly."""

    model_config = ConfigDict(extra="forbid")

    namespace: str
    name: str


class LookupBody(BaseModel):
    """``names``: at most 1,000, each in any form or as a pair."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    names: list[str | NamePair]
    asset_class: str | None = Field(default=None, alias="class")


class Lookup(msgspec.Struct, frozen=True):
    """``items``: in the order asked. ``found``: how many of them are an asset."""

    items: list[Found]
    total: int
    found: int
    next: str | None = None


class DefinitionReply(msgspec.Struct, frozen=True):
    """``definition`` None: no statement is known that makes the asset."""

    definition: Definition | None


DefinitionOf = of_asset("DefinitionOf", DefinitionReply)


@pair.get("", returns=AssetView, summary="One asset whole", short=True)
def asset(
    call: Call, asked: Asked, *, column: ColumnQuery = None, as_of: AsOfQuery = None
) -> object:
    """An asset with its effective facts, columns (the first 1,000), measures and last crawl.

    The ETag is that of the facts which people write. With `as_of` the state of then; what is
    only of now (measures, crawls, children) is null.
    """
    with call.connect() as connection:
        match = asked.match(connection, call.viewer, column)
        if as_of is None:
            view = reading.read(connection, call.viewer, match)
        else:
            sequence = moments.sequence_of(connection, as_of)
            view = past.as_of(connection, call.viewer, match, sequence)
    call.looked_up(match.key)
    return reply(view, etag=view.etag if as_of is None else None)


@router.get(
    "/assets",
    returns=Page[Summary],
    summary="List assets",
    example={"items": [_SUMMARY], "total": 1, "at_least": None, "next": None},
)
def list_assets(
    call: CallArg,
    kind: ListQuery = [],  # noqa: B006
    asset_class: Annotated[list[str], Query(alias="class")] = [],  # noqa: B006
    platform: ListQuery = [],  # noqa: B006
    source: ListQuery = [],  # noqa: B006
    namespace: ListQuery = [],  # noqa: B006
    state: ListQuery = [],  # noqa: B006
    tag: ListQuery = [],  # noqa: B006
    owner: ListQuery = [],  # noqa: B006
    flag: ListQuery = [],  # noqa: B006
    parent: str | None = None,
    sort: Literal["name", "new"] = "name",
    limit: LimitQuery = 50,
    cursor: CursorQuery = None,
) -> object:
    """Visible assets, narrowed by filters. A filter given twice means: any of the values.

    Without `state` all that are live. `owner`: `person:ID`, `team:ID`, `account:SOURCE/NAME`.
    `parent`: id of a container. Up to 10,000 are counted, above that `at_least`.
    """
    wanted = listing.Filter(
        kind=tuple(kind),
        asset_class=tuple(asset_class),
        platform=tuple(platform),
        source=tuple(source),
        namespace=tuple(namespace),
        state=tuple(state),
        tag=tuple(tag),
        owner=tuple(owner),
        flag=tuple(flag),
        parent=parent,
    )
    with call.connect() as connection:
        page = listing.assets(
            connection, call.viewer, wanted, order=sort, limit=limit, cursor=cursor
        )
    return reply(page)


@router.post(
    "/assets/lookup",
    action="read",
    returns=Lookup,
    summary="Look up many names",
    example={
        "items": [
            {
                "asked": "wh.shop.public.orders",
                "matched_by": "source",
                "column": None,
                "asset": _SUMMARY,
                "problem": None,
            }
        ],
        "total": 1,
        "found": 1,
        "next": None,
    },
)
def lookup(
    call: CallArg,
    body: Annotated[
        LookupBody,
        Body(
            examples=[
                {
                    "names": [
                        "wh.shop.public.orders",
                        {"namespace": "s3://lake", "name": "raw/orders"},
                    ]
                }
            ]
        ),
    ],
) -> object:
    """Up to 1,000 names in any form, answered in order: each an asset or a problem."""
    names = [one if isinstance(one, str) else (one.namespace, one.name) for one in body.names]
    with call.connect() as connection:
        found = lookups.lookup(connection, call.viewer, names, asset_class=body.asset_class)
    there = [one.asset.id for one in found if one.asset is not None]
    call.looked_up(*there)
    return reply(Lookup(found, len(found), len(there)))


@pair.get(
    "/columns",
    returns=ColumnPage,
    summary="Columns of an asset",
    example={
        **REF,
        "items": [
            {
                "path": "order_id",
                "position": 1,
                "type": "int64",
                "native_type": "bigint",
                "nullable": False,
                "default": None,
                "comment": None,
                "keys": ["primary"],
                "title": None,
                "description": None,
                "description_origin": None,
                "owners": [],
                "tags": [],
                "flag": None,
                "flags": [],
                "etag": "0",
            }
        ],
        "total": 1,
        "at_least": None,
        "next": None,
    },
)
def columns(
    call: Call,
    asked: Asked,
    *,
    text: Annotated[str | None, Query(description="In path or comment, in any case.")] = None,
    type: Annotated[str | None, Query(description="Normalized type.")] = None,
    tag: Annotated[str | None, Query(description="A tag; its children count too.")] = None,
    limit: LimitQuery = 100,
    cursor: CursorQuery = None,
    as_of: AsOfQuery = None,
) -> object:
    """Columns in their order, with effective facts; at most 1,000 on a page."""
    wanted: dict[str, Any] = {"text": text, "type": type, "tag": tag}
    with call.connect() as connection:
        match = asked.match(connection, call.viewer)
        if as_of is None:
            page = asset_columns.columns(
                connection, call.viewer, match, **wanted, limit=limit, cursor=cursor
            )
        else:
            sequence = moments.sequence_of(connection, as_of)
            view = past.as_of(connection, call.viewer, match, sequence)
            page = asset_columns.page_of(view, **wanted, limit=limit, cursor=cursor)
    return told(ColumnPage, match, page)


@pair.get(
    "/partitions",
    returns=PartitionPage,
    summary="Partitions of a dataset",
    example={
        **REF,
        "items": [
            {
                "path": "dt=2026-11-22",
                "values": {"dt": "2026-11-22"},
                "files": 3,
                "rows": 120000,
                "bytes": 48211203,
                "newest_file": "2026-11-22T03:12:44Z",
            }
        ],
        "total": 1,
        "at_least": None,
        "next": None,
    },
)
def partitions(
    call: Call,
    asked: Asked,
    *,
    text: Annotated[str | None, Query(description="In the path, in any case.")] = None,
    sort: Literal["path", "newest"] = "path",
    limit: LimitQuery = 100,
    cursor: CursorQuery = None,
    as_of: AsOfQuery = None,
) -> object:
    """Partitions by path, or those with the newest file first."""
    moments.refuse_as_of(as_of, "Partitions")
    with call.connect() as connection:
        match = asked.match(connection, call.viewer)
        page = asset_partitions.partitions(
            connection, call.viewer, match, text=text, order=sort, limit=limit, cursor=cursor
        )
    return told(PartitionPage, match, page)


@pair.get("/sightings", returns=SightingPage, summary="Which sources see an asset")
def sightings(call: Call, asked: Asked, *, as_of: AsOfQuery = None) -> object:
    """What each source knows of the asset, with the last crawl that covered it."""
    moments.refuse_as_of(as_of, "Sightings")
    with call.connect() as connection:
        match = asked.match(connection, call.viewer)
        seen = reading.read(connection, call.viewer, match).seen_by or []
    return told(SightingPage, match, Page(items=seen, total=len(seen)))


@pair.get(
    "/definition",
    returns=DefinitionOf,
    summary="The statement that makes an asset",
    example={
        **REF,
        "definition": {
            "id": EXAMPLE_ID,
            "text": "SELECT * FROM staging.orders",
            "dialect": "postgres",
            "kind": "view",
            "problem": None,
        },
    },
)
def definition(call: Call, asked: Asked, *, as_of: AsOfQuery = None) -> object:
    """The SQL of a view, or of the statement that created a table; null when none is known."""
    moments.refuse_as_of(as_of, "The definition")
    with call.connect() as connection:
        match = asked.match(connection, call.viewer)
        view = reading.read(connection, call.viewer, match)
    return told(DefinitionOf, match, DefinitionReply(view.definition))


@pair.get(
    "/why",
    returns=reasons.Why,
    summary="Why a name is there, or is not",
    example={
        "name": "wh.shop.public.orders",
        "asset": EXAMPLE_ID,
        "reasons": [
            {
                "code": "present",
                "message": "It is in the catalog; the source wh reports it.",
                "source": "wh",
                "at": "2026-11-22T03:00:00Z",
                "hint": None,
            }
        ],
    },
)
def why(call: Call, asked: Asked) -> object:
    """No source covers it, left out by a pattern, failed, held, removed: all that is known.

    A name that nothing fits is no error here: that is what is explained.
    """
    with call.connect() as connection:
        return reply(reasons.why(connection, call.viewer, asked.text))
