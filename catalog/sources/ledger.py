"""The ledger of a crawl: two sums, of objects and of assets, and what stands beside them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import astuple, dataclass, fields
from typing import Any

from sqlalchemy import update

from catalog.history.store import table_of
from catalog.history.unit import Unit
from catalog.model import Crawl, CrawlScope

_CRAWL = table_of(Crawl)
_CRAWL_SCOPE = table_of(CrawlScope)


@dataclass(frozen=True)
class Ledger:
    """Counts. Objects (files, catalog rows): listed = used + filtered + failed_objects.

    Assets: seen = new + changed + unchanged + failed. ``renamed``, ``restored``, ``removed`` and
    ``held`` stand beside the sum.
    """

    listed: int = 0
    used: int = 0
    filtered: int = 0
    failed_objects: int = 0
    seen: int = 0
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    failed: int = 0
    renamed: int = 0
    restored: int = 0
    removed: int = 0
    held: int = 0

    def __add__(self, other: Ledger) -> Ledger:
        return Ledger(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))

    def __sub__(self, other: Ledger) -> Ledger:
        return Ledger(*(a - b for a, b in zip(astuple(self), astuple(other), strict=True)))

    def check(self) -> list[str]:
        """One sentence per sum that does not add up; empty when both do."""
        wrong = []
        objects = self.used + self.filtered + self.failed_objects
        if self.listed != objects:
            wrong.append(
                f"Objects: {self.listed:,} listed, but {self.used:,} used + {self.filtered:,} "
                f"filtered + {self.failed_objects:,} failed = {objects:,}."
            )
        assets = self.new + self.changed + self.unchanged + self.failed
        if self.seen != assets:
            wrong.append(
                f"Assets: {self.seen:,} seen, but {self.new:,} new + {self.changed:,} changed + "
                f"{self.unchanged:,} unchanged + {self.failed:,} failed = {assets:,}."
            )
        return wrong

    @property
    def has_failures(self) -> bool:
        """Whether anything failed: the crawl is then partial at best."""
        return self.failed_objects > 0 or self.failed > 0


COUNTS = tuple(field.name for field in fields(Ledger))


def total(ledgers: Iterable[Ledger]) -> Ledger:
    """The sum of ledgers; of none, an empty one."""
    return sum(ledgers, Ledger())


def ledger_of(row: Any) -> Ledger:
    """The ledger in a row of ``crawl`` or ``crawl_scope``."""
    return Ledger(*(getattr(row, name) for name in COUNTS))


def add_to_crawl(unit: Unit, crawl: int, scope: int | None, step: Ledger) -> None:
    """Adds a step to the ledger of a crawl and of one of its scopes (keys), and notes progress.

    Operational rows: no change is written.
    """
    unit.connection.execute(
        update(_CRAWL)
        .where(_CRAWL.c.key == crawl)
        .values(progress_at=unit.now, **_increments(_CRAWL, step))
    )
    increments = _increments(_CRAWL_SCOPE, step)
    if scope is not None and increments:
        unit.connection.execute(
            update(_CRAWL_SCOPE)
            .where(_CRAWL_SCOPE.c.crawl == crawl, _CRAWL_SCOPE.c.scope == scope)
            .values(**increments)
        )


def _increments(table: Any, step: Ledger) -> dict[str, Any]:
    return {
        name: table.c[name] + count
        for name, count in zip(COUNTS, astuple(step), strict=True)
        if count != 0
    }
