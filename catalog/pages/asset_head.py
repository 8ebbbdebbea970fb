"""The head of every page about one asset: where it lives, what it is, its flag, its tabs.

A page calls `head_of` (or `head_in`, over a connection that it has), hands the result to its
template as ``head``, and the template draws it:

    {% import "asset/head.html" as asset with context %}
    {{ asset.head(head, "lineage") }}
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection

from catalog.assets import moments, past, reading, versions
from catalog.assets.resolve import Match, resolve_id
from catalog.assets.views import AssetView
from catalog.lineage import adjacency
from catalog.pages.texts import query
from catalog.serving.call import Call

COLUMNS_READ: Final = 1
"""The head shows none; whether there is one tells whether the tab is drawn."""
SEVEREST: Final = ("deprecated", "warned", "endorsed")


@dataclass(frozen=True)
class Tab:
    """A tab: its name for `head`, its address, its words, and what it counts."""

    name: str
    url: str
    label: str
    count: str


@dataclass(frozen=True)
class Head:
    """What the head shows. ``view``: the asset, with the first columns only.

    ``up``, ``down``: its direct neighbours. ``flag_text``: "Endorsed by 3". ``query``: what
    keeps the date on a link ("?as_of=..."), or nothing. ``may_edit``, ``may_flag``: now.
    """

    match: Match
    view: AssetView
    up: int
    down: int
    tabs: tuple[Tab, ...]
    flag_text: str
    as_of: str | None
    query: str
    may_edit: bool
    may_flag: bool


def head_of(call: Call, asset_id: str, *, as_of: str | None = None) -> Head:
    """The head of a visible asset by its public id, now or as of a date or sequence.

    Raises `NotFound` and `BadInput`.
    """
    with call.connect() as connection:
        return head_in(connection, call, resolve_id(connection, call.viewer, asset_id), as_of=as_of)


def head_in(
    connection: Connection,
    call: Call,
    match: Match,
    *,
    as_of: str | None = None,
    columns_shown: int = COLUMNS_READ,
) -> Head:
    """`head_of` a match; ``columns_shown``: how many columns the page wants in ``view``."""
    as_of = as_of or None
    if as_of is None:
        view = reading.read(connection, call.viewer, match, columns_shown=columns_shown)
    else:
        sequence = moments.sequence_of(connection, as_of)
        view = past.as_of(connection, call.viewer, match, sequence)
    up = down = 0
    if view.asset_class != "container":  # data flows between what lies in containers
        up = adjacency.degrees(connection, call.viewer, [match.key], "up").get(match.key, 0)
        down = adjacency.degrees(connection, call.viewer, [match.key], "down").get(match.key, 0)
    steps = versions.count(connection, call.viewer, match)
    now = as_of is None and view.state != "removed"
    return Head(
        match=match,
        view=view,
        up=up,
        down=down,
        tabs=tabs_of(view, up, down, steps, as_of),
        flag_text=flag_text(view),
        as_of=as_of,
        query=as_of_query(as_of),
        may_edit=now and call.viewer.may("edit"),
        may_flag=now and call.viewer.may("flag"),
    )


def as_of_query(as_of: str | None) -> str:
    """``?as_of=...`` for links that stay in the past."""
    return f"?{query({'as_of': as_of})}" if as_of else ""


def flag_text(view: AssetView) -> str:
    """ "Endorsed by 3", "Deprecated"; nothing without a flag."""
    if view.flag is None:
        return ""
    many = Counter(flag.kind for flag in view.flags)[view.flag]
    word = view.flag.capitalize()
    return f"{word} by {many}" if many > 1 else word


def tabs_of(
    view: AssetView, up: int, down: int, steps: int, as_of: str | None = None
) -> tuple[Tab, ...]:
    """The tabs that have something to say about this asset; those of only now have no date."""
    home, then = f"/assets/{view.id}", as_of_query(as_of)
    found = [Tab("overview", home + then, "Overview", "")]
    if view.columns_total:
        found.append(Tab("columns", f"{home}/columns{then}", "Columns", f"{view.columns_total:,}"))
    measures = view.measures or {}
    if "partitions" in measures or "files" in measures:
        name = "Partitions" if "partitions" in measures else "Files"
        count = f"{int(measures[name.lower()].value):,}"
        found.append(Tab("files", f"{home}/files", name, count))
    if view.asset_class != "container":
        found.append(Tab("lineage", f"{home}/lineage", "Lineage", f"{up:,} + {down:,}"))
    found.append(Tab("history", f"{home}/history", "History", f"{steps:,}" if steps else ""))
    if view.seen_by:
        found.append(Tab("crawls", f"{home}/crawls", "Crawls", ""))
    return tuple(found)
