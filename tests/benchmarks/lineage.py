"""How fast lineage is read: 500 nodes, a hub of 10,000, and a column trace, on SQLite.

``python -m tests.benchmarks.lineage [ASSETS]``: milliseconds, the median of several runs.
"""

from __future__ import annotations

import random
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from catalog import naming
from catalog.access.viewer import SYSTEM
from catalog.history import dialect
from catalog.history.setup import create_all
from catalog.history.store import Store, table_of
from catalog.lineage.evidence import neighbours
from catalog.lineage.graph import traverse
from catalog.model import Asset, Column, Edge, EdgeEvidence, Namespace
from tests.benchmarks.common import Figure, count_argument, emit

LEVELS, WIDTH, COLUMNS = 10, 50, 20
HUB = 10_000


def build(store: Store, assets: int) -> None:
    """Levels of 50 assets, each fed by 3 of the level above; a hub that feeds 10,000."""
    chosen = random.Random(7)
    with store.write("system") as unit:
        unit.session.add(Namespace(text="postgres://db:5432", platform="postgres"))
        unit.session.flush()
        names = [f"shop.public.table_{number:06}" for number in range(1, assets + 1)]
        rows = [
            (key, naming.new_id(), "data", 1, name, naming.name_key(name), key, key, name,
             "table", "crawled", 0, COLUMNS + 1, 0, 0)
            for key, name in enumerate(names, 1)
        ]  # fmt: skip
        columns = (
            "key", "uid", "asset_class", "namespace", "name", "name_key", "folded_key",
            "leaf_key", "sort", "kind", "state", "popularity", "next_column", "created_at",
            "changed_at",
        )  # fmt: skip
        dialect.bulk_insert(unit.connection, table_of(Asset), columns, rows)
        dialect.bulk_insert(
            unit.connection,
            table_of(Column),
            ("asset", "number", "path", "position", "type", "keys", "live"),
            [
                (asset, number, f"c{number}", number, "string", "", True)
                for asset in range(1, LEVELS * WIDTH + 1)
                for number in range(1, COLUMNS + 1)
            ],
        )
        pairs = {
            (chosen.randrange(WIDTH) + 1 + (level - 1) * WIDTH, level * WIDTH + place + 1)
            for level in range(1, LEVELS)
            for place in range(WIDTH)
            for _ in range(3)
        }
        hub = assets
        spokes = range(LEVELS * WIDTH + 1, LEVELS * WIDTH + 1 + HUB)
        edges = [(one, 0, other, 0) for one, other in pairs]
        edges += [
            (one, number, other, number) for one, other in pairs for number in range(1, COLUMNS + 1)
        ]
        edges += [(hub, 0, spoke, 0) for spoke in spokes]
        dialect.bulk_insert(
            unit.connection,
            table_of(Edge),
            ("key", "from_asset", "from_column", "to_asset", "to_column", "kind", "via"),
            [(key, *edge, "direct", 0) for key, edge in enumerate(edges, 1)],
        )
        dialect.bulk_insert(
            unit.connection,
            table_of(EdgeEvidence),
            ("edge", "origin", "reference", "confidence", "first_seen", "last_seen"),
            [(key, "statement", key, 1.0, 0, 0) for key in range(1, len(edges) + 1)],
        )


def milliseconds(work: Callable[[], Any], runs: int = 9) -> float:
    """Median time of a call."""
    times = []
    for _ in range(runs):
        begun = time.perf_counter()
        work()
        times.append((time.perf_counter() - begun) * 1000)
    return round(statistics.median(times), 1)


def measure(store: Store, assets: int) -> list[Figure]:
    """What is drawn, and how long it takes."""
    with store.connect() as connection:

        def read(asset: int, **more: Any) -> Callable[[], Any]:
            return lambda: traverse(connection, SYSTEM, asset, **more)

        middle = LEVELS // 2 * WIDTH + 1
        last = LEVELS * WIDTH
        whole = traverse(connection, SYSTEM, last, direction="both", depth=100, budget=5000)
        spent = {
            "whole": milliseconds(read(last, depth=100, budget=5000)),
            "200 nodes": milliseconds(read(middle, depth=100)),
            "3 hops": milliseconds(read(middle)),
            "with column edges": milliseconds(read(middle, columns=True)),
            "column, 100 hops": milliseconds(read(last, column="c3", depth=100, direction="up")),
            "hub of 10,000": milliseconds(read(assets)),
            "hub, 5,000 drawn": milliseconds(read(assets, budget=5000, fan=5000), 3),
            "page of a hub": milliseconds(
                lambda: neighbours(connection, SYSTEM, assets, "down", limit=50)
            ),
        }
    return [
        Figure("lineage: nodes of the whole", len(whole.nodes), "nodes"),
        *(Figure(f"lineage: {name}", figure, "ms") for name, figure in spent.items()),
    ]


def main() -> None:
    """Builds a store in a temporary folder and measures it."""
    assets = count_argument(100_000)
    with tempfile.TemporaryDirectory() as folder:
        store = Store(f"sqlite:///{Path(folder) / 'catalog.db'}", disk_reserve=0)
        try:
            create_all(store.engine)
            build(store, assets)
            emit(measure(store, assets))
        finally:
            store.close()


if __name__ == "__main__":
    main()
