"""One clock: times are integers, microseconds since 1970, UTC. Tests can set it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_source: Callable[[], int] = lambda: time.time_ns() // 1000  # noqa: E731
SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
_EARLIEST = -62_135_596_800 * SECOND  # the beginning of year 1
_LATEST = 253_402_300_800 * SECOND - 1  # the end of year 9999


def now() -> int:
    """Microseconds since 1970, UTC."""
    return _source()


@contextmanager
def fixed(source: Callable[[], int]) -> Iterator[None]:
    """Replaces the clock in a test."""
    global _source
    before, _source = _source, source
    try:
        yield
    finally:
        _source = before


def to_text(moment: int | None) -> str | None:
    """RFC 3339 in UTC: ``2026-11-22T09:00:00.123456Z``; None stays None."""
    if moment is None:
        return None
    return (_EPOCH + timedelta(microseconds=moment)).isoformat().replace("+00:00", "Z")


def from_text(text: str) -> int:
    """Microseconds of an RFC 3339 time; a time without a zone is refused with ValueError."""
    parsed = datetime.fromisoformat(text)
    if parsed.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone; write 2026-11-22T09:00:00Z")
    return from_datetime(parsed)


def from_datetime(moment: datetime) -> int:
    """Microseconds of an aware datetime."""
    return (moment.astimezone(UTC) - _EPOCH) // timedelta(microseconds=1)


def of_seconds(seconds: float) -> int | None:
    """Microseconds of seconds since 1970; None for what no calendar has (before year 1, after
    9999): a source may claim any number, and one such must not fail a page of many assets."""
    moment = round(seconds * SECOND) if math.isfinite(seconds) else _EARLIEST - 1
    return moment if _EARLIEST <= moment <= _LATEST else None


def to_datetime(moment: int) -> datetime:
    """Aware datetime in UTC."""
    return _EPOCH + timedelta(microseconds=moment)
