"""Search: words, filters and facets over what one may see."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

import msgspec
from fastapi import Query

from catalog.api.v1.by_name import EXAMPLE_ID, AsOfQuery, CursorQuery, ListQuery
from catalog.assets.moments import refuse_as_of
from catalog.errors import BadInput
from catalog.history import cursor as cursors
from catalog.search.engine import FACETS
from catalog.search.engine import Query as Wanted
from catalog.search.page import FacetCount, HitView, SearchPage, Suggestion, search
from catalog.serving.call import CallArg, reply
from catalog.serving.routing import Router

router = Router("/api/v1", "search")
WordsQuery = Annotated[
    str,
    Query(
        description='Words, "phrases", begin*, -without, OR, (groups), kind:table, '
        "platform:, source:, tag:, owner:, column:, flag: ...",
        examples=["kind:table platform:postgres orders"],
    ),
]
FacetsQuery = Annotated[list[str], Query(description="Facets to count; none of them with `none`.")]
LimitQuery = Annotated[int, Query(description="Hits on the page, at most 200.")]
OffsetQuery = Annotated[int, Query(description="Hits to skip, at most 10,000.")]


class SearchReply(msgspec.Struct, frozen=True):
    """A page of hits, best first. Either ``total`` or ``at_least`` is known.

    ``facets``: name -> its most frequent values. ``fallback``: nothing had all words, these have
    some. ``did_you_mean``: when nothing was found.
    """

    items: list[HitView]
    total: int | None
    at_least: int | None
    next: str | None
    facets: dict[str, list[FacetCount]]
    fallback: bool
    did_you_mean: list[Suggestion]


_EXAMPLE = {
    "items": [
        {
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
            "flag": None,
            "source": "wh",
            "environment": None,
            "owners": [{"type": "person", "id": EXAMPLE_ID, "name": "Ann"}],
            "tags": ["pii/email"],
            "popularity": 4,
            "rows_class": 6,
            "data_as_of": None,
            "checked_at": "2026-11-22T03:00:00Z",
            "score": 12.5,
            "matched": ["name"],
            "highlights": [{"field": "name", "text": "shop.public.orders", "spans": [[12, 18]]}],
        }
    ],
    "total": 1,
    "at_least": None,
    "next": None,
    "facets": {"kind": [{"value": "table", "label": "table", "count": 1}]},
    "fallback": False,
    "did_you_mean": [],
}


@router.get("/search", returns=SearchReply, summary="Search assets", example=_EXAMPLE)
def search_assets(
    call: CallArg,
    q: WordsQuery = "",
    kind: ListQuery = [],  # noqa: B006
    asset_class: Annotated[list[str], Query(alias="class")] = [],  # noqa: B006
    platform: ListQuery = [],  # noqa: B006
    source: ListQuery = [],  # noqa: B006
    namespace: ListQuery = [],  # noqa: B006
    environment: ListQuery = [],  # noqa: B006
    tag: ListQuery = [],  # noqa: B006
    classification: ListQuery = [],  # noqa: B006
    domain: ListQuery = [],  # noqa: B006
    owner: ListQuery = [],  # noqa: B006
    flag: ListQuery = [],  # noqa: B006
    facets: FacetsQuery = list(FACETS),  # noqa: B006
    sort: Literal["relevance", "name", "popularity"] = "relevance",
    limit: LimitQuery = 20,
    offset: OffsetQuery = 0,
    cursor: CursorQuery = None,
    as_of: AsOfQuery = None,
) -> object:
    """Assets that fit, best first; an exact name comes before all else.

    A filter given twice means: any of the values; it does not narrow its own facet. Referenced
    assets are found by their exact name only. Search is of now: `as_of` is refused.
    """
    refuse_as_of(as_of, "Search")
    filters = {
        "kind": kind,
        "class": asset_class,
        "platform": platform,
        "source": source,
        "namespace": namespace,
        "environment": environment,
        "tag": tag,
        "classification": classification,
        "domain": domain,
        "owner": owner,
        "flag": flag,
    }
    query = {"search": q, "filters": filters, "sort": sort}
    wanted = Wanted(
        text=q,
        filters={name: tuple(values) for name, values in filters.items() if values},
        facets=() if facets == ["none"] else tuple(facets),
        sort=sort,
        offset=_offset(query, offset, cursor),
        limit=limit,
    )
    with call.read() as session:
        page = search(session, call.catalog.engine, call.viewer, wanted)
    return reply(_shaped(page, query))


def _offset(query: Mapping[str, object], offset: int, cursor: str | None) -> int:
    if cursor is None:
        return offset
    if offset:
        raise BadInput("Both cursor and offset were sent.", remedy="Send one of them.")
    return int(cursors.decode(query, cursor)[0])


def _shaped(page: SearchPage, query: Mapping[str, object]) -> SearchReply:
    return SearchReply(
        items=page.items,
        total=page.total,
        at_least=page.at_least,
        next=None if page.next is None else cursors.encode(query, [page.next]),
        facets=page.facets,
        fallback=page.fallback,
        did_you_mean=page.did_you_mean,
    )
