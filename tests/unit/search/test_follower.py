"""Whatever changes in the store: after following, the index equals it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from catalog.errors import Conflict, Unavailable
from catalog.history import points
from catalog.history.store import Store, table_of
from catalog.model import (
    Asset,
    AssetAttribute,
    Change,
    Meta,
    Namespace,
    Person,
    Source,
    Team,
)
from catalog.search import document, follower
from catalog.search.engine import Query
from catalog.search.follower import Follower
from catalog.search.whoosh_engine import WhooshEngine
from tests.support.search import assert_index_equals_store
from tests.unit.search.build import Estate


@pytest.fixture
def estate(store: Store) -> Estate:
    return Estate(store)


@pytest.fixture
def followed(store: Store, estate: Estate, engine: WhooshEngine) -> Iterator[Follower]:
    """A follower whose index is compared with the store after the test."""
    found = Follower(store, engine)
    found.catch_up()
    yield found
    assert_index_equals_store(store, engine)


def names(engine: WhooshEngine, text: str) -> int:
    return engine.search(Query(text)).total


@pytest.mark.usefixtures("followed")
class TestChanges:
    """Each is made after the index is built; the fixture compares at the end."""

    def test_an_asset_comes_changes_and_goes(
        self, estate: Estate, followed: Follower, engine: WhooshEngine
    ) -> None:
        key = estate.asset("shop.public.orders")
        assert followed.status().state == "behind"
        assert followed.catch_up() == 1
        estate.column(key, 1, "amount")
        estate.attribute(key, "tag", "pii")
        assert followed.catch_up() == 1
        assert names(engine, "amount tag:pii") == 1
        estate.edit(key, "removed", state="removed")
        followed.catch_up()
        assert (names(engine, "orders"), engine.count()) == (0, 0)
        assert followed.catch_up() == 0

    def test_a_referenced_one_becomes_live(
        self, estate: Estate, followed: Follower, engine: WhooshEngine
    ) -> None:
        key = estate.asset("shop.public.orders", state="referenced")
        followed.catch_up()
        assert (names(engine, "shop"), names(engine, "orders")) == (0, 1)
        estate.edit(key, "crawled", state="crawled")
        followed.catch_up()
        assert names(engine, "shop") == 1

    def test_an_owner_is_renamed(
        self, estate: Estate, followed: Follower, engine: WhooshEngine
    ) -> None:
        ann, team = estate.person("Ann"), estate.team("Sales")
        estate.attribute(estate.asset("a"), "owner", f"person:{ann}")
        estate.attribute(estate.asset("b"), "owner", f"team:{team}")
        followed.catch_up()
        estate.rename(Person, "person", ann, name="Beatrix")
        estate.rename(Team, "team", team, name="Revenue")
        assert followed.catch_up() == 2
        assert (names(engine, "owner:beatrix"), names(engine, "owner:revenue")) == (1, 1)
        assert names(engine, "owner:ann OR owner:sales") == 0

    def test_an_account_is_joined_to_a_person(
        self, estate: Estate, followed: Follower, engine: WhooshEngine
    ) -> None:
        ann, account = estate.person("Ann"), estate.account("etl")
        key = estate.asset("a")
        estate.attribute(key, "owner", "account:wh/etl")
        followed.catch_up()
        table = table_of(AssetAttribute)
        with estate.store.write("user:1") as unit:
            unit.connection.execute(table.update().values(value=f"person:{ann}"))
            unit.change(
                "joined",
                subject_type="account",
                subject=account,
                before={"owner": "account:wh/etl"},
                after={"owner": f"person:{ann}"},
            )
        assert followed.catch_up() == 1
        assert names(engine, "owner:ann") == 1

    def test_a_source_is_renamed_removed_and_back(
        self, estate: Estate, followed: Follower, engine: WhooshEngine
    ) -> None:
        for number in range(3):
            estate.asset(f"t{number}")
        followed.catch_up()
        estate.rename(Source, "source", estate.source_id(), name="house", environment="test")
        followed.catch_up()
        assert names(engine, "source:house env:test") == 3
        estate.rename(Source, "source", estate.source_id(), removed_at=1)
        followed.catch_up()
        assert engine.count() == 0
        estate.rename(Source, "source", estate.source_id(), removed_at=None)
        followed.catch_up()
        assert engine.count() == 3
        estate.rename(Source, "source", estate.source_id(), paused=True)
        assert followed.catch_up() == 0  # nothing that a document shows

    def test_a_namespace_is_edited(
        self, estate: Estate, followed: Follower, engine: WhooshEngine
    ) -> None:
        estate.asset("a")
        followed.catch_up()
        new = "postgres://new:5432"
        with estate.store.write("user:1") as unit:
            unit.connection.execute(table_of(Namespace).update().values(text=new))
            unit.change(
                "renamed",
                subject_type="namespace",
                subject=new,
                before={"text": "postgres://db:5432"},
                after={"text": new},
            )
        followed.catch_up()
        assert names(engine, f'namespace:"{new}"') == 1

    def test_a_container_is_renamed(
        self, estate: Estate, followed: Follower, engine: WhooshEngine
    ) -> None:
        database = estate.container("shop")
        schema = estate.container("shop.public", parent=database)
        estate.asset("orders", parent=schema)
        followed.catch_up()
        estate.edit(database, "renamed", name="store")
        assert followed.catch_up() == 3
        assert names(engine, "store") == 3
        estate.edit(database, "metadata", description="does not reach below")
        assert followed.catch_up() == 1


def test_a_wide_change_is_taken_in_slices(
    store: Store, estate: Estate, engine: WhooshEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped after each slice by another process, it goes on from there."""
    monkeypatch.setattr(follower, "COMMIT_ASSETS", 3)
    ann = estate.person("Ann")
    for number in range(10):
        estate.attribute(estate.asset(f"t{number}"), "owner", f"person:{ann}")
    Follower(store, engine).catch_up()
    estate.rename(Person, "person", ann, name="Beatrix")
    seen: list[tuple[int, int]] = []
    original = WhooshEngine.apply

    def noting(self: WhooshEngine, wanted: Any, gone: Any, position: Any) -> None:
        original(self, wanted, gone, position)
        seen.append((len(list(wanted)), position.asset))
        raise InterruptedError

    monkeypatch.setattr(WhooshEngine, "apply", noting)
    for _ in range(3):
        with pytest.raises(InterruptedError):
            Follower(store, WhooshEngine(engine.folder)).catch_up()
    monkeypatch.setattr(WhooshEngine, "apply", original)
    assert [count for count, _ in seen] == [3, 3, 3]
    assert [asset for _, asset in seen] == sorted({asset for _, asset in seen})
    assert Follower(store, engine).catch_up() == 1  # the last one only
    assert_index_equals_store(store, engine)


