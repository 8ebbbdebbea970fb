"""What a template draws of a graph: cards with rows, paths, jobs, what is not drawn.

Texts and numbers only. Sizes follow the fonts of ``catalog.css``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from catalog.lineage.views import Job, Node
from catalog.naming import parts_of
from catalog.pages.texts import platform_name

WIDTH: Final = 188
HEAD: Final = 44
ROW: Final = 22
FOOT: Final = 24
MORE_HEIGHT: Final = 40


@dataclass(frozen=True)
class Row:
    """A column of a card. ``key``: what the ends of column edges are called; ``y``: its upper
    side, from the card's."""

    key: str
    path: str
    short: str
    href: str
    y: int
    on: bool
    into: bool
    out: bool


@dataclass(frozen=True)
class Foot:
    """The last line of a card: how many columns there are more."""

    text: str
    href: str
    y: int


@dataclass(frozen=True)
class Beyond:
    """Neighbours that a card at the border of the picture has more."""

    text: str
    label: str
    href: str
    x: int
    anchor: str


@dataclass(frozen=True)
class Card:
    """An asset. ``sub``: where it is; ``name`` is cut, ``title`` is not."""

    node: Node
    x: float
    y: float
    height: float
    name: str
    title: str
    sub: str
    focus: bool
    rows: list[Row]
    foot: Foot | None
    beyond: list[Beyond]


@dataclass(frozen=True)
class Line:
    """A path; with ``href`` the way to the reasons for it."""

    d: str
    href: str | None = None
    label: str = ""
    indirect: bool = False


@dataclass(frozen=True)
class ColumnLine:
    """A path between two columns, called as their rows are."""

    d: str
    source: str
    target: str
    on: bool


@dataclass(frozen=True)
class Round:
    """A job where edges meet. ``name`` is written at ``name_y``."""

    job: Job
    name: str
    x: float
    y: float
    name_y: float


@dataclass(frozen=True)
class More:
    """Neighbours that are counted instead of drawn."""

    text: str
    sub: str
    label: str
    href: str
    x: float
    y: float


@dataclass(frozen=True)
class Picture:
    """All of it. ``view_box`` leaves room for names of jobs and for what stands beside cards.

    ``dense``: so many edges that they are one line; the list leads to the reasons of each.
    """

    width: int
    height: int
    view_box: str
    levels: int
    cards: list[Card]
    lines: list[Line]
    columns: list[ColumnLine]
    jobs: list[Round]
    more: list[More]
    dense: bool


def shortened(text: str, most: int) -> str:
    """A long name without its middle: its end often tells it from others."""
    if len(text) <= most:
        return text
    head = (most - 1) * 3 // 5
    return f"{text[:head]}…{text[len(text) - (most - 1 - head) :]}"


def where_of(node: Node) -> str:
    """The container's last part and the platform; for what was never described that it was not."""
    if node.state in ("referenced", "removed"):
        return node.state
    parts = parts_of(node.name, node.platform)
    where = parts[-2] if len(parts) > 1 else ""
    platform = platform_name(node.platform)
    return f"{where} · {platform}" if where else platform
