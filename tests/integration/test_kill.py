"""Kill -9 at any point: no asset lost or doubled, no edit lost, the index equal to the store."""

from __future__ import annotations

import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from catalog.history import migrate
from catalog.history.store import Store, table_of
from catalog.model import Asset, Fact
from catalog.search.consistency import differences
from catalog.search.follower import Follower
from catalog.search.whoosh_engine import WhooshEngine
from catalog.settings import shipped
from catalog.sources import crawls
from catalog.usecases.doctor import examine
from tests.support import mortal
from tests.support.crawls import FakeSource, queue_crawl

ASSET, FACT = table_of(Asset), table_of(Fact)
CRAWL = mortal.CRAWL
ROOT = Path(migrate.__file__).parents[2]
KILLS = 20
# Point of the product -> how often a round comes by it at least.
POINTS = {
    "batch begin": 4,
    "before commit": 4,
    "after commit": 4,
    "scope close": 2,
    "index commit": 4,
    "backup": 1,
    "migration": 1,
}
NEXT_MIGRATION = """
import sqlalchemy as sa
from alembic import op

revision, down_revision = "0002", "0001"
branch_labels = depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("asset", recreate="always") as table:
        table.add_column(sa.Column("mood", sa.Text(), nullable=True))
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A store with a source, crawled and indexed once."""
    folder = tmp_path / "home"
    folder.mkdir()
    store = open_store(folder)
    migrate.upgrade(store)
    source = FakeSource(store)
    mortal.crawl(store, source.queue(), 0)
    store.close()
    return folder


@pytest.fixture
def migrations(tmp_path: Path) -> Path:
    """Those of the product and one more, which makes the asset table anew."""
    folder = tmp_path / "migrations"
    shutil.copytree(shipped("migrations"), folder)
    (folder / "versions" / "0002_next.py").write_text(NEXT_MIGRATION)
    return folder


def open_store(home: Path) -> Store:
    return Store(f"sqlite:///{home / 'catalog.db'}", home=home, disk_reserve=0)


def plan(seed: int) -> Iterator[tuple[str, int]]:
    """Which point, and the how-manieth time; each point comes up twice at least."""
    draw = random.Random(seed)
    points = [*POINTS, *POINTS, *draw.choices(list(POINTS), k=KILLS - 2 * len(POINTS))]
    draw.shuffle(points)
    for point in points:
        yield point, draw.randint(1, POINTS[point])


def test_killed_anywhere_nothing_is_lost(home: Path, migrations: Path) -> None:
    seed = int(os.environ.get("CATALOG_TESTS_SEED") or random.SystemRandom().randrange(1 << 32))
    print(f"CATALOG_TESTS_SEED={seed}")
    for number, (point, hits) in enumerate(plan(seed), 1):
        print(f"round {number}: {point}, time {hits}")
        command = [sys.executable, "-m", "tests.support.mortal", str(home), str(number), point]
        command += [str(hits), str(migrations)]
        ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert ended.returncode == -signal.SIGKILL, ended.stderr[-3000:]
        recover(home, number)
    assert len(mortal.acknowledged(home)) >= KILLS


def recover(home: Path, number: int) -> None:
    """What the next process does and finds."""
    store, engine = open_store(home), WhooshEngine(home / "index")
    try:
        migrate.check(store)
        go_on(store, number)
        mortal.crawl(store, queue_crawl(store, mortal.source_key(store)), number)
        Follower(store, engine).catch_up()
        assert differences(store, engine) == []
        assert examine(store, engine).findings == []
        check_assets(store, number)
        check_edits(store, home)
        check_backup(home / f"backup{number}.db")
    finally:
        engine.close()
        store.close()


def go_on(store: Store, number: int) -> None:
    """The crawl that was cut off goes on, and its ledger adds up."""
    with store.write("system") as unit:
        crawls.recover_dead(unit)
    with store.connect() as connection:
        waiting = connection.execute(select(CRAWL.c.key).where(CRAWL.c.state == "queued")).scalars()
        keys = list(waiting)
    assert len(keys) <= 1
    for key in keys:
        assert mortal.crawl(store, key, number) == "succeeded"
    with store.connect() as connection:
        row = connection.execute(select(CRAWL).order_by(CRAWL.c.key.desc()).limit(1)).one()
    assert (row.listed, row.seen) == (2 * mortal.SIZE, 2 * mortal.SIZE)
    # What was written before the kill counts as it did then.
    assert (row.new, row.removed, row.renamed) == expected(number)


def expected(number: int) -> tuple[int, int, int]:
    """(new, removed, renamed) of a crawl from one round's content to the next one's."""
    before, now = (
        {one.id: one.name for tables in mortal.content(n).values() for one in tables}
        for n in (number - 1, number)
    )
    renamed = sum(before[one] != now[one] for one in before.keys() & now.keys())
    return len(now.keys() - before.keys()), len(before.keys() - now.keys()), renamed


def check_assets(store: Store, number: int) -> None:
    wanted = sorted(one.name for tables in mortal.content(number).values() for one in tables)
    with store.connect() as connection:
        data = select(ASSET).where(ASSET.c.asset_class == "data")
        rows: list[Any] = list(connection.execute(data))
    assert sorted(row.name for row in rows if row.state == "crawled") == wanted
    # A table is one asset all its life: so many have there been, under whatever name.
    assert len(rows) == len({one.id for n in range(number + 1) for one in both_scopes(n)})


def both_scopes(number: int) -> list[Any]:
    return [one for tables in mortal.content(number).values() for one in tables]


def check_edits(store: Store, home: Path) -> None:
    """Every edit that was answered is there; at most the one under the knife beside them."""
    known = mortal.acknowledged(home)
    with store.connect() as connection:
        texts = set(
            connection.execute(
                select(FACT.c.value).where(FACT.c.property == "description")
            ).scalars()
        )
        count = connection.execute(select(func.count()).select_from(FACT)).scalar_one()
    assert {f'"{one["text"]}"' for one in known} <= texts
    assert count <= len(known) + KILLS


def check_backup(path: Path) -> None:
    """Either not there at all, or whole."""
    if not path.exists():
        return
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert connection.execute("SELECT count(*) FROM asset").fetchone()[0] > 0
