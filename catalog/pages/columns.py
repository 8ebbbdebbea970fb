"""The tab Columns: filtered and paged on the server, described in place."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import Path
from starlette.responses import Response

from catalog.assets import columns as asset_columns
from catalog.assets.resolve import resolve_id
from catalog.pages.asset_head import head_in
from catalog.pages.copies import LABELS
from catalog.pages.frame import page
from catalog.serving.call import CallArg
from catalog.serving.routing import Router

router = Router("/assets", "pages")
SHOWN: Final = 100


@router.get("/{id}/columns", include_in_schema=False)
def columns(
    call: CallArg,
    id: Annotated[str, Path()],
    text: str | None = None,
    type: str | None = None,
    tag: str | None = None,
    undescribed: str | None = None,
    keys: str | None = None,
    cursor: str | None = None,
    as_of: str | None = None,
) -> Response:
    """Columns in their order; the filters are the address."""
    given = _given(text, type, tag, undescribed, keys)
    counts: asset_columns.ColumnCounts | None
    with call.connect() as connection:
        match = resolve_id(connection, call.viewer, id)
        head = head_in(connection, call, match, as_of=as_of)
        more = {**given, "limit": SHOWN, "cursor": cursor or None}
        if head.as_of is None:
            found = asset_columns.columns(connection, call.viewer, match, **more)
            counts = asset_columns.column_counts(connection, call.viewer, match)
        else:
            found, counts = asset_columns.page_of(head.view, **more), None
    words = {key: "yes" if value is True else value for key, value in given.items() if value}
    return page(
        call,
        "asset/columns.html",
        here="/browse",
        head=head,
        found=found,
        given=given,
        here_query={**words, "as_of": head.as_of},
        cursor=cursor,
        counts=counts,
        forms=LABELS,
    )


def _given(*values: str | None) -> dict[str, Any]:
    """The filters; what is empty filters nothing."""
    text, type_, tag, undescribed, keys = values
    return {
        "text": (text or "").strip() or None,
        "type": type_ or None,
        "tag": (tag or "").strip().strip("/") or None,
        "undescribed": bool(undescribed),
        "keys": bool(keys),
    }
