"""The page of a container: what it is, who looks after it, what lies in it, how curated it is."""

from __future__ import annotations

from typing import Final

from starlette.responses import Response

from catalog.assets import counts, listing
from catalog.pages.asset_head import Head
from catalog.pages.frame import page
from catalog.pages.texts import asset_path, query
from catalog.serving.call import Call

SHOWN: Final = 100


def container_page(
    call: Call, head: Head, *, text: str = "", cursor: str | None = None
) -> Response:
    """The page. ``text`` narrows the children by name; ``cursor`` goes on behind a page.

    ``head`` may be of a past state; what lies inside is always of now.
    """
    view, match = head.view, head.match
    text = text.strip()
    whole = not text and cursor is None
    with call.read() as session:
        connection = session.connection()
        children = listing.browse(
            connection, call.viewer, match, text=text or None, limit=SHOWN, cursor=cursor
        )
        share = counts.curation_share(connection, call.viewer, match.key) if whole else None
    if whole:
        call.viewed(match.key)
    here = f"/browse/{view.id}"
    return page(
        call,
        "container/container.html",
        here="/browse",
        head=head,
        one=view,
        children=children,
        share=share,
        text=text,
        narrow=here,
        more=f"{here}?{query({'text': text, 'cursor': children.next})}" if children.next else "",
        first=_first(view.id, text) if cursor is not None else "",
    )


def _first(asset: str, text: str) -> str:
    return f"/browse/{asset}?{query({'text': text})}" if text else asset_path(asset)
