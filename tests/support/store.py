"""Fixture ``store``: an empty metadata store, on SQLite and, where it can run, on PostgreSQL."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from catalog.history.setup import create_all
from catalog.history.store import Store
from tests.support.postgres import Database, Postgres


@pytest.fixture
def sqlite_store(tmp_path: Path) -> Iterator[Store]:
    """A store in a fresh SQLite file."""
    made = Store(f"sqlite:///{tmp_path / 'catalog.db'}", home=tmp_path, disk_reserve=0)
    create_all(made.engine)
    yield made
    made.close()


@cache
def _template(server: Postgres) -> Database:
    """A database with the tables: copying it takes a tenth of the time of making them."""
    made = server.create_database()
    store = Store(made.url("postgresql+psycopg"), disk_reserve=0)
    create_all(store.engine)
    store.close()
    return made


def store_database(server: Postgres) -> Database:
    """A database with the store's tables and an epoch of its own."""
    made = server.create_database(_template(server).name)
    made.run(f"UPDATE meta SET value = '{secrets.token_hex(8)}' WHERE name = 'epoch'")
    return made


@pytest.fixture
def postgres_store_database(postgres: Postgres) -> Iterator[Database]:
    """A database with the store's tables and an epoch of its own."""
    made = store_database(postgres)
    yield made
    made.drop()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """The same test on both engines."""
    if request.param == "sqlite":
        made = Store(f"sqlite:///{tmp_path / 'catalog.db'}", home=tmp_path, disk_reserve=0)
        create_all(made.engine)
    else:
        database = request.getfixturevalue("postgres_store_database")
        made = Store(database.url("postgresql+psycopg"), home=tmp_path, disk_reserve=0)
    yield made
    made.close()
