"""Records whose id contradicts their name, settled once all ids of the crawl are known.

The rules, each with a test:

- A known id under a free name is a rename; so is one whose name is held by an asset that itself
  moves (swap, rotation) or that is removed (it keeps its curation but gives up the name).
- A known id under a name that only others spoke of (SQL, another source, before this crawl) is a
  rename too: the two are one asset, and are merged.
- A new id under a known name is the same asset, recreated: people curate names. So is a known id
  under a name whose former holder was dropped (``orders_new`` renamed onto ``orders``).
- What is left over (the old name of such a table) is missing, like anything not listed any more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import bindparam, update

from catalog.assets.merge import merge
from catalog.history.store import table_of
from catalog.history.unit import Unit
from catalog.ingest import lookup
from catalog.ingest.context import CrawlContext
from catalog.ingest.lookup import Existing
from catalog.ingest.prepare import Prepared
from catalog.model import Asset
from catalog.naming import name_key

_ASSET = table_of(Asset)
_PARK = (
    update(_ASSET).where(_ASSET.c.key == bindparam("b_key")).values(name_key=bindparam("name_key"))
)


def make_room(unit: Unit, context: CrawlContext, items: Sequence[Prepared]) -> list[Prepared]:
    """Frees the names that movers need, so that `write_batch` can treat them as renames.

    Answers the movers, to be written next, in the same transaction.

    A parked asset keeps its name but its unique key is salted with its id; the rename that
    follows in the same transaction gives it the key of its new name. A removed one stays parked:
    it is found by id, and by the history of its name.
    """
    connection = unit.connection
    ids = [item.stable_key for item in items if item.stable_key is not None]
    owners = lookup.by_stable_id(connection, context, ids)
    holders = lookup.by_name(connection, context, lookup.identities_of(items))
    pairs = pairs_of(items, owners, holders)
    joined = lookup.joinable(connection, pairs)
    movers = movers_of(context, items, owners, holders, joined)
    parked: dict[int, Existing] = {}
    for item in movers:
        holder = holders.get(item.identity)
        if holder is not None and holder.key in joined and item.stable_key is not None:
            _join(unit, context, owners[item.stable_key].key, holder.key)
        elif holder is not None:
            parked[holder.key] = holder
    if parked:
        connection.execute(
            _PARK,
            [
                {"b_key": row.key, "name_key": name_key(f"{row.name}\0{row.uid.hex()}")}
                for row in parked.values()
            ],
        )
    return movers


def pairs_of(
    items: Sequence[Prepared],
    owners: Mapping[int, Existing],
    holders: Mapping[lookup.Identity, Existing],
) -> list[tuple[Existing | None, Existing | None]]:
    """(asset of the id, asset of the name) of each record."""
    return [(owners.get(item.stable_key or 0), holders.get(item.identity)) for item in items]


def _join(unit: Unit, context: CrawlContext, keep: int, drop: int) -> None:
    """The asset under the new name becomes the renamed one."""
    merge(unit, keep, drop, cause="renamed")
    for name, key in context.containers.items():
        if key == drop:
            context.containers[name] = keep


def movers_of(
    context: CrawlContext,
    items: Sequence[Prepared],
    owners: dict[int, Existing],
    holders: dict[lookup.Identity, Existing],
    joined: set[int],
) -> list[Prepared]:
    """Items that truly rename. ``owners``: by stable key, ``holders``: by name, ``joined``: see
    `catalog.ingest.lookup.joinable`.

    Shrinks until each occupied name is left by its holder.
    """
    candidates: list[Prepared] = []
    for item in items:
        owner = owners.get(item.stable_key) if item.stable_key is not None else None
        if (
            owner is not None
            and owner.stable_id == item.record.id
            and owner.asset_class == item.record.asset_class
            and owner.key not in context.seen
        ):
            candidates.append(item)
    while True:
        leaving = {owners[item.stable_key].key for item in candidates if item.stable_key}
        free = leaving | joined
        kept = [item for item in candidates if _is_free(holders.get(item.identity), free)]
        if len(kept) == len(candidates):
            return kept
        candidates = kept


def _is_free(holder: Existing | None, free: set[int]) -> bool:
    """Whether nobody has the name; what another source still sees has it."""
    return holder is None or holder.state == "removed" or holder.key in free
