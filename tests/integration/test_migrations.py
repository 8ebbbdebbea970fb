"""The schema made by Alembic is the schema of the code, on both engines; up and down."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import inspect

from catalog.errors import OldProcess, OldSchema, StoreError
from catalog.history import migrate, points
from catalog.history.store import Store, read_meta
from catalog.model import metadata
from catalog.settings import shipped
from tests.support.crawls import FakeSource, table


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """A database without tables."""
    url = f"sqlite:///{tmp_path / 'c.db'}"
    if request.param == "postgres":
        url = request.getfixturevalue("postgres_database").url("postgresql+psycopg")
    made = Store(url, home=tmp_path, disk_reserve=0)
    yield made
    made.close()


def test_upgrade_makes_the_tables_of_the_code(empty: Store) -> None:
    with pytest.raises(OldSchema, match="empty"):
        migrate.check(empty)
    assert migrate.upgrade(empty) is None
    migrate.check(empty)
    assert migrate.differences(empty) == []
    with empty.connect() as connection:
        epoch = read_meta(connection, "epoch")
    assert epoch
    assert migrate.upgrade(empty) == migrate.head()
    with empty.connect() as connection:
        assert read_meta(connection, "epoch") == epoch


def test_downgrade_leaves_nothing(empty: Store) -> None:
    migrate.upgrade(empty)
    migrate.downgrade(empty, "base")
    with empty.connect() as connection:
        left = set(inspect(connection).get_table_names())
    assert not left & set(metadata.tables)


def test_an_unknown_revision_asks_for_the_newer_version(empty: Store) -> None:
    migrate.upgrade(empty)
    with empty.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(OldProcess, match="9999"):
        migrate.check(empty)


def test_an_older_process_refuses_to_write(empty: Store) -> None:
    migrate.upgrade(empty)
    with empty.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE meta SET value = '99' WHERE name = 'oldest_writer'")
    with pytest.raises(OldProcess, match="from version 99"), empty.write("user:1"):
        pass


NEXT = """
import sqlalchemy as sa
from alembic import op

revision, down_revision = "0002", "0001"
branch_labels = depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("asset"{recreate}) as table:
        table.add_column(sa.Column("mood", sa.Text(), nullable=True))
{more}"""


@pytest.fixture
def after(empty: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A store with assets, and a version of the catalog that has one more migration."""
    migrate.upgrade(empty)
    source = FakeSource(empty)
    source.put(table("shop.p.t", "a", parent="shop.p"))
    source.run()
    folder = tmp_path / "migrations"
    shutil.copytree(shipped("migrations"), folder)
    recreate = ', recreate="always"' if empty.is_sqlite else ""
    (folder / "versions" / "0002_next.py").write_text(NEXT.format(recreate=recreate, more=""))
    monkeypatch.setattr(migrate, "shipped", lambda _name: folder)
    return empty


def columns_of(store: Store) -> set[str]:
    with store.connect() as connection:
        return {column["name"] for column in inspect(connection).get_columns("asset")}


def test_a_table_that_others_refer_to_is_made_anew(after: Store) -> None:
    assert migrate.upgrade(after) == "0001"
    assert migrate.current(after) == "0002"
    with after.engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM asset").scalar() == 2
        assert connection.exec_driver_sql("SELECT count(*) FROM sighting").scalar() == 1
        if after.is_sqlite:  # references are enforced again
            assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1


def test_an_upgrade_that_ends_midway_changes_nothing(
    after: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def at(point: str) -> None:
        raise KeyboardInterrupt(point)

    monkeypatch.setattr(points, "at", at)
    with pytest.raises(KeyboardInterrupt, match="migration"):
        migrate.upgrade(after)
    assert (migrate.current(after), "mood" in columns_of(after)) == ("0001", False)


@pytest.mark.parametrize("empty", ["sqlite"], indirect=True)  # PostgreSQL enforces them always
def test_an_upgrade_that_would_lose_rows_changes_nothing(after: Store, tmp_path: Path) -> None:
    file = tmp_path / "migrations" / "versions" / "0002_next.py"
    more = "    op.execute('DELETE FROM asset')\n"
    file.write_text(NEXT.format(recreate=', recreate="always"', more=more))
    with pytest.raises(StoreError, match="nothing was changed"):
        migrate.upgrade(after)
    assert migrate.current(after) == "0001"
    with after.engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM asset").scalar() == 2
