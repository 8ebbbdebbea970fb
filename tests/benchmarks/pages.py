"""Pages at 100,000 assets: time of the server, transfer, and what a browser sees of it.

``python -m tests.benchmarks.pages [ASSETS]``. Time is from request to the last byte, one client
that asks again as soon as it is answered.
"""

from __future__ import annotations

import http.client
import shutil
import time
from pathlib import Path
from typing import Any

from tests.benchmarks import big, faces
from tests.benchmarks.common import Figure, count_argument, emit, percentile
from tests.benchmarks.serving import Server, served

ROUNDS = 40
KILOBYTES = 60
SEARCHED = 20_000
BROWSER = """() => new Promise(done => {
  const seen = { paint: 0, shift: 0 };
  new PerformanceObserver(list => {
    for (const entry of list.getEntries()) seen.paint = entry.startTime;
  }).observe({ type: "largest-contentful-paint", buffered: true });
  new PerformanceObserver(list => {
    for (const entry of list.getEntries()) if (!entry.hadRecentInput) seen.shift += entry.value;
  }).observe({ type: "layout-shift", buffered: true });
  setTimeout(() => done(seen), 200);
})"""


def main() -> None:
    """Measures every page that the issue names."""
    count = count_argument(100_000)
    home = faces.home(count)
    found = faces.places(home)
    bars = _paths(found)
    figures: list[Figure] = []
    with served(home) as server:
        for name, (path, bar) in bars.items():
            figures += _page(server, name, path, found["cookie"], bar)
        figures += _browser(server, bars, found["cookie"])
    figures += _search(count)
    emit(figures)


def _paths(found: dict[str, Any]) -> dict[str, tuple[str, float]]:
    """Page -> path and its bar in milliseconds."""
    asset, graph, wide = found["asset"], found["graph"], found["wide"]
    return {
        "home": ("/", 120),
        "asset": (f"/assets/{asset}", 120),
        "asset, columns": (f"/assets/{asset}/columns", 120),
        "asset of 2,000 columns": (f"/assets/{wide}", 150),
        "asset of 2,000 columns, columns": (f"/assets/{wide}/columns", 150),
        "history": (f"/assets/{asset}/history", 120),
        "lineage": (f"/assets/{graph}/lineage", 120),
        "lineage of 500 nodes": (f"/assets/{graph}/lineage?depth=100&nodes=500", 300),
        "browse 100,000 in a schema": (f"/assets/{found['schema']}", 120),
        "source of 10,000 crawls": (f"/sources/{found['source']}", 120),
        "sources": ("/sources", 120),
        "activity": ("/activity", 120),
    }


def _page(server: Server, name: str, path: str, cookie: str, bar: float | None) -> list[Figure]:
    seconds, size = _ask(server.port, [path], cookie)
    slow = percentile(seconds, 0.95) * 1e3
    kilobytes = size / 1000
    said = "" if bar is None else f"under {bar:.0f}"
    return [
        Figure(f"page: {name}, p95", slow, "ms", said, None if bar is None else slow < bar),
        Figure(f"page: {name}, transfer", kilobytes, "kB gz", f"under {KILOBYTES}",
               kilobytes < KILOBYTES),
    ]  # fmt: skip


def _ask(port: int, paths: list[str], cookie: str) -> tuple[list[float], int]:
    """Seconds of each request after three that warm it, and the largest size in bytes."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {
        "Cookie": f"catalog_session={cookie}",
        "Accept": "text/html",
        "Accept-Encoding": "gzip",
    }
    seconds, size = [], 0
    for at in range(ROUNDS + 3):
        began = time.perf_counter()
        connection.request("GET", paths[at % len(paths)], headers=headers)
        reply = connection.getresponse()
        body = reply.read()
        if reply.status != 200:
            raise RuntimeError(f"{paths[at % len(paths)]}: {reply.status} {body[:300]!r}")
        if at >= 3:
            seconds.append(time.perf_counter() - began)
        size = max(size, len(body))
    connection.close()
    return seconds, size


def _search(count: int) -> list[Figure]:
    """With facets; the bar is for Whoosh's reach, the figure above it is only printed."""
    figures = []
    for size in sorted({min(SEARCHED, count), count}):
        home = faces.home(size)
        words = [name.rsplit(".", 1)[1] for name in big.names(home)[:40]]
        paths = [f"/search?q={word[:3]}*" for word in words[:20]]
        paths += [f"/search?q={word}&kind=table" for word in words[20:]]
        paths += ["/search?q=orders", "/search?kind=table&sort=name"]
        with served(home) as server:
            seconds, largest = _ask(server.port, paths, faces.places(home)["cookie"])
        slow = percentile(seconds, 0.95) * 1e3
        within = size <= SEARCHED
        figures += [
            Figure(f"page: search with facets, {size:,} assets, p95", slow, "ms",
                   "under 120" if within else "", slow < 120 if within else None),
            Figure(f"page: search, {size:,} assets, transfer", largest / 1000, "kB gz",
                   f"under {KILOBYTES}", largest / 1000 < KILOBYTES),
        ]  # fmt: skip
    return figures


def _browser(server: Server, bars: dict[str, tuple[str, float]], cookie: str) -> list[Figure]:
    """Largest contentful paint and layout shift in a real browser, the worst of all pages."""
    path = next((p for p in map(shutil.which, ("chromium", "chromium-browser")) if p), None)
    if path is None:
        return []
    from playwright.sync_api import sync_playwright

    url = f"http://127.0.0.1:{server.port}"
    paint: dict[str, float] = {}
    shift: dict[str, float] = {}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(Path(path)), args=["--no-sandbox", "--disable-gpu"]
        )
        context = browser.new_context(viewport={"width": 1440, "height": 900})
        context.add_cookies([{"name": "catalog_session", "value": cookie, "url": url}])
        for name, (where, _) in bars.items():
            page = context.new_page()
            page.goto(url + where)
            page.close()  # the style sheet is in the cache, as for anybody who comes twice
            page = context.new_page()
            page.goto(url + where)
            seen = page.evaluate(BROWSER)
            paint[name], shift[name] = seen["paint"] / 1000, seen["shift"]
            page.close()
        browser.close()
    slowest, shiftiest = max(paint, key=paint.__getitem__), max(shift, key=shift.__getitem__)
    return [
        Figure(f"page: largest contentful paint ({slowest})", paint[slowest], "s", "under 0.6",
               paint[slowest] < 0.6),
        Figure(f"page: layout shift ({shiftiest})", shift[shiftiest], "", "under 0.05",
               shift[shiftiest] < 0.05),
    ]  # fmt: skip


if __name__ == "__main__":
    main()
