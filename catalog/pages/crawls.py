"""A crawl: live while it runs, both sums, what failed, what changed, what is held."""

from __future__ import annotations

import gzip
import threading
import time
from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import Path, Query
from starlette.responses import HTMLResponse, Response

from catalog.access.viewer import visible
from catalog.assets import changes
from catalog.assets.views import ChangeView
from catalog.assets.views import Page as ChangePage
from catalog.model import clock
from catalog.pages.foot import standings
from catalog.pages.frame import fragment, go, me_of, page
from catalog.pages.holds import by_scope, muting
from catalog.pages.stories import tell
from catalog.serving.call import Call, CallArg
from catalog.serving.routing import Router
from catalog.sources import crawl_reads, crawls, holds
from catalog.sources.crawls import END_STATES
from catalog.sources.seen import sees_all
from catalog.sources.views import CrawlDetail, ScopeLedger

router = Router("/crawls", "pages")
CrawlId = Annotated[str, Path(description="Id of the crawl.")]
ScopesPage = Annotated[int, Query(ge=1, le=100_000, description="Page of the scopes.")]
SCOPES: Final = 100
PROBLEMS: Final = 50
CHANGES: Final = 30
HOLDS: Final = 100
KEPT_SECONDS: Final = 0.9
# What needs an eye comes first.
_RANK: Final = {"running": 0, "failed": 1, "incomplete": 2, "cancelled": 3, "complete": 4}


@dataclass(frozen=True)
class Pace:
    """How far a crawl is: finished scopes of all, time it took so far, objects a second."""

    done: int
    scopes: int
    microseconds: int | None
    rate: float | None


@router.get("/{crawl}", include_in_schema=False)
def show(
    call: CallArg,
    crawl: CrawlId,
    scopes: ScopesPage = 1,
    changes: Annotated[str | None, Query(max_length=2000, description="Cursor.")] = None,
) -> Response:
    """The page of a crawl."""
    values = _values(call, crawl, scopes, changes)
    return page(call, "crawls/crawl.html", here="/sources", **values)


@router.get("/{crawl}/live", include_in_schema=False)
def live(call: CallArg, crawl: CrawlId, scopes: ScopesPage = 1) -> Response:
    """What moves on the page, for its script. Many pages that watch one crawl share it, packed
    as it is sent."""
    packed = "gzip" in call.request.headers.get("accept-encoding", "")

    def made() -> bytes:
        found = fragment(call, "crawls/live.html", **_values(call, crawl, scopes, None))
        return gzip.compress(bytes(found.body), 5) if packed else bytes(found.body)

    may = tuple(call.viewer.may(action) for action in ("source", "hold", "mute"))
    key = (crawl, scopes, packed, visible(call.viewer), may, me_of(call).zone)
    headers = {"vary": "accept-encoding"} | ({"content-encoding": "gzip"} if packed else {})
    return HTMLResponse(_fragments(call).of(key, made), headers=headers)


@router.post("/{crawl}/cancel", action="source", include_in_schema=False)
def cancel(call: CallArg, crawl: CrawlId) -> Response:
    """Asks a crawl to stop; what it wrote stays."""
    state = call.write(lambda unit: crawls.request_cancel(unit, call.viewer, crawl))
    standings(call).forget()
    said = "It is cancelled." if state == "cancelled" else "It stops after what it reads now."
    return go(call, f"/crawls/{crawl}", said)


class Fragments:
    """Pieces of pages, made once for all who see the same; kept for less than a second.

    While one is being made anew, others get the one before and do not wait.
    """

    def __init__(self, seconds: float = KEPT_SECONDS, most: int = 256) -> None:
        self._seconds, self._most = seconds, most
        self._kept: dict[Any, tuple[float, bytes]] = {}
        self._made: set[Any] = set()
        self._lock = threading.Lock()

    def of(self, key: Any, make: Any) -> bytes:
        """The piece; ``make()`` makes it."""
        now = time.monotonic()
        with self._lock:
            kept = self._kept.get(key)
            if kept is not None and (now - kept[0] < self._seconds or key in self._made):
                return kept[1]
            self._made.add(key)
        try:
            found: bytes = make()
            with self._lock:
                if len(self._kept) >= self._most:
                    self._kept.clear()
                self._kept[key] = (time.monotonic(), found)
            return found
        finally:
            with self._lock:
                self._made.discard(key)


def _fragments(call: Call) -> Fragments:
    state = call.request.app.state
    if not hasattr(state, "fragments"):
        state.fragments = Fragments()
    found: Fragments = state.fragments
    return found


# --- inside ---------------------------------------------------------------------------------


def _values(call: Call, crawl: str, scopes: int, cursor: str | None) -> dict[str, Any]:
    with call.read() as session:
        found = crawl_reads.get_crawl(session, call.viewer, crawl)
        source = found.crawl.source_id
        problems = crawl_reads.list_problems(
            session, call.viewer, crawl=crawl, muted=True, resolved=True, limit=PROBLEMS
        )
        held = holds.list_holds(session, call.viewer, source=source, limit=HOLDS)
        changed = _changed(call, session, found, cursor)
        told = tell(session, call.viewer, changed.items)
    ordered = sorted(found.scopes, key=lambda one: (_RANK.get(one.state, 5), one.name))
    return {
        "crawl": found.crawl,
        "detail": found,
        "running": found.crawl.state not in END_STATES,
        "pace": _pace(found),
        "scopes": ordered[(scopes - 1) * SCOPES : scopes * SCOPES],
        "scopes_page": scopes,
        "scopes_pages": max(1, -(-len(ordered) // SCOPES)),
        "told": sees_all(call.viewer),
        "problems": problems,
        "held": held,
        "held_scopes": by_scope(held.items),
        "stories": told,
        "changed": changed,
        "changes_first": cursor is None,
        "back": f"/crawls/{found.crawl.id}",
        "trouble": None,
        **muting(call),
    }


def _changed(
    call: Call, session: Any, found: CrawlDetail, cursor: str | None
) -> ChangePage[ChangeView]:
    began = found.crawl.started_at
    if began is None:
        return ChangePage(items=[], total=0)
    return changes.of_crawl(
        session.connection(),
        call.viewer,
        found.crawl.id,
        began,
        found.crawl.ended_at,
        limit=CHANGES,
        cursor=cursor,
    )


def _pace(found: CrawlDetail) -> Pace:
    crawl = found.crawl
    spent = None
    if crawl.started_at is not None:
        spent = max(0, (crawl.ended_at or clock.now()) - crawl.started_at)
    rate = None
    if crawl.ledger is not None and spent:
        rate = max(crawl.ledger.listed, crawl.ledger.seen) / (spent / clock.SECOND)
    return Pace(sum(map(_ended, found.scopes)), len(found.scopes), spent, rate)


def _ended(scope: ScopeLedger) -> bool:
    return scope.state not in ("pending", "running")
