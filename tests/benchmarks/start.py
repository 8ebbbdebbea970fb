"""Start to first answer, memory, and growth after 10,000 mixed requests."""

from __future__ import annotations

from urllib.parse import quote

from tests.benchmarks import big
from tests.benchmarks.common import Figure, count_argument, emit
from tests.benchmarks.serving import closed_loop, served

REQUESTS = 10_000


def main() -> None:
    """Measures an empty store and one of 100,000 assets."""
    count = count_argument(100_000)
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
        while done < REQUESTS:
            latencies, _ = closed_loop(
                server.port, token, lambda n: paths[n % len(paths)], seconds=5
            )
            done += len(latencies)
        grown = server.memory - before
    figures.append(
        Figure(
            f"start: growth after {done:,} requests",
            grown / 1e6,
            "MB",
            "at most 50",
            grown <= 50e6,
        )
    )
    emit(figures)


if __name__ == "__main__":
    main()
