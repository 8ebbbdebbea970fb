"""The answer of a preview: what a crawl would do, per scope and in total."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import msgspec

EXAMPLES: Final = 20
"""Names given of each outcome, per scope."""


class ScopePreview(msgspec.Struct, frozen=True):
    """One scope. ``state``: complete, incomplete, failed, or gone (no longer listed).

    ``had``: assets that it has now. The sum is the ledger's: seen = new + changed + unchanged +
    failed; ``renamed`` and ``restored`` stand beside it. ``filtered``: names that patterns leave
    out; ``missing``: assets that were not listed any more and would be removed, or held if
    ``held`` says why. ``examples``: outcome -> names; of missing ones all that fit in.
    """

    name: str
    state: str
    why: str | None
    had: int
    seen: int
    new: int
    changed: int
    unchanged: int
    failed: int
    renamed: int
    restored: int
    filtered: int
    missing: int
    held: str | None
    examples: dict[str, list[str]]


class CrawlPreview(msgspec.Struct, frozen=True):
    """What a crawl would do. ``complete``: all scopes were listed, and each to its end."""

    source: str
    complete: bool
    why: str | None
    scopes: list[ScopePreview]
    totals: dict[str, int]


@dataclass
class Part:
    """One scope while it is read. ``key`` None: the store does not know it yet."""

    name: str
    key: int | None
    state: str = "complete"
    why: str | None = None
    live: list[int] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[str]] = field(default_factory=dict)
    gone: list[int] = field(default_factory=list)
    held: str | None = None
    forgotten: bool = False

    def note(self, outcome: str, name: str) -> None:
        """Counts one outcome, and keeps its name while there is room."""
        self.counts[outcome] += 1
        found = self.examples.setdefault(outcome, [])
        if len(found) < EXAMPLES:
            found.append(name)


_SUMS: Final = (
    "seen", "new", "changed", "unchanged", "failed", "renamed", "restored", "filtered", "missing"
)  # fmt: skip


def answer(source: str, complete: bool, why: str | None, parts: Mapping[str, Part]) -> CrawlPreview:
    """The whole answer, once every part is read and settled."""
    scopes = [_scope(part) for part in parts.values()]
    totals = {name: sum(getattr(one, name) for one in scopes) for name in _SUMS}
    totals["held"] = sum(one.missing for one in scopes if one.held is not None)
    return CrawlPreview(source, complete, why, scopes, totals)


def _scope(part: Part) -> ScopePreview:
    counts = {name: part.counts[name] for name in _SUMS}
    counts["filtered"] = max(part.counts["filtered"], part.counts["left_out"])
    part.examples.pop("seen", None)
    return ScopePreview(
        name=part.name,
        state=part.state,
        why=part.why,
        had=len(part.live),
        held=part.held,
        examples=part.examples,
        **counts,
    )
