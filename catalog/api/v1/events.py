"""Server-sent events of a crawl: asked for now and then, no session held while waiting.

The format is that of https://html.spec.whatwg.org/multipage/server-sent-events.html.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any, Final

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse

from catalog.api.v1.crawl_shapes import CrawlDetailed, detail_of
from catalog.errors import NotFound, Unavailable
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

    async def stream(self, call: Call, crawl: str) -> Response:
        """The reply; `NotFound`, or `Unavailable` when too many streams are open."""
        first = await run_in_threadpool(_look, call, crawl)
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

    async def _events(
        self, call: Call, crawl: str, found: CrawlDetailed | None
    ) -> AsyncIterator[bytes]:
        self.open += 1
        try:
            ends, said, beat = time.monotonic() + self.life, b"", time.monotonic()
            while found is not None:
                data = _encode(found)
                ended = found.crawl.state in END_STATES
                if data != said:
                    said, beat = data, time.monotonic()
                    yield b"event: %s\ndata: %s\n\n" % (b"end" if ended else b"progress", data)
                elif time.monotonic() - beat > self.heartbeat:
                    beat = time.monotonic()
                    yield b": still there\n\n"
                if ended or time.monotonic() > ends:
                    return
                await asyncio.sleep(self.poll)
                found = await run_in_threadpool(_look, call, crawl)
        finally:
            self.open -= 1


def _look(call: Call, crawl: str) -> CrawlDetailed | None:
    """The crawl as it is; None when it is gone, or who asks may not see it any more."""
    if not call.still_signed_in() or not call.viewer.may("read"):
        return None
    try:
        with call.read() as session:
            return detail_of(crawl_reads.get_crawl(session, call.viewer, crawl))
    except NotFound:
        return None


crawl_events = CrawlEvents()
