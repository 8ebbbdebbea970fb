"""Crawls in this process, for ``crawl`` and ``up``: watched, cancelled by Ctrl-C, summed up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from catalog.cli.context import DONE, FAILED, PART, say

if TYPE_CHECKING:
    from catalog.access.viewer import Viewer
    from catalog.usecases.up import CrawlOutcome
    from catalog.wiring import Catalog

_BAD: Final = frozenset(("failed", "cancelled", "running"))
"""States of crawls that did nothing, or not to their end; running: another process has it."""


def crawl_all(
    catalog: Catalog, viewer: Viewer, names: Sequence[str], *, only: Sequence[str] | None = None
) -> list[CrawlOutcome]:
    """Crawls sources (short names) one after the other; Ctrl-C cancels what runs, and the rest."""
    from catalog.cli.progress import Watch
    from catalog.usecases.up import crawl_sources

    warning = catalog.store.disk_warning()
    if warning is not None:
        say(f"Warning: {warning}")
    found: list[CrawlOutcome] = []
    with Watch(catalog.store, viewer) as watch:
        for name in names:
            if watch.asked():
                break
            found += crawl_sources(
                catalog.store,
                catalog.settings,
                catalog.queue,
                viewer,
                [name],
                only=only,
                stopping=watch.over,
                on_start=watch.begin,
            )
    return found


def exit_code(found: Sequence[CrawlOutcome]) -> int:
    """Of several crawls: done in part, when one is partial or only some failed."""
    states = {one.state for one in found}
    if states and states <= _BAD:
        return FAILED
    return PART if states & _BAD or "partial" in states else DONE
