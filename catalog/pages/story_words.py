"""Values of the change log as words: old and new side by side, columns by name, never raw JSON."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from catalog.assets.people import NOBODY, Names

LONGEST: Final = 300
_LABELS: Final = {
    "native_type": "type in the source",
    "nullable": "may be empty",
    "partition_keys": "partitioned by",
    "rows_class": "rows",
    "brake_percent": "brake, percent",
    "brake_assets": "brake, assets",
    "order": "order of columns",
    "edges": "columns and tables it reads",
    "until": "until",
    "text": "name",
}
_CRAWLER: Final = re.compile(r"crawler (\d+) -> (\d+)")


@dataclass(frozen=True)
class Line:
    """One value that differs. ``before`` and ``after``: words, empty where there was none."""

    label: str
    before: str
    after: str


def said(value: Any) -> str:
    """A value in words: nothing for None, yes and no, lists with commas, pairs with colons."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,g}"
    if isinstance(value, Mapping):
        shown = ((label(name), said(one)) for name, one in value.items())
        return shortened("; ".join(f"{name}: {one}" for name, one in shown if one))
    if isinstance(value, list | tuple):
        return shortened(", ".join(filter(None, map(said, value)))) or "none"
    return shortened(str(value))


def shortened(text: str, longest: int = LONGEST) -> str:
    """The text, cut behind a word when it is longer."""
    if len(text) <= longest:
        return text
    cut = text[:longest].rsplit(" ", 1)[0] if " " in text[:longest] else text[:longest]
    return f"{cut} …"


def label(name: str) -> str:
    """The name of a field as a person says it."""
    return _LABELS.get(name, name.replace("_", " "))


def lines_of(
    before: Any, after: Any, leave: Iterable[str] = (), names: Names = NOBODY
) -> list[Line]:
    """The fields that differ between two values of a change, nested ones by their own names."""
    old, new, skipped = _fields(before), _fields(after), set(leave)
    found: list[Line] = []
    for name in dict.fromkeys([*old, *new]):
        was, now = old.get(name), new.get(name)
        if name in skipped or was == now:
            continue
        special = _SPECIAL.get(name)
        if special is not None:
            found += special(was, now)
        elif isinstance(was, Mapping) or isinstance(now, Mapping):
            found += lines_of(was, now, names=names)
        elif name in ("owner", "person"):
            found.append(Line(label(name), person(was, names), person(now, names)))
        else:
            found.append(Line(label(name), said(was), said(now)))
    return [one for one in found if one.before != one.after]


def person(reference: Any, names: Names) -> str:
    """What somebody is called who is written ``person:ID``, an account, or an id."""
    if not isinstance(reference, str):
        return ""
    known = names.owner(reference)
    if known.name == reference and ":" not in reference:
        known = names.owner(f"person:{reference}")
    return known.name


def because(cause: str | None) -> str | None:
    """The cause of a change as the end of a sentence."""
    if not cause:
        return None
    found = _CRAWLER.fullmatch(cause)
    if found:
        return f"the crawler reads more exactly now (its version {found[1]} became {found[2]})"
    if cause.startswith("filtered by "):
        return f"the source's pattern {cause.removeprefix('filtered by ')} leaves it out"
    known = {
        "renamed": "it was renamed",
        "merged": "two assets turned out to be one",
        "namespaces merged": "two names of one system were joined",
        "confirmed by a person": "a person confirmed it",
    }
    return known.get(cause, cause)


def rows(level: Any) -> str:
    """A power of ten of rows: about 10,000."""
    return f"about {10**level:,}" if isinstance(level, int) and 0 <= level < 19 else ""


def column(described: Any) -> str:
    """What is said of a column: its type first, then whether it may be empty, default, comment."""
    if not isinstance(described, Mapping):
        return ""
    words = [str(described["type"])] if described.get("type") else []
    native = described.get("native_type")
    if native and str(native).lower() != str(described.get("type", "")).lower():
        words.append(f"{native} in the source")
    if described.get("nullable") is not None:
        words.append("may be empty" if described["nullable"] else "never empty")
    if described.get("default") is not None:
        words.append(f"default {said(described['default'])}")
    if described.get("comment"):
        words.append(f"“{shortened(str(described['comment']), 120)}”")
    return ", ".join(words) or "nothing said"


def _columns(before: Any, after: Any) -> list[Line]:
    old, new = _fields(before), _fields(after)
    return [
        Line(f"column {path}", column(old.get(path)), column(new.get(path)))
        for path in dict.fromkeys([*old, *new])
    ]


def _keys(before: Any, after: Any) -> list[Line]:
    return [Line("keys", _key_words(before), _key_words(after))]


def _key_words(keys: Any) -> str:
    found = []
    for key in keys or ():
        text = f"{key.get('kind')} ({', '.join(key.get('columns') or ())})"
        if key.get("references"):
            text += f" to {key['references']}"
        found.append(text)
    return ", ".join(found)


def _rows(before: Any, after: Any) -> list[Line]:
    return [Line("rows", rows(before), rows(after))]


_SPECIAL: Final[Mapping[str, Callable[[Any, Any], list[Line]]]] = {
    "columns": _columns,
    "keys": _keys,
    "rows_class": _rows,
}


def _fields(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
