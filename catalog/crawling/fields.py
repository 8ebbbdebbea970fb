"""Columns that `catalog.reading` found, as the fields of a record."""

from __future__ import annotations

from collections.abc import Iterable

from catalog.crawling.records import Field
from catalog.reading.schema import Column


def fields_of(columns: Iterable[Column]) -> tuple[Field, ...]:
    """One field per column, in order."""
    return tuple(
        Field(
            path=column.path,
            type=column.type,
            native_type=column.native_type,
            nullable=column.nullable,
            comment=column.comment,
        )
        for column in columns
    )
