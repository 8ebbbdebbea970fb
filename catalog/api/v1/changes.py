"""What changed: the feed of all that one may see, and the history of one asset."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import Query

from catalog.api.v1.assets import REF
from catalog.api.v1.by_name import (
    EXAMPLE_ID,
    Asked,
    AsOfQuery,
    CursorQuery,
    LimitQuery,
    ListQuery,
    Pair,
    of_asset,
    told,
)
from catalog.assets import changes as log
from catalog.assets import moments, resolve
from catalog.assets import versions as asset_versions
from catalog.assets.views import ChangeView, Page, VersionView
from catalog.serving.call import Call, CallArg, reply
from catalog.serving.routing import Router

router = Router("/api/v1", "changes")
pair = Pair(router)
ChangePage = of_asset("ChangePage", Page[ChangeView])
VersionPage = of_asset("VersionPage", Page[VersionView])
_CHANGE = {
    "sequence": 4711,
    "at": "2026-11-22T09:00:00.123456Z",
    "actor": f"user:{EXAMPLE_ID}",
    "actor_name": "Ann",
    "what": "description",
    "subject_type": "asset",
    "subject": EXAMPLE_ID,
    "asset": "postgres://db:5432/shop.public.orders",
    "asset_id": EXAMPLE_ID,
    "column": None,
    "cause": None,
    "before": None,
    "after": {"description": "One row per order."},
}
_VERSION = {
    "sequence": 4711,
    "at": "2026-11-22T09:00:00.123456Z",
    "actor": f"user:{EXAMPLE_ID}",
    "actor_name": "Ann",
    "what": ["description"],
    "cause": None,
    "parts": ["facts"],
    "diff": {
        "columns": [],
        "values": [
            {
                "what": "description",
                "column": None,
                "before": None,
                "after": "One row per order.",
                "breaking": False,
            }
        ],
        "breaking": False,
    },
}


@router.get(
    "/changes",
    returns=Page[ChangeView],
    summary="The feed of changes",
    example={"items": [_CHANGE], "total": None, "at_least": 1, "next": "b64..."},
)
def feed(
    call: CallArg,
    source: ListQuery = [],  # noqa: B006
    kind: ListQuery = [],  # noqa: B006
    actor: ListQuery = [],  # noqa: B006
    what: ListQuery = [],  # noqa: B006
    subject_type: ListQuery = [],  # noqa: B006
    under: Annotated[
        str | None, Query(description="Only what lies in this container: a name in any form.")
    ] = None,
    machine: Annotated[
        bool, Query(description="False leaves out what crawls and the system wrote.")
    ] = True,
    sort: Annotated[
        Literal["new", "old"],
        Query(description="`old` is for programs: oldest first, `next` is always there."),
    ] = "new",
    limit: LimitQuery = 100,
    cursor: CursorQuery = None,
) -> object:
    """Changes of assets that you see; of users, tokens and sources too, for admins.

    With `sort=old`, keep `next` and ask again later: nothing is left out, nothing comes twice.
    410 says that the store was restored since: read anew, and start without a cursor.
    """
    with call.connect() as connection:
        inside = resolve.resolve(connection, call.viewer, under) if under is not None else None
        wanted = log.FeedFilter(
            source=tuple(source),
            kind=tuple(kind),
            actor=tuple(actor),
            what=tuple(what),
            subject_type=tuple(subject_type),
            machine=machine,
            under=None if inside is None else inside.key,
        )
        page = log.feed(connection, call.viewer, wanted, order=sort, limit=limit, cursor=cursor)
    return reply(page)


@pair.get(
    "/changes",
    returns=ChangePage,
    summary="Changes of one asset",
    example={**REF, "items": [_CHANGE], "total": 1, "at_least": None, "next": None},
)
def changes(
    call: Call,
    asked: Asked,
    *,
    limit: LimitQuery = 50,
    cursor: CursorQuery = None,
    as_of: AsOfQuery = None,
) -> object:
    """Every entry of the change log about the asset and its columns, the newest first."""
    moments.refuse_as_of(as_of, "Changes")
    with call.connect() as connection:
        match = asked.match(connection, call.viewer)
        page = log.changes(connection, call.viewer, match, limit=limit, cursor=cursor)
    return told(ChangePage, match, page)


@pair.get(
    "/versions",
    returns=VersionPage,
    summary="Versions of one asset, with what each changed",
    example={**REF, "items": [_VERSION], "total": 1, "at_least": None, "next": None},
)
def versions(
    call: Call,
    asked: Asked,
    *,
    diff: Annotated[bool, Query(description="Whether to compare each with the one before.")] = True,
    limit: LimitQuery = 20,
    cursor: CursorQuery = None,
    as_of: AsOfQuery = None,
) -> object:
    """Steps in the history, the newest first; `as_of=SEQUENCE` of the asset shows that state."""
    moments.refuse_as_of(as_of, "Versions")
    with call.connect() as connection:
        match = asked.match(connection, call.viewer)
        page = asset_versions.versions(
            connection, call.viewer, match, limit=limit, cursor=cursor, with_diff=diff
        )
    return told(VersionPage, match, page)
