"""Fixture ``store``: an empty metadata store, on SQLite and, where it can run, on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from catalog.history.setup import create_all
from catalog.history.store import Store


@pytest.fixture
def sqlite_store(tmp_path: Path) -> Iterator[Store]:
    """A store in a fresh SQLite file."""
    made = Store(f"sqlite:///{tmp_path / 'catalog.db'}", home=tmp_path, disk_reserve=0)
    create_all(made.engine)
    yield made
    made.close()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """The same test on both engines."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'catalog.db'}"
    else:
        url = request.getfixturevalue("postgres_database").url("postgresql+psycopg")
    made = Store(url, home=tmp_path, disk_reserve=0)
    create_all(made.engine)
    yield made
    made.close()
