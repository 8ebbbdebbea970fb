"""The one asset table and what hangs on it."""

from __future__ import annotations

from typing import Any, ClassVar

from sqlalchemy import Index, UniqueConstraint

from catalog.model.base import Field, SQLModel, big, blob, key_field, ref, string

_NO_ROWID: dict[str, Any] = {"sqlite_with_rowid": False}


class Namespace(SQLModel, table=True):
    """A system: ``postgres://db:5432``. Assets refer to it by number; renaming it is one edit."""

    __tablename__ = "namespace"

    key: int | None = key_field()
    text: str = string(unique=True)
    platform: str = string()
    case_rule: str = string(default="sensitive")
    alias_of: int | None = ref("namespace.key", default=None)


class Asset(SQLModel, table=True):
    """A table, view, dataset, folder, schema, job, model ... and its effective, sortable values.

    Unique is the exact spelling: (namespace, class, 16-byte hash of the name). ``folded_key`` and
    ``leaf_key`` are 64-bit hashes of the folded name and of its folded last part, for look-ups.
    ``source`` is the one whose report decides; ``title``, ``description`` and ``flag`` are
    effective values.
    """

    __tablename__ = "asset"
    __table_args__: ClassVar[Any] = (
        UniqueConstraint("namespace", "asset_class", "name_key"),
        Index("ix_asset_parent_sort", "parent", "sort", "key"),
        Index("ix_asset_sort", "sort", "key"),  # lists by name, suggestions for a misspelled one
        Index("ix_asset_source_key", "source", "key"),
        # AUTOINCREMENT: the changes of a purged asset never belong to another one.
        {"sqlite_autoincrement": True},
    )

    key: int | None = key_field()
    uid: bytes = blob(unique=True)
    asset_class: str = string()
    namespace: int = ref("namespace.key")
    name: str = string()
    name_key: bytes = blob()
    folded_key: int = big(index=True)
    leaf_key: int = big(index=True)
    sort: str = string(default="")  # folded last part, at most 200 characters: sorts lists
    kind: str = string()
    parent: int | None = ref("asset.key", default=None)
    state: str = string()
    source: int | None = ref("source.key", default=None)
    title: str | None = string(default=None)
    description: str | None = string(default=None)
    flag: str | None = string(default=None)
    popularity: int = Field(default=0)
    rows_class: int | None = Field(default=None)  # power of ten of the row count
    next_column: int = Field(default=1)  # column numbers are never used again
    created_at: int = big()
    changed_at: int = big()
    removed_at: int | None = big(default=None)


class AssetAttribute(SQLModel, table=True):
    """Effective values that an asset has several of: tag, owner, classification, domain.

    What lists filter by and what the visibility expression sees.
    """

    __tablename__ = "asset_attribute"
    __table_args__: ClassVar[Any] = (
        Index("ix_asset_attribute_attribute_value", "attribute", "value"),
        _NO_ROWID,
    )

    asset: int = ref("asset.key", primary_key=True)
    attribute: str = string(primary_key=True)
    value: str = string(primary_key=True)


class Alias(SQLModel, table=True):
    """Another name of an asset (rename, merge, URN, symlink) or a dropped id (``uid``)."""

    __tablename__ = "alias"
    __table_args__: ClassVar[Any] = (
        Index("ix_alias_name_key", "name_key"),
        Index("ix_alias_uid", "uid"),
    )

    key: int | None = key_field()
    asset: int = ref("asset.key", index=True)
    namespace: int | None = ref("namespace.key", default=None)
    asset_class: str | None = string(default=None)
    name: str | None = string(default=None)
    name_key: bytes | None = blob(default=None)
    uid: bytes | None = blob(default=None)
    origin: str = string()  # rename | merge | urn | symlink | spelling | unquoted
    created_at: int = big()


class Sighting(SQLModel, table=True):
    """What one source last reported of one asset. Hash and skip are per sighting.

    ``record``: zlib-compressed canonical JSON. ``state``: present, held, withdrawn.
    ``rank``: 0 for the source that crawls the namespace itself, 1 for one that only refers to it.
    """

    __tablename__ = "sighting"
    __table_args__: ClassVar[Any] = (
        Index("ix_sighting_scope", "scope"),
        Index("ix_sighting_stable_key", "stable_key"),
        _NO_ROWID,
    )

    asset: int = ref("asset.key", primary_key=True)
    source: int = ref("source.key", primary_key=True)
    scope: int = ref("scope.key")
    state: str = string(default="present")
    hash: bytes = blob()
    record_format: int = Field(default=1)
    crawler_version: int = Field(default=1)
    stable_id: str | None = string(default=None)
    stable_key: int | None = big(default=None)  # hash of (source, stable id)
    crawl: int = big()  # the crawl that last changed it
    written_at: int = big(default=0)
    record: bytes = blob()


