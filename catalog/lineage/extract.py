"""What runs in the parsing process: statements in, names and edges out. No store."""

from __future__ import annotations

import msgspec

from catalog.sql import Parsed, TableRef, lineage, references


class Text(msgspec.Struct, frozen=True):
    """A statement's text."""

    text: str
    dialect: str


class Task(msgspec.Struct, frozen=True):
    """A statement with what is known of its names.

    ``schemas``: `TableRef.key` -> field paths. ``target``: what a bare SELECT defines.
    """

    text: str
    dialect: str
    schemas: dict[str, list[str]]
    database: str | None = None
    schema: str | None = None
    target: TableRef | None = None
    target_columns: list[str] | None = None


def names(item: Text) -> list[TableRef]:
    """All tables and paths that the text names."""
    return list(references(item.text, item.dialect))


def edges(item: Task) -> list[Parsed]:
    """The statements of the text with their edges."""
    return lineage(
        item.text,
        item.dialect,
        item.schemas,
        default_database=item.database,
        default_schema=item.schema,
        target=item.target,
        target_columns=item.target_columns,
    )
