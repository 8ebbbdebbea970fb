"""The catalog at a glance, and how often assets are asked for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from operator import add
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, bindparam, case, delete, func, or_, select, update

from catalog.access.viewer import Viewer, visible
from catalog.assets.later import FLUSH_SECONDS, Later
from catalog.assets.rows import ASSET, NAMESPACE, SOURCE, see_assets
from catalog.assets.views import Glance
from catalog.history import dialect
from catalog.history.store import Store, table_of
from catalog.history.unit import Unit
from catalog.model import AssetAttribute, LookupCount, clock
from catalog.naming import id_bytes, id_text
from catalog.types import LIVE_STATES

KEPT_DAYS: Final = 90
"""Days of look-ups that popularity is made from; older ones are forgotten."""
HALF_LIFE: Final = 30.0
"""Days after which a look-up counts half."""
SHARE_COUNTED: Final = 2_000
"""Children of a container that are looked at for its share of curation."""
_COUNT = table_of(LookupCount)
_ATTRIBUTE = table_of(AssetAttribute)
_BATCH: Final = 500


def at_a_glance(connection: Connection, viewer: Viewer) -> Glance:
    """How many live assets the viewer sees, by kind, state, source and platform: one query.

    ``states`` counts the others too: referenced and removed ones are in no other figure.
    """
    rows = connection.execute(
        select(
            ASSET.c.kind,
            ASSET.c.asset_class,  # not by the kind: a source may bring kinds that are not ours
            ASSET.c.state,
            SOURCE.c.name,
            NAMESPACE.c.platform,
            func.count(),
            func.count(case((ASSET.c.description.is_not(None), 1))),
            func.count(case((ASSET.c.flag == "endorsed", 1))),
        )
        .select_from(
            ASSET.join(NAMESPACE, NAMESPACE.c.key == ASSET.c.namespace).outerjoin(
                SOURCE, SOURCE.c.key == ASSET.c.source
            )
        )
        .where(see_assets(visible(viewer)))
        .group_by(
            ASSET.c.kind, ASSET.c.asset_class, ASSET.c.state, SOURCE.c.name, NAMESPACE.c.platform
        )
    ).all()
    kinds: Counter[str] = Counter()
    states: Counter[str] = Counter()
    sources: Counter[str] = Counter()
    platforms: Counter[str] = Counter()
    curable = described = endorsed = 0
    for kind, asset_class, state, source, platform, count, texts, flags in rows:
        states[state] += count
        if state in LIVE_STATES:
            if asset_class != "container":
                curable, described = curable + count, described + texts
                endorsed += flags
            kinds[kind] += count
            platforms[platform] += count
            if source is not None:
                sources[source] += count
    return Glance(
        total=sum(kinds.values()),
        kinds=dict(kinds.most_common()),
        states=dict(states.most_common()),
        sources=dict(sources.most_common()),
        platforms=dict(platforms.most_common()),
        curable=curable,
        described=described,
        owned=_owned(connection, viewer),
        endorsed=endorsed,
    )


def _owned(connection: Connection, viewer: Viewer) -> int:
    """How many visible live assets that are no containers have an owner."""
    owned = select(_ATTRIBUTE.c.asset).where(_ATTRIBUTE.c.attribute == "owner").distinct()
    return int(
        connection.execute(
            select(func.count())
            .select_from(ASSET.outerjoin(SOURCE, SOURCE.c.key == ASSET.c.source))
            .where(
                see_assets(visible(viewer)),
                ASSET.c.key.in_(owned),
                ASSET.c.state.in_(LIVE_STATES),
                ASSET.c.asset_class != "container",
            )
        ).scalar_one()
    )


class Share(NamedTuple):
    """Of ``counted`` children how many are described, owned, endorsed. ``whole``: all of them
    were counted."""

    counted: int
    described: int
    owned: int
    endorsed: int
    whole: bool


def curation_share(connection: Connection, viewer: Viewer, parent: int) -> Share:
    """How far the visible live children of a container (key) are curated: two bounded queries.

    The first `SHARE_COUNTED` by name are counted.
    """
    children = (
        select(ASSET.c.key, ASSET.c.description, ASSET.c.flag)
        .select_from(ASSET.outerjoin(SOURCE, SOURCE.c.key == ASSET.c.source))
        .where(
            ASSET.c.parent == parent,
            ASSET.c.state.in_(LIVE_STATES),
            see_assets(visible(viewer)),
        )
        .order_by(ASSET.c.sort, ASSET.c.key)
        .limit(SHARE_COUNTED + 1)
        .subquery()
    )
    counted, described, endorsed = connection.execute(
        select(
            func.count(),
            func.count(children.c.description),
            func.count(case((children.c.flag == "endorsed", 1))),
        ).select_from(children)
    ).one()
    owned = connection.execute(
        select(func.count(_ATTRIBUTE.c.asset.distinct()))
        .select_from(children.join(_ATTRIBUTE, _ATTRIBUTE.c.asset == children.c.key))
        .where(_ATTRIBUTE.c.attribute == "owner")
    ).scalar_one()
    return Share(counted, described, owned, endorsed, counted <= SHARE_COUNTED)


class LookupCounter:
    """Counts look-ups in memory and writes them every few seconds; see `Later`."""

    def __init__(self, store: Store, every: float = FLUSH_SECONDS) -> None:
        self._later = Later[tuple[int | str, int]](store, write_counts, add, every)

    def note(self, asset: int | str) -> bool:
        """Counts one look-up of an asset (key or public id). True when it is time to `flush`."""
        return self._later.note((asset, clock.now() // clock.DAY), 1)

    def flush(self) -> int:
        """Writes what was counted since; how many look-ups that were. Makes no change."""
        return sum(self._later.flush().values())


def write_counts(unit: Unit, counts: Mapping[tuple[int | str, int], int]) -> None:
    """Adds (asset, day) -> look-ups to the store; assets that are gone are left out.

    ``asset``: integer key or public id.
    """
    connection = unit.connection
    there = _keys(connection, {asset for asset, _ in counts})
    total: Counter[tuple[int, int]] = Counter()
    for (asset, day), count in counts.items():
        if asset in there:
            total[there[asset], day] += count
    rows = [
        {"asset": asset, "day": day, "count": count}
        for (asset, day), count in sorted(total.items())
    ]
    if not rows:
        return
    statement = dialect.insert(connection, _COUNT)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["asset", "day"],
            set_={"count": _COUNT.c["count"] + statement.excluded["count"]},
        ),
        rows,
    )


def _keys(connection: Connection, assets: Iterable[int | str]) -> dict[int | str, int]:
    """Key or public id -> key, of the assets that are there."""
    wanted = list(assets)
    found: dict[int | str, int] = {}
    for start in range(0, len(wanted), _BATCH):
        chunk = wanted[start : start + _BATCH]
        keys = [one for one in chunk if isinstance(one, int)]
        uids = [id_bytes(one) for one in chunk if isinstance(one, str)]
        statement = select(ASSET.c.key, ASSET.c.uid).where(
            or_(ASSET.c.key.in_(keys), ASSET.c.uid.in_(uids))
        )
        for key, uid in connection.execute(statement):
            found[key] = found[id_text(uid)] = key
    return found


def popularity_class(weight: float) -> int:
    """0 to 9 from the weighted number of look-ups: each class is three times the one below.

    1 from one look-up on, 2 from 3, 3 from 9 ... 9 from 6,561.
    """
    level = 0
    while level < 9 and weight >= 3.0**level * 0.999:
        level += 1
    return level


def reclass(unit: Unit) -> int:
    """Sets the popularity class of all assets where it moved; how many did.

    Run once a day. A class that moves is a change without version. Old counts are forgotten.
    """
    connection = unit.connection
    today = unit.now // clock.DAY
    connection.execute(delete(_COUNT).where(_COUNT.c.day < today - KEPT_DAYS))
    weights: dict[int, float] = {}
    for asset, day, count in connection.execute(
        select(_COUNT.c.asset, _COUNT.c.day, _COUNT.c["count"])
    ):
        weights[asset] = weights.get(asset, 0.0) + count * 0.5 ** ((today - day) / HALF_LIFE)
    moved = [
        (row, popularity_class(weights.get(row.key, 0.0)))
        for row in _asked_for(connection, weights)
        if popularity_class(weights.get(row.key, 0.0)) != row.popularity
    ]
    if not moved:
        return 0
    connection.execute(
        update(ASSET).where(ASSET.c.key == bindparam("of")).values(popularity=bindparam("level")),
        [{"of": row.key, "level": level} for row, level in moved],
    )
    for row, level in moved:
        unit.change(
            "popularity",
            subject=id_text(row.uid),
            asset=row.key,
            before={"popularity": row.popularity},
            after={"popularity": level},
        )
    return len(moved)


def _asked_for(connection: Connection, weights: Mapping[int, float]) -> list[Any]:
    """Assets that were asked for, and those that still have a class from before."""
    columns = (ASSET.c.key, ASSET.c.uid, ASSET.c.popularity)
    rows = {
        row.key: row for row in connection.execute(select(*columns).where(ASSET.c.popularity > 0))
    }
    missing = sorted(weights.keys() - rows.keys())
    for start in range(0, len(missing), _BATCH):
        chunk = missing[start : start + _BATCH]
        for row in connection.execute(select(*columns).where(ASSET.c.key.in_(chunk))):
            rows[row.key] = row
    return [rows[key] for key in sorted(rows)]
