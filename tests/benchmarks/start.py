"""Start to first answer, memory, and growth after 10,000 mixed requests.

``python -m tests.benchmarks.start [ASSETS [REQUESTS]]``; without requests no growth is measured.
"""

from __future__ import annotations

from urllib.parse import quote

from tests.benchmarks import big
from tests.benchmarks.common import Figure, argument, count_argument, emit
from tests.benchmarks.serving import closed_loop, served

REQUESTS = 10_000


def main() -> None:
    """Measures an empty store and one of 100,000 assets."""
    count, requests = count_argument(100_000), argument(2, REQUESTS)
    figures: list[Figure] = []
    for size in (0, count):
        home = big.home(size)
        with served(home) as server:
            began = server.started
            memory = server.memory
        figures += [
            Figure(f"start: first answer, {size:,} assets", began, "s", "under 3", began < 3),
            Figure(
                f"start: memory, {size:,} assets", memory / 1e6, "MB", "under 250", memory < 250e6
            ),
        ]
    if requests:
        figures.append(_growth(count, requests))
    emit(figures)


def _growth(count: int, requests: int) -> Figure:
    """Memory after so many mixed requests against that after the first few seconds of them."""
    home = big.home(count)
    with served(home) as server:
        names, token = big.names(home), big.token(home)
        paths = [
            *(f"/api/v1/assets/by-name?name={quote(name)}" for name in names),
            *(f"/api/v1/search?q={name.rsplit('.', 1)[1][:8]}*" for name in names[:50]),
            *(f"/api/v1/assets/by-name/columns?name={quote(name)}" for name in names[:50]),
            "/api/v1/browse",
            "/api/v1/changes",
        ]
        closed_loop(server.port, token, lambda n: paths[n % len(paths)], seconds=3)
        before = server.memory
        done = 0
        while done < requests:
            latencies, _ = closed_loop(
                server.port, token, lambda n: paths[n % len(paths)], seconds=5
            )
            done += len(latencies)
        grown = server.memory - before
    return Figure(
        f"start: growth after {done:,} requests", grown / 1e6, "MB", "at most 50", grown <= 50e6
    )


if __name__ == "__main__":
    main()
