"""The store that pages are measured on: 100,000 assets, and beside them what is heavy to show.

A schema with all of them, a table of 2,000 columns, a graph of 500 nodes around one asset, a
source with 10,000 crawls behind it, and a user who is signed in.
"""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path
from typing import Any

from sqlalchemy import insert, select

from catalog.access import sessions, users
from catalog.crawling import records
from catalog.history import dialect, migrate
from catalog.history.store import Store, table_of
from catalog.history.unit import Unit
from catalog.model import Asset, Crawl, Edge, Source, clock
from catalog.naming import id_text, new_id
from catalog.search.follower import Follower
from catalog.settings import Settings
from catalog.sources.ledger import COUNTS
from catalog.wiring import make_engine, open_store
from tests.benchmarks import big
from tests.support.crawls import FakeSource

COLUMNS, LEVELS, WIDTH, CRAWLS = 2_000, 10, 50, 10_000
_ASSET, _EDGE, _CRAWL, _SOURCE = (table_of(one) for one in (Asset, Edge, Crawl, Source))


def home(count: int) -> Path:
    """The home folder; made when it is not there. ``places.json`` in it holds ids and a cookie."""
    folder = (big.FOLDER / f"{count}-pages").absolute()
    if (folder / "complete").is_file() and _is_current(folder):
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    plain = big.home(count)
    if not _is_current(plain):
        shutil.rmtree(plain)
        plain = big.home(count)
    shutil.copytree(plain, folder)
    (folder / "complete").unlink()
    settings = Settings(home=folder, disk_reserve=0)
    store = open_store(settings)
    try:
        migrate.check(store)
        places = _extend(store)
        engine = make_engine(settings)
        Follower(store, engine).catch_up()
        engine.close()
    finally:
        store.close()
    (folder / "places.json").write_text(json.dumps(places), encoding="utf-8")
    (folder / "complete").touch()
    return folder


def _is_current(folder: Path) -> bool:
    """Whether it has every table: the first migration still changes before the first release."""
    from sqlalchemy import inspect

    from catalog.model import metadata

    store = open_store(Settings(home=folder, disk_reserve=0))
    try:
        return set(metadata.tables) <= set(inspect(store.engine).get_table_names())
    finally:
        store.close()


def places(folder: Path) -> dict[str, Any]:
    """``schema``, ``asset``, ``wide``, ``graph``: public ids; ``source``: a name; ``cookie``."""
    found: dict[str, Any] = json.loads((folder / "places.json").read_text(encoding="utf-8"))
    return found


def _extend(store: Store) -> dict[str, Any]:
    wide = tuple(
        records.Field(f"column_{n:04}", "int64", "bigint", True, comment=f"The {n}th measurement.")
        for n in range(COLUMNS)
    )
    source = FakeSource(store, name="other", namespaces=("postgres://wide:5432",))
    source.put(
        records.Asset("postgres://wide:5432", "shop", "database", "container"),
        records.Asset("postgres://wide:5432", "shop.wide", "table", parent="shop", columns=wide),
    )
    source.run()
    store.run(_add_crawls, "system")
    graph = store.run(_add_edges, "system")
    cookie = store.run(_sign_in, "system")
    with store.connect() as connection:
        schema = connection.scalar(select(_ASSET.c.uid).where(_ASSET.c.name == "shop.public"))
        table = connection.scalar(select(_ASSET.c.uid).where(_ASSET.c.name == "shop.wide"))
        asset = connection.scalar(
            select(_ASSET.c.uid).where(_ASSET.c.kind == "table").order_by(_ASSET.c.sort).limit(1)
        )
    return {
        "schema": id_text(schema or b""),
        "wide": id_text(table or b""),
        "asset": id_text(asset or b""),
        "graph": id_text(graph),
        "source": "wh",
        "cookie": cookie,
    }


def _add_crawls(unit: Unit) -> None:
    source = unit.connection.scalar(select(_SOURCE.c.key).where(_SOURCE.c.name == "wh"))
    now = clock.now()
    counts = dict.fromkeys(COUNTS, 0)
    unit.connection.execute(
        insert(_CRAWL),
        [
            {"uid": new_id(), "source": source, "state": "succeeded", "trigger": "schedule",
             "actor": "system", "crawler_version": 1, "cancel": False, "queued_at": now + n,
             "started_at": now + n, "ended_at": now + n + 1, **counts}
            for n in range(CRAWLS)
        ],
    )  # fmt: skip


def _add_edges(unit: Unit) -> bytes:
    """10 levels of 50 tables, each fed by 3 of the level above, all of the last feed one: its id,
    from which nearly all are reached."""
    chosen = random.Random(7)
    rows = unit.connection.execute(
        select(_ASSET.c.key, _ASSET.c.uid)
        .where(_ASSET.c.kind == "table", _ASSET.c.name.like("shop.public.%"))
        .order_by(_ASSET.c.sort.desc())
        .limit(LEVELS * WIDTH + 1)
    ).all()
    keys = [row.key for row in rows]
    pairs = {
        (keys[(level - 1) * WIDTH + chosen.randrange(WIDTH)], keys[level * WIDTH + place])
        for level in range(1, LEVELS)
        for place in range(WIDTH)
        for _ in range(3)
    }
    pairs |= {(key, keys[-1]) for key in keys[-1 - WIDTH : -1]}
    edges = [(one, number, other, number) for one, other in sorted(pairs) for number in range(21)]
    dialect.bulk_insert(
        unit.connection,
        _EDGE,
        ("key", "from_asset", "from_column", "to_asset", "to_column", "kind", "via"),
        [(key, *edge, "direct", 0) for key, edge in enumerate(edges, 1)],
    )
    uid: bytes = rows[-1].uid
    return uid


def _sign_in(unit: Unit) -> str:
    return sessions.start_session(unit, users.viewer_as(unit.session, "ann")).cookie
