"""``did_you_mean``: what is there instead of a name that fits nothing."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Select, bindparam

from catalog.access.viewer import Viewer
from catalog.assets.rows import ASSET, SUMMARY, Row, fetch
from catalog.assets.spelling import folded_variants
from catalog.naming import leaf, text_key
from catalog.types import LIVE_STATES

MOST: Final = 5
_SCANNED: Final = 300  # rows compared by edit distance, so that a miss stays cheap
_SORT_LENGTH: Final = 200


def _same_leaf(see: ColumnElement[bool]) -> Select[Any]:
    return SUMMARY.where(
        ASSET.c.leaf_key.in_(bindparam("keys", expanding=True)),
        ASSET.c.state.in_(LIVE_STATES),
        see,
    ).limit(MOST)


def _same_start(see: ColumnElement[bool]) -> Select[Any]:
    return (
        SUMMARY.where(
            ASSET.c.sort >= bindparam("start"),
            ASSET.c.sort < bindparam("stop"),
            ASSET.c.state.in_(LIVE_STATES),
            see,
        )
        .order_by(ASSET.c.sort, ASSET.c.key)
        .limit(_SCANNED)
    )


def did_you_mean(connection: Connection, viewer: Viewer, name: str) -> list[Row]:
    """Visible assets with the same last part elsewhere, else with one that is written alike.

    At most `MOST`; a few queries, each limited.
    """
    leaves = {leaf(name.split("#", 1)[0], platform) for platform in ("postgres", "s3")}
    keys = {text_key(one) for last in leaves for one in folded_variants(last)}
    rows = fetch(connection, viewer, _same_leaf, {"keys": list(keys)})
    if rows:
        return rows
    for last in sorted(leaves, key=len):
        rows = _written_alike(connection, viewer, last.lower()[:_SORT_LENGTH])
        if rows:
            return rows
    return []


def _written_alike(connection: Connection, viewer: Viewer, wanted: str) -> list[Row]:
    """Names that begin alike, by edit distance; a slip in the first letters: by the first one."""
    found: dict[str, Row] = {}
    for length in (3, 1):
        start = wanted[:length]
        if not start:
            return []
        parameters = {"start": start, "stop": start[:-1] + _after(start[-1])}
        for row in fetch(connection, viewer, _same_start, parameters):
            found.setdefault(row.sort.lower(), row)
        close = get_close_matches(wanted, found, n=MOST, cutoff=0.6)
        if close:
            return [found[one] for one in close]
    return []


def _after(letter: str) -> str:
    """The next code point that text can hold: no lone surrogate."""
    code = ord(letter) + 1
    return chr(0xE000) if 0xD800 <= code <= 0xDFFF else chr(min(code, 0x10FFFF))
