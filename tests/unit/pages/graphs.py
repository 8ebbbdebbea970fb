"""Graphs to be laid out: boxes and edges by number, the same for the same seed."""

from __future__ import annotations

import random

from catalog.pages.graph_layout import Box

Pair = tuple[str, str]


def boxes(count: int, seed: int = 0) -> list[Box]:
    """Boxes of different sizes: ``n0``, ``n1``, ..."""
    chosen = random.Random(seed)
    return [
        Box(f"n{at}", chosen.choice((100, 188)), chosen.choice((40, 68, 134, 500)), at % 3 * 14)
        for at in range(count)
    ]


def pairs(edges: list[tuple[int, int]]) -> list[Pair]:
    """Edges by the names of their boxes."""
    return [(f"n{source}", f"n{target}") for source, target in edges]


def large(seed: int, cyclic: bool) -> tuple[list[Box], list[Pair]]:
    """500 boxes in ten levels, and some 1500 edges between them."""
    chosen = random.Random(seed)
    edges = [
        (chosen.randrange(50) + 50 * level, chosen.randrange(50) + 50 * (level + 1))
        for level in range(9)
        for _ in range(150)
    ]
    if cyclic:
        edges += [(chosen.randrange(500), chosen.randrange(500)) for _ in range(200)]
    return boxes(500, seed), pairs(edges)
