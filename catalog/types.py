"""Words only: kinds, classes, states, layers and normalized column types.

Every enumeration is text, so that both engines store and sort it alike, and a new word needs no
migration. The values are the vocabulary of code, API, pages and documentation.
"""

from __future__ import annotations

from typing import Final, Literal

AssetClass = Literal["data", "container", "job", "model", "report", "document"]
CLASSES: Final[tuple[str, ...]] = ("data", "container", "job", "model", "report", "document")

State = Literal["referenced", "observed", "crawled", "own", "removed"]
"""Where knowledge of an asset comes from; a removed asset keeps what people wrote."""
LIVE_STATES: Final[tuple[str, ...]] = ("observed", "crawled", "own")

Layer = Literal["curated", "crawled", "inferred"]
"""In order of precedence: what a person wrote wins over the source, the source over inference."""

Role = Literal["viewer", "editor", "steward", "admin"]
ROLES: Final[tuple[Role, ...]] = ("viewer", "editor", "steward", "admin")

FlagKind = Literal["endorsed", "warned", "deprecated"]
FLAG_KINDS: Final[tuple[str, ...]] = ("endorsed", "warned", "deprecated")

OwnerRole = Literal["owner", "technical", "business", "steward"]
OWNER_ROLES: Final[tuple[str, ...]] = ("owner", "technical", "business", "steward")

CaseRule = Literal["sensitive", "lower", "upper", "insensitive"]
"""How a platform folds unquoted names; ``insensitive`` keeps the case but compares folded."""

CrawlState = Literal["queued", "running", "succeeded", "partial", "failed", "cancelled"]

KINDS: Final[dict[str, str]] = {
    # kind -> class. A kind is refined downwards in REFINES, never the other way.
    "dataset": "data",
    "table": "data",
    "view": "data",
    "materialized_view": "data",
    "file": "data",
    "source": "container",
    "database": "container",
    "schema": "container",
    "bucket": "container",
    "folder": "container",
    "container": "container",
    "job": "job",
    "model": "model",
    "model_version": "model",
    "dashboard": "report",
    "article": "document",
}

REFINES: Final[dict[str, int]] = {
    # A higher rank is more specific; a record of lower rank never turns a kind back.
    "dataset": 0,
    "container": 0,
    "file": 1,
    "table": 1,
    "folder": 1,
    "bucket": 1,
    "schema": 1,
    "database": 1,
    "view": 2,
    "materialized_view": 3,
}

# Normalized column types: what a pipeline can compare across systems. Parameters follow in
# brackets where they matter: ``decimal(10,2)``, ``timestamp`` (no zone), ``timestamptz``,
# ``list<int64>``, ``struct``, ``map``. The native type is always kept beside it.
SCALAR_TYPES: Final[tuple[str, ...]] = (
    "boolean",
    "int8",
    "int16",
    "int32",
    "int64",
    "int128",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "uint128",
    "float16",
    "float32",
    "float64",
    "decimal",
    "string",
    "binary",
    "date",
    "time",
    "timetz",
    "timestamp",
    "timestamptz",
    "interval",
    "uuid",
    "json",
    "xml",
    "geometry",
    "enum",
    "bit",
    "inet",
    "null",
    "unknown",
)
NESTED_TYPES: Final[tuple[str, ...]] = ("list", "struct", "map", "union", "variant")