class Column(SQLModel, table=True):
    """Effective columns. The number is never used again within the asset."""

    __tablename__ = "column"
    __table_args__: ClassVar[Any] = (_NO_ROWID,)

    asset: int = ref("asset.key", primary_key=True)
    number: int = Field(primary_key=True)
    path: str = string()
    position: int = Field()
    type: str = string()
    native_type: str | None = string(default=None)
    nullable: bool | None = Field(default=None)
    default: str | None = string(default=None)
    comment: str | None = string(default=None)
    keys: str = string(default="")  # letters: p primary, u unique, f foreign
    stable_id: str | None = string(default=None)
    live: bool = Field(default=True)  # False: vanished; keeps its facts, sleeping


class Fact(SQLModel, table=True):
    """A sparse value that a person wrote or that was inferred. ``column`` 0: of the asset.

    ``item`` tells values of one property apart: the tag's path, the owner with role, the person
    whose flag it is. ``value`` is JSON.
    """

    __tablename__ = "fact"
    __table_args__: ClassVar[Any] = (
        UniqueConstraint("asset", "column", "property", "item", "layer", "origin"),
    )

    key: int | None = key_field()
    asset: int = ref("asset.key")
    column: int = Field(default=0)
    property: str = string()
    item: str = string(default="")
    layer: str = string()
    origin: str = string(default="")
    value: str = string()
    confidence: float | None = Field(default=None)
    evidence: str | None = string(default=None)
    author: str = string()  # the actor, as in the change log
    at: int = big()


class Measure(SQLModel, table=True):
    """A number that moves: the latest value in place, a thinned series beside it.

    ``series``: packed (seconds since 1970 as uint32, float64) pairs, oldest first.
    """

    __tablename__ = "measure"
    __table_args__: ClassVar[Any] = (_NO_ROWID,)

    asset: int = ref("asset.key", primary_key=True)
    column: int = Field(default=0, primary_key=True)
    name: str = string(primary_key=True)
    value: float = Field()
    how: str = string(default="exact")
    at: int = big()
    source: int | None = ref("source.key", default=None)
    series: bytes = blob(default=b"")


class Partition(SQLModel, table=True):
    """One partition of a dataset: a row, never an asset; a new one is no change."""

    __tablename__ = "partition"
    __table_args__: ClassVar[Any] = (_NO_ROWID,)

    asset: int = ref("asset.key", primary_key=True)
    path_key: bytes = blob(primary_key=True)
    path: str = string()
    values: str = string()  # JSON object
    files: int | None = big(default=None)
    rows: int | None = big(default=None)
    size: int | None = big(default=None)  # bytes
    newest_file: int | None = big(default=None)


class AssetVersion(SQLModel, table=True):
    """A part of an asset as it was from ``from_sequence`` up to, not with, ``to_sequence``.

    ``part``: ``asset``, ``sighting:SOURCE``, ``columns``, ``facts`` or ``edges``. ``document``:
    zlib-compressed JSON, or None when the part did not exist.
    """

    __tablename__ = "asset_version"
    __table_args__: ClassVar[Any] = (_NO_ROWID,)

    asset: int = ref("asset.key", primary_key=True)
    part: str = string(primary_key=True)
    to_sequence: int = big(primary_key=True)
    from_sequence: int = big()
    document: bytes | None = blob(default=None)


class RecentView(SQLModel, table=True):
    """When a user last opened the page of an asset; of each user the newest ones are kept."""

    __tablename__ = "recent_view"
    __table_args__: ClassVar[Any] = (_NO_ROWID,)

    user: int = ref("user.key", primary_key=True)
    asset: int = ref("asset.key", primary_key=True, index=True)
    at: int = big()


class LookupCount(SQLModel, table=True):
    """How often people and pipelines asked for an asset on a day (days since 1970)."""

    __tablename__ = "lookup_count"
    __table_args__: ClassVar[Any] = (_NO_ROWID,)

    asset: int = ref("asset.key", primary_key=True)
    day: int = Field(primary_key=True)
    count: int = Field(default=0)
