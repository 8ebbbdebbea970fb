"""The change log, its followers, and what the store knows of itself."""

from __future__ import annotations

from typing import Any, ClassVar

from sqlalchemy import Index

from catalog.model.base import Field, SQLModel, big, key_field, string


class Meta(SQLModel, table=True):
    """epoch, oldest_writer and the like."""

    __tablename__ = "meta"

    name: str = string(primary_key=True)
    value: str = string()


class Change(SQLModel, table=True):
    """One change of one fact or governance object. Sequence order is commit order.

    ``id``: random 63-bit number, tells a restored store from its original. ``before`` and
    ``after``: JSON of the changed fields only. ``column``: 0 for the asset itself.
    """

    __tablename__ = "change"
    __table_args__: ClassVar[Any] = (
        Index("ix_change_asset_sequence", "asset", "sequence"),
        # AUTOINCREMENT: retention never lets a number return.
        {"sqlite_autoincrement": True},
    )

    sequence: int | None = key_field()
    id: int = big()
    at: int = big()
    actor: str = string()
    subject_type: str = string()
    subject: str = string(default="")
    asset: int | None = big(default=None)
    column: int = Field(default=0)
    what: str = string()
    cause: str | None = string(default=None)
    before: str | None = string(default=None)
    after: str | None = string(default=None)


class Follower(SQLModel, table=True):
    """Where a follower of the change log stands; the search index keeps its own."""

    __tablename__ = "follower"

    name: str = string(primary_key=True)
    sequence: int = big(default=0)
    change_id: int = big(default=0)
    epoch: str = string(default="")
    detail: int = big(default=0)  # last asset within the change
    at: int = big(default=0)
    problem: str | None = string(default=None)
