"""The tab Crawls: which sources see an asset, how whole their last look was, what they changed."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import Path, Query
from starlette.responses import Response

from catalog.assets import changes
from catalog.assets.resolve import resolve_id
from catalog.pages.activity import grouped
from catalog.pages.asset_head import head_in
from catalog.pages.frame import page
from catalog.pages.stories import tell
from catalog.serving.call import CallArg
from catalog.serving.routing import Router
from catalog.sources.crawl_reads import list_problems
from catalog.usecases import why as reasons

router = Router("/assets", "pages")
SHOWN: Final = 30
PROBLEMS: Final = 20


@router.get("/{id}/crawls", include_in_schema=False)
def crawls(
    call: CallArg,
    id: Annotated[str, Path()],
    cursor: Annotated[str, Query(max_length=4000)] = "",
) -> Response:
    """The tab."""
    with call.read() as session:
        connection = session.connection()
        match = resolve_id(connection, call.viewer, id)
        head = head_in(connection, call, match)
        why = reasons.why(connection, call.viewer, head.view.id)
        problems = list_problems(session, call.viewer, asset=match.key, muted=True, limit=PROBLEMS)
        found = changes.changes(
            connection,
            call.viewer,
            match,
            crawls_only=True,
            limit=SHOWN,
            cursor=cursor or None,
        )
        stories = tell(session, call.viewer, found.items)
    return page(
        call,
        "asset_crawls/crawls.html",
        here="/browse",
        head=head,
        why=why,
        problems=problems,
        groups=grouped(stories),
        found=found,
        shown=len(stories),
        cursor=cursor,
    )
