"""``did_you_mean``: what is there instead of a name that fits nothing."""

from __future__ import annotations

from difflib import SequenceMatcher, get_close_matches
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
        return _nearest(rows, name)
    for last in sorted(leaves, key=len):
        rows = _written_alike(connection, viewer, last.lower()[:_SORT_LENGTH], name)
        if rows:
            return rows
    return []


def _written_alike(connection: Connection, viewer: Viewer, wanted: str, name: str) -> list[Row]:
    """Names that begin alike, by edit distance; a slip in the first letters: by the first one.

    Of several with one last part that comes first whose whole name is nearest.
    """
    found: dict[str, list[Row]] = {}
    for length in (3, 1):
        start = wanted[:length]
        if not start:
            return []
        parameters = {"start": start, "stop": start[:-1] + _after(start[-1])}
        for row in fetch(connection, viewer, _same_start, parameters):
            same = found.setdefault(row.sort.lower(), [])
            if row not in same:
                same.append(row)
        close = get_close_matches(wanted, found, n=MOST, cutoff=0.6)
        if close:
            return [row for one in close for row in _nearest(found[one], name)][:MOST]
    return []


def _nearest(rows: list[Row], name: str) -> list[Row]:
    """The rows, those first whose whole name is most like the one that was asked for."""
    compared = SequenceMatcher(None, b=name[-_SORT_LENGTH:].lower())

    def unlike(row: Row) -> float:
        compared.set_seq1(row.name[-_SORT_LENGTH:].lower())
        return -compared.ratio()

    return sorted(rows, key=unlike)


def _after(letter: str) -> str:
    """The next code point that text can hold: no lone surrogate."""
    code = ord(letter) + 1
    return chr(0xE000) if 0xD800 <= code <= 0xDFFF else chr(min(code, 0x10FFFF))
