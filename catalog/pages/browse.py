"""Browse: the sources and the outermost containers of each; what lies in them is their page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from starlette.responses import Response

from catalog.assets import listing
from catalog.assets.views import Page, Summary
from catalog.pages.asset_head import head_of
from catalog.pages.container import container_page
from catalog.pages.foot import standings
from catalog.pages.frame import page
from catalog.pages.texts import query
from catalog.serving.call import CallArg
from catalog.serving.routing import Router
from catalog.sources.views import SourceView

router = Router("/browse", "pages")
SHOWN: Final = 200


@dataclass(frozen=True)
class Group:
    """A source with the outermost containers that it reports; None: nobody reports them."""

    name: str | None
    source: SourceView | None
    assets: int
    items: list[Summary]


@router.get("", include_in_schema=False)
def outermost(call: CallArg, text: str = "", cursor: str | None = None) -> Response:
    """All sources with their databases, buckets and folders; later pages go on by name."""
    standing = standings(call).of(call)
    with call.read() as session:
        found = listing.browse(
            session.connection(), call.viewer, None, text=text.strip() or None, limit=SHOWN,
            cursor=cursor,
        )  # fmt: skip
    first = cursor is None and not text
    more = {"text": text, "cursor": found.next}
    return page(
        call,
        "browse/browse.html",
        here="/browse",
        groups=_groups(found, standing.sources if first else (), standing.glance.sources),
        found=found,
        text=text,
        more=f"/browse?{query(more)}" if found.next else "",
        first="" if cursor is None else f"/browse?{query({'text': text})}".rstrip("?"),
    )


@router.get("/{id}", include_in_schema=False)
def inside(call: CallArg, id: str, text: str = "", cursor: str | None = None) -> Response:
    """The page of a container with its children narrowed to a name, or from a cursor on."""
    return container_page(call, head_of(call, id), text=text, cursor=cursor)


def _groups(
    found: Page[Summary], sources: tuple[SourceView, ...], assets: dict[str, int]
) -> list[Group]:
    """By source, in the order of their names; sources without a container last but those that
    nobody reports."""
    by_source: dict[str | None, list[Summary]] = {}
    for one in found.items:
        by_source.setdefault(one.source, []).append(one)
    known = {one.name: one for one in sources}
    names = sorted(name for name in {*by_source, *known} if name is not None)
    groups = [
        Group(name, known.get(name), assets.get(name, 0), by_source.get(name, []))
        for name in names
    ]  # fmt: skip
    groups.sort(key=lambda group: not group.items)
    if None in by_source:
        groups.append(Group(None, None, len(by_source[None]), by_source[None]))
    return groups
