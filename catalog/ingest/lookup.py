"""Finds what a batch of records names: the asset and this source's sighting of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, and_, bindparam, select

from catalog.history.store import table_of
from catalog.ingest.context import CrawlContext
from catalog.ingest.prepare import Prepared
from catalog.model import Asset, Scope, Sighting

_ASSET = table_of(Asset)
_SIGHTING = table_of(Sighting)
_SCOPE = table_of(Scope)
_CHUNK = 500
Identity = tuple[str, str, bytes]


class Existing(NamedTuple):
    """An asset's row with the sighting of the crawl's source; sighting fields None: none."""

    key: int
    uid: bytes
    asset_class: str
    namespace: int
    name: str
    name_key: bytes
    kind: str
    parent: int | None
    state: str
    source: int | None
    next_column: int
    rows_class: int | None
    sighted: str | None  # present | held | withdrawn
    hash: bytes | None
    record_format: int | None
    stable_id: str | None
    scope: int | None
    crawl: int | None
    written_at: int | None


_FIELDS = (
    _ASSET.c.key,
    _ASSET.c.uid,
    _ASSET.c.asset_class,
    _ASSET.c.namespace,
    _ASSET.c.name,
    _ASSET.c.name_key,
    _ASSET.c.kind,
    _ASSET.c.parent,
    _ASSET.c.state,
    _ASSET.c.source,
    _ASSET.c.next_column,
    _ASSET.c.rows_class,
    _SIGHTING.c.state,
    _SIGHTING.c.hash,
    _SIGHTING.c.record_format,
    _SIGHTING.c.stable_id,
    _SIGHTING.c.scope,
    _SIGHTING.c.crawl,
    _SIGHTING.c.written_at,
)
_JOINED = select(*_FIELDS).select_from(
    _ASSET.outerjoin(
        _SIGHTING,
        and_(_SIGHTING.c.asset == _ASSET.c.key, _SIGHTING.c.source == bindparam("source")),
    )
)
_BY_NAME = _JOINED.where(
    _ASSET.c.namespace == bindparam("namespace"),
    _ASSET.c.asset_class == bindparam("asset_class"),
    _ASSET.c.name_key.in_(bindparam("keys", expanding=True)),
)
_BY_KEY = _JOINED.where(_ASSET.c.key.in_(bindparam("keys", expanding=True)))
# By the key alone: with the namespace beside it SQLite would read all assets of the namespace.
_BY_FOLDED = _JOINED.where(_ASSET.c.folded_key.in_(bindparam("keys", expanding=True)))
_BY_STABLE = (
    select(*_FIELDS)
    .join(_SIGHTING, _SIGHTING.c.asset == _ASSET.c.key)
    .where(
        _SIGHTING.c.source == bindparam("source"),
        _SIGHTING.c.stable_key.in_(bindparam("keys", expanding=True)),
    )
)


def chunks(items: Sequence[Any], size: int = _CHUNK) -> Iterable[Sequence[Any]]:
    """Slices of at most ``size``: drivers limit the parameters of one statement."""
    for offset in range(0, len(items), size):
        yield items[offset : offset + size]


def by_name(
    connection: Connection, context: CrawlContext, identities: Iterable[Identity]
) -> dict[Identity, Existing]:
    """Identity -> row, by exact spelling."""
    groups: dict[tuple[str, str], list[bytes]] = defaultdict(list)
    for namespace, asset_class, key in identities:
        groups[namespace, asset_class].append(key)
    context.known_namespaces(connection, {namespace for namespace, _ in groups})
    found: dict[Identity, Existing] = {}
    for (namespace, asset_class), keys in groups.items():
        number = context.namespace_keys.get(namespace)
        if number is None:
            continue
        for chunk in chunks(keys):
            rows = connection.execute(
                _BY_NAME,
                {
                    "source": context.source.key,
                    "namespace": number,
                    "asset_class": asset_class,
                    "keys": chunk,
                },
            )
            for row in rows:
                found[namespace, asset_class, row.name_key] = Existing._make(row)
    return found


def by_key(
    connection: Connection, context: CrawlContext, keys: Iterable[int]
) -> dict[int, Existing]:
    """Asset key -> row."""
    found: dict[int, Existing] = {}
    for chunk in chunks(sorted(set(keys))):
        for row in connection.execute(_BY_KEY, {"source": context.source.key, "keys": chunk}):
            found[row.key] = Existing._make(row)
    return found


def by_stable_id(
    connection: Connection, context: CrawlContext, keys: Iterable[int]
) -> dict[int, Existing]:
    """Stable key -> row of the asset that this source last saw under it."""
    found: dict[int, Existing] = {}
    wanted = sorted(set(keys))
    for chunk in chunks(wanted):
        statement = _BY_STABLE.add_columns(_SIGHTING.c.stable_key.label("stable_key"))
        for row in connection.execute(statement, {"source": context.source.key, "keys": chunk}):
            found[row.stable_key] = Existing._make(row[:-1])
    return found


def known_elsewhere(
    connection: Connection,
    context: CrawlContext,
    items: Iterable[Prepared],
    existing: Mapping[Identity, Existing],
) -> set[Identity]:
    """Records under a name that this source never reported, with an id that it did.

    The thing was renamed, and somebody spoke of its new name before this crawl: SQL, another
    source. All ids must be known before it can be settled.
    """
    asked = {
        item.identity: item.stable_key
        for item in items
        if item.stable_key is not None
        and (row := existing.get(item.identity)) is not None
        and row.sighted is None
        and row.state != "removed"
    }
    if not asked:
        return set()
    owners = by_stable_id(connection, context, asked.values())
    return {
        identity
        for identity, key in asked.items()
        if (owner := owners.get(key)) is not None
        and owner.asset_class == identity[1]
        and owner.key not in context.seen
    }


def joinable(
    connection: Connection, pairs: Iterable[tuple[Existing | None, Existing | None]]
) -> set[int]:
    """Of (asset, asset under its new name): keys of the latter that are the former, seen early.

    Where one source sees both at once they are two, whatever this source says.
    """
    wanted = [
        (owner, holder)
        for owner, holder in pairs
        if owner is not None
        and holder is not None
        and holder.sighted is None
        and holder.state != "removed"
    ]
    if not wanted:
        return set()
    keys = {one.key for pair in wanted for one in pair}
    live = {
        key: {source for source, (state, _) in by_source.items() if state != "withdrawn"}
        for key, by_source in sighting_records(connection, keys).items()
    }
    return {
        holder.key
        for owner, holder in wanted
        if not live.get(owner.key, set()) & live.get(holder.key, set())
    }


def referenced(
    connection: Connection, context: CrawlContext, namespace: int, asset_class: str, keys: list[int]
) -> list[Existing]:
    """Referenced assets of a namespace whose folded name has one of these keys."""
    found: list[Existing] = []
    for chunk in chunks(keys):
        rows = connection.execute(_BY_FOLDED, {"source": context.source.key, "keys": chunk})
        found.extend(Existing._make(row) for row in rows)
    return [
        row
        for row in found
        if (row.namespace, row.asset_class, row.state) == (namespace, asset_class, "referenced")
    ]


_RECORDS = select(
    _SIGHTING.c.asset, _SIGHTING.c.source, _SIGHTING.c.state, _SIGHTING.c.record
).where(_SIGHTING.c.asset.in_(bindparam("keys", expanding=True)))


def sighting_records(
    connection: Connection, keys: Iterable[int]
) -> dict[int, dict[int, tuple[str, bytes]]]:
    """Asset -> source -> (state, packed record) of all sightings."""
    found: dict[int, dict[int, tuple[str, bytes]]] = defaultdict(dict)
    for chunk in chunks(sorted(set(keys))):
        for row in connection.execute(_RECORDS, {"keys": chunk}):
            found[row.asset][row.source] = (row.state, row.record)
    return found


def identities_of(items: Iterable[Prepared]) -> list[Identity]:
    """Identities of prepared records."""
    return [item.identity for item in items]
