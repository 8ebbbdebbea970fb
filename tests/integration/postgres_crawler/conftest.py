"""Fixture ``filled``: a database with some of everything."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.postgres import Database
from tests.support.postgres import Postgres as Server
from tests.support.warehouses import fill_postgres


@pytest.fixture(scope="module")
def filled(postgres: Server) -> Iterator[Database]:
    database = fill_postgres(postgres.create_database())
    yield database
    database.drop()
