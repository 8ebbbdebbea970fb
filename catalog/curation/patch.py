"""A patch of curated facts: what is not named stays, None resets, everything is checked first."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, fields
from enum import Enum
from typing import Final, Literal

from catalog.errors import BadInput
from catalog.types import FLAG_KINDS, OWNER_ROLES


class _Unset(Enum):
    UNSET = "unset"


UNSET: Final = _Unset.UNSET
"""Not named in the patch: stays as it is."""
Unset = Literal[_Unset.UNSET]

TITLE_LENGTH: Final = 200
DESCRIPTION_LENGTH: Final = 20_000
REASON_LENGTH: Final = 1_000
TAG_LENGTH: Final = 200
VALUE_LENGTH: Final = 200
MOST: Final = 50  # owners, and tags, of one asset or column
# Control characters, and those that reverse the order of what stands around them.
_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_SEGMENT: Final = re.compile(r"\w(?:[\w.:+-]*\w)?")


@dataclass(frozen=True)
class OwnerPatch:
    """``who``: public id, login, e-mail or name of a person or team (see `resolve_owner`)."""

    who: str
    role: str = "owner"


@dataclass(frozen=True)
class TagPatch:
    """``path``: ``pii/email``; ``value``: text or None."""

    path: str
    value: str | None = None


@dataclass(frozen=True)
class FlagPatch:
    """``kind``: endorsed, warned or deprecated."""

    kind: str
    reason: str | None = None


@dataclass(frozen=True)
class FactPatch:
    """What to write. None: back to what the source says (``flag``: take mine away).

    ``description`` and ``title`` ``""``: show none, whatever the source says. ``owners`` ``[]``:
    nobody, whatever the source says. ``owners`` and ``tags`` are the whole list.
    """

    description: str | Unset | None = UNSET
    title: str | Unset | None = UNSET
    owners: Sequence[OwnerPatch] | Unset | None = UNSET
    tags: Sequence[TagPatch] | Unset | None = UNSET
    flag: FlagPatch | Unset | None = UNSET

    @property
    def named(self) -> frozenset[str]:
        """The names of what it writes."""
        return frozenset(
            field.name for field in fields(self) if getattr(self, field.name) is not UNSET
        )


def checked_text(what: str, text: str, longest: int, *, lines: bool = False) -> str:
    """The text without space around it; ``lines``: line ends and tabs may be in it.

    `BadInput` when it is too long or holds control characters.
    """
    text = text.replace("\r\n", "\n").strip()
    if len(text) > longest:
        raise BadInput(
            f"The {what} has {len(text):,} characters.", remedy=f"Use at most {longest:,}."
        )
    found = _CONTROL.search(text.replace("\n", "").replace("\t", "") if lines else text)
    if found is not None:
        raise BadInput(
            f"The {what} holds the control character U+{ord(found.group()):04X}.",
            remedy="Take it out.",
        )
    return text


def checked_tag(tag: TagPatch) -> TagPatch:
    """A tag with its path in NFC and checked: segments of letters, digits and ``. : + - _``."""
    path = unicodedata.normalize("NFC", tag.path.strip())
    good = all(_SEGMENT.fullmatch(segment) for segment in path.split("/"))
    if not good or len(path) > TAG_LENGTH:
        raise BadInput(
            f"{tag.path[:80]!r} cannot be a tag.",
            remedy="Write a path such as pii/email: letters, digits and . : + - _ between "
            f"slashes, at most {TAG_LENGTH} characters.",
        )
    value = None if tag.value is None else checked_text("tag's value", tag.value, VALUE_LENGTH)
    return TagPatch(path, value or None)


def checked_tags(tags: Sequence[TagPatch]) -> list[TagPatch]:
    """All tags checked; the same path with two values is refused."""
    _count("tags", tags)
    found: dict[str, TagPatch] = {}
    for tag in map(checked_tag, tags):
        if found.setdefault(tag.path, tag) != tag:
            raise BadInput(
                f"The tag {tag.path} stands there with two values.", remedy="Give it one."
            )
    return list(found.values())


def checked_owners(owners: Sequence[OwnerPatch]) -> list[OwnerPatch]:
    """All owners with a known role; who they are is looked up later."""
    _count("owners", owners)
    for owner in owners:
        if owner.role not in OWNER_ROLES:
            raise BadInput(
                f"There is no owner's role {owner.role[:50]!r}.",
                remedy=f"Use one of {', '.join(OWNER_ROLES)}.",
            )
    return list(owners)


def checked_flag(flag: FlagPatch) -> FlagPatch:
    """A flag of a known kind; an empty reason is none."""
    if flag.kind not in FLAG_KINDS:
        raise BadInput(
            f"There is no flag {flag.kind[:50]!r}.", remedy=f"Use one of {', '.join(FLAG_KINDS)}."
        )
    reason = flag.reason
    if reason is not None:
        reason = checked_text("reason", reason, REASON_LENGTH, lines=True) or None
    return FlagPatch(flag.kind, reason)


def _count(what: str, items: Sequence[object]) -> None:
    if len(items) > MOST:
        raise BadInput(f"There are {len(items)} {what}.", remedy=f"Give at most {MOST}.")
