"""Alembic environment: runs on the connection that `catalog.history.migrate` gives."""

from __future__ import annotations

from typing import Any

from alembic import context

from catalog.model import metadata


def _include(_object: Any, name: str | None, kind: str, _reflected: bool, _compare: Any) -> bool:
    return not (kind == "table" and (name or "").startswith("sqlite_"))


def _render(kind: str, value: Any, autogen: Any) -> str | bool:
    """Our two column types are written by their own names."""
    if kind == "type" and type(value).__module__ == "catalog.model.base":
        autogen.imports.add("from catalog.model.base import Big, Name")
        return f"{type(value).__name__}()"
    return False


def run() -> None:
    """Migrates on the given connection; the caller's transaction commits."""
    connection = context.config.attributes["connection"]
    context.configure(
        connection=connection,
        target_metadata=metadata,
        render_as_batch=connection.dialect.name == "sqlite",
        transaction_per_migration=False,
        include_object=_include,
        render_item=_render,
        compare_type=False,
    )
    with context.begin_transaction():
        context.run_migrations()


run()