# --- when it cannot be followed on ----------------------------------------------------------


def _epoch(store: Store) -> None:
    with store.write("system") as unit:
        table = table_of(Meta)
        unit.connection.execute(table.update().where(table.c.name == "epoch").values(value="x"))


def _other_change(store: Store) -> None:
    with store.write("system") as unit:
        unit.connection.execute(table_of(Change).update().values(id=table_of(Change).c.id + 1))


def _lost_changes(store: Store) -> None:
    with store.write("system") as unit:
        unit.connection.execute(table_of(Change).delete())


@pytest.mark.parametrize("restore", [_epoch, _other_change, _lost_changes])
def test_a_restored_store_is_indexed_anew(
    store: Store, estate: Estate, engine: WhooshEngine, restore: Callable[[Store], None]
) -> None:
    key = estate.asset("a")
    estate.asset("b")
    Follower(store, engine).catch_up()
    restore(store)
    with store.write("system") as unit:  # what no change tells of: only a rebuild sees it
        table = table_of(Asset)
        unit.connection.execute(table.update().where(table.c.key == key).values(title="restored"))
    assert Follower(store, engine).status().state == "foreign"
    assert_index_equals_store(store, engine)
    assert names(engine, "restored") == 1


def test_an_older_document_format_is_indexed_anew(
    store: Store, estate: Estate, engine: WhooshEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    estate.asset("a")
    Follower(store, engine).catch_up()
    for module in (document, follower):
        monkeypatch.setattr(module, "DOCUMENT_VERSION", 99)
    assert Follower(store, engine).status().state == "outdated"
    assert_index_equals_store(store, engine)


@pytest.mark.parametrize("damage", ["toc", "trm", "pst", "head.col", "current", "folder"])
def test_a_damaged_index_is_built_anew(
    sqlite_store: Store, engine: WhooshEngine, damage: str
) -> None:
    Estate(sqlite_store).asset("orders")
    Follower(sqlite_store, engine).catch_up()
    engine.close()
    (inner,) = engine.folder.glob("i-*")
    if damage == "folder":
        for file in inner.iterdir():
            file.unlink()
        inner.rmdir()
    elif damage == "current":
        (engine.folder / "current").write_bytes(b"\xff\x00../x")
    else:
        (file,) = inner.glob(f"*.{damage}")
        file.write_bytes(file.read_bytes()[:10])
    with pytest.raises(Unavailable):
        engine.search(Query("orders"))
    assert Follower(sqlite_store, engine).status().state == "missing"
    assert_index_equals_store(sqlite_store, engine)


def test_damage_that_a_query_comes_upon(sqlite_store: Store, engine: WhooshEngine) -> None:
    """It opened well; the query says so, and the index is built anew."""
    Estate(sqlite_store).asset("shop.public.orders")
    Follower(sqlite_store, engine).catch_up()
    engine.close()
    (file,) = next(engine.folder.glob("i-*")).glob("*.payload.col")
    raw = file.read_bytes()
    packed = raw.index(b"\x78\x01")  # the compressed document
    file.write_bytes(raw[: packed + 4] + b"\xff" * 8 + raw[packed + 12 :])
    with pytest.raises(Unavailable, match="damaged"):
        engine.search(Query("orders"))
    assert Follower(sqlite_store, engine).status().state == "missing"
    assert_index_equals_store(sqlite_store, engine)
    assert names(engine, "orders") == 1


def test_one_process_writes(sqlite_store: Store, engine: WhooshEngine) -> None:
    estate = Estate(sqlite_store)
    estate.asset("a")
    Follower(sqlite_store, engine).catch_up()
    estate.asset("b")
    position = engine.position()
    assert position is not None
    other = WhooshEngine(engine.folder)
    with engine.rebuild(position), pytest.raises(Conflict, match="Another process"):
        Follower(sqlite_store, other).catch_up()


def test_time_and_progress(sqlite_store: Store, engine: WhooshEngine) -> None:
    Estate(sqlite_store).asset("a")
    seen: list[int] = []
    found = Follower(sqlite_store, engine)
    assert found.catch_up(limit_seconds=0) == 0
    assert found.status().state == "missing"
    assert found.catch_up(on_progress=seen.append) == 1
    assert seen[-1] == 1
    assert engine.folder.stat().st_mode & 0o777 == 0o700


_KILLED = """
import os, signal, sys
from pathlib import Path
from catalog.history import points
from catalog.history.store import Store
from catalog.search import follower
from catalog.search.whoosh_engine import WhooshEngine

url, folder, left = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
follower.COMMIT_ASSETS = 2

def at(point):
    global left
    left -= point == "index commit"
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)

points.at = at
follower.Follower(Store(url), WhooshEngine(folder)).catch_up()
"""


@pytest.mark.parametrize("left", [1, 2, 3, 4, 6])
def test_killed_at_a_commit_nothing_is_lost(
    sqlite_store: Store, engine: WhooshEngine, left: int
) -> None:
    """Before and after the commits of a rebuild and of following."""
    estate = Estate(sqlite_store)
    estate.asset("early")
    if left > 2:  # the first two points lie in the rebuild
        Follower(sqlite_store, engine).catch_up()
        left -= 2
    for number in range(6):
        estate.asset(f"t{number}")
    script = [sys.executable, "-c", _KILLED, sqlite_store.url, str(engine.folder), str(left)]
    root = Path(points.__file__).parents[2]
    ended = subprocess.run(
        script, cwd=root, env={**os.environ, "PYTHONPATH": str(root)}, check=False
    )
    assert ended.returncode == -signal.SIGKILL
    assert_index_equals_store(sqlite_store, WhooshEngine(engine.folder))
    assert_index_equals_store(sqlite_store, engine)
    assert engine.count() == 7
