"""45 open pages of a running crawl: how much slower other requests become.

``python -m tests.benchmarks.crawl_pages [ASSETS [SECONDS]]``

The pages are a process of their own, which does what a browser does: it holds the stream of
events, and asks for what moves on the page when an event comes, at most once a second. The crawl
is a row whose ledger moves twice a second. By-name requests are measured before, while the pages
are open, and after.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import delete, insert

from catalog.history.store import Store, table_of
from catalog.model import Crawl, Source
from catalog.naming import id_text, new_id
from catalog.settings import Settings
from catalog.sources import crawls
from catalog.sources.ledger import Ledger, add_to_crawl
from catalog.sources.owners import current_owner
from catalog.wiring import open_store
from tests.benchmarks import big
from tests.benchmarks.by_name import closed_loop, requests_of
from tests.benchmarks.common import Figure, argument, count_argument, emit, percentile
from tests.benchmarks.serving import served

PAGES = 45
SECONDS = 8.0
TIMES = 1.3
_CRAWL, _SOURCE = table_of(Crawl), table_of(Source)


@contextmanager
def moving_crawl(home: Path) -> Iterator[str]:
    """A running crawl whose ledger moves; its id. Nothing of it is left."""
    store = open_store(Settings(home=home, disk_reserve=0))
    uid = new_id()
    with store.write("system") as unit:
        source = unit.connection.execute(_SOURCE.select()).first()
        assert source is not None
        # Of some names only, so that it stands in nobody's way.
        row = insert(_CRAWL).values(uid=uid, source=source.key, queued_at=unit.now, subset="[]")
        key = int(unit.connection.execute(row.returning(_CRAWL.c.key)).scalar_one())
        crawls.begin(unit, key, current_owner())
    stop = threading.Event()
    mover = threading.Thread(target=_move, args=(store, key, stop))
    mover.start()
    try:
        yield id_text(uid)
    finally:
        stop.set()
        mover.join()
        with store.write("system") as unit:
            unit.connection.execute(delete(_CRAWL).where(_CRAWL.c.key == key))
        store.close()


def _move(store: Store, crawl: int, stop: threading.Event) -> None:
    step = Ledger(listed=3, used=3, seen=2, unchanged=2)
    while not stop.wait(0.5):
        with store.write("system") as unit:
            add_to_crawl(unit, crawl, None, step)


@contextmanager
def open_pages(port: int, token: str, crawl: str) -> Iterator[None]:
    """A process that keeps the pages open; ends with the block. Raises if one was not served."""
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.benchmarks.crawl_pages", "--watch"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdin is not None
    assert child.stdout is not None
    child.stdin.write(json.dumps([port, token, crawl]) + "\n")
    child.stdin.flush()
    assert child.stdout.readline().strip() == "open"
    try:
        yield
    finally:
        child.stdin.close()
        said = json.loads(child.stdout.readline() or "{}")
        child.wait(30)
    if said.get("events", 0) < PAGES * 2 or said.get("fragments", 0) < PAGES * 2:
        raise RuntimeError(f"the pages were not followed: {said}")


# --- the process of the pages ---------------------------------------------------------------


class _Watcher:
    """The pages of one crawl. ``events``, ``fragments``: how many came."""

    def __init__(self, port: int, token: str, crawl: str) -> None:
        self.port, self.token, self.crawl = port, token, crawl
        self.events = self.fragments = 0

    async def page(self) -> None:
        """The stream, and the fragment when an event came."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(self._get(f"/api/v1/crawls/{self.crawl}/events"))
        fragments = await asyncio.open_connection("127.0.0.1", self.port)
        asked = 0.0
        while line := await reader.readline():
            if line.startswith(b"HTTP/1.1") and b" 200 " not in line:
                raise RuntimeError(line.decode("latin-1"))
            if not line.startswith(b"event: progress"):
                continue
            self.events += 1
            await asyncio.sleep(max(0.0, asked + 1.0 - time.monotonic()))
            asked = time.monotonic()
            await self._fragment(*fragments)

    async def _fragment(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(self._get(f"/crawls/{self.crawl}/live"))
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(head.decode("latin-1"))
        fields = dict(line.split(b": ", 1) for line in head.lower().split(b"\r\n") if b": " in line)
        await reader.readexactly(int(fields[b"content-length"]))
        self.fragments += 1

    def _get(self, path: str) -> bytes:
        return (
            f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {self.token}\r\n"
            "Accept-Encoding: gzip\r\n\r\n"
        ).encode()


async def _watch() -> None:
    watcher = _Watcher(*json.loads(sys.stdin.readline()))
    pages = [asyncio.create_task(watcher.page()) for _ in range(PAGES)]
    while watcher.fragments < PAGES:
        await asyncio.sleep(0.1)
        for page in pages:
            if page.done():
                page.result()
    print("open", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    for page in pages:
        page.cancel()
    print(json.dumps({"events": watcher.events, "fragments": watcher.fragments}), flush=True)


# --- measuring ------------------------------------------------------------------------------


def run(count: int = 100_000, seconds: float = SECONDS) -> dict[str, float]:
    """Latencies in seconds without and with the pages, and how many times the rate fell."""
    home = big.home(count)
    token = big.token(home)
    requests = requests_of(big.names(home), token)
    with served(home) as server, moving_crawl(home) as crawl:
        closed_loop(server.port, requests, 2.0)
        alone = closed_loop(server.port, requests, seconds / 2)
        with open_pages(server.port, token, crawl):
            beside = closed_loop(server.port, requests, seconds)
        alone += closed_loop(server.port, requests, seconds / 2)
    return {
        "alone": sum(alone) / len(alone),
        "beside": sum(beside) / len(beside),
        "alone_p95": percentile(alone, 0.95),
        "beside_p95": percentile(beside, 0.95),
    }


def main() -> None:
    """Prints the figures."""
    if sys.argv[1:] == ["--watch"]:
        asyncio.run(_watch())
        return
    found = run(count_argument(100_000), argument(2, round(SECONDS)))
    times = found["beside"] / found["alone"]
    what = f"by-name beside {PAGES} open crawl pages"
    emit(
        [
            Figure(f"{what}: slower", times, "times", f"at most {TIMES}", times <= TIMES),
            Figure(f"{what}: mean before and after", found["alone"] * 1e3, "ms"),
            Figure(f"{what}: mean while open", found["beside"] * 1e3, "ms"),
            Figure(f"{what}: p95 before and after", found["alone_p95"] * 1e3, "ms"),
            Figure(f"{what}: p95 while open", found["beside_p95"] * 1e3, "ms"),
        ]
    )


if __name__ == "__main__":
    main()
