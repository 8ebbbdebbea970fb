"""The foot of a page: how much is in the catalog, whether the index is in step, the oldest crawl.

What it counts is kept for some seconds per what a viewer may see: a foot is no reason to count
100,000 assets for every page.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import Final

from catalog.access.expression import Expression
from catalog.access.viewer import visible
from catalog.assets import counts
from catalog.assets.views import Glance
from catalog.search.follower import Follower
from catalog.serving.call import Call
from catalog.sources import reads
from catalog.sources.views import SourceView

KEPT_SECONDS: Final = 10.0


@dataclass(frozen=True)
class Oldest:
    """The source whose last crawl is the longest ago."""

    source: str
    at: int


@dataclass(frozen=True)
class Foot:
    """What stands at the foot. ``index``: a sentence."""

    assets: int
    sources: int
    index: str
    oldest: Oldest | None


@dataclass(frozen=True)
class Standing:
    """Counts and sources, as seen some seconds ago."""

    glance: Glance
    sources: tuple[SourceView, ...]
    index: str


class Standings:
    """Keeps a `Standing` per expression (and whether config is shown)."""

    def __init__(self, seconds: float = KEPT_SECONDS) -> None:
        self._seconds = seconds
        self._kept: dict[tuple[Expression, bool], tuple[float, Standing]] = {}
        self._lock = threading.Lock()

    def of(self, call: Call) -> Standing:
        """The standing for this viewer; read anew when it is older than some seconds."""
        key = (visible(call.viewer), call.viewer.may("source"))
        with self._lock:
            kept = self._kept.get(key)
        if kept is not None and time.monotonic() - kept[0] < self._seconds:
            return kept[1]
        found = _read(call)
        with self._lock:
            if len(self._kept) > 256:
                self._kept.clear()
            self._kept[key] = (time.monotonic(), found)
        return found

    def forget(self) -> None:
        """A form changed a source: the next page says so."""
        with self._lock:
            self._kept.clear()


def standings(call: Call) -> Standings:
    """Those of the application."""
    state = call.request.app.state
    if not hasattr(state, "standings"):
        state.standings = Standings()
    found: Standings = state.standings
    return found


def _read(call: Call) -> Standing:
    with call.read() as session:
        glance = counts.at_a_glance(session.connection(), call.viewer)
        sources = reads.list_sources(session, call.viewer)
    return Standing(glance, sources, _index_sentence(call))


def _index_sentence(call: Call) -> str:
    found = Follower(call.catalog.store, call.catalog.engine).status()
    if found.state == "current":
        return "Search index in step."
    if found.state == "behind":
        return "Search index is catching up."
    return "Search index is being rebuilt."


def foot_of(call: Call) -> Foot | None:
    """The foot for this viewer; none for nobody, and for tokens that read nothing."""
    if call.viewer.user is None or not call.viewer.may("read"):
        return None
    found = standings(call).of(call)
    crawled = [
        Oldest(one.name, one.last_crawl.ended_at)
        for one in found.sources
        if one.last_crawl is not None and one.last_crawl.ended_at is not None
    ]
    return Foot(
        assets=found.glance.total,
        sources=len(found.sources),
        index=found.index,
        oldest=min(crawled, key=lambda one: one.at, default=None),
    )
