"""Moments of the past: which sequence a time or a number means."""

from __future__ import annotations

from sqlalchemy import Connection, func, select

from catalog.errors import BadInput
from catalog.history.store import table_of
from catalog.model import Change, clock

_CHANGE = table_of(Change)


def sequence_of(connection: Connection, as_of: str) -> int:
    """The sequence that ``as_of`` means: a sequence number, or an RFC 3339 time or date.

    A date is its end in UTC. Raises `BadInput`; a time before all history is sequence 0.
    """
    last = connection.execute(select(func.max(_CHANGE.c.sequence))).scalar() or 0
    if as_of.isascii() and as_of.isdigit():
        sequence = int(as_of)
        if sequence > last:
            raise _bad_moment(f"The store is at sequence {last:,}; {sequence:,} is not yet.")
        return sequence
    text = f"{as_of}T23:59:59.999999Z" if len(as_of) == 10 else as_of
    try:
        moment = clock.from_text(text.replace("z", "Z"))
    except ValueError:
        raise _bad_moment(f"{as_of!r} is no time and no sequence.") from None
    return sequence_at(connection, moment)


def _bad_moment(message: str) -> BadInput:
    return BadInput(
        message,
        remedy="Give a sequence, a time like 2026-11-22T09:00:00Z, or a date.",
        parameter="as_of",
    )


def sequence_at(connection: Connection, moment: int) -> int:
    """The last sequence at or before a moment (microseconds); 0 before all history.

    Times of changes never go back, so that a binary search over the key finds it.
    """
    # Asked apart: each is one step into the index, both together are a walk over the whole log.
    low_end = select(func.min(_CHANGE.c.sequence)).scalar_subquery()
    high_end = select(func.max(_CHANGE.c.sequence)).scalar_subquery()
    bounds = connection.execute(select(low_end, high_end)).one()
    if bounds[0] is None:
        return 0
    low, high = bounds[0] - 1, bounds[1]
    while low < high:
        middle = (low + high + 1) // 2
        at = connection.execute(
            select(_CHANGE.c.at)
            .where(_CHANGE.c.sequence >= middle)
            .order_by(_CHANGE.c.sequence)
            .limit(1)
        ).scalar_one()
        if at <= moment:
            low = middle
        else:
            high = middle - 1
    return low if low >= bounds[0] else 0


def refuse_as_of(as_of: str | None, what: str) -> None:
    """Raises `BadInput` for what is only of now: search, suggestions, measures."""
    if as_of is not None:
        raise BadInput(
            f"{what} can only be asked of now, not as of {as_of}.",
            remedy="Leave as_of out.",
            parameter="as_of",
        )
