"""Makes an empty store from the tables. `catalog db upgrade` does the same through Alembic."""

from __future__ import annotations

import secrets

from sqlalchemy import Engine

from catalog.history.store import SCHEMA_VERSION
from catalog.model import Meta, metadata


def seed_meta(connection: object) -> None:
    """Writes what a new store knows of itself: its epoch and the oldest permitted writer."""
    connection.execute(  # type: ignore[attr-defined]
        Meta.__table__.insert(),  # type: ignore[attr-defined]
        [
            {"name": "epoch", "value": secrets.token_hex(8)},
            {"name": "oldest_writer", "value": str(SCHEMA_VERSION)},
        ],
    )


def create_all(engine: Engine) -> None:
    """All tables and the meta rows, in an empty database."""
    with engine.begin() as connection:
        metadata.create_all(connection)
        seed_meta(connection)
