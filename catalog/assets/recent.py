"""Which assets a user looked at last: noted in memory, written every few seconds."""

from __future__ import annotations

from typing import Final, NamedTuple

from sqlalchemy import Connection, delete, select

from catalog.access.viewer import Viewer, visible
from catalog.assets.later import FLUSH_SECONDS, Later
from catalog.assets.rows import ASSET, SUMMARY, see_assets, summary
from catalog.assets.views import Summary
from catalog.history import dialect
from catalog.history.store import Store, table_of
from catalog.history.unit import Unit
from catalog.model import RecentView, clock
from catalog.model.clock import to_text

KEPT: Final = 50
"""Assets that are remembered of each user."""
_RECENT = table_of(RecentView)


class Viewed(NamedTuple):
    """An asset and when the user last opened its page (RFC 3339)."""

    asset: Summary
    at: str


class RecentViews:
    """Notes in memory what users open and writes it every few seconds; see `Later`."""

    def __init__(self, store: Store, every: float = FLUSH_SECONDS) -> None:
        self._later = Later[tuple[int, int]](store, write_views, max, every)

    def note(self, viewer: Viewer, asset: int) -> bool:
        """A user opened the page of an asset (key). True when it is time to `flush`."""
        return viewer.user is not None and self._later.note((viewer.user, asset), clock.now())

    def pending(self, viewer: Viewer) -> dict[int, int]:
        """Asset key -> time of what is noted of the viewer and not yet written."""
        noted = self._later.pending().items()
        return {asset: at for (user, asset), at in noted if user == viewer.user}

    def flush(self) -> None:
        """Writes what was noted. Makes no change."""
        self._later.flush()


def write_views(unit: Unit, noted: dict[tuple[int, int], int]) -> None:
    """Writes (user, asset) -> time, and forgets what is older than the newest 50 of a user."""
    connection = unit.connection
    there = {
        key
        for (key,) in connection.execute(
            select(ASSET.c.key).where(ASSET.c.key.in_({asset for _, asset in noted}))
        )
    }
    rows = [
        {"user": user, "asset": asset, "at": at}
        for (user, asset), at in sorted(noted.items())
        if asset in there
    ]
    if not rows:
        return
    statement = dialect.insert(connection, _RECENT)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["user", "asset"], set_={"at": statement.excluded["at"]}
        ),
        rows,
    )
    for user in sorted({row["user"] for row in rows}):
        kept = (
            select(_RECENT.c.asset)
            .where(_RECENT.c.user == user)
            .order_by(_RECENT.c.at.desc())
            .limit(KEPT)
        )
        connection.execute(
            delete(_RECENT).where(_RECENT.c.user == user, _RECENT.c.asset.not_in(kept))
        )


def recent(
    connection: Connection, viewer: Viewer, pending: dict[int, int], limit: int = 6
) -> list[Viewed]:
    """What the viewer looked at last and may still see, newest first. ``pending``: see
    `RecentViews.pending`."""
    viewer.require("read")
    if viewer.user is None:
        return []
    times = dict(pending)
    for asset, at in connection.execute(
        select(_RECENT.c.asset, _RECENT.c.at).where(_RECENT.c.user == viewer.user)
    ):
        times[asset] = max(at, times.get(asset, 0))
    rows = connection.execute(
        SUMMARY.where(see_assets(visible(viewer)), ASSET.c.key.in_(sorted(times)))
    ).all()
    newest = sorted(rows, key=lambda row: -times[row.key])[:limit]
    return [Viewed(summary(row), to_text(times[row.key]) or "") for row in newest]
