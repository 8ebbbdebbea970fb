"""Schedules: cron with an IANA time zone, or an interval. Times are microseconds, UTC.

A local time that a clock change skips runs once, right after the change; one that comes twice
runs once, the first time. Runs missed while nothing ran are caught up by one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import select, update
from sqlmodel import Session

from catalog.errors import BadInput
from catalog.history.store import table_of
from catalog.history.unit import Unit
from catalog.model import Source, clock

_SOURCE = table_of(Source)
_INTERVAL = re.compile(r"([1-9][0-9]{0,5})\s*([mhdw])")
_UNITS: Final = {"m": clock.MINUTE, "h": clock.HOUR, "d": clock.DAY, "w": 7 * clock.DAY}
_LONGEST: Final = 366 * clock.DAY
_FORMS: Final = (
    "Write an interval (30m, 2h, 1d) or five cron fields (0 3 * * *: every day at 03:00)."
)


@dataclass(frozen=True)
class Schedule:
    """Either ``cron`` (five fields, read in ``zone``) or ``every`` (``30m``, ``2h``, ``1d``)."""

    cron: str | None = None
    every: str | None = None
    zone: str = "UTC"

    def as_json(self) -> str:
        """As it is kept with the source."""
        return json.dumps(self.as_dict(), sort_keys=True)

    def as_dict(self) -> dict[str, str]:
        """``{"cron", "zone"}`` or ``{"every"}``."""
        if self.cron is not None:
            return {"cron": self.cron, "zone": self.zone}
        return {"every": self.every or ""}


def parse(text: str, zone: str = "UTC") -> Schedule:
    """A schedule from what a person typed; `BadInput` says what is wrong with it."""
    text = " ".join(text.split())
    if _INTERVAL.fullmatch(text):
        return _checked_interval(text.replace(" ", ""))
    _zone(zone)
    _check_cron(text)
    made = Schedule(cron=text, zone=zone)
    next(runs(made, clock.now()), None)
    return made


def from_json(text: str) -> Schedule:
    """The inverse of `Schedule.as_json`."""
    return Schedule(**json.loads(text))


def from_value(value: Any) -> Schedule | None:
    """A schedule from JSON: None, a text, or an object with ``cron`` and ``zone``, or ``every``."""
    if value is None or isinstance(value, Schedule):
        return value
    if isinstance(value, str):
        return parse(value)
    if isinstance(value, dict) and set(value) <= {"cron", "every", "zone"}:
        given = [part for part in (value.get("cron"), value.get("every")) if part is not None]
        if len(given) == 1 and all(isinstance(part, str) for part in value.values() if part):
            return parse(given[0], value.get("zone") or "UTC")
    raise BadInput(f"{value!r} is no schedule.", remedy=_FORMS)


def interval_of(every: str) -> int:
    """Microseconds of ``30m``, ``2h``, ``1d``, ``1w``."""
    found = _INTERVAL.fullmatch(every)
    if found is None:
        raise BadInput(f"{every!r} is no interval.", remedy=_FORMS)
    return int(found[1]) * _UNITS[found[2]]


def next_runs(schedule: Schedule, after: int, count: int, *, first: int | None = None) -> list[int]:
    """The next ``count`` runs after a moment. ``first``: a run that is known already (due next),
    from which an interval goes on; without it an interval counts from ``after``."""
    made = []
    for moment in runs(schedule, after, first=first):
        made.append(moment)
        if len(made) == count:
            break
    return made


def runs(schedule: Schedule, after: int, *, first: int | None = None) -> Iterator[int]:
    """All runs after a moment, ascending."""
    if schedule.cron is not None:
        return _cron_runs(schedule.cron, _zone(schedule.zone), after)
    return _interval_runs(interval_of(schedule.every or ""), after, first)


def due(session: Session, now: int) -> list[int]:
    """Keys of the sources whose next run has come: not paused, not removed, oldest first."""
    return list(
        session.connection().scalars(
            select(_SOURCE.c.key)
            .where(
                _SOURCE.c.next_due_at <= now,
                _SOURCE.c.schedule.is_not(None),
                _SOURCE.c.paused.is_(False),
                _SOURCE.c.removed_at.is_(None),
            )
            .order_by(_SOURCE.c.next_due_at, _SOURCE.c.key)
        )
    )


def advance(unit: Unit, source: int, now: int) -> int | None:
    """Sets the source's (key) next run to the first one after ``now``, however many were missed.

    Answers it, None without a schedule. Operational: no change is written.
    """
    row = unit.connection.execute(
        select(_SOURCE.c.schedule, _SOURCE.c.next_due_at).where(_SOURCE.c.key == source)
    ).one()
    following = None
    if row.schedule is not None:
        following = next(runs(from_json(row.schedule), now, first=row.next_due_at), None)
    unit.connection.execute(
        update(_SOURCE).where(_SOURCE.c.key == source).values(next_due_at=following)
    )
    return following


def _checked_interval(text: str) -> Schedule:
    if interval_of(text) > _LONGEST:
        raise BadInput(f"An interval of {text} is longer than a year.", remedy=_FORMS)
    return Schedule(every=text)


def _interval_runs(step: int, after: int, first: int | None) -> Iterator[int]:
    """Keeps the rhythm of ``first``, so that a late run does not shift all that follow."""
    start = after + step if first is None else first
    if start <= after:
        start += ((after - start) // step + 1) * step
    while True:
        yield start
        start += step


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise BadInput(
            f"There is no time zone {name!r}.", remedy="Write an IANA name such as Europe/Berlin."
        ) from error


def _check_cron(text: str) -> None:
    from croniter import croniter

    fields = len(text.split())
    if not (fields == 5 or text.startswith("@")) or not croniter.is_valid(text):
        raise BadInput(f"{text!r} is no schedule.", remedy=_FORMS)


def _cron_runs(cron: str, zone: ZoneInfo, after: int) -> Iterator[int]:
    """Walks the wall clock, then asks the zone when each of its times really is.

    croniter is given the wall clock as if it were UTC, so that it knows of no clock change.
    """
    from croniter import CroniterBadDateError, croniter

    wall = clock.to_datetime(after).astimezone(zone).replace(tzinfo=UTC, fold=0)
    times = croniter(cron, wall, ret_type=datetime)
    last = after
    while True:
        try:
            moment = _instant(times.get_next(datetime).replace(tzinfo=None), zone)
        except CroniterBadDateError as error:
            raise BadInput(f"The schedule {cron!r} never runs.", remedy=_FORMS) from error
        if moment > last:  # skipped times fall together; a repeated one was there before
            yield moment
            last = moment


def _instant(wall: datetime, zone: ZoneInfo) -> int:
    """The moment at which a wall clock shows the time first, or jumps past it."""
    early = wall.replace(tzinfo=zone, fold=0)
    moment = early.astimezone(UTC)
    if moment.astimezone(zone).replace(tzinfo=None) == wall:
        return clock.from_datetime(moment)
    return clock.from_datetime(_change_before(wall, zone))


def _change_before(wall: datetime, zone: ZoneInfo) -> datetime:
    """When the clock jumped over a time: bisects between the offsets before and after it."""
    before = wall.replace(tzinfo=zone, fold=0).utcoffset()
    after = wall.replace(tzinfo=zone, fold=1).utcoffset()
    assert before is not None
    assert after is not None
    low = (wall - max(before, after)).replace(tzinfo=UTC)
    high = (wall - min(before, after)).replace(tzinfo=UTC)
    while high - low > timedelta(seconds=1):
        middle = (low + (high - low) / 2).replace(microsecond=0)
        if middle == low:
            break
        if middle.astimezone(zone).utcoffset() == before:
            low = middle
        else:
            high = middle
    return high
