"""The sentence of each word of the change log: verb, what stands behind the subject, a quote."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from catalog.assets.people import Names
from catalog.pages.story_words import person, said, shortened


def value_of(side: Any, name: str) -> Any:
    """A field of one side of a change, None where there is none."""
    return side.get(name) if isinstance(side, dict) else None


Told = tuple[str, str, str | None]
"""(verb, rest, quote)."""
Teller = Callable[[str, Any, Any, Names], Told]


def _text(did: str, before: Any, after: Any, _names: Names) -> Told:
    name = next(iter(after or before or {"": None}))
    now, was = value_of(after, name), value_of(before, name)
    if now is None:
        return f"took the {name} away from", "", None if was is None else shortened(str(was))
    if now == "":
        return f"emptied the {name} of", "", None
    return did if was is None else f"rewrote the {name} of", "", shortened(str(now), 140)


def _tag(did: str, before: Any, after: Any, _names: Names) -> Told:
    side = after if after is not None else before
    tag = str(value_of(side, "tag") or "")
    value = value_of(side, "value")
    shown = f"{tag}={value}" if value else tag
    if after is None:
        return "took a tag from", f": {shown}", None
    if before is not None:
        was = said(value_of(before, "value")) or "no value"
        return "changed a tag of", f": {tag}, {was} to {said(value) or 'no value'}", None
    return did, f"with {shown}", None


def _owner(_did: str, before: Any, after: Any, names: Names) -> Told:
    side = after if after is not None else before
    who = person(value_of(side, "owner"), names)
    role = said(value_of(side, "role")).replace("_", " ") or "owner"
    if not who:
        return (("said that nobody owns", "", None) if after is not None else
                ("no longer says that nobody owns", "", None))  # fmt: skip
    if after is None:
        return f"took {who} from the {role}s of", "", None
    return f"made {who} {role} of", "", None


def _flag(_did: str, before: Any, after: Any, _names: Names) -> Told:
    kind, reason = value_of(after, "kind"), value_of(after, "reason")
    if kind is None:
        return f"took back “{said(value_of(before, 'kind'))}” from", "", None
    verb = {"endorsed": "endorsed", "warned": "warned of", "deprecated": "deprecated"}
    return verb.get(str(kind), "flagged"), "", None if not reason else shortened(str(reason), 140)


def _schema(did: str, before: Any, after: Any, _names: Names) -> Told:
    old, new = value_of(before, "columns") or {}, value_of(after, "columns") or {}
    paths = list(dict.fromkeys([*old, *new]))
    groups = (
        ("added", [path for path in paths if old.get(path) is None]),
        ("removed", [path for path in paths if new.get(path) is None]),
        ("changed", [path for path in paths if old.get(path) and new.get(path)]),
    )
    parts = [f"{_few(found)} {word}" for word, found in groups if found]
    if not parts:
        return "found another schema of", "", None
    return did, f": {'; '.join(parts)}", None


def _few(names: list[str]) -> str:
    if len(names) <= 3:
        return ", ".join(names)
    return f"{', '.join(names[:3])} and {len(names) - 3:,} more"


def _details(did: str, before: Any, after: Any, _names: Names) -> Told:
    named = [str(one) for one in dict.fromkeys([*(before or {}), *(after or {})])]
    return did, f": {', '.join(named)}" if named else "", None


def _lineage(did: str, before: Any, after: Any, _names: Names) -> Told:
    new, gone = len(value_of(after, "upstream") or ()), len(value_of(before, "upstream") or ())
    parts = []
    if new:
        parts.append(f"it reads {new:,} more {'asset' if new == 1 else 'assets'}")
    if gone:
        parts.append(f"it no longer reads {gone:,} {'asset' if gone == 1 else 'assets'}")
    return did, f": {', and '.join(parts)}" if parts else "", None


def _renamed(did: str, before: Any, after: Any, _names: Names) -> Told:
    was, now = value_of(before, "name"), value_of(after, "name")
    if was == now:  # the same name in another namespace
        return "moved", "to another system", None
    return did, f": it was {said(was)}" if was else "", None


def _to(field: str) -> Teller:
    def tell_it(did: str, _before: Any, after: Any, _names: Names) -> Told:
        return did, f"to {said(value_of(after, field))}", None

    return tell_it


def _from_to(field: str) -> Teller:
    def tell_it(did: str, before: Any, after: Any, _names: Names) -> Told:
        return did, f"from {said(value_of(before, field))} to {said(value_of(after, field))}", None

    return tell_it


def _held(did: str, _before: Any, after: Any, _names: Names) -> Told:
    return did, "and keeps it until a person decides", said(value_of(after, "why")) or None


def _withdrawn(did: str, before: Any, _after: Any, _names: Names) -> Told:
    return did, f"in {said(value_of(before, 'source'))}", None


def _disabled(did: str, _before: Any, after: Any, _names: Names) -> Told:
    return (did if value_of(after, "disabled") else "enabled"), "", None


def _member(_did: str, before: Any, after: Any, names: Names) -> Told:
    who = person(value_of(after if after is not None else before, "person"), names) or "somebody"
    if after is None:
        return f"took {who} out of", "", None
    return f"made {who} {said(value_of(after, 'role')) or 'member'} of", "", None


def _made_user(did: str, _before: Any, after: Any, _names: Names) -> Told:
    return did, f"as {said(value_of(after, 'role'))}", None


def _made_token(did: str, _before: Any, after: Any, _names: Names) -> Told:
    scopes = said(value_of(after, "scopes") or None)
    return (
        did,
        f"for {scopes or 'all that the role ' + said(value_of(after, 'role')) + ' may'}",
        None,
    )


def _joined(did: str, _before: Any, after: Any, names: Names) -> Told:
    return did, f": {person(value_of(after, 'owner'), names)}", None


def _muted(did: str, _before: Any, after: Any, _names: Names) -> Told:
    return f"{did} a problem of", "", said(value_of(after, "reason")) or None


def _sighting(did: str, _before: Any, after: Any, _names: Names) -> Told:
    return did, f"from {said(value_of(after, 'source'))}", None


TELLERS: Final[Mapping[tuple[str, str], Teller]] = {
    ("asset", "description"): _text,
    ("asset", "title"): _text,
    ("asset", "tag"): _tag,
    ("asset", "owner"): _owner,
    ("asset", "flag"): _flag,
    ("asset", "schema"): _schema,
    ("asset", "metadata"): _details,
    ("asset", "lineage"): _lineage,
    ("asset", "renamed"): _renamed,
    ("asset", "kind"): _from_to("kind"),
    ("asset", "held"): _held,
    ("asset", "withdrawn"): _withdrawn,
    ("asset", "sighting"): _sighting,
    ("namespace", "renamed"): _to("text"),
    ("namespace", "merged"): _to("text"),
    ("account", "joined"): _joined,
    ("user", "created"): _made_user,
    ("user", "role"): _from_to("role"),
    ("user", "disabled"): _disabled,
    ("team", "member"): _member,
    ("token", "created"): _made_token,
    ("source", "renamed"): _to("name"),
    ("source", "edited"): _details,
    ("problem", "muted"): _muted,
    ("problem", "unmuted"): _muted,
}
