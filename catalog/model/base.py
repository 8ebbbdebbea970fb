"""What all tables share: naming convention, column types that both engines treat alike."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Integer, LargeBinary, Text
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator, TypeEngine
from sqlmodel import Field as Field
from sqlmodel import SQLModel as SQLModel

# Set before the first table, so that Alembic can name constraints on both engines.
SQLModel.metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
metadata = SQLModel.metadata


class Name(TypeDecorator[str]):
    """Text that sorts and compares by code point on both engines."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """PostgreSQL needs the collation named; SQLite's BINARY is the same."""
        if dialect.name == "postgresql":
            return dialect.type_descriptor(Text(collation="C"))
        return dialect.type_descriptor(Text())


class Big(TypeDecorator[int]):
    """64-bit integer; on SQLite INTEGER, so that a primary key is the rowid."""

    impl = BigInteger
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """BIGINT would not alias the rowid on SQLite."""
        if dialect.name == "sqlite":
            return dialect.type_descriptor(Integer())
        return dialect.type_descriptor(BigInteger())


def key_field() -> Any:
    """The integer primary key of a table."""
    return Field(default=None, primary_key=True, sa_type=Big)


def ref(target: str, **more: Any) -> Any:
    """A foreign key to another table's integer key."""
    return Field(foreign_key=target, sa_type=Big, **more)


def big(**more: Any) -> Any:
    """A 64-bit integer column, also for times in microseconds."""
    return Field(sa_type=Big, **more)


def string(**more: Any) -> Any:
    """A text column that sorts by code point."""
    return Field(sa_type=Name, **more)


def blob(**more: Any) -> Any:
    """A column of bytes."""
    return Field(sa_type=LargeBinary, **more)
