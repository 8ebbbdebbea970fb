"""Joining accounts to persons by hand, with the owners of the assets that it touches."""

from __future__ import annotations

from sqlalchemy import select

from catalog.access import accounts
from catalog.access.viewer import Viewer
from catalog.assets.effective import refresh_effective
from catalog.history.store import table_of
from catalog.history.unit import Unit
from catalog.model import AssetAttribute

_ATTRIBUTE = table_of(AssetAttribute)
BATCH = 200


def join_account(
    unit: Unit, viewer: Viewer, account_id: str, person_id: str
) -> accounts.AccountView:
    """Joins an account (public id) to a person, also one that belongs to somebody else."""
    before = accounts.get_account(unit.session, viewer, account_id).person
    view = accounts.join_account(unit, viewer, account_id, person_id)
    if before is not None and before != view.person:
        _refresh_owned(unit, before)
    return view


def separate_account(unit: Unit, viewer: Viewer, account_id: str) -> accounts.AccountView:
    """Takes an account from its person; what it owns is shown under its own name again."""
    before = accounts.get_account(unit.session, viewer, account_id).person
    view = accounts.separate_account(unit, viewer, account_id)
    if before is not None:
        _refresh_owned(unit, before)
    return view


def _refresh_owned(unit: Unit, person: str) -> None:
    """All assets of which the person was an owner."""
    owned = select(_ATTRIBUTE.c.asset).where(
        _ATTRIBUTE.c.attribute == "owner", _ATTRIBUTE.c.value == f"person:{person}"
    )
    keys = unit.connection.execute(owned.order_by(_ATTRIBUTE.c.asset)).scalars().all()
    for start in range(0, len(keys), BATCH):
        refresh_effective(unit, keys[start : start + BATCH])
