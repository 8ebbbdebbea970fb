"""Names as people have them, as addresses: ``/name?name=`` leads to the asset or the column."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query
from starlette.responses import RedirectResponse, Response

from catalog.assets.columns import named_column
from catalog.assets.resolve import resolve
from catalog.pages.texts import asset_path, column_path
from catalog.serving.call import CallArg
from catalog.serving.routing import Router

router = Router("/name", "pages")


@router.get("", include_in_schema=False)
def named(
    call: CallArg,
    name: Annotated[str, Query(description="In any form; behind # a column.")],
    column: str = "",
) -> Response:
    """To the page that the name means. Several or none: a page that lists what comes close."""
    with call.connect() as connection:
        match = resolve(connection, call.viewer, name, column=column or None)
        if match.column is None:
            return RedirectResponse(asset_path(match.id), 302)
        path = named_column(connection, match, match.column).path
    return RedirectResponse(column_path(match.id, path), 302)
