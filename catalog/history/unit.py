"""A unit of work: collects its changes and versions, writes them last, then the edge commits."""

from __future__ import annotations

import json
import secrets
import zlib
from typing import Any

from sqlalchemy import Connection, func, select
from sqlmodel import Session

from catalog.history import dialect
from catalog.model import AssetVersion, Change, clock

_CHANGE = Change.__table__  # type: ignore[attr-defined]
_VERSION = AssetVersion.__table__  # type: ignore[attr-defined]
_CHANGE_COLUMNS = (
    "sequence",
    "id",
    "at",
    "actor",
    "subject_type",
    "subject",
    "asset",
    "column",
    "what",
    "cause",
    "before",
    "after",
)
SECRET = "***"


def dump(value: Any) -> str:
    """JSON with sorted keys, as documents and change values are kept."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def pack(document: bytes | str) -> bytes:
    """A document as it lies in the store: zlib at its fastest level."""
    raw = document.encode() if isinstance(document, str) else document
    return zlib.compress(raw, 1)


def unpack(document: bytes) -> bytes:
    """The inverse of `pack`."""
    return zlib.decompress(document)


class Unit:
    """One write transaction. ``now`` is the same for all that it writes."""

    def __init__(self, session: Session, actor: str, cause: str | None) -> None:
        self.session = session
        self.actor = actor
        self.cause = cause
        self.now = clock.now()
        self.last_sequence: int | None = None
        self._changes: list[tuple[Any, ...]] = []
        self._versions: dict[tuple[int, str], bytes | None] = {}
        self._connection: Connection | None = None

    @property
    def connection(self) -> Connection:
        """The unit's connection, for Core statements."""
        if self._connection is None:
            self._connection = self.session.connection()
        return self._connection

    def change(
        self,
        what: str,
        *,
        subject_type: str = "asset",
        subject: str = "",
        asset: int | None = None,
        column: int = 0,
        before: Any = None,
        after: Any = None,
        cause: str | None = None,
    ) -> None:
        """Notes one change; ``before`` and ``after`` hold the changed fields only."""
        self._changes.append(
            (
                secrets.randbits(63),
                self.actor,
                subject_type,
                subject,
                asset,
                column,
                what,
                cause or self.cause,
                None if before is None else dump(before),
                None if after is None else dump(after),
            )
        )

    def version(self, asset: int, part: str, left: bytes | None) -> None:
        """Keeps the state that a part of an asset leaves; the first of a unit counts.

        ``left``: JSON document, or None when the part did not exist before.
        """
        self._versions.setdefault((asset, part), None if left is None else pack(left))

    def has_version(self, asset: int, part: str) -> bool:
        """Whether this unit already keeps the state that this part leaves."""
        return (asset, part) in self._versions

    @property
    def changed(self) -> bool:
        """Whether any change was noted."""
        return bool(self._changes)

    def finish(self) -> None:
        """Writes changes and versions as the unit's last statements; the edge then commits."""
        self.session.flush()
        if not self._changes:
            if self._versions:
                raise AssertionError("a version without a change")
            return
        connection = self.connection
        dialect.lock_change_log(connection)
        last = connection.execute(
            select(_CHANGE.c.sequence, _CHANGE.c.at).order_by(_CHANGE.c.sequence.desc()).limit(1)
        ).first()
        at = self.now if last is None else max(self.now, last.at)
        first = self._first_sequence(connection, None if last is None else last.sequence)
        rows = [
            (first + offset, change_id, at, *rest)
            for offset, (change_id, *rest) in enumerate(self._changes)
        ]
        dialect.bulk_insert(connection, _CHANGE, _CHANGE_COLUMNS, rows)
        if not dialect_is_sqlite(connection):
            connection.exec_driver_sql(
                "SELECT setval(pg_get_serial_sequence('change', 'sequence'), %s)",
                (first + len(rows) - 1,),
            )
        self.last_sequence = first + len(rows) - 1
        self._write_versions(connection, rows)

    def _first_sequence(self, connection: Connection, last: int | None) -> int:
        """The next number; under retention the largest ever given counts, not the largest kept."""
        if dialect_is_sqlite(connection):
            given = connection.exec_driver_sql(
                "SELECT seq FROM sqlite_sequence WHERE name = 'change'"
            ).scalar()
            return max(given or 0, last or 0) + 1
        return int(
            connection.exec_driver_sql(
                "SELECT nextval(pg_get_serial_sequence('change', 'sequence'))"
            ).scalar_one()
        )

    def _write_versions(self, connection: Connection, rows: list[tuple[Any, ...]]) -> None:
        if not self._versions:
            return
        sequence_of: dict[int, int] = {}
        for row in rows:  # the first change of an asset ends the states it leaves
            asset = row[6]
            if asset is not None:
                sequence_of.setdefault(asset, row[0])
        keys = sorted({asset for asset, _ in self._versions})
        starts = self._version_starts(connection, keys)
        dialect.bulk_insert(
            connection,
            _VERSION,
            ("asset", "part", "to_sequence", "from_sequence", "document"),
            [
                (asset, part, sequence_of[asset], starts.get((asset, part), 0), document)
                for (asset, part), document in self._versions.items()
            ],
        )

    def _version_starts(
        self, connection: Connection, assets: list[int]
    ) -> dict[tuple[int, str], int]:
        """Where the state that is left began: the end of the last kept one, or creation (0)."""
        found: dict[tuple[int, str], int] = {}
        for offset in range(0, len(assets), 500):
            chunk = assets[offset : offset + 500]
            for asset, part, to_sequence in connection.execute(
                select(_VERSION.c.asset, _VERSION.c.part, func.max(_VERSION.c.to_sequence))
                .where(_VERSION.c.asset.in_(chunk))
                .group_by(_VERSION.c.asset, _VERSION.c.part)
            ):
                found[asset, part] = to_sequence
        return found


def dialect_is_sqlite(connection: Connection) -> bool:
    """Whether the connection is to SQLite."""
    return connection.dialect.name == "sqlite"
