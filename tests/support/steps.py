"""The steps of a play: what happens to systems, crawls, people's edits."""

from __future__ import annotations

from typing import Literal, NamedTuple

Trouble = Literal[
    "none", "incomplete", "failing", "unreachable", "unlisted", "bad_asset", "subset", "refused",
    "cancel",
]  # fmt: skip


class Act(NamedTuple):
    """Something happens in a system."""

    system: int
    what: str
    a: int = 0
    b: int = 0


class CrawlIt(NamedTuple):
    """A crawl. ``kills``: it is killed at these points, counted from where it went on."""

    system: int
    trouble: Trouble = "none"
    at: int = 0
    kills: tuple[int, ...] = ()


class Edit(NamedTuple):
    """A person writes. ``column`` 0: of the asset itself."""

    who: int
    asset: int
    column: int
    what: str
    value: int


class Confirm(NamedTuple):
    """A person confirms what is held."""

    system: int


class Parse(NamedTuple):
    """Definitions are parsed: lineage, and assets that are only referenced."""


class Follow(NamedTuple):
    """The index catches up."""


Step = Act | CrawlIt | Edit | Confirm | Parse | Follow
