"""A running crawl in this process, and what it asks of a crawler."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from catalog.crawling import records
from catalog.crawling.crawler import Scope, Scopes
from catalog.ingest.context import CrawlContext
from catalog.ingest.spool import Spool
from catalog.sources import crawls

_CANCEL_SECONDS = 0.5


class Reader(Protocol):
    """What `run_crawl` needs of a crawler; pushed records come through the same door."""

    def scopes(self, state: Mapping[str, Any]) -> Scopes:
        """All scopes there are."""
        ...

    def crawl(
        self,
        scope: Scope,
        state: Mapping[str, Any] | None,
        only: Sequence[str] | None = None,
    ) -> Iterator[records.Record]:
        """Records of one scope."""
        ...


@dataclass
class Run:
    """State of a running crawl in this process."""

    context: CrawlContext
    reader: Reader
    state_key: str
    only: frozenset[str] | None
    some_scopes: bool = False
    deferred: Spool = field(default_factory=Spool)
    # Scopes that wait for the deferred records: how they ended, or why they failed.
    closing: dict[int, records.Done | str] = field(default_factory=dict)
    # Scope -> why differences arise that the system did not make.
    causes: dict[int, str | None] = field(default_factory=dict)
    why: list[str] = field(default_factory=list)
    checked: float = 0.0
    asked: bool = False

    def cancelled(self) -> bool:
        """Asks the store, at most twice a second."""
        now = time.monotonic()
        if now - self.checked > _CANCEL_SECONDS:
            self.checked = now
            with self.context.store.read() as session:
                self.asked = crawls.is_cancelled(session, self.context.crawl)
        return self.asked
