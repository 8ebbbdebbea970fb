"""Changes as sentences: who did what to what. Facts stay in the change, words are chosen here."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from catalog.assets.views import ChangeView

_DID: Final = {
    "created": "added",
    "changed": "found changes in",
    "removed": "removed",
    "restored": "found again",
    "renamed": "renamed",
    "recreated": "found created anew",
    "merged": "merged",
    "held": "held the removal of",
    "popularity": "counted the use of",
    "rows_class": "counted the rows of",
    "description": "described",
    "title": "gave a title to",
    "owner": "set the owners of",
    "tag": "tagged",
    "flag": "flagged",
    "login_link": "made a login link for",
}
_ACTORS: Final = {"crawl": "A crawl", "system": "The catalog", "local": "An operator"}


@dataclass(frozen=True)
class Story:
    """``who`` ``did`` ``subject``; ``asset``: its public id where there is one; ``detail``: what
    was written, shortened."""

    sequence: int
    at: str
    who: str
    machine: bool
    did: str
    subject: str
    asset: str | None
    column: str | None
    detail: str | None
    cause: str | None
    change: ChangeView


def stories(changes: Iterable[ChangeView]) -> list[Story]:
    """One story per change, in their order."""
    return [story(change) for change in changes]


def story(change: ChangeView) -> Story:
    """The story of one change."""
    family = change.actor.partition(":")[0]
    return Story(
        sequence=change.sequence,
        at=change.at,
        who=change.actor_name or _ACTORS.get(family, change.actor),
        machine=family in ("crawl", "system"),
        did=_DID.get(change.what, change.what.replace("_", " ")),
        subject=_subject(change),
        asset=change.asset_id,
        column=change.column,
        detail=_detail(change),
        cause=change.cause,
        change=change,
    )


def _subject(change: ChangeView) -> str:
    if change.asset is not None:
        return change.asset.rsplit("/", 1)[-1]
    for side in (change.after, change.before):
        if isinstance(side, dict):
            for name in ("name", "login"):
                if isinstance(side.get(name), str):
                    return f"{change.subject_type} {side[name]}"
    return change.subject_type


def _detail(change: ChangeView) -> str | None:
    """What was written, if it is short enough to say."""
    value: Any = change.after
    if isinstance(value, dict) and len(value) == 1:
        value = next(iter(value.values()))
    if isinstance(value, dict):
        value = value.get("reason") or value.get("kind")
    return value[:140] if isinstance(value, str) and value else None
