"""Followers of the change log: work that starts when something changed.

A follower keeps three things: the sequence it has reached, the random id of the change there, and
the store's epoch. The position is written with or after the follower's own commit, never before,
so that a change may be handled twice, which must be harmless, and never not at all.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, select

from catalog.errors import StoreError
from catalog.history import dialect
from catalog.history.store import Store, read_meta, table_of
from catalog.history.unit import Unit
from catalog.model import Change
from catalog.model import Follower as FollowerRow

_CHANGE = table_of(Change)
_FOLLOWER = table_of(FollowerRow)
BATCH: Final = 500
_POLL_SECONDS: Final = 1.0


class Restored(StoreError):
    """The store is not the one that was followed: it was restored or copied."""

    title = "The store was restored"


@dataclass(frozen=True)
class Event:
    """One change as a follower sees it. ``asset``: key; ``before``, ``after``: changed fields."""

    sequence: int
    id: int
    at: int
    actor: str
    subject_type: str
    subject: str
    asset: int | None
    column: int
    what: str
    cause: str | None
    before: Any
    after: Any


@dataclass(frozen=True)
class Position:
    """Where a follower stands: everything up to and with ``sequence`` is handled."""

    sequence: int
    change_id: int
    epoch: str


class Follower:
    """Follows the change log under a name. A new one begins with the first change that is kept,
    or, with ``from_now``, with the next one that comes.
    """

    def __init__(self, store: Store, name: str, *, from_now: bool = False) -> None:
        self._store, self.name, self._from_now = store, name, from_now

    def step(self, handler: Callable[[Sequence[Event]], None], limit: int = BATCH) -> int:
        """Hands over the next changes, outside any transaction, then notes the position.

        Answers how many there were. What the handler raises goes on; nothing is then noted.
        Raises `Restored`.
        """
        position, events = self._next(limit)
        if not events:
            return 0
        handler(events)
        self._store.run(lambda unit: self._write(unit, _after(position, events)), "system")
        return len(events)

    def step_with(
        self, handler: Callable[[Unit, Sequence[Event]], None], limit: int = BATCH
    ) -> int:
        """Like `step`, for a handler that writes the store: its rows and the position are one
        transaction. It must not wait for a network or a file."""
        position, events = self._next(limit)
        if not events:
            return 0

        def work(unit: Unit) -> None:
            handler(unit, events)
            self._write(unit, _after(position, events))

        self._store.run(work, "system")
        return len(events)

    def run(
        self,
        handler: Callable[[Sequence[Event]], None],
        stop: threading.Event,
        *,
        poll: float = _POLL_SECONDS,
    ) -> None:
        """Follows until ``stop`` is set, looking every ``poll`` seconds. `Restored` ends it."""
        while not stop.is_set():
            if self.step(handler) < BATCH:
                stop.wait(poll)

    def behind(self) -> int:
        """How many numbers of the log lie before it; 0: it has caught up."""
        with self._store.connect() as connection:
            top = connection.scalar(
                select(_CHANGE.c.sequence).order_by(_CHANGE.c.sequence.desc()).limit(1)
            )
            return max(0, int(top or 0) - self._position(connection).sequence)

    def position(self) -> Position:
        """Where it stands; raises `Restored` if that is not a place in this store."""
        with self._store.connect() as connection:
            position = self._position(connection)
            why = _why_strange(connection, position)
        if why is not None:
            self._stop(why)
        return position

    def accept(self) -> None:
        """After a restore: goes on from the last change there is now. An operator's decision."""
        self._store.run(lambda unit: self._write(unit, _last(unit.connection)), "system")

    def _next(self, limit: int) -> tuple[Position, list[Event]]:
        with self._store.connect() as connection:
            position = self._position(connection)
            why = _why_strange(connection, position)
            events = [] if why else _events(connection, position.sequence, limit)
        if why is not None:
            self._stop(why)
        return position, events

    def _position(self, connection: Connection) -> Position:
        row = connection.execute(select(_FOLLOWER).where(_FOLLOWER.c.name == self.name)).first()
        if row is not None:
            return Position(row.sequence, row.change_id, row.epoch)
        if not self._from_now:
            return Position(0, 0, read_meta(connection, "epoch") or "")
        position = _last(connection)
        self._store.run(lambda unit: self._write(unit, position), "system")
        return position

    def _write(self, unit: Unit, position: Position) -> None:
        values = {
            "sequence": position.sequence,
            "change_id": position.change_id,
            "epoch": position.epoch,
            "at": unit.now,
            "problem": None,
        }
        statement = dialect.insert(unit.connection, _FOLLOWER).values(name=self.name, **values)
        unit.connection.execute(
            statement.on_conflict_do_update(index_elements=["name"], set_=values)
        )

    def _stop(self, why: str) -> None:
        message = f"The follower {self.name} stopped: {why}"

        def note(unit: Unit) -> None:
            unit.connection.execute(
                _FOLLOWER.update().where(_FOLLOWER.c.name == self.name).values(problem=message)
            )

        self._store.run(note, "system")
        raise Restored(
            message,
            remedy="Run `catalog doctor`, which says what was restored and lets followers go on.",
        )


def _why_strange(connection: Connection, position: Position) -> str | None:
    """Why the position is none of this store, or None if it is one."""
    if position.epoch != (read_meta(connection, "epoch") or ""):
        return "the store is another one since it was restored or copied."
    if position.sequence == 0:
        return None
    found = connection.scalar(select(_CHANGE.c.id).where(_CHANGE.c.sequence == position.sequence))
    if found is None:
        return f"the change {position.sequence}, which it had reached, is not there."
    if found != position.change_id:
        return f"the change {position.sequence}, which it had reached, is another one now."
    return None


def _events(connection: Connection, after: int, limit: int) -> list[Event]:
    rows = connection.execute(
        select(_CHANGE).where(_CHANGE.c.sequence > after).order_by(_CHANGE.c.sequence).limit(limit)
    )
    return [_event(row) for row in rows]


def _event(row: Any) -> Event:
    return Event(
        sequence=row.sequence,
        id=row.id,
        at=row.at,
        actor=row.actor,
        subject_type=row.subject_type,
        subject=row.subject,
        asset=row.asset,
        column=row.column,
        what=row.what,
        cause=row.cause,
        before=None if row.before is None else json.loads(row.before),
        after=None if row.after is None else json.loads(row.after),
    )


def _after(position: Position, events: Sequence[Event]) -> Position:
    return Position(events[-1].sequence, events[-1].id, position.epoch)


def _last(connection: Connection) -> Position:
    row = connection.execute(
        select(_CHANGE.c.sequence, _CHANGE.c.id).order_by(_CHANGE.c.sequence.desc()).limit(1)
    ).first()
    epoch = read_meta(connection, "epoch") or ""
    return Position(0, 0, epoch) if row is None else Position(row.sequence, row.id, epoch)
