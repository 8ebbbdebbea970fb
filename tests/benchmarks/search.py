"""Search with facets at 20,000 assets, over HTTP; at 100,000 the figure alone."""

from __future__ import annotations

import sys
from urllib.parse import quote

from tests.benchmarks import big
from tests.benchmarks.common import Figure, emit, percentile
from tests.benchmarks.serving import closed_loop, served

SIZES = (20_000, 100_000)


def main() -> None:
    """Words, prefixes and filters by one client, after a first round that warms it."""
    figures: list[Figure] = []
    sizes = [int(sys.argv[1])] if len(sys.argv) > 1 else SIZES
    for size in sizes:
        home = big.home(size)
        words = [name.rsplit(".", 1)[1] for name in big.names(home)]
        texts = [*words[:40], *(f"{word[:5]}*" for word in words[:40]), "kind:table orders"]
        paths = [f"/api/v1/search?q={quote(text)}" for text in texts]
        with served(home) as server:
            token = big.token(home)
            for seconds in (2.0, 5.0):
                found, _ = closed_loop(
                    server.port,
                    token,
                    lambda n, paths=paths: paths[n % len(paths)],  # type: ignore[misc]
                    connections=1,
                    seconds=seconds,
                )
        bar = size <= SIZES[0]
        slow = percentile(found, 0.95) * 1e3
        figures.append(
            Figure(
                f"search: {size:,} assets with facets, p95",
                slow,
                "ms",
                "under 120 (issue 4)" if bar else "",
                slow < 120 if bar else None,
            )
        )
    emit(figures)


if __name__ == "__main__":
    main()
