"""The versions of an asset by number: the first step that changed it is 1, what it was before 0."""

from __future__ import annotations

from sqlalchemy import Connection, func, select

from catalog.access.viewer import Viewer
from catalog.assets.resolve import Match
from catalog.history.store import table_of
from catalog.model import AssetVersion

_VERSION = table_of(AssetVersion)


def number_at(connection: Connection, viewer: Viewer, match: Match, sequence: int) -> int:
    """Which version of a visible asset held at a sequence."""
    viewer.require("read")
    return int(
        connection.execute(
            select(func.count(_VERSION.c.to_sequence.distinct())).where(
                _VERSION.c.asset == match.key,
                _VERSION.c.to_sequence <= sequence,
                ~_VERSION.c.part.contains("/", autoescape=True),
            )
        ).scalar_one()
    )
