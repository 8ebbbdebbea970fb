"""A full disk: crawls stop before people do, answers go on, and nothing is lost."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import event, select

from catalog.access import users
from catalog.curation.edit import edit
from catalog.curation.patch import FactPatch
from catalog.errors import DiskFull
from catalog.history.setup import create_all
from catalog.history.store import Store, table_of
from catalog.ingest.crawl import run_crawl
from catalog.model import Asset
from catalog.naming import id_text
from catalog.usecases.doctor import examine
from tests.support.crawls import FakeSource, table

ASSET = table_of(Asset)
ROOT = users.local_viewer("root")


@pytest.fixture
def store(sqlite_store: Store) -> Store:
    return sqlite_store


def describe(store: Store, text: str, name: str = "s.t") -> None:
    with store.connect() as connection:
        found = connection.execute(select(ASSET.c.uid).where(ASSET.c.name == name))
        uid = id_text(found.scalar_one())
    with store.write(ROOT.actor) as unit:
        edit(unit, ROOT, uid, None, FactPatch(description=text))


def test_crawls_stop_before_people_do(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    source = FakeSource(store)
    source.put(table("s.t", "x"))
    source.run()
    store.disk_reserve = 1 << 30
    usage = shutil.disk_usage(store.home or "/")
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage._replace(free=500 << 20))
    store._free = (-1e9, 0)
    source.put(table("s.t", "x"), table("s.b", "x"))
    crawl = source.run()
    assert crawl.state == "failed"
    assert "524 MB are free" in crawl.why
    assert "CATALOG_DISK_RESERVE" in crawl.why
    describe(store, "still written")
    assert [one.check for one in examine(store, None).findings] == ["disk"]
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage._replace(free=10 << 20))
    store._free = (-1e9, 0)
    with pytest.raises(DiskFull, match="Free some space"):
        describe(store, "no more")
    with store.connect() as connection:  # reading goes on
        assert connection.execute(select(ASSET.c.description)).scalars().all() == ["still written"]


def _limited(store: Store) -> Callable[[], None]:
    """Makes SQLite say that the disk is full after some pages; answers how to free space."""
    with store.engine.connect() as connection:
        used = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
    most = [used + 60]
    event.listen(
        store.engine,
        "connect",
        lambda connection, _: connection.execute(f"PRAGMA max_page_count={most[0]}").close(),
    )
    store.engine.dispose()

    def free() -> None:
        most[0] = 1_000_000
        store.engine.dispose()

    return free


def _fill_and_go_on(store: Store, free: Callable[[], None]) -> None:
    """Crawls until nothing can be written any more; then there is space again."""
    source = FakeSource(store)
    source.put(table("s.t", "a"))
    source.run()
    describe(store, "kept")
    source.put(*[table(f"s.t{n}" if n else "s.t", *"abcdefgh") for n in range(3000)])
    key = source.queue()
    _crawl_on_a_full_disk(store, source, key)
    with store.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA quick_check").scalar() == "ok"
        assert connection.execute(select(ASSET.c.key)).first() is not None
    free()
    run_crawl(store, key, source, crawler_version=1, config_key="k")
    again = source.row(key)
    again = again if again.state == "succeeded" else source.run()
    assert again.state == "succeeded"
    with store.connect() as connection:
        found = connection.execute(select(ASSET.c.name, ASSET.c.description)).all()
    assert len(found) == 3000
    assert {row.name: row.description for row in found}["s.t"] == "kept"
    assert examine(store, None).findings == []


def _crawl_on_a_full_disk(store: Store, source: FakeSource, key: int) -> None:
    """It says so in its row, or, when not even that can be written, to whoever started it."""
    said = ""
    try:
        run_crawl(store, key, source, crawler_version=1, config_key="k")
    except DiskFull as error:
        said = str(error)
    row = source.row(key)
    assert "disk is full" in (said or str(row.why))
    assert row.state in (("failed",) if not said else ("running",))


def test_a_full_database_loses_nothing(store: Store) -> None:
    _fill_and_go_on(store, _limited(store))


def test_a_full_disk_loses_nothing(tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1500k", "tmpfs", str(small)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("mounting a small file system needs root")

    def free() -> None:
        subprocess.run(["mount", "-o", "remount,size=64m", str(small)], check=True)

    store = Store(f"sqlite:///{small / 'catalog.db'}", home=small, disk_reserve=0)
    try:
        create_all(store.engine)
        _fill_and_go_on(store, free)
    finally:
        store.close()
        subprocess.run(["umount", str(small)], check=True)
