"""The page of an asset: Overview answers a newcomer's six questions; a container has its own."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path
from starlette.responses import Response

from catalog.pages.asset_head import head_of
from catalog.pages.frame import page
from catalog.serving.call import CallArg, Router

router = Router("/assets", "pages")
AssetId = Annotated[str, Path()]


@router.get("/{id}", include_in_schema=False)
def overview(call: CallArg, id: AssetId, as_of: str | None = None) -> Response:
    """Overview."""
    head = head_of(call, id, as_of=as_of)
    return page(call, "asset/overview.html", here="/browse", head=head)
