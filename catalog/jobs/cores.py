"""Which processor cores a serving process answers on.

Of Python's threads one runs at a time. Handing the turn to a thread on another core wakes that
core, which costs more than most of what we do in a turn: measured in docs/decisions/0010.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

_before: frozenset[int] = frozenset()


def keep_to(count: int) -> None:
    """Keeps this thread, and those that it starts from now on, to so many cores.

    0, or as many as there are: all. Systems that know no such thing are left alone.
    """
    global _before
    if not hasattr(os, "sched_setaffinity"):
        return
    mine = os.sched_getaffinity(0)
    _before = _before or frozenset(mine)
    every = sorted(_before)
    if 0 < count < len(every):
        first = os.getpid() % len(every)  # processes beside each other take different ones
        every = [every[(first + at) % len(every)] for at in range(count)]
    os.sched_setaffinity(0, every)


def cores() -> list[int]:
    """The cores that the process had in the beginning; for its children. Empty: all."""
    return sorted(_before)


def take(given: Iterable[int]) -> None:
    """In a child: uses what its parent had in the beginning."""
    wanted = list(given)
    if wanted and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, wanted)
