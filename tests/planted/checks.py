"""The invariants as checks that a fault must break: each raises `AssertionError` when it does.

Most play steps against the reference model, like the property tests, but with steps that lead to
the fault at once.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import func, select

from catalog.access.expression import Prefix
from catalog.access.viewer import SYSTEM, install_policy
from catalog.assets import listing
from catalog.crawling import records
from catalog.history import points
from catalog.history.setup import create_all
from catalog.history.store import Store, table_of
from catalog.model import Change
from catalog.search.consistency import differences
from catalog.search.follower import Follower
from catalog.settings import settings
from catalog.sources import sources
from catalog.usecases.doctor import examine
from tests.support.crawls import FakeSource, table
from tests.support.mortalstore import Killed
from tests.support.play import play, playing
from tests.support.steps import Act, CrawlIt, Follow, Step

CHANGE = table_of(Change)
Check = Callable[[Path, Path], None]
"""(an empty folder, the template of a store) -> None, or it raises."""
BEGIN: list[Step] = [Act(0, "fill", 3), CrawlIt(0)]


def steps(*rest: Step) -> Check:
    """Plays the steps after a first crawl of some tables."""

    def check(folder: Path, template: Path) -> None:
        play(folder, template, [*BEGIN, *rest])

    return check


def fresh(folder: Path) -> Store:
    store = Store(f"sqlite:///{folder / 'catalog.db'}", home=folder, disk_reserve=0)
    create_all(store.engine)
    return store


def position_is_not_ahead(folder: Path, template: Path) -> None:
    """Killed at any commit of the index, it is equal to the store after the next one."""
    left = 0

    def at(point: str) -> None:
        nonlocal left
        left -= point == "index commit"
        if left == 0:
            raise Killed

    for hits in (1, 2):
        place = folder / str(hits)
        place.mkdir()
        with playing(place, template) as made:
            for step in (*BEGIN, Follow(), Act(0, "comment", 1, 1), CrawlIt(0)):
                made.step(step)
            left, points.at = hits, at
            with pytest.raises(Killed):
                Follower(made.store, made.engine).catch_up()
            points.at = made.store.at
            Follower(made.store, made.engine).catch_up()
            assert differences(made.store, made.engine) == []


def doctor_is_content(folder: Path, template: Path) -> None:
    """Held assets that return leave nothing behind."""
    store = fresh(folder)
    source = FakeSource(store)
    source.put(*[table(f"s.t{n}", "a") for n in range(10)])
    source.run()
    source.put()
    assert source.run().held == 10
    source.put(*[table(f"s.t{n}", "a") for n in range(10)])
    source.run()
    found = examine(store, None).findings
    store.close()
    assert found == []


def the_same_again_writes_nothing(folder: Path, template: Path) -> None:
    """Row counts move all the time; that is no change of the table."""
    store = fresh(folder)
    source = FakeSource(store)
    last = []
    for rows in (10, 11):
        source.put(table("s.t", "a", measures={"rows": records.Measure(rows)}))
        crawl = source.run()
        with store.connect() as connection:
            last.append(connection.execute(select(func.max(CHANGE.c.sequence))).scalar())
    store.close()
    assert (last[0], crawl.unchanged) == (last[1], 1)


def what_is_hidden_is_not_listed(folder: Path, template: Path) -> None:
    """A list shows what the policy lets the viewer see, and counts no more."""
    store = fresh(folder)
    source = FakeSource(store)
    source.put(table("s.open", "a"), table("s.closed", "a"))
    source.run()
    before = install_policy(lambda _viewer: Prefix("name", "s.open"))
    try:
        with store.connect() as connection:
            page = listing.assets(connection, SYSTEM)
    finally:
        install_policy(before)
        store.close()
    assert ([one.name for one in page.items], page.total) == (["s.open"], 1)


def no_secret_is_told(folder: Path, template: Path) -> None:
    """The change log says that there is a secret, and holds nothing of it, sealed or not."""
    config = {"host": "db", "database": "shop", "user": "me", "password": "c4n4ry"}
    kept = os.environ.get("CATALOG_HOME")
    os.environ["CATALOG_HOME"] = str(folder)
    settings.cache_clear()
    store = fresh(folder)
    try:
        with store.write("system") as unit:
            sources.create(unit, SYSTEM, "postgres", config, name="wh")
        with store.connect() as connection:
            told = str(connection.execute(select(CHANGE.c.before, CHANGE.c.after)).all())
    finally:
        store.close()
        del os.environ["CATALOG_HOME"]
        if kept is not None:
            os.environ["CATALOG_HOME"] = kept
        settings.cache_clear()
    assert "***" in told
    assert "c4n4ry" not in told
    assert "fernet:" not in told
