"""Records: what a crawler reports. Frozen msgspec structs, cheap to make, with one JSON form.

The JSON form (``format`` 1) is what the NDJSON push takes; its schema is generated into the docs.
The *hash* of a record covers its canonical JSON: sorted keys, no defaults, no measures and no
partitions. Measures move all the time and are no change of the asset.

Names are (namespace, name) pairs after OpenLineage's naming; see `catalog.naming`. A name inside
a record (parent, keys, statements) is in the record's own namespace unless it says otherwise.
"""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

RECORD_FORMAT = 1


class Field(msgspec.Struct, frozen=True, omit_defaults=True):
    """A column or nested field.

    ``path``: field path; nested fields are joined by dots (``address.city``), list elements are
    ``[]`` (``items[].sku``), map keys and values ``{key}`` and ``{value}``; a part that holds a
    dot, bracket, brace or double quote is written in double quotes, doubled inside (see
    `catalog.naming.join_path`). ``type``: normalized type (`catalog.types`), ``native_type``:
    as the system writes it. ``id``: the system's own stable column id, if it has one (attnum,
    Iceberg field id): a rename then keeps the column's facts.
    """

    path: str
    type: str = "unknown"
    native_type: str | None = None
    nullable: bool | None = None
    default: str | None = None
    comment: str | None = None
    id: str | None = None


class Key(msgspec.Struct, frozen=True, omit_defaults=True):
    """A primary, unique or foreign key. ``references`` is the other asset's name."""

    kind: str  # primary | unique | foreign
    columns: tuple[str, ...]
    name: str | None = None
    references: str | None = None
    references_namespace: str | None = None  # None: the record's own
    references_columns: tuple[str, ...] = ()


class Measure(msgspec.Struct, frozen=True, omit_defaults=True):
    """A number that moves. ``at``: when it was true (RFC 3339, UTC), None: now.

    ``how``: ``exact`` or ``estimate``. Known names: rows, bytes, files, last_written (value is
    seconds since 1970, UTC), partitions. Further names are kept as they are.
    """

    value: float
    at: str | None = None
    how: str = "exact"


class Partition(msgspec.Struct, frozen=True, omit_defaults=True):
    """One partition of a dataset: a row, never an asset. ``values``: key -> value as text."""

    path: str
    values: dict[str, str | None] = {}
    files: int | None = None
    rows: int | None = None
    bytes: int | None = None
    newest_file: float | None = None  # seconds since 1970, UTC


class Asset(msgspec.Struct, frozen=True, omit_defaults=True, tag="asset"):
    """A thing that was seen: a table, a dataset, a folder, a schema.

    ``columns`` None: not known (a schema of its own was not readable); empty: known to be none.
    ``owners``: account names in this system. ``properties``: anything else worth showing, plain
    JSON, stable between crawls. ``id``: the system's own stable id (oid): makes renames known.
    """

    namespace: str
    name: str
    kind: str
    asset_class: str = "data"
    parent: str | None = None  # name of its container, same namespace
    title: str | None = None
    description: str | None = None
    columns: tuple[Field, ...] | None = None
    keys: tuple[Key, ...] = ()
    owners: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    location: str | None = None  # URI
    format: str | None = None  # parquet, csv, ndjson, json, table ...
    partition_keys: tuple[str, ...] = ()
    properties: dict[str, Any] = {}
    id: str | None = None
    # Outside the hash:
    measures: dict[str, Measure] = {}
    partitions: tuple[Partition, ...] | None = None  # None: not asked; a tuple: all there are


class Statement(msgspec.Struct, frozen=True, omit_defaults=True, tag="statement"):
    """SQL as found; the service parses it. ``defines``: name of the asset it makes, if any.

    ``kind``: view, materialized_view, table (CTAS), query, script. ``variables`` are not
    expanded. The record follows the asset that it defines.
    """

    text: str
    dialect: str
    namespace: str
    kind: str = "view"
    defines: str | None = None
    default_database: str | None = None
    default_schema: str | None = None


class Unchanged(msgspec.Struct, frozen=True, omit_defaults=True, tag="unchanged"):
    """Seen, not opened: the crawler's state says that it is as it was."""

    namespace: str
    name: str
    asset_class: str = "data"
    measures: dict[str, Measure] = {}


class Problem(msgspec.Struct, frozen=True, omit_defaults=True, tag="problem"):
    """An object that could not be read. ``what``: its name or path, ``code``: stable word.

    ``objects``: how many listed objects it stands for in the ledger (0: an asset failed whose
    objects are counted elsewhere). ``name``: the asset it would have been, if known; that asset
    is then kept and counts as failed.
    """

    what: str
    why: str
    hint: str | None = None
    code: str = "unreadable"
    objects: int = 1
    namespace: str | None = None
    name: str | None = None
    asset_class: str = "data"


class Objects(msgspec.Struct, frozen=True, omit_defaults=True, tag="objects"):
    """The ledger's first sum, in steps: listed = used + filtered + failed (by `Problem`)."""

    listed: int = 0
    used: int = 0
    filtered: int = 0


class Filtered(msgspec.Struct, frozen=True, omit_defaults=True, tag="filtered"):
    """An asset left out by a pattern (``by``): not read, not held, curation kept."""

    namespace: str
    name: str
    by: str
    asset_class: str = "data"


class Done(msgspec.Struct, frozen=True, omit_defaults=True, tag="done"):
    """The last record of a scope. ``complete``: everything that is there was listed."""

    complete: bool = True
    state: dict[str, Any] | None = None
    why: str | None = None  # why it is not complete


Record = Asset | Statement | Unchanged | Problem | Objects | Filtered | Done

_canonical = msgspec.json.Encoder(order="sorted")
_wire = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Record)
_asset_decoder = msgspec.json.Decoder(Asset)


def canonical(record: Asset) -> bytes:
    """Canonical JSON of what the asset *is*: sorted keys, no defaults, measures or partitions."""
    if record.measures or record.partitions is not None:
        record = msgspec.structs.replace(record, measures={}, partitions=None)
    return _canonical.encode(record)


def digest(document: bytes) -> bytes:
    """16-byte BLAKE2b, the hash of records, names and documents everywhere in the store."""
    return hashlib.blake2b(document, digest_size=16).digest()


def encode(record: Record) -> bytes:
    """One line of NDJSON, without the line's end."""
    return _wire.encode(record)


def decode(line: bytes | str) -> Record:
    """The record in a line of NDJSON; raises `msgspec.ValidationError` naming the field."""
    record: Record = _decoder.decode(line)
    return record


def decode_asset(document: bytes) -> Asset:
    """The asset record kept with a sighting."""
    return _asset_decoder.decode(document)


def json_schema() -> dict[str, Any]:
    """JSON Schema of all records, for the generated reference."""
    schemas, components = msgspec.json.schema_components([Record], ref_template="#/$defs/{name}")
    return {**schemas[0], "$defs": components}
