"""Statements follow the change log: what their names mean, and the schemas, may have changed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from catalog.history.store import Store
from catalog.history.unit import Unit
from catalog.jobs.followers import Event, Follower
from catalog.jobs.leases import Leases
from catalog.lineage import parse
from catalog.lineage.statements import MEANING_CHANGES, mark_stale, pending, stale_uses
from catalog.settings import Settings

ROLE: Final = "statement-parser"
FOLLOWER: Final = "statements"


def follow(
    store: Store, settings: Settings, *, cancelled: Callable[[], bool] = lambda: False
) -> bool:
    """Marks the uses that changed assets touch, then parses all that waits.

    One process at a time does it; False: another one does, and will come to ours.
    """
    lease = Leases(store, settings.home).try_acquire(ROLE)
    if lease is None:
        return False
    try:
        follower = Follower(store, FOLLOWER)
        while follower.step_with(_mark) and not cancelled():
            pass
        parse.parse_pending(store, cancelled=cancelled)
    finally:
        lease.release()
    return True


def waits(store: Store, settings: Settings) -> bool:
    """Marks a little, in this process; whether something is to be parsed then."""
    lease = Leases(store, settings.home).try_acquire(ROLE)
    if lease is None:
        return False
    try:
        Follower(store, FOLLOWER).step_with(_mark)
    finally:
        lease.release()
    with store.read() as session:
        return bool(pending(session, 1))


def _mark(unit: Unit, events: Sequence[Event]) -> None:
    assets = {
        event.asset for event in events if event.asset is not None and event.what in MEANING_CHANGES
    }
    mark_stale(unit, stale_uses(unit.session, assets))
