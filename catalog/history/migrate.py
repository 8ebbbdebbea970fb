"""The store's schema version: look, refuse, upgrade. Alembic is imported only to upgrade."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, inspect, text

from catalog.errors import OldProcess, OldSchema, StoreError
from catalog.history import points
from catalog.history.setup import seed_meta
from catalog.history.store import Store
from catalog.settings import shipped

if TYPE_CHECKING:
    from alembic.config import Config

_REVISION = re.compile(r"^revision\b[^=]*=\s*[\"']([^\"']+)[\"']", re.MULTILINE)


def revisions() -> list[str]:
    """All revisions that this version knows, oldest first; read without importing Alembic."""
    found = []
    for path in sorted((shipped("migrations") / "versions").glob("[0-9]*.py")):
        match = _REVISION.search(path.read_text(encoding="utf-8"))
        if match:
            found.append(match.group(1))
    return found


def head() -> str:
    """The newest revision."""
    return revisions()[-1]


def current(store: Store) -> str | None:
    """The store's revision; None for an empty database."""
    with store.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        value = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return None if value is None else str(value)


def check(store: Store) -> None:
    """Raises `OldSchema` or `OldProcess` unless this version can serve the store."""
    have = current(store)
    known = revisions()
    if have == known[-1]:
        return
    if have is None:
        raise OldSchema(
            "The store is empty: it has no tables yet.",
            remedy="Run `catalog db upgrade` (or `catalog up`).",
        )
    if have in known:
        raise OldSchema(
            f"The store has schema {have}, this version of the catalog needs {known[-1]}.",
            remedy="Run `catalog up`, or `catalog backup FILE` and then `catalog db upgrade`.",
        )
    raise OldProcess(
        f"The store has schema {have}, which this version of the catalog does not know.",
        remedy="Start the newer version of the catalog that upgraded it.",
    )


def upgrade(store: Store, revision: str = "head") -> str | None:
    """Upgrades to a revision in one transaction; answers the revision before.

    A kill in the middle leaves the store as it was. The caller makes the backup.
    """
    from alembic import command

    before = current(store)
    with _changing(store) as connection:
        command.upgrade(_config(connection), revision)
        points.at("migration")
        if before is None:
            _seed(connection)
    return before


def downgrade(store: Store, revision: str) -> None:
    """Goes back to a revision, in one transaction."""
    from alembic import command

    with _changing(store) as connection:
        command.downgrade(_config(connection), revision)


@contextmanager
def _changing(store: Store) -> Iterator[Connection]:
    """One transaction over the schema.

    Batch mode makes a table anew under its name. SQLite would refuse to drop one that others
    refer to, so references are not enforced meanwhile, but checked before the commit. The switch
    has no effect within a transaction.
    """
    with store.engine.execution_options(begin="IMMEDIATE").connect() as connection:
        driver: Any = connection.connection.driver_connection
        if store.is_sqlite:
            driver.execute("PRAGMA foreign_keys=OFF")
        try:
            with connection.begin():  # Alembic would commit a transaction that it began itself
                yield connection
                if store.is_sqlite:
                    _check_references(connection)
        finally:
            if store.is_sqlite:
                driver.execute("PRAGMA foreign_keys=ON")


def _check_references(connection: Connection) -> None:
    wrong = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchmany(3)
    if wrong:
        tables = ", ".join(sorted({row[0] for row in wrong}))
        raise StoreError(
            f"After the upgrade rows of {tables} would refer to nothing; nothing was changed.",
            remedy="Run `catalog doctor`, and report it with its answer.",
        )


def differences(store: Store) -> list[Any]:
    """What the tables of the code and those of the store differ in; empty: nothing."""
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    from catalog.model import metadata

    with store.engine.connect() as connection:
        found = MigrationContext.configure(connection, opts={"compare_type": False})
        return list(compare_metadata(found, metadata))


def _seed(connection: Connection) -> None:
    seed_meta(connection)


def _config(connection: Connection) -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(shipped("migrations")))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def write_revision(store: Store, message: str, number: str) -> Path:
    """Writes a new revision from the difference between code and store (for developers)."""
    from alembic import command

    with store.engine.connect() as connection:
        made = command.revision(
            _config(connection), message=message, autogenerate=True, rev_id=number
        )
    if isinstance(made, list):
        made = made[0]
    if made is None:
        raise OldSchema("Nothing was made.")
    return Path(made.path)
