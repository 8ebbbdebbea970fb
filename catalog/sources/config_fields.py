"""A kind's config in words, from its JSON schema: for command line help, forms and docs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple


class ConfigField(NamedTuple):
    """One field. ``type``: in a word or two; ``default``: as JSON, None: none or unknown."""

    name: str
    type: str
    required: bool
    default: str | None
    description: str


def config_fields(schema: Mapping[str, Any] | None) -> list[ConfigField]:
    """The fields of a config's JSON schema, in its order."""
    found = []
    required = set((schema or {}).get("required", ()))
    for name, one in (schema or {}).get("properties", {}).items():
        default = one.get("default")
        found.append(
            ConfigField(
                name,
                type_text(one),
                name in required,
                None if default is None else json.dumps(default),
                str(one.get("description", "")),
            )
        )
    return found


def type_text(schema: Mapping[str, Any]) -> str:
    """A JSON schema's type in a word or two."""
    if "anyOf" in schema:
        parts = (type_text(one) for one in schema["anyOf"])
        return " or ".join(text for text in parts if text not in ("null", ""))
    if "enum" in schema:
        return "one of " + ", ".join(str(one) for one in schema["enum"])
    if schema.get("format") == "password":
        return "secret"
    if schema.get("type") == "array":
        return f"list of {type_text(schema.get('items', {}))}s"
    return str(schema.get("type", "value"))
