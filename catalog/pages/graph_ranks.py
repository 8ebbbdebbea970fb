"""The rank of each box of a graph, from left to right; what to do about cycles. Pure."""

from __future__ import annotations

from collections.abc import Sequence


def without_cycles(count: int, edges: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The edges but those inside a knot (boxes that all lead to each other) that point back."""
    knots = _knots(count, edges)
    return sorted(edge for edge in edges if knots[edge[0]] != knots[edge[1]] or edge[0] < edge[1])


def _knots(count: int, edges: Sequence[tuple[int, int]]) -> list[int]:
    """The number of each box's strongly connected component (Tarjan's algorithm, a stack of our
    own instead of recursion)."""
    after: list[list[int]] = [[] for _ in range(count)]
    for source, target in edges:
        after[source].append(target)
    seen, low, knots = [0] * count, [0] * count, [-1] * count
    clock, open_ones = 0, list[int]()
    for start in range(count):
        work = [] if seen[start] else [(start, iter(after[start]))]
        while work:
            at, targets = work[-1]
            if not seen[at]:
                clock += 1
                seen[at] = low[at] = clock
                open_ones.append(at)
            for target in targets:
                if not seen[target]:
                    work.append((target, iter(after[target])))
                    break
                if knots[target] < 0:
                    low[at] = min(low[at], low[target])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[at])
                while low[at] == seen[at] and knots[at] < 0:
                    knots[open_ones.pop()] = at
    return knots


def ranks_of(count: int, edges: Sequence[tuple[int, int]]) -> list[int]:
    """The longest way to each box; who has more followers than predecessors stands near them."""
    after: list[list[int]] = [[] for _ in range(count)]
    before = [0] * count
    for source, target in edges:
        after[source].append(target)
        before[target] += 1
    waiting, ready, order = before[:], [at for at in range(count) if not before[at]], []
    ranks = [0] * count
    while ready:
        at = ready.pop()
        order.append(at)
        for target in after[at]:
            ranks[target] = max(ranks[target], ranks[at] + 1)
            waiting[target] -= 1
            if not waiting[target]:
                ready.append(target)
    for at in reversed(order):
        if len(after[at]) > before[at]:
            ranks[at] = min(ranks[target] for target in after[at]) - 1
    return ranks
