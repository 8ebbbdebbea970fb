"""Assets of the reference model, and the rules by which their columns keep their numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from catalog.crawling import records
from tests.support.world import Item


@dataclass
class Seen:
    """What one source said last."""

    scope: str
    state: str
    item: Item
    lost: bool = False  # another asset was found under its id

    @property
    def id(self) -> str | None:
        return None if self.lost else self.item.record.id


@dataclass
class Numbered:
    """One column, live or sleeping."""

    number: int
    field: records.Field
    live: bool = True


@dataclass(eq=False)
class Thing:
    """One asset. ``facts``: (column number or 0, property, item) -> value as written."""

    cls: str
    name: str
    kind: str
    state: str = "crawled"
    source: str | None = None
    uid: bytes | None = None
    description: str | None = None
    seen: dict[str, Seen] = field(default_factory=dict)
    columns: list[Numbered] = field(default_factory=list)
    facts: dict[tuple[int, str, str], Any] = field(default_factory=dict)

    def live(self) -> dict[str, Seen]:
        """Sightings that were not withdrawn."""
        return {source: one for source, one in self.seen.items() if one.state != "withdrawn"}

    def column(self, number: int) -> Numbered:
        return next(one for one in self.columns if one.number == number)

    def live_columns(self) -> list[Numbered]:
        return [one for one in self.columns if one.live]


def merge_columns(keep: Thing, drop: Thing) -> dict[int, int]:
    """Number in the dropped -> number in the kept; the column of a path is one."""
    paths = {one.field.path: one.number for one in keep.columns if not one.live}
    paths |= {one.field.path: one.number for one in keep.live_columns()}
    known, found = bool(keep.live_columns()), {0: 0}
    number = max((one.number for one in keep.columns), default=0)
    for one in drop.columns:
        if one.field.path not in paths:
            number += 1
            paths[one.field.path] = number
            keep.columns.append(Numbered(number, one.field, one.live and not known))
        found[one.number] = paths[one.field.path]
    return found


def renumber(thing: Thing, fields: Sequence[records.Field], by_id: bool) -> None:
    """A number stays with its column: by the system's id, by the path, by the path it had."""

    def same_id(old: records.Field, new: records.Field) -> bool:
        return by_id and new.id is not None and old.id == new.id

    def same_path(old: records.Field, new: records.Field) -> bool:
        other = by_id and old.id and new.id and old.id != new.id
        return old.path == new.path and not other

    def had_path(old: records.Field, new: records.Field) -> bool:
        return old.path == new.path

    given: dict[int, records.Field] = {}  # number -> field
    for live, fits in ((True, same_id), (True, same_path), (False, had_path)):
        for new in fields:
            free = [c for c in thing.columns if c.live == live and c.number not in given]
            fitting = [column.number for column in free if fits(column.field, new)]
            if fitting and new not in given.values():
                given[fitting[-1]] = new  # of two that had the path, the later one
    number = max((column.number for column in thing.columns), default=0)
    for new in fields:
        if new not in given.values():
            number += 1
            thing.columns.append(Numbered(number, new))
            given[number] = new
    for column in thing.columns:
        column.live = column.number in given
        column.field = given.get(column.number, column.field)
