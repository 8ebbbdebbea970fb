"""The schema made by Alembic is the schema of the code, on both engines; up and down."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from catalog.errors import OldProcess, OldSchema
from catalog.history import migrate
from catalog.history.store import Store, read_meta
from catalog.model import metadata


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
    from sqlalchemy import inspect

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
