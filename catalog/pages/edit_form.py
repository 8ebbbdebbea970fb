"""What the form for curated facts shows, what a person sent with it, and what is to be written.

Only what a person changed is written: the form says (as digests) what it showed, so that text
which the source wrote does not become theirs by saving. Pure.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel, Field

from catalog.assets.views import AssetView, ColumnView, Flag, Owner, Tag
from catalog.curation.patch import UNSET, FactPatch, FlagPatch, OwnerPatch, TagPatch
from catalog.errors import BadInput

FIELDS: Final = ("title", "description", "owners", "tags")


class Given(BaseModel):
    """The form as it was sent. ``names``: the fields that are in it. ``etag``, ``seen``: what the
    person saw. ``choice_*``, ``mine_*``: of the fields that somebody else wrote meanwhile."""

    column: str = ""
    names: str = ""
    etag: str = ""
    seen: str = ""
    title: str = ""
    description: str = ""
    owners: list[str] = Field(default_factory=list)
    drop: list[str] = Field(default_factory=list)
    add_owner: str = ""
    add_role: str = "owner"
    tags: str = ""
    kind: str = ""
    reason: str = ""
    reset: list[str] = Field(default_factory=list)
    choice_title: str = ""
    choice_description: str = ""
    choice_owners: str = ""
    choice_tags: str = ""
    mine_title: str = ""
    mine_description: str = ""
    mine_owners: str = ""
    mine_tags: str = ""
    do: str = ""
    part: str = ""
    next: str = ""

    def fields(self) -> tuple[str, ...]:
        """The fields of the form, in order; unknown ones are left out."""
        named = set(self.names.split())
        return tuple(name for name in (*FIELDS, "flag") if name in named)


@dataclass(frozen=True)
class OwnerRow:
    """An owner that can be taken away. ``value``: ``person:ID/ROLE``."""

    value: str
    name: str
    type: str
    role: str


@dataclass(frozen=True)
class Values:
    """What stands in the boxes."""

    title: str
    description: str
    owners: tuple[OwnerRow, ...]
    tags: str
    drop: tuple[str, ...] = ()
    add_owner: str = ""
    add_role: str = "owner"
    kind: str = ""
    reason: str = ""


@dataclass(frozen=True)
class Clash:
    """A field that somebody else wrote meanwhile, both values as text and as they are sent."""

    name: str
    theirs: str
    mine: str
    mine_sent: str


def values_of(view: AssetView | ColumnView, mine: Flag | None) -> Values:
    """The boxes of an asset or column as it is now. ``mine``: the viewer's own flag."""
    return Values(
        title=view.title or "",
        description=view.description or "",
        owners=owner_rows(view.owners),
        tags=tags_text(view.tags),
        kind=mine.kind if mine else "",
        reason=(mine.reason if mine else "") or "",
    )


def owner_rows(owners: Sequence[Owner]) -> tuple[OwnerRow, ...]:
    """Owners by person or team; accounts that nobody claimed cannot be written."""
    return tuple(
        OwnerRow(f"{one.type}:{one.id}/{one.role}", one.name, one.type, one.role)
        for one in owners
        if one.id is not None and one.type != "account"
    )


def tags_text(tags: Sequence[Tag]) -> str:
    """The tags that people wrote, as one types them: ``gold, pii/email=yes``."""
    return ", ".join(
        f"{tag.tag}={tag.value}" if tag.value else tag.tag
        for tag in tags
        if tag.origin.layer == "curated"
    )


def tags_of_text(text: str) -> list[TagPatch]:
    """What `tags_text` writes, read again."""
    found = []
    for one in text.replace("\n", ",").split(","):
        path, equals, value = one.strip().partition("=")
        if path.strip():
            found.append(TagPatch(path.strip(), value.strip() if equals else None))
    return found


# --- what was seen --------------------------------------------------------------------------


