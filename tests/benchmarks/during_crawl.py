"""While a crawl of 100,000 tables runs: by-name and search at most twice idle, edits quick.

``python -m tests.benchmarks.during_crawl [ASSETS [SECONDS [CRAWLED]]]``: CRAWLED tables are
crawled (else as many as there are assets), each kind of request is measured for SECONDS.
"""

from __future__ import annotations

import http.client
import json
import multiprocessing
import shutil
import tempfile
import threading
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

from catalog.settings import Settings
from catalog.wiring import open_store
from tests.benchmarks import big
from tests.benchmarks.common import Figure, argument, count_argument, emit, percentile, tables
from tests.benchmarks.serving import closed_loop, served
from tests.support.crawls import FakeSource

SECONDS = 8


def _crawl(home: str, count: int, begun: Any) -> None:
    """Another source with as many tables, in a process of its own, as the workers run them."""
    import os

    os.nice(5)
    store = open_store(Settings(home=Path(home), disk_reserve=0))
    source = FakeSource(store, name="second", namespaces=("postgres://other:5432",))
    import msgspec

    source.put(
        *[
            msgspec.structs.replace(item, namespace="postgres://other:5432")
            for item in tables(count, seed=2)
        ]
    )
    begun.set()
    source.run()
    store.close()


def _edits(port: int, token: str, names: list[str], stop: threading.Event) -> list[float]:
    """A person edits a description twice a second; every refusal is an error."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    spent: list[float] = []
    while not stop.is_set():
        name = names[len(spent) % len(names)]
        body = json.dumps({"description": f"edit {len(spent)} {time.time()}"})
        began = time.perf_counter()
        connection.request(
            "PATCH",
            f"/api/v1/assets/by-name/facts?name={quote(name)}",
            body,
            {"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
        )
        reply = connection.getresponse()
        text = reply.read()
        if reply.status != 200:
            raise RuntimeError(f"an edit was refused: {reply.status} {text[:300]!r}")
        spent.append(time.perf_counter() - began)
        stop.wait(0.3)
    return spent


def main() -> None:
    """Measures idle first, then beside the crawl, over the same connections."""
    count, seconds = count_argument(100_000), argument(2, SECONDS)
    original = big.home(count)
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        shutil.copytree(original, home)
        names, token = big.names(home), big.token(home)
        paths = {
            "by-name": [f"/api/v1/assets/by-name?name={quote(name)}" for name in names],
            "search": [f"/api/v1/search?q={name.rsplit('.', 1)[1][:6]}*" for name in names],
        }
        with served(home) as server:
            idle = {name: _p95(server.port, token, found, seconds) for name, found in paths.items()}
            spawn = multiprocessing.get_context("spawn")
            begun = spawn.Event()
            child = spawn.Process(target=_crawl, args=(str(home), argument(3, count), begun))
            child.start()
            begun.wait(120)
            stop = threading.Event()
            edits: list[float] = []
            person = threading.Thread(
                target=lambda: edits.extend(_edits(server.port, token, names, stop))
            )
            person.start()
            busy = {name: _p95(server.port, token, found, seconds) for name, found in paths.items()}
            still = child.is_alive()
            stop.set()
            person.join()
            child.terminate()
            child.join()
    assert still, "the crawl ended before the measurement did: measure with more tables"
    figures = [
        Figure(
            f"during a crawl: {name} p95 against idle",
            busy[name] / idle[name],
            f"x of {idle[name] * 1e3:.1f} ms",
            "at most 2",
            busy[name] <= 2 * idle[name],
        )
        for name in paths
    ]
    slowest = percentile(edits, 0.95)
    figures.append(
        Figure(
            "during a crawl: a person's edit p95",
            slowest * 1e3,
            "ms",
            "under 200, none refused",
            slowest < 0.2,
        )
    )
    emit(figures)


def _p95(port: int, token: str, paths: list[str], seconds: float) -> float:
    latencies, _ = closed_loop(
        port, token, lambda n: paths[n % len(paths)], connections=2, seconds=seconds
    )
    return percentile(latencies, 0.95)


if __name__ == "__main__":
    main()
