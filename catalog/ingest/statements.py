"""Statements of a crawl: each text once, each use of it a row, a new use a change.

A text is found again by the digest of (normalized text, dialect). For definitions the normal
form is made here, cheaply (100,000 views pass at crawl speed): layout between tokens is one
space, what is quoted and what is commented stays as it is, and a trailing semicolon goes. A text
with a backslash only loses the space around it, because dialects do not agree on what the
backslash quotes. Logged queries are stored without their literals, through `catalog.sql`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Connection, select, update

from catalog import naming
from catalog.crawling import records
from catalog.history import dialect
from catalog.history.store import table_of
from catalog.history.unit import Unit
from catalog.ingest.context import CrawlContext
from catalog.ingest.lookup import chunks
from catalog.lineage.edges import end_evidence
from catalog.model import Asset, Statement, StatementUse

_ASSET = table_of(Asset)
_STATEMENT = table_of(Statement)
_USE = table_of(StatementUse)
_STATEMENT_COLUMNS: Final = ("key", "uid", "hash", "text", "dialect")
_USE_COLUMNS: Final = (
    "key", "uid", "statement", "source", "scope", "namespace", "default_database",
    "default_schema", "kind", "asset", "live", "created_at",
)  # fmt: skip

# What must not be touched, in this order: strings and names in quotes (a quote that is doubled
# begins the next one), dollar quotes, comments; then layout.
_TOKEN: Final = re.compile(
    r"""(?P<keep>'[^']*' | "[^"]*" | `[^`]*` | \$(\w*)\$.*?\$\2\$
        | /\*.*?\*/ | --[^\n]*(?:\n|$)) | (?P<space>\s+)""",
    re.VERBOSE | re.DOTALL,
)


class _Use(NamedTuple):
    """What makes a use one, besides its source."""

    hash: bytes
    namespace: int
    default_database: str | None
    default_schema: str | None
    kind: str
    asset: int | None


class _Stored(NamedTuple):
    key: int
    live: bool
    statement_uid: bytes
    use: _Use


def write_statements(
    unit: Unit,
    context: CrawlContext,
    scope: int | None,
    items: Sequence[tuple[int | None, Sequence[records.Statement]]],
) -> int:
    """Writes what a crawl says of statements: (asset that they define or None, all of them now).

    For an asset the list is complete: a use that this source reported before and no longer does
    is not live any more, and what it made is undone when it is parsed next. Statements without
    an asset only add up. Returns how many uses are new, restored or ended; the same again writes
    nothing. Two SELECTs for a batch that brings something new, else one.
    """
    texts: dict[bytes, tuple[str, str]] = {}
    reported: dict[_Use, None] = {}
    for asset, statements in items:
        for statement in statements:
            use, text = _use_of(unit, context, asset, statement)
            reported[use] = None
            texts.setdefault(use.hash, (text, statement.dialect))
    assets = sorted({asset for asset, _ in items if asset is not None})
    loose = sorted({use.hash for use in reported if use.asset is None})
    stored = _stored(unit.connection, context.source.key, assets, loose)
    known = {row.use: row for row in stored}
    fresh = [use for use in reported if use not in known]
    back = [known[use] for use in reported if use in known and not known[use].live]
    ended = [
        row for row in stored if row.live and row.use.asset is not None and row.use not in reported
    ]
    if not (fresh or back or ended):
        return 0
    uids = _insert(unit, context, scope, fresh, texts)
    _set_live(unit.connection, [row.key for row in back], True)
    _set_live(unit.connection, [row.key for row in ended], False)
    begun = [(use.asset, uids[use.hash]) for use in fresh]
    begun += [(row.use.asset, row.statement_uid) for row in back]
    _note(unit, begun, ended)
    return len(fresh) + len(back) + len(ended)


def end_statements(unit: Unit, assets: Sequence[int], source: int | None = None) -> None:
    """The assets are removed: their definitions are not live, what these gave evidence for ends.

    ``source``: only what this one reported; others still see the assets. The records of an asset
    that returns bring its uses back to life (`write_statements`).
    """
    ended: list[int] = []
    for chunk in chunks(sorted(set(assets))):
        statement = select(_USE.c.key).where(_USE.c.asset.in_(chunk), _USE.c.live)
        if source is not None:
            statement = statement.where(_USE.c.source == source)
        ended.extend(row.key for row in unit.connection.execute(statement))
    _set_live(unit.connection, ended, False)
    end_evidence(unit, ended)


def statement_digest(text: str, dialect_name: str) -> bytes:
    """The hash under which a text, normalized already, is stored once."""
    return records.digest(f"{dialect_name}\0{text}".encode("utf-8", "surrogatepass"))


def normal_form(text: str) -> str:
    """The cheap normal form of a definition: see the module."""
    if "\\" in text:
        return text.strip().rstrip(";").rstrip()
    plain = _TOKEN.sub(lambda found: " " if found["space"] else found[0], text)
    return plain.strip().rstrip("; ")


# --- what is reported -----------------------------------------------------------------------


def _use_of(
    unit: Unit, context: CrawlContext, asset: int | None, statement: records.Statement
) -> tuple[_Use, str]:
    """The use, and the text to store."""
    text = naming.clean_text(statement.text)
    if statement.kind == "query":
        from catalog.sql import normalize

        text = normal = normalize(text, statement.dialect, keep_literals=False)
    else:
        normal = normal_form(text)
    use = _Use(
        statement_digest(normal, statement.dialect),
        context.namespace(unit, statement.namespace),
        statement.default_database,
        statement.default_schema,
        statement.kind,
        asset,
    )
    return use, text


# --- what is stored -------------------------------------------------------------------------

_FIELDS = (
    _USE.c.key, _USE.c.live, _STATEMENT.c.uid, _STATEMENT.c.hash, _USE.c.namespace,
    _USE.c.default_database, _USE.c.default_schema, _USE.c.kind, _USE.c.asset,
)  # fmt: skip
_JOINED = select(*_FIELDS).join(_STATEMENT, _STATEMENT.c.key == _USE.c.statement)


def _stored(
    connection: Connection, source: int, assets: Sequence[int], loose: Sequence[bytes]
) -> list[_Stored]:
    """The source's uses by these assets, and those without asset of these texts."""
    wanted: list[ColumnElement[bool]] = [_USE.c.asset.in_(chunk) for chunk in chunks(assets)]
    wanted += [_USE.c.asset.is_(None) & _STATEMENT.c.hash.in_(chunk) for chunk in chunks(loose)]
    return [
        _Stored(row[0], row[1], row[2], _Use(*row[3:]))
        for where in wanted
        for row in connection.execute(_JOINED.where(_USE.c.source == source, where))
    ]


