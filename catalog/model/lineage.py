"""Statements, their uses, edges and the evidence for them."""

from __future__ import annotations

from typing import Any, ClassVar

from sqlalchemy import Index, UniqueConstraint

from catalog.model.base import Field, SQLModel, big, blob, key_field, ref, string


class Statement(SQLModel, table=True):
    """A statement's text, stored once by the hash of (normalized text, dialect)."""

    __tablename__ = "statement"

    key: int | None = key_field()
    uid: bytes = blob(unique=True)
    hash: bytes = blob(unique=True)
    text: str = string()
    dialect: str = string()


class StatementUse(SQLModel, table=True):
    """Where a statement is used: namespace, defaults, the asset it defines, who reported it.

    ``parsed_key``: hash of engine version, schemas and resolutions of the last parse; another
    one means: parse again. ``live`` False: the asset no longer has this definition.
    """

    __tablename__ = "statement_use"
    __table_args__: ClassVar[Any] = (
        Index("ix_statement_use_asset", "asset"),
        Index("ix_statement_use_statement", "statement"),
        Index("ix_statement_use_source", "source"),
        # Finds what waits to be parsed: no key, or one of another engine version.
        Index("ix_statement_use_parsed_key", "parsed_key"),
    )

    key: int | None = key_field()
    uid: bytes = blob(unique=True)
    statement: int = ref("statement.key")
    source: int = ref("source.key")
    scope: int | None = ref("scope.key", default=None)
    namespace: int = ref("namespace.key")
    default_database: str | None = string(default=None)
    default_schema: str | None = string(default=None)
    kind: str = string(default="view")
    asset: int | None = ref("asset.key", default=None)
    live: bool = Field(default=True)
    parsed_key: bytes | None = blob(default=None)
    problem: str | None = string(default=None)
    created_at: int = big()


class StatementName(SQLModel, table=True):
    """A name that a use's statement reads or writes, so that a change of what it means is seen.

    ``name_key``: 64-bit hash of (namespace, folded last part) of a table, or of (namespace,
    prefix) for each prefix of a path.
    """

    __tablename__ = "statement_name"
    __table_args__: ClassVar[Any] = (
        Index("ix_statement_name_name_key", "name_key"),
        {"sqlite_with_rowid": False},
    )

    statement_use: int = ref("statement_use.key", primary_key=True, ondelete="CASCADE")
    name_key: int = big(primary_key=True)


class Edge(SQLModel, table=True):
    """Data to data: asset and column number (0: the asset itself) on both sides.

    ``kind``: direct or indirect. ``via``: the job in between, 0 if none is known.
    """

    __tablename__ = "edge"
    __table_args__: ClassVar[Any] = (
        UniqueConstraint(
            "to_asset", "to_column", "from_asset", "from_column", "kind", "via", name="uq_edge"
        ),
        Index("ix_edge_from_asset", "from_asset", "from_column"),
    )

    key: int | None = key_field()
    from_asset: int = ref("asset.key")
    from_column: int = Field(default=0)
    to_asset: int = ref("asset.key")
    to_column: int = Field(default=0)
    kind: str = string(default="direct")
    via: int = big(default=0)


class EdgeEvidence(SQLModel, table=True):
    """Why an edge is believed. ``origin``: statement or event; ``reference``: the statement use
    or run. An edge without evidence ends.
    """

    __tablename__ = "edge_evidence"
    __table_args__: ClassVar[Any] = (
        Index("ix_edge_evidence_reference", "origin", "reference"),
        {"sqlite_with_rowid": False},
    )

    edge: int = ref("edge.key", primary_key=True)
    origin: str = string(primary_key=True)
    reference: int = big(primary_key=True)
    confidence: float = Field(default=1.0)
    first_seen: int = big()
    last_seen: int = big()
