"""Suggestions while typing: assets by name, columns by name, `NAME#column` when it is written."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from catalog.assets import columns as asset_columns
from catalog.assets.resolve import Match, resolve
from catalog.errors import Ambiguous, BadInput, NotFound, Unavailable
from catalog.pages.texts import asset_path, column_path, kind_icon, kind_name, where
from catalog.search.engine import Query
from catalog.search.page import HitView, search, similar
from catalog.serving.call import Call

SHOWN: Final = 8
ASKED: Final = 7
_COLUMNS_EACH: Final = 2
_EXACT_FIRST: Final = 4
_LONGEST: Final = 200
OPEN_WORD: Final = re.compile(r"(?:^|\s)[^\s\"():*-][^\s\"():*]*$")
"""A last word that may still be typed on; no field, quote or group."""


@dataclass(frozen=True)
class Option:
    """One suggestion. ``note``: what and where it is."""

    href: str
    icon: str
    label: str
    note: str
    flag: str | None = None


def options(call: Call, q: str) -> list[Option]:
    """At most `SHOWN`, best first; none for what cannot be understood (yet)."""
    q = q.strip()[:_LONGEST]
    if not q:
        return []
    try:
        if "#" in q:
            return _columns_of(call, q)
        return _found(call, q)
    except (BadInput, Unavailable):
        return []


def _found(call: Call, q: str) -> list[Option]:
    text = f"{q}*" if OPEN_WORD.search(q) else q
    wanted = Query(text=text, limit=ASKED)
    with call.read() as session:
        found = search(session, call.catalog.engine, call.viewer, wanted)
        if not found.items:
            near = similar(session, call.catalog.engine, call.viewer, q)
            return [
                Option(
                    asset_path(one.id), kind_icon(one.kind), one.name, "did you mean this?"
                )
                for one in near
            ]  # fmt: skip
    columns = {hit.id: _columns_in(hit, q.lower().split()) for hit in found.items}
    exact = [one for some in columns.values() for one, whole in some if whole][:_EXACT_FIRST]
    made = list(exact)
    for hit in found.items:
        mine = [one for one, _ in columns[hit.id] if one not in exact]
        named = "name" in hit.matched or "title" in hit.matched
        made += [_asset(hit)] if named or not columns[hit.id] else []
        made += mine[:_COLUMNS_EACH] if not named else []
    return made[:SHOWN]


def _asset(hit: HitView) -> Option:
    lives = where(hit)
    return Option(
        asset_path(hit.id), kind_icon(hit.kind), hit.label, f"{kind_name(hit.kind)}, {lives}",
        hit.flag,
    )  # fmt: skip


def _columns_in(hit: HitView, words: list[str]) -> list[tuple[Option, bool]]:
    """Columns of a hit whose own path holds all words; whether it is them exactly."""
    lives = where(hit)
    found = []
    for one in hit.highlights:
        field, _, path = one.field.partition(":")
        if field == "column" and all(word in path.lower() for word in words):
            label = f"{hit.label}.{path}"
            option = Option(column_path(hit.id, path), "column", label, f"column, {lives}")
            found.append((option, [path.lower()] == words))
    return found


def _columns_of(call: Call, q: str) -> list[Option]:
    """``NAME#begin``: columns of the asset that is called so."""
    name, _, path = q.rpartition("#")
    with call.read() as session:
        connection = session.connection()
        try:
            match = resolve(connection, call.viewer, name)
        except (NotFound, Ambiguous):
            return []
        found = asset_columns.columns(
            connection, call.viewer, match, text=path or None, limit=4 * SHOWN
        )
    begun = path.lower()
    return [
        _column(match, one.path, one.native_type or one.type)
        for one in found.items
        if begun in one.path.lower()  # not those that only say so in their comment
    ][:SHOWN]


def _column(match: Match, path: str, type: str) -> Option:
    label = f"{match.row.name}#{path}"
    return Option(column_path(match.id, path), "column", label, f"column, {type}")
