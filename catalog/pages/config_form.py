"""A form from the JSON schema of a crawler's config, and a config from what the form sends.

Fields of the config are named ``c.NAME`` in the form, so that they never meet its own ones;
``n.NAME`` says that a secret is to be left out. A secret is never written into a page.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from catalog.errors import CatalogError

VALUE: Final = "c."
NONE: Final = "n."
# Filled in by hardly anybody, so they wait behind a summary; a port is part of an address.
_ADDRESS: Final = frozenset({"port"})
_LAST: Final = ("include", "exclude")


@dataclass(frozen=True)
class FormField:
    """One field of the form. ``kind``: text, secret, number, check, choice, lines or json.

    ``kept``: a secret is stored already; ``typed``: one was sent and is not written back;
    ``now``: what is stored now, when it is another value than the one shown; ``rare``: it stands
    behind a summary.
    """

    name: str
    label: str
    kind: str
    value: str
    help: str = ""
    required: bool = False
    example: str = ""
    choices: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    whole: bool = False
    error: str | None = None
    kept: bool = False
    typed: bool = False
    now: str | None = None
    rare: bool = False


@dataclass(frozen=True)
class Filled:
    """What stands in the fields. ``sent``: the form's own texts, None when it was not sent yet;
    ``stored``: the config as it is shown to people; ``base``: what others wrote meanwhile."""

    sent: Mapping[str, str] | None = None
    stored: Mapping[str, Any] | None = None
    base: Mapping[str, Any] | None = None
    errors: Mapping[str, str] | None = None


def form_fields(schema: Mapping[str, Any] | None, filled: Filled) -> list[FormField]:
    """The fields in the order in which a person fills them in: what is required comes first."""
    if schema is None:
        return []
    required = frozenset(schema.get("required", ()))
    made = [
        _field(schema, name, one, name in required, filled)
        for name, one in schema.get("properties", {}).items()
    ]
    return sorted(made, key=lambda one: (not one.required, one.name in _LAST))


def config_of(
    schema: Mapping[str, Any], sent: Mapping[str, str], kept: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The config that the form means: what stays at its default is left out, unless ``kept``
    (the stored config) names it. Texts that are no number stay texts, and are refused later."""
    found: dict[str, Any] = {}
    for name, one in schema.get("properties", {}).items():
        kind, inner = _kind(schema, one)
        value = _value(kind, inner, name, sent)
        if value is _UNSET:
            continue
        if kind == "secret" and value == "":
            if kept is not None:
                found[name] = ""
            continue
        if value == one.get("default", _UNSET) and name not in (kept or {}):
            continue
        found[name] = value
    return found


def typed_secrets(schema: Mapping[str, Any] | None, sent: Mapping[str, str]) -> list[str]:
    """Names of the secrets that were sent and are not empty."""
    properties = (schema or {}).get("properties", {})
    return [
        name
        for name, one in properties.items()
        if _kind(schema or {}, one)[0] == "secret" and sent.get(VALUE + name)
    ]


def errors_of(error: CatalogError) -> dict[str, str]:
    """Field -> what is wrong with it, as far as an error tells."""
    found: dict[str, str] = {}
    for one in error.details.get("errors", ()):
        if isinstance(one, Mapping):
            found.setdefault(str(one["field"]).partition(".")[0], str(one["message"]))
    for name in error.details.get("fields", ()):
        found.setdefault(str(name).partition(".")[0], "Enter it again: it goes to a new place.")
    return found


# --- inside ---------------------------------------------------------------------------------

_UNSET: Final = object()


def _field(
    schema: Mapping[str, Any], name: str, one: Mapping[str, Any], required: bool, filled: Filled
) -> FormField:
    kind, inner = _kind(schema, one)
    shown, now = _shown(kind, name, one, filled)
    numeric = kind == "number"
    default = _text(kind, one.get("default"))
    return FormField(
        name=name,
        label=name.replace("_", " ").capitalize(),
        kind=kind,
        value=shown,
        help=str(one.get("description", "")),
        required=required,
        example=_example(kind, one),
        choices=tuple(str(value) for value in inner.get("enum", ())),
        low=inner.get("minimum") if numeric else None,
        high=inner.get("maximum") if numeric else None,
        whole=inner.get("type") == "integer",
        error=(filled.errors or {}).get(name),
        kept=kind == "secret" and bool((filled.stored or {}).get(name)),
        typed=kind == "secret" and bool((filled.sent or {}).get(VALUE + name)),
        now=now,
        rare=numeric and not required and name not in _ADDRESS and shown == default,
    )


def _shown(kind: str, name: str, one: Mapping[str, Any], filled: Filled) -> tuple[str, str | None]:
    """What stands in the field, and what is stored now if that differs."""
    if kind == "secret":
        return "", None
    default = one.get("default")
    if filled.sent is not None:
        shown = filled.sent.get(VALUE + name, "").replace("\r\n", "\n")
        if kind == "lines":
            shown = "\n".join(_lines(shown))
    else:
        shown = _text(kind, (filled.stored or {}).get(name, default))
    if filled.base is None:
        return shown, None
    now = _text(kind, filled.base.get(name, default))
    return shown, None if now == shown else now or "nothing"


def _kind(schema: Mapping[str, Any], one: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    """The kind of a field and the part of its schema that says so, null aside."""
    inner = next(_arms(schema, one), None)
    if inner is None:
        return "json", one
    if inner.get("format") == "password":
        return "secret", inner
    if "enum" in inner:
        return "choice", inner
    if "const" in inner:
        return "choice", {**inner, "enum": [inner["const"]]}
    if inner.get("type") == "array":
        item = next(_arms(schema, inner.get("items", {})), {})
        return ("lines" if item.get("type") == "string" else "json"), inner
    word = {"string": "text", "boolean": "check", "integer": "number", "number": "number"}
    return word.get(str(inner.get("type")), "json"), inner


def _arms(schema: Mapping[str, Any], one: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """What a value may be: references followed, null left out; nothing if it may be several."""
    if "$ref" in one:
        one = schema.get("$defs", {}).get(str(one["$ref"]).rpartition("/")[2], {})
    several = [part for part in one.get("anyOf", (one,)) if part.get("type") != "null"]
    if len(several) == 1:
        (only,) = several
        yield from _arms(schema, only) if only is not one else (only,)


def _value(kind: str, inner: Mapping[str, Any], name: str, sent: Mapping[str, str]) -> Any:
    text = sent.get(VALUE + name, "")
    if kind == "check":
        return VALUE + name in sent
    if kind == "secret":
        return None if NONE + name in sent and not text else text
    if kind == "lines":
        return _lines(text) if VALUE + name in sent else _UNSET
    text = text.strip()
    if text == "":
        return _UNSET
    if kind == "number":
        return _number(text, inner.get("type") == "integer")
    if kind == "json":
        try:
            return json.loads(text)
        except ValueError:
            return text
    return text


def _number(text: str, whole: bool) -> Any:
    try:
        return int(text) if whole else float(text)
    except ValueError:
        return text


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def _text(kind: str, value: Any) -> str:
    """A stored value as it stands in its field."""
    if value is None:
        return ""
    if kind == "lines" and isinstance(value, list | tuple):
        return "\n".join(str(one) for one in value)
    if kind == "check":
        return "on" if value else ""
    if kind == "json":
        return json.dumps(value, indent=1, ensure_ascii=False)
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _example(kind: str, one: Mapping[str, Any]) -> str:
    """An example, where the schema has one that fits into the field."""
    examples = one.get("examples") or ()
    return _text(kind, examples[0]) if examples and kind in ("text", "lines") else ""
