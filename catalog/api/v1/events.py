"""Server-sent events of a crawl: asked for now and then, no session held while waiting.

Streams that watch one crawl with the same eyes share one look at the store, so that forty open
pages cost what one does. What is told is told only to who is still signed in.

The format is that of https://html.spec.whatwg.org/multipage/server-sent-events.html.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse

from catalog.access.viewer import visible
from catalog.api.v1.crawl_shapes import detail_of
from catalog.errors import NotAllowed, NotFound, Unavailable
from catalog.serving.call import Call
from catalog.sources import crawl_reads
from catalog.sources.crawls import END_STATES

_encode = msgspec.json.Encoder().encode


class CrawlEvents:
    """Streams of this process. ``poll``, ``heartbeat``, ``life``: seconds; ``most``: at once."""

    described: Final[dict[str, Any]] = {
        "responses": {
            "200": {
                "description": "Events until the crawl has ended.",
                "content": {
                    "text/event-stream": {
                        "example": 'event: progress\ndata: {"crawl": {"state": "running"}}\n\n'
                    }
                },
            }
        }
    }

    def __init__(
        self, poll: float = 1.0, heartbeat: float = 15.0, life: float = 600.0, most: int = 50
    ) -> None:
        self.poll, self.heartbeat, self.life, self.most = poll, heartbeat, life, most
        self.open = 0
        self._looks: dict[Any, _Look] = {}

    async def stream(self, call: Call, crawl: str) -> Response:
        """The reply; `NotFound`, or `Unavailable` when too many streams are open."""
        first = await self._look(call, crawl)
        if first is None:
            raise NotFound(f"There is no crawl {crawl}.", remedy="List the crawls.")
        if self.open >= self.most:
            raise Unavailable(
                f"{self.most} streams of events are open already.",
                remedy="Ask for the crawl itself instead.",
                retry_after=30,
            )
        return StreamingResponse(
            self._events(call, crawl, first),
            media_type="text/event-stream",
            headers={"x-accel-buffering": "no"},
        )

    async def _events(self, call: Call, crawl: str, found: _Seen | None) -> AsyncIterator[bytes]:
        self.open += 1
        try:
            ends, said, beat = time.monotonic() + self.life, b"", time.monotonic()
            while found is not None:
                if found.data != said or time.monotonic() - beat > self.heartbeat:
                    if said:
                        # A look at the store is shared, the right to be told of it is not: it
                        # may have been taken away, or become less.
                        may = await run_in_threadpool(_may_be_told, call)
                        found = await self._look(call, crawl) if may else None
                        if found is None:
                            return
                    beat = time.monotonic()
                    yield found.event if found.data != said else b": still there\n\n"
                    said = found.data
                if found.ended or time.monotonic() > ends:
                    return
                await asyncio.sleep(self.poll)
                found = await self._look(call, crawl)
        finally:
            self.open -= 1

    async def _look(self, call: Call, crawl: str) -> _Seen | None:
        """The crawl as this viewer sees it, at most ``poll`` seconds old; None: it is gone."""
        key = (crawl, visible(call.viewer), call.viewer.may("read"), call.viewer.may("source"))
        kept = self._looks.setdefault(key, _Look())
        kept.watchers += 1
        try:
            async with kept.lock:
                if time.monotonic() - kept.at >= self.poll / 2:
                    kept.seen = await run_in_threadpool(_look, call, crawl)
                    kept.at = time.monotonic()
                return kept.seen
        finally:
            kept.watchers -= 1
            self._forget_old()

    def _forget_old(self) -> None:
        """What nobody asked for lately goes."""
        old = time.monotonic() - 10 * self.poll
        for key in [key for key, one in self._looks.items() if not one.watchers and one.at < old]:
            del self._looks[key]


@dataclass(frozen=True)
class _Seen:
    """A crawl, encoded: the whole event, and its data to compare."""

    event: bytes
    data: bytes
    ended: bool


@dataclass
class _Look:
    """The last look at a crawl, shared. ``at``: when, monotonic."""

    at: float = -math.inf
    seen: _Seen | None = None
    watchers: int = 0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


def _look(call: Call, crawl: str) -> _Seen | None:
    """The crawl as it is; None when it is gone, or who asks may not see it."""
    try:
        with call.read() as session:
            found = detail_of(crawl_reads.get_crawl(session, call.viewer, crawl))
    except (NotFound, NotAllowed):
        return None
    data = _encode(found)
    ended = found.crawl.state in END_STATES
    event = b"event: %s\ndata: %s\n\n" % (b"end" if ended else b"progress", data)
    return _Seen(event, data, ended)


def _may_be_told(call: Call) -> bool:
    return call.still_signed_in() and call.viewer.may("read")


crawl_events = CrawlEvents()
