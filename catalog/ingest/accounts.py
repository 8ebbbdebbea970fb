"""Accounts that records name as owners, made once per crawl."""

from __future__ import annotations

from collections.abc import Iterable

from catalog.access import accounts
from catalog.history.unit import Unit
from catalog.ingest.context import CrawlContext


def ensure_accounts(unit: Unit, context: CrawlContext, names: Iterable[str]) -> None:
    """Makes accounts of the source that are not there yet; an e-mail joins its person."""
    missing = {name for name in names if name and name not in context.accounts}
    if missing:
        source = context.source.key
        accounts.ensure_accounts(unit, [(source, name) for name in missing])
        context.accounts |= missing
