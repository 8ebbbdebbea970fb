"""The preview of one hit: what it is, who vouches, which columns match, where data comes from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from markupsafe import Markup
from sqlalchemy import Connection

from catalog.access.viewer import Viewer
from catalog.assets import reading
from catalog.assets.resolve import resolve_id
from catalog.assets.views import AssetView, ColumnView
from catalog.lineage.adjacency import degrees
from catalog.pages.hits import emphasized, words_of
from catalog.search.highlight import QueryWords, marked

COLUMNS_SHOWN: Final = 7


@dataclass(frozen=True)
class PreviewColumn:
    """A row of the small table."""

    path: str
    name: Markup
    type: str
    keys: list[str]


@dataclass(frozen=True)
class Preview:
    """``upstream``, ``downstream``: visible neighbours one hop away. ``rows``: their number, if
    it was measured. ``matching``: whether some columns hold words of the query."""

    asset: AssetView
    columns: list[PreviewColumn]
    matching: bool
    rows: float | None
    upstream: int
    downstream: int


def preview_of(connection: Connection, viewer: Viewer, asset: str, q: str) -> Preview:
    """The preview of an asset by its public id; raises `NotFound`."""
    match = resolve_id(connection, viewer, asset)
    view = reading.read(connection, viewer, match)
    words = words_of(q)
    chosen, matching = _columns(view.columns or [], words)
    rows = (view.measures or {}).get("rows")
    return Preview(
        asset=view,
        columns=[
            PreviewColumn(one.path, emphasized(one.path, words), one.native_type or one.type,
                          one.keys)
            for one in chosen
        ],
        matching=matching,
        rows=rows.value if rows is not None else None,
        upstream=degrees(connection, viewer, [match.key], "up").get(match.key, 0),
        downstream=degrees(connection, viewer, [match.key], "down").get(match.key, 0),
    )  # fmt: skip


def _columns(found: list[ColumnView], words: QueryWords) -> tuple[list[ColumnView], bool]:
    """Those with words of the query, then keys, then the first ones; each in their order."""
    hit = [one for one in found if words and marked(one.path, words)]
    keyed = [one for one in found if one.keys and one not in hit]
    rest = [one for one in found if one not in hit and one not in keyed]
    return [*hit, *keyed, *rest][:COLUMNS_SHOWN], bool(hit)
