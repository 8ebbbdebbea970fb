"""What a lineage page was asked for, and the addresses of the same page asked differently."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import urlencode

from catalog.pages.texts import asset_path

DEPTH: Final = 2
COLUMN_DEPTH: Final = 10
FAN: Final = 12
FANS: Final = (FAN, 50, 150)
"""How many neighbours of one asset are drawn; a link leads from each number to the next."""
NODES: Final = 200
MOST_NODES: Final = 500
"""How many cards are drawn, and how many at most where somebody asks for more."""
_MOST_EXPANDED: Final = 20


@dataclass(frozen=True)
class Wanted:
    """Every control is part of the address, so that the picture can be sent to a colleague.

    ``depth`` None: not said. ``view``: graph, list or None (the graph; on a phone the list).
    """

    asset: str
    direction: str = "both"
    depth: int | None = None
    column: str | None = None
    expand: tuple[str, ...] = ()
    fan: int = FAN
    nodes: int = NODES
    view: str | None = None

    @property
    def hops(self) -> int:
        """The depth in effect."""
        return self.usual if self.depth is None else self.depth

    @property
    def usual(self) -> int:
        """The depth unless another is asked for: a column's way is narrow and goes further."""
        return DEPTH if self.column is None else COLUMN_DEPTH

    def url(self, **changed: Any) -> str:
        """The address with something changed; ``page`` and ``format`` may be given too."""
        beside = ("page", "format")
        extra: dict[str, Any] = {name: changed.pop(name) for name in beside if name in changed}
        new = replace(self, **changed)
        values: dict[str, Any] = {
            "direction": None if new.direction == "both" else new.direction,
            "depth": new.depth,
            "column": new.column,
            "expand": ",".join(new.expand) or None,
            "fan": None if new.fan == FAN else new.fan,
            "nodes": None if new.nodes == NODES else new.nodes,
            "view": new.view,
            **extra,
        }
        kept = {name: value for name, value in values.items() if value is not None}
        path = f"{asset_path(new.asset)}/lineage"
        return f"{path}?{urlencode(kept, safe=',')}" if kept else path

    def about(self, asset: str, column: str | None = None) -> str:
        """The page of another asset, or of a column, looked at in the same way."""
        depth = self.depth if (column is None) == (self.column is None) else None
        return self.url(asset=asset, column=column, expand=(), fan=FAN, nodes=NODES, depth=depth)

    def expanded(self, asset: str) -> str:
        """The same picture with one card opened or closed."""
        others = tuple(one for one in self.expand if one != asset)
        if len(others) == len(self.expand):
            others = (*others, asset)
        return self.url(expand=others[-_MOST_EXPANDED:])

    def wider(self) -> str | None:
        """With more neighbours of each asset; None: a picture does not take more."""
        wider = next((one for one in FANS if one > self.fan), None)
        return None if wider is None else self.url(fan=wider)


def expand_of(text: str | None) -> tuple[str, ...]:
    """The ids of a list with commas."""
    return tuple(dict.fromkeys(_words(text)))[:_MOST_EXPANDED]


def _words(text: str | None) -> Iterable[str]:
    return (one.strip() for one in (text or "").split(",") if one.strip())


def evidence_path(
    asset: str, source: str, target: str, column: str | None = None, to_column: str | None = None
) -> str:
    """The page with the statements behind an edge."""
    values = {"from": source, "to": target, "column": column, "to_column": to_column}
    kept = {name: value for name, value in values.items() if value}
    return f"{asset_path(asset)}/lineage/evidence?{urlencode(kept)}"
