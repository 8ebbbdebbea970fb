"""The versions of an asset by number, and what each did to its columns, without comparing states.

The first step that changed it is 1, what it was before 0. What a step did to columns is read off
the change log, which holds only what changed: to compare two states of 2,000 columns costs 50 ms.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, func, select

from catalog.access.viewer import Viewer
from catalog.assets.diff import breaks
from catalog.assets.resolve import Match
from catalog.history.store import table_of
from catalog.model import AssetVersion, Change

_VERSION, _CHANGE = table_of(AssetVersion), table_of(Change)
_BREAKING: Final = ("renamed", "removed")
_READ: Final = ("schema", *_BREAKING)


@dataclass
class Done:
    """What a step did: columns added, removed and changed, and how many changes break readers."""

    added: int = 0
    removed: int = 0
    changed: int = 0
    breaking: int = 0


def number_at(connection: Connection, viewer: Viewer, match: Match, sequence: int) -> int:
    """Which version of a visible asset held at a sequence."""
    viewer.require("read")
    return int(
        connection.execute(
            select(func.count(_VERSION.c.to_sequence.distinct())).where(
                _VERSION.c.asset == match.key,
                _VERSION.c.to_sequence <= sequence,
                ~_VERSION.c.part.contains("/", autoescape=True),
            )
        ).scalar_one()
    )


def done_by(
    connection: Connection, viewer: Viewer, match: Match, sequences: Sequence[int]
) -> dict[int, Done]:
    """What steps (their sequences) of a visible asset did to its columns and its name.

    The rules of what breaks are those of `catalog.assets.diff`; a renamed column counts as
    removed and added here.
    """
    viewer.require("read")
    if not sequences:
        return {}
    steps = sorted(sequences)
    found = {one: Done() for one in steps}
    last = select(_CHANGE.c.at).where(_CHANGE.c.sequence == steps[-1]).scalar_subquery()
    rows = connection.execute(
        select(_CHANGE.c.sequence, _CHANGE.c.what, _CHANGE.c.before, _CHANGE.c.after).where(
            _CHANGE.c.asset == match.key,
            _CHANGE.c.sequence >= steps[0],
            _CHANGE.c.at <= last,  # a unit writes all its changes at one time
            _CHANGE.c.what.in_(_READ),
        )
    )
    for row in rows:
        step = found[steps[bisect_right(steps, row.sequence) - 1]]
        if row.what in _BREAKING:
            step.breaking += 1
        else:
            _add_columns(step, _columns(row.before), _columns(row.after))
    return found


def _columns(text: str | None) -> Mapping[str, Any]:
    found: Mapping[str, Any] = {} if text is None else json.loads(text).get("columns") or {}
    return found


def _add_columns(step: Done, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    for path in {*before, *after}:
        old, new = before.get(path), after.get(path)
        if old is None:
            step.added += 1
        elif new is None:
            step.removed += 1
            step.breaking += 1
        else:
            step.changed += 1
            step.breaking += breaks({name: (old[name], new.get(name)) for name in old})
