"""The index follows the change log: batch by batch, each with its position in one commit.

A batch is either the assets of the next changes, each once, or a slice of the assets that one
change touches (a source renamed), in key order. Killed at any point, the index is as before the
batch or as after it; what is done again comes out the same.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Final, Literal

from sqlalchemy import Connection, select

from catalog.errors import StoreError
from catalog.history.store import Store, read_meta, table_of
from catalog.model import Change
from catalog.search.document import (
    BATCH,
    DOCUMENT_VERSION,
    Document,
    chunks,
    documents,
    indexed_keys,
)
from catalog.search.engine import Position, SearchEngine
from catalog.search.touched import Noted, changes_after, keys_of, wide

COMMIT_ASSETS: Final = 10_000
"""Assets of one commit: bounds memory, and how long a change waits to be found."""
READ_CHANGES: Final = 20_000
_REBUILDS: Final = 2
_CHANGE = table_of(Change)
State = Literal["current", "behind", "missing", "outdated", "foreign"]
Progress = Callable[[int], None]


@dataclass(frozen=True)
class Status:
    """How the index stands to the store.

    ``state``: ``missing`` (none, or damaged), ``outdated`` (documents of an older version),
    ``foreign`` (of another store, or of this one before a restore); these three are rebuilt.
    ``behind``: sequence numbers between the index and the log's end. ``documents``: in the index.
    """

    state: State
    behind: int
    documents: int
    position: Position | None


@dataclass(frozen=True)
class _Step:
    assets: list[int]
    position: Position


class Follower:
    """Keeps an engine equal to a store. One process at a time writes; others get `Conflict`."""

    def __init__(self, store: Store, engine: SearchEngine) -> None:
        self._store, self._engine = store, engine

    def status(self) -> Status:
        """Where the index stands; reads only."""
        position = self._engine.position()
        with self._store.connect() as connection:
            state = _state(connection, position)
            last = _last(connection)
        start = 0 if position is None or state not in ("current", "behind") else position.sequence
        return Status(state, max(0, last.sequence - start), self._engine.count(), position)

    def catch_up(
        self, limit_seconds: float | None = None, on_progress: Progress | None = None
    ) -> int:
        """Follows to the end of the log, or until the time is over; answers documents written.

        Rebuilds first when the index cannot be followed on. ``on_progress`` is given the number
        of documents written so far. Raises `Conflict` when another process writes the index.
        """
        started = time.monotonic()
        done, rebuilt = 0, 0
        while limit_seconds is None or time.monotonic() - started < limit_seconds:
            position = self._engine.position()
            with self._store.connect() as connection:
                state = _state(connection, position)
                step = None
                if position is not None and state == "behind":
                    step = _next_step(connection, position)
            if state == "current":
                break
            if step is None:
                rebuilt = self._rebuilt_once(rebuilt, state)
                done += self.rebuild(on_progress)
                continue
            self._write(step)
            done += len(step.assets)
            if on_progress is not None:
                on_progress(done)
        return done

    def _rebuilt_once(self, times: int, state: State) -> int:
        """Counts rebuilds; one that cannot be followed on either would come again for ever."""
        if times > _REBUILDS:
            raise StoreError(
                f"The search index was built anew {times} times and is still {state}.",
                remedy="Look at the disk of the index folder, then run `catalog reindex`.",
            )
        return times + 1

    def rebuild(self, on_progress: Progress | None = None) -> int:
        """A new index of the whole store, read by everybody once it is whole; its documents.

        What changes meanwhile is followed afterwards: the position is that of the beginning.
        """
        with self._store.connect() as connection:
            position = _last(connection)
        done = 0
        with self._engine.rebuild(position) as batch:
            for found in self._all():
                batch.add(found)
                done += len(found)
                if on_progress is not None:
                    on_progress(done)
        return done

    def _all(self) -> Iterator[list[Document]]:
        """All documents; each batch is a short read of its own, so that no writer waits."""
        after = 0
        while True:
            with self._store.read() as session:
                keys = indexed_keys(session, after, BATCH)
                found = list(documents(session, keys).values())
            if not keys:
                return
            after = keys[-1]
            yield found

    def _write(self, step: _Step) -> None:
        wanted: list[Document] = []
        for chunk in chunks(step.assets):
            with self._store.read() as session:
                wanted.extend(documents(session, chunk).values())
        gone = set(step.assets) - {document.key for document in wanted}
        self._engine.apply(wanted, gone, step.position)


def _state(connection: Connection, position: Position | None) -> State:
    if position is None:
        return "missing"
    if position.version != DOCUMENT_VERSION:
        return "outdated"
    last = _last(connection)
    if position.epoch != last.epoch or not _is_known(connection, position):
        return "foreign"
    return "behind" if last.sequence > position.sequence else "current"


def _is_known(connection: Connection, position: Position) -> bool:
    """Whether the last change in the index is the one that the store has at that sequence."""
    if position.sequence == 0:
        return position.change_id == 0
    found = connection.execute(
        select(_CHANGE.c.id).where(_CHANGE.c.sequence == position.sequence)
    ).scalar()
    return found == position.change_id


def _last(connection: Connection) -> Position:
    """The end of the log as a position."""
    row = connection.execute(
        select(_CHANGE.c.sequence, _CHANGE.c.id).order_by(_CHANGE.c.sequence.desc()).limit(1)
    ).first()
    sequence, change_id = (0, 0) if row is None else row
    return Position(sequence, change_id, read_meta(connection, "epoch") or "", DOCUMENT_VERSION)


def _next_step(connection: Connection, position: Position) -> _Step:
    """The next batch: whole changes as long as they fit, or a slice of one that does not."""
    keys: dict[int, None] = {}
    for change in changes_after(connection, position.sequence, READ_CHANGES):
        found = _assets(connection, change, position.asset, COMMIT_ASSETS + 1)
        if len(found) > COMMIT_ASSETS and not keys:
            part = found[:COMMIT_ASSETS]
            return _Step(part, replace(position, asset=part[-1]))
        if len(keys) + sum(key not in keys for key in found) > COMMIT_ASSETS:
            break
        keys.update(dict.fromkeys(found))
        position = replace(position, sequence=change.sequence, change_id=change.id, asset=0)
    return _Step(sorted(keys), position)


def _assets(connection: Connection, change: Noted, after: int, limit: int) -> list[int]:
    """Keys of the assets that a change touches, above ``after``, in key order."""
    own = [] if change.asset is None or change.asset <= after else [change.asset]
    condition = wide(connection, change)
    if condition is None:
        return own
    found = connection.execute(keys_of(condition, after, limit)).scalars()
    return sorted({*own, *found})[:limit]
