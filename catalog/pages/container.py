"""The page of a container: what it is, who looks after it, what lies in it, how curated it is."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection
from starlette.responses import Response

from catalog.assets import counts, listing, versions
from catalog.assets.resolve import Match
from catalog.assets.views import AssetView
from catalog.pages.asset_head import Head, as_of_query, flag_text, tabs_of
from catalog.pages.frame import page
from catalog.pages.texts import asset_path, query
from catalog.serving.call import Call

SHOWN: Final = 100


def container_page(
    call: Call, view: AssetView, match: Match, *, text: str = "", cursor: str | None = None
) -> Response:
    """The page. ``text`` narrows the children by name; ``cursor`` goes on behind a page.

    ``view`` may be a past state; what lies inside is always of now.
    """
    text = text.strip()
    whole = not text and cursor is None
    with call.read() as session:
        connection = session.connection()
        children = listing.browse(
            connection, call.viewer, match, text=text or None, limit=SHOWN, cursor=cursor
        )
        share = counts.curation_share(connection, call.viewer, match.key) if whole else None
        head = _head(connection, call, view, match)
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


def _head(connection: Connection, call: Call, view: AssetView, match: Match) -> Head:
    """The head of every asset, without lineage: data flows between what lies in containers."""
    as_of = None if view.sequence is None else str(view.sequence)
    now = as_of is None and view.state != "removed"
    steps = versions.count(connection, call.viewer, match)
    return Head(
        match=match,
        view=view,
        up=0,
        down=0,
        tabs=tabs_of(view, 0, 0, steps, as_of),
        flag_text=flag_text(view),
        as_of=as_of,
        query=as_of_query(as_of),
        may_edit=now and call.viewer.may("edit"),
        may_flag=now and call.viewer.may("flag"),
    )


def _first(asset: str, text: str) -> str:
    return f"/browse/{asset}?{query({'text': text})}" if text else asset_path(asset)
