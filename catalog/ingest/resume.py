"""What an interrupted crawl had done, so that it goes on as if nothing had happened.

The process that goes on knows nothing of the first one. All is read from the store: what the
crawl wrote from the change log and the versions, what it saw from the scopes that it closed.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, func, select

from catalog.history.store import table_of
from catalog.ingest import vanish
from catalog.ingest.context import CrawlContext
from catalog.ingest.lookup import chunks
from catalog.model import AssetVersion, Change, CrawlScope

_CHANGE, _VERSION = table_of(Change), table_of(AssetVersion)
_CRAWL_SCOPE = table_of(CrawlScope)


def recall(connection: Connection, context: CrawlContext) -> None:
    """Fills ``context.before`` and ``context.seen`` when the crawl had begun already."""
    scopes = connection.execute(
        select(_CRAWL_SCOPE).where(_CRAWL_SCOPE.c.crawl == context.crawl)
    ).all()
    if not scopes:
        return
    context.before = _written(connection, context)
    if context.whole:
        for row in scopes:
            if row.state == "complete":
                missing = set(vanish.unpack_keys(row.missing))
                live = vanish.live_keys(connection, context.source.key, row.scope)
                context.seen.update(key for key in live if key not in missing)


def _written(connection: Connection, context: CrawlContext) -> dict[str, set[int]]:
    """Asset keys by what the crawl did to them: created, changed, renamed, restored."""
    found: dict[str, set[int]] = {
        name: set() for name in ("created", "changed", "renamed", "restored")
    }
    changes = connection.execute(
        select(_CHANGE.c.asset, _CHANGE.c.what).where(
            _CHANGE.c.actor == context.actor, _CHANGE.c.asset.is_not(None)
        )
    )
    for asset, what in changes:
        if what in found:
            found[what].add(asset)
        if what in ("renamed", "restored", "definition"):
            found["changed"].add(asset)
    first, other = _reported(connection, context)
    found["created"] |= first
    found["changed"] |= other
    return found


def _reported(connection: Connection, context: CrawlContext) -> tuple[set[int], set[int]]:
    """Assets whose record this crawl wrote: those that the source had never seen, and others.

    The record that was left stands in a version; none is left by the first one.
    """
    part = f"sighting:{context.source.key}"
    rows: list[Any] = list(
        connection.execute(
            select(_VERSION.c.asset, _VERSION.c.to_sequence)
            .join(_CHANGE, _CHANGE.c.sequence == _VERSION.c.to_sequence)
            .where(_CHANGE.c.actor == context.actor, _VERSION.c.part == part)
        )
    )
    earliest: dict[int, Any] = {}
    for chunk in chunks(sorted({row.asset for row in rows})):
        for asset, sequence in connection.execute(
            select(_VERSION.c.asset, func.min(_VERSION.c.to_sequence))
            .where(_VERSION.c.asset.in_(chunk), _VERSION.c.part == part)
            .group_by(_VERSION.c.asset)
        ):
            earliest[asset] = sequence
    nothing = _without_record(connection, part, earliest)
    first = {row.asset for row in rows if earliest[row.asset] == row.to_sequence} & nothing
    return first, {row.asset for row in rows} - first


def _without_record(connection: Connection, part: str, earliest: dict[int, Any]) -> set[int]:
    """Assets whose earliest version of the part holds no record."""
    found: set[int] = set()
    for chunk in chunks(sorted(earliest)):
        for asset, sequence in connection.execute(
            select(_VERSION.c.asset, _VERSION.c.to_sequence).where(
                _VERSION.c.asset.in_(chunk), _VERSION.c.part == part, _VERSION.c.document.is_(None)
            )
        ):
            if earliest[asset] == sequence:
                found.add(asset)
    return found
