"""Uses of statements as the parser sees them: what waits, what became stale, what was parsed.

``parsed_key`` of a use has 16 bytes. The first four say by which engine it was parsed, or, with a
first byte of zero, that something it depends on changed; the rest is the digest of what its names
meant, so that a use whose names still mean the same is not parsed again.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Connection, bindparam, delete, or_, select, update
from sqlmodel import Session

from catalog import naming
from catalog.crawling.records import digest
from catalog.history import dialect
from catalog.history.store import table_of
from catalog.history.unit import Unit
from catalog.lineage.edges import STATEMENT
from catalog.lineage.spelling import Where, asset_keys
from catalog.model import (
    Asset,
    Edge,
    EdgeEvidence,
    Namespace,
    Statement,
    StatementName,
    StatementUse,
)
from catalog.sql import ENGINE_VERSION

_ASSET = table_of(Asset)
_NAMESPACE = table_of(Namespace)
_EDGE = table_of(Edge)
_EVIDENCE = table_of(EdgeEvidence)
_STATEMENT = table_of(Statement)
_NAME = table_of(StatementName)
_USE = table_of(StatementUse)
_CHUNK: Final = 500
_PREFIX_LENGTH: Final = 4
DEFINING: Final = frozenset({"view", "materialized_view", "table"})
"""Kinds of uses whose statement makes the asset of the use."""
MEANING_CHANGES: Final = frozenset(
    {"created", "crawled", "restored", "removed", "renamed", "recreated", "schema", "merged"}
)
"""Changes of an asset (``change.what``) after which names may mean something else."""


class Use(NamedTuple):
    """A use with its statement. ``where.key`` is the namespace of its names."""

    key: int
    text: str
    dialect: str
    kind: str
    live: bool
    parsed_key: bytes | None
    where: Where
    asset: int | None
    asset_name: str | None
    asset_platform: str | None


def engine_prefix() -> bytes:
    """The first bytes of a ``parsed_key`` written by this engine."""
    return b"\x01" + digest(f"engine {ENGINE_VERSION}".encode())[: _PREFIX_LENGTH - 1]


def parsed_key(meaning: bytes) -> bytes:
    """The key of a parse by this engine; ``meaning``: all that the result depends on."""
    prefix = engine_prefix()
    return prefix + digest(prefix + meaning)[: 16 - _PREFIX_LENGTH]


def is_same(stored: bytes | None, key: bytes) -> bool:
    """Whether a stored key, stale or not, was of the same meaning and engine."""
    return stored is not None and stored[_PREFIX_LENGTH:] == key[_PREFIX_LENGTH:]


def pending(session: Session, limit: int, after: int = 0) -> list[int]:
    """Keys of uses that wait to be parsed or, when they ended, to be undone; in key order."""
    statement = select(_USE.c.key).where(_waits(), _USE.c.key > after)
    found = session.connection().execute(statement.order_by(_USE.c.key).limit(limit))
    return [row.key for row in found]


def _waits() -> ColumnElement[bool]:
    prefix = engine_prefix()
    above = (int.from_bytes(prefix, "big") + 1).to_bytes(_PREFIX_LENGTH, "big")
    key = _USE.c.parsed_key
    return or_(key.is_(None), key < prefix, key >= above)


def stale_uses(session: Session, assets: Collection[int]) -> list[int]:
    """Live uses whose parse may come out differently since these assets changed.

    Those with evidence for edges at the assets, those that define them, and those with a name
    that may mean one of them now.
    """
    connection = session.connection()
    found: set[int] = set()
    for chunk in _chunks(sorted(set(assets))):
        found |= _by_edges(connection, chunk) | _by_names(connection, chunk)
        defined = select(_USE.c.key).where(_USE.c.asset.in_(chunk), _USE.c.live)
        found.update(row.key for row in connection.execute(defined))
    live: list[int] = []
    for chunk in _chunks(sorted(found)):
        statement = select(_USE.c.key).where(_USE.c.key.in_(chunk), _USE.c.live)
        live.extend(row.key for row in connection.execute(statement))
    return sorted(live)


def _by_edges(connection: Connection, assets: Sequence[int]) -> set[int]:
    found: set[int] = set()
    for end in (_EDGE.c.from_asset, _EDGE.c.to_asset):
        statement = (
            select(_EVIDENCE.c.reference)
            .join(_EDGE, _EDGE.c.key == _EVIDENCE.c.edge)
            .where(_EVIDENCE.c.origin == STATEMENT, end.in_(assets))
            .distinct()
        )
        found.update(row.reference for row in connection.execute(statement))
    return found


def _by_names(connection: Connection, assets: Sequence[int]) -> set[int]:
    rows = connection.execute(
        select(_ASSET.c.name, _NAMESPACE.c.text, _NAMESPACE.c.platform, _NAMESPACE.c.case_rule)
        .join(_NAMESPACE, _NAMESPACE.c.key == _ASSET.c.namespace)
        .where(_ASSET.c.key.in_(assets), _ASSET.c.asset_class == "data")
    )
    keys: set[int] = set()
    for row in rows:
        keys |= asset_keys(row.text, row.name, row.platform, row.case_rule)
    found: set[int] = set()
    for chunk in _chunks(sorted(keys)):
        statement = select(_NAME.c.statement_use).where(_NAME.c.name_key.in_(chunk)).distinct()
        found.update(row.statement_use for row in connection.execute(statement))
    return found


def mark_stale(unit: Unit, uses: Collection[int]) -> None:
    """Lets the uses wait for the parser. Each call leaves another key, so that a parse that is
    under way does not write over the mark."""
    rows: list[Any] = []
    for chunk in _chunks(sorted(uses)):
        statement = select(_USE.c.key, _USE.c.parsed_key).where(_USE.c.key.in_(chunk))
        rows.extend(unit.connection.execute(statement))
    marked = [
        {
            "b_key": row.key,
            "b_parsed": b"\x00"
            + secrets.token_bytes(_PREFIX_LENGTH - 1)
            + (row.parsed_key or b"")[_PREFIX_LENGTH:],
        }
        for row in rows
    ]
    if marked:
        unit.connection.execute(_MARK, marked)


_MARK = (
    update(_USE).where(_USE.c.key == bindparam("b_key")).values(parsed_key=bindparam("b_parsed"))
)


# --- loading --------------------------------------------------------------------------------

_OF_ASSET = _NAMESPACE.alias("namespace_of_asset")
_REAL = _NAMESPACE.alias("real_namespace")
_LOAD = (
    select(
        _USE.c.key,
        _STATEMENT.c.text,
        _STATEMENT.c.dialect,
        _USE.c.kind,
        _USE.c.live,
        _USE.c.parsed_key,
        _USE.c.default_database,
        _USE.c.default_schema,
        _REAL.c.key.label("namespace"),
        _REAL.c.text.label("namespace_text"),
        _REAL.c.platform,
        _REAL.c.case_rule,
        _ASSET.c.key.label("asset"),
        _ASSET.c.name.label("asset_name"),
        _ASSET.c.namespace.label("asset_namespace"),
        _OF_ASSET.c.platform.label("asset_platform"),
    )
    .select_from(
        _USE.join(_STATEMENT, _STATEMENT.c.key == _USE.c.statement)
        .join(_NAMESPACE, _NAMESPACE.c.key == _USE.c.namespace)
        .join(
            _REAL,
            or_(
                _REAL.c.key == _NAMESPACE.c.alias_of,
                _NAMESPACE.c.alias_of.is_(None) & (_REAL.c.key == _NAMESPACE.c.key),
            ),
        )
        .outerjoin(_ASSET, _ASSET.c.key == _USE.c.asset)
        .outerjoin(_OF_ASSET, _OF_ASSET.c.key == _ASSET.c.namespace)
    )
    .where(_USE.c.key.in_(bindparam("keys", expanding=True)))
    .order_by(_USE.c.key)
)


def load_uses(connection: Connection, keys: Sequence[int]) -> list[Use]:
    """The uses in key order."""
    return [
        _use(row) for chunk in _chunks(keys) for row in connection.execute(_LOAD, {"keys": chunk})
    ]


def _use(row: Any) -> Use:
    where = Where(
        key=row.namespace,
        text=row.namespace_text,
        platform=row.platform,
        rule=row.case_rule,
        database=row.default_database,
        schema=row.default_schema,
    )
    if row.asset is not None and row.asset_namespace == row.namespace:
        where = _with_defaults(where, row.asset_name)
    return Use(
        row.key,
        row.text,
        row.dialect,
        row.kind,
        row.live,
        row.parsed_key,
        where,
        row.asset,
        row.asset_name,
        row.asset_platform,
    )


def _with_defaults(where: Where, name: str) -> Where:
    """What a definition leaves out stands where the asset itself stands."""
    if naming.is_path(where.platform):
        return where
    parts = naming.split_name(name)
    if where.parts == 2:
        schema = where.schema or where.database or (parts[0] if len(parts) == 2 else None)
        return Where(where.key, where.text, where.platform, where.rule, where.database, schema)
    if len(parts) != where.parts:
        return where
    return Where(
        where.key,
        where.text,
        where.platform,
        where.rule,
        where.database or parts[0],
        where.schema or parts[1],
    )


# --- writing --------------------------------------------------------------------------------


def set_parsed(unit: Unit, use: Use, key: bytes, **more: str | None) -> bool:
    """Notes a parse; False when the use was marked or ended meanwhile, so that it waits on.

    ``more``: ``problem``, left out when it stays as it was.
    """
    done = unit.connection.execute(
        update(_USE)
        .where(
            _USE.c.key == use.key,
            _USE.c.live == use.live,
            _USE.c.parsed_key.is_not_distinct_from(use.parsed_key),
        )
        .values(parsed_key=key, **more)
    )
    return bool(done.rowcount)


def write_names(unit: Unit, use: int, keys: Iterable[int]) -> None:
    """Makes ``keys`` the names that the use's statement names."""
    wanted = set(keys)
    stored = {
        row.name_key
        for row in unit.connection.execute(
            select(_NAME.c.name_key).where(_NAME.c.statement_use == use)
        )
    }
    for chunk in _chunks(sorted(stored - wanted)):
        unit.connection.execute(
            delete(_NAME).where(_NAME.c.statement_use == use, _NAME.c.name_key.in_(chunk))
        )
    dialect.bulk_insert(
        unit.connection,
        _NAME,
        ("statement_use", "name_key"),
        [(use, key) for key in sorted(wanted - stored)],
    )


def _chunks(items: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for offset in range(0, len(items), _CHUNK):
        yield items[offset : offset + _CHUNK]
