"""The definition of an asset: SQL in colour, the tables that it reads as links. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from catalog.lineage.definitions import Mention
from catalog.pages.texts import asset_path, sql

LONGEST = 100_000
"""Characters that are shown; of a longer one the beginning."""


def linked(text: str, mentions: Sequence[Mention]) -> Markup:
    """The text coloured; each mention is a link. What overlaps an earlier one is left out."""
    text = text[:LONGEST]
    made: list[Any] = []
    at = 0
    for one in sorted(mentions):
        if one.start < at or one.end > len(text):
            continue
        made.append(sql(text[at : one.start]))
        made.append(
            Markup('<a href="{}" title="{}">{}</a>').format(
                asset_path(one.asset), one.name, text[one.start : one.end]
            )
        )
        at = one.end
    made.append(sql(text[at:]))
    return Markup("").join(made)
