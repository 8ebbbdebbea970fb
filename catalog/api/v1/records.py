"""Records that are pushed: a stream of lines, spooled to disk, then taken in like a crawl."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from catalog.access.viewer import SYSTEM
from catalog.api.v1.crawl_shapes import CrawlDetailed, detail_of
from catalog.errors import BadInput
from catalog.serving.call import SIGNED_IN, Call, CallArg, reply
from catalog.serving.routing import Router
from catalog.sources import crawl_reads
from catalog.usecases import pushing

router = Router("/api/v1", "records")
_TYPES = ("application/x-ndjson", "application/jsonl", "application/json", "text/plain",
          "application/octet-stream")  # fmt: skip
_EXAMPLE = """\
{"format": 1, "crawler": "nightly-export", "version": 1, "source": "wh"}
{"scope": "shop.public"}
{"type": "asset", "namespace": "postgres://db:5432", "name": "shop.public.orders", "kind": "table"}
{"type": "done", "complete": true, "count": 1}
{"end": true}
"""


@router.post(
    "/records",
    action=SIGNED_IN,
    returns=CrawlDetailed,
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/x-ndjson": {"schema": {"type": "string"}, "example": _EXAMPLE}
            },
        }
    },
)
async def push(
    call: CallArg,
    source: Annotated[str, Query(description="Short name or id of the source.")],
    wait: Annotated[bool, Query(description="False: answer 202 when it is received.")] = True,
) -> Response:
    """Takes in records of a source; needs the scope ``ingest:SOURCE``, or an admin.

    A scope counts when its ``done`` has arrived; a broken connection loses at most the open
    scope. The same bytes sent twice change nothing. Answers the crawl with both sums.
    """
    to = await run_in_threadpool(pushing.target, call.catalog.store, call.viewer, source)
    _refuse_type(call)
    spool = await run_in_threadpool(pushing.Spool, call.catalog.store, call.catalog.settings)
    with spool:
        await _receive(call, spool)
        crawl = await run_in_threadpool(
            pushing.accept,
            call.catalog.store,
            call.viewer,
            to,
            spool,
            queue=None if wait else call.catalog.queue,
        )
    if wait:
        await run_in_threadpool(
            pushing.run_pushed, call.catalog.store, call.catalog.settings, crawl
        )
    call.wake()
    return await run_in_threadpool(_shown, call, crawl)


async def _receive(call: Call, spool: pushing.Spool) -> None:
    """Spools the body; what arrived before a broken connection counts."""
    waiting = bytearray()
    try:
        async for data in call.request.stream():
            waiting += data
            if len(waiting) >= pushing.CHUNK:
                await run_in_threadpool(spool.write, bytes(waiting))
                waiting.clear()
    except ClientDisconnect:
        pass
    await run_in_threadpool(spool.write, bytes(waiting))


def _refuse_type(call: Call) -> None:
    """Also what a form of another site can send with a session's cookie."""
    headers = call.request.headers
    given = headers.get("content-type", _TYPES[0]).split(";")[0].strip().lower()
    if given not in _TYPES or headers.get("content-encoding", "identity") != "identity":
        raise BadInput(
            f"Records are sent as lines of JSON, not as {given[:60]!r}.",
            remedy=f"Send Content-Type: {_TYPES[0]} without a Content-Encoding.",
        )


def _shown(call: Call, crawl: str) -> Response:
    """Who pushed sees this crawl, also with a token that reads nothing else."""
    with call.read() as session:
        found = detail_of(crawl_reads.get_crawl(session, SYSTEM, crawl))
    status = 202 if found.crawl.ended_at is None else 200
    return reply(found, status, headers={"location": f"/api/v1/crawls/{crawl}"})