def digest(value: Any) -> str:
    """A short digest of a value as JSON."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True)
    return hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=8).hexdigest()


def seen_of(values: Values, written: Mapping[str, Any]) -> str:
    """For the form: digests of what it shows, and of what people had written then."""
    shown = {"title": values.title, "description": _lines(values.description), "tags": values.tags}
    return json.dumps(
        {
            "shown": {name: digest(value) for name, value in shown.items()},
            "written": {name: digest(written.get(name)) for name in FIELDS},
        }
    )


def read_seen(text: str) -> dict[str, dict[str, str]]:
    """What `seen_of` wrote; nothing when it is not that, and then all counts as changed."""
    try:
        found = json.loads(text or "{}")
    except ValueError:
        found = {}
    parts = found if isinstance(found, dict) else {}
    return {
        name: part if isinstance(part := parts.get(name), dict) else {}
        for name in ("shown", "written")
    }


def _lines(text: str) -> str:
    """Browsers send CR LF, and people leave space at the end."""
    return text.replace("\r\n", "\n").strip()


# --- what is wanted -------------------------------------------------------------------------


def patch_of(given: Given, had_flag: bool) -> FactPatch:
    """What is to be written: only the fields that differ from what the form showed."""
    shown = read_seen(given.seen)["shown"]
    wanted: dict[str, Any] = {}
    for name in given.fields():
        choice = getattr(given, f"choice_{name}", "")
        if name in given.reset:
            wanted[name] = None
        elif name == "flag":
            wanted[name] = _flag(given, had_flag)
        elif choice == "theirs":
            continue
        elif choice == "mine":
            wanted[name] = _mine(given, name)
        else:
            wanted[name] = _box(given, name, shown)
    return FactPatch(**{name: value for name, value in wanted.items() if value is not UNSET})


def _box(given: Given, name: str, shown: Mapping[str, str]) -> Any:
    if name == "owners":
        return owners_wanted(given) if given.drop or given.add_owner.strip() else UNSET
    text = _lines(getattr(given, name))
    if shown.get(name) == digest(text):
        return UNSET
    return tags_of_text(text) if name == "tags" else text


def owners_wanted(given: Given) -> list[OwnerPatch]:
    """Those that were shown, without those taken away, with the one that was added."""
    kept = [value for value in given.owners if value not in given.drop]
    found = [OwnerPatch(*_who_role(value)) for value in kept]
    if given.add_owner.strip():
        found.append(OwnerPatch(given.add_owner.strip(), given.add_role))
    return found


def _who_role(value: str) -> tuple[str, str]:
    who, _, role = value.rpartition("/")
    return who, role


def _flag(given: Given, had_flag: bool) -> Any:
    if not given.kind:
        return None if had_flag else UNSET
    return FlagPatch(given.kind, _lines(given.reason) or None)


def _mine(given: Given, name: str) -> Any:
    text: str = getattr(given, f"mine_{name}")
    if name == "tags":
        return tags_of_text(text)
    if name != "owners":
        return _lines(text)
    try:
        return [OwnerPatch(str(who), str(role)) for who, role in json.loads(text)]
    except (ValueError, TypeError):
        raise BadInput("The form's owners cannot be read.", remedy="Open it again.") from None


# --- two wrote ------------------------------------------------------------------------------


def clashing(patch: FactPatch, given: Given, current: Mapping[str, Any]) -> list[str]:
    """The fields of the patch that somebody else wrote since the form was opened."""
    written = read_seen(given.seen)["written"]
    return [
        name
        for name in FIELDS
        if name in patch.named and written.get(name) != digest(current.get(name))
    ]


def clashes(names: Sequence[str], patch: FactPatch, theirs: Values) -> list[Clash]:
    """Both sides of each field, for the person to choose."""
    found = []
    for name in names:
        value = getattr(patch, name)
        their = (
            ", ".join(f"{one.name} ({one.role})" for one in theirs.owners)
            if name == "owners"
            else getattr(theirs, name)
        )
        found.append(Clash(name, their, _said(name, value), _sent(name, value)))
    return found


def _said(name: str, value: Any) -> str:
    if value is None:
        return "as the source says"
    if name == "owners":
        return ", ".join(f"{one.who} ({one.role})" for one in value)
    return _sent(name, value)


def _sent(name: str, value: Any) -> str:
    if name == "owners":
        return json.dumps([[one.who, one.role] for one in value or ()])
    if name == "tags":
        return ", ".join(f"{t.path}={t.value}" if t.value else t.path for t in value or ())
    return str(value or "")