def _statements(connection: Connection, hashes: Iterable[bytes]) -> dict[bytes, tuple[int, bytes]]:
    found: dict[bytes, tuple[int, bytes]] = {}
    for chunk in chunks(sorted(hashes)):
        statement = select(_STATEMENT.c.hash, _STATEMENT.c.key, _STATEMENT.c.uid)
        for row in connection.execute(statement.where(_STATEMENT.c.hash.in_(chunk))):
            found[row.hash] = (row.key, row.uid)
    return found


def _insert(
    unit: Unit,
    context: CrawlContext,
    scope: int | None,
    fresh: Sequence[_Use],
    texts: dict[bytes, tuple[str, str]],
) -> dict[bytes, bytes]:
    """Inserts uses and the texts that are not there yet; hash -> the statement's public id."""
    if not fresh:
        return {}
    connection = unit.connection
    hashes = {use.hash for use in fresh}
    # Reserving keys first takes the lock under which no other crawl adds the same text
    # (PostgreSQL); numbers that are not needed are lost, which harms nobody.
    keys = iter(dialect.next_keys(connection, _STATEMENT, len(hashes)))
    known = _statements(connection, hashes)
    made = {
        digest: (key, naming.new_id())
        for digest, key in zip(sorted(hashes - known.keys()), keys, strict=False)
    }
    dialect.bulk_insert(
        connection,
        _STATEMENT,
        _STATEMENT_COLUMNS,
        [(key, uid, digest, *texts[digest]) for digest, (key, uid) in made.items()],
    )
    known.update(made)
    use_keys = dialect.next_keys(connection, _USE, len(fresh))
    rows: list[tuple[Any, ...]] = [
        (key, naming.new_id(), known[use.hash][0], context.source.key, scope, *use[1:], True,
         unit.now)
        for key, use in zip(use_keys, fresh, strict=True)
    ]  # fmt: skip
    dialect.bulk_insert(connection, _USE, _USE_COLUMNS, rows)
    return {digest: uid for digest, (_, uid) in known.items()}


def _set_live(connection: Connection, keys: Sequence[int], live: bool) -> None:
    """Also forgets the parse, so that the parser looks at the uses again."""
    for chunk in chunks(keys):
        connection.execute(
            update(_USE).where(_USE.c.key.in_(chunk)).values(live=live, parsed_key=None)
        )


def _note(unit: Unit, begun: Sequence[tuple[int | None, bytes]], ended: Sequence[_Stored]) -> None:
    """One change for each asset (before, after: ids of statements), one for each loose text."""
    left: dict[int, list[str]] = {}
    came: dict[int, list[str]] = {}
    for row in ended:
        if row.use.asset is not None:
            left.setdefault(row.use.asset, []).append(naming.id_text(row.statement_uid))
    for asset, uid in begun:
        if asset is None:
            unit.change("statement", subject_type="statement", subject=naming.id_text(uid))
        else:
            came.setdefault(asset, []).append(naming.id_text(uid))
    subjects = _subjects(unit.connection, left.keys() | came.keys())
    for asset, subject in subjects.items():
        unit.change(
            "definition",
            subject=subject,
            asset=asset,
            before={"statements": left[asset]} if asset in left else None,
            after={"statements": came[asset]} if asset in came else None,
        )


def _subjects(connection: Connection, assets: Iterable[int]) -> dict[int, str]:
    found: dict[int, str] = {}
    for chunk in chunks(sorted(assets)):
        statement = select(_ASSET.c.key, _ASSET.c.uid).where(_ASSET.c.key.in_(chunk))
        for row in connection.execute(statement.order_by(_ASSET.c.key)):
            found[row.key] = naming.id_text(row.uid)
    return found
