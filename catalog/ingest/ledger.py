"""Counting while a crawl runs; `catalog.sources.ledger` holds the two sums and their rule."""

from __future__ import annotations

from collections import Counter

from catalog.sources.ledger import COUNTS, Ledger


class Tally:
    """Counts of one step, to be added to the ledger in the step's own transaction."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()

    def add(self, name: str, count: int = 1) -> None:
        """Adds to one of the ledger's numbers."""
        self._counts[name] += count

    def outcome(self, name: str) -> None:
        """Counts one asset that was seen: new, changed, unchanged or failed."""
        self._counts["seen"] += 1
        self._counts[name] += 1

    def take(self) -> Ledger:
        """The step so far; the tally begins again at nothing."""
        ledger = Ledger(*(self._counts[name] for name in COUNTS))
        self._counts.clear()
        return ledger

    def __bool__(self) -> bool:
        return any(self._counts.values())
