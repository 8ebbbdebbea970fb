"""Makes the generated half of docs/records.md: ``python -m tests.support.recorddocs``."""

from __future__ import annotations

from inspect import cleandoc
from pathlib import Path
from typing import Any

from catalog.crawling import records

DOC = Path(__file__).resolve().parents[2] / "docs" / "records.md"
MARK = "<!-- From here on the page is generated: python -m tests.support.recorddocs -->"
ORDER = ("Asset", "Field", "Key", "Measure", "Partition", "Statement", "Unchanged", "Filtered",
         "Objects", "Problem", "Done")  # fmt: skip


def generated() -> str:
    """Markdown of all records from their schema."""
    schema = records.json_schema()["$defs"]
    assert set(ORDER) == set(schema), "a record is new: give it its place in ORDER"
    return "\n".join(_record(name, schema[name]) for name in ORDER)


def _record(name: str, schema: dict[str, Any]) -> str:
    lines = [f"### {name}", "", cleandoc(schema.get("description", "")).replace("``", "`"), ""]
    lines += ["| field | type | default |", "|---|---|---|"]
    for field, one in schema["properties"].items():
        must = field in schema.get("required", ())
        default = "required" if must else f"`{_default(one)}`"
        lines.append(f"| `{field}` | {_type(one)} | {default} |")
    return "\n".join([*lines, ""])


def _default(field: dict[str, Any]) -> str:
    import json

    return json.dumps(field.get("default"))


def _type(field: dict[str, Any]) -> str:
    if "enum" in field:
        return " or ".join(f'`"{value}"`' for value in field["enum"])
    if "$ref" in field:
        name = field["$ref"].rsplit("/", 1)[-1]
        return f"[{name}](#{name.lower()})"
    if "anyOf" in field:
        return " or ".join(_type(one) for one in field["anyOf"])
    if field.get("type") == "array":
        return f"list of {_type(field['items'])}"
    if field.get("type") == "object":
        more = field.get("additionalProperties")
        return f"object of {_type(more)}" if isinstance(more, dict) and more else "object"
    return str(field.get("type", "anything"))


def page() -> str:
    """The page with its generated half made anew."""
    return f"{DOC.read_text(encoding='utf-8').split(MARK, 1)[0]}{MARK}\n\n{generated()}"


if __name__ == "__main__":
    DOC.write_text(page(), encoding="utf-8")
