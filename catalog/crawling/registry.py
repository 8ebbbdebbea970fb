"""Finds crawlers through the entry-point group ``catalog.crawlers``: no list to edit anywhere."""

from __future__ import annotations

from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from catalog.crawling.crawler import Crawler
from catalog.errors import BadInput, MissingDriver

GROUP = "catalog.crawlers"


@cache
def _entries() -> dict[str, EntryPoint]:
    return {entry.name: entry for entry in entry_points(group=GROUP)}


def kinds() -> list[str]:
    """All crawler kinds that are installed, sorted."""
    return sorted(_entries())


def crawler_class(kind: str) -> type[Crawler[Any]]:
    """The class of a kind; only names of installed entry points are ever imported."""
    entry = _entries().get(kind)
    if entry is None:
        raise BadInput(
            f"There is no crawler of kind {kind!r}.",
            remedy=f"Installed kinds: {', '.join(kinds())}.",
        )
    try:
        loaded = entry.load()
    except ImportError as error:
        raise MissingDriver(
            f"The crawler {kind!r} cannot be imported: {error}.",
            remedy="Install the package that provides it again.",
        ) from error
    if not (isinstance(loaded, type) and issubclass(loaded, Crawler)):
        raise BadInput(f"The entry point {kind!r} is not a crawler class.")
    return loaded


def refresh() -> None:
    """Forgets what was found; a package was installed meanwhile (tests)."""
    _entries.cache_clear()


def claim(target: str) -> tuple[str, dict[str, Any]]:
    """(kind, config) of the crawler that can read a path or URL; `BadInput` if none can."""
    for kind in kinds():
        config = crawler_class(kind).claims(target)
        if config is not None:
            return kind, config
    from catalog.naming import without_secrets

    raise BadInput(
        f"No crawler reads {without_secrets(target)!r}.",
        remedy="Give a folder, a SQLite or DuckDB file, or postgresql://user@host/database. "
        f"Installed kinds: {', '.join(kinds())}.",
    )
