"""The API's reference as one page, made from its description: no script, no other host."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any, Final

from starlette.responses import HTMLResponse, Response

from catalog.serving.call import SIGNED_IN, CallArg, Router

router = Router("/api", "reference")
_METHODS: Final = ("get", "post", "put", "patch", "delete")
_PAGE: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title></head><body><main>{body}</main></body></html>"""


@router.get("/reference", action=SIGNED_IN, include_in_schema=False)
def reference(call: CallArg) -> Response:
    """All routes with their parameters, bodies and replies."""
    described = call.request.app.openapi()
    return HTMLResponse(_PAGE.format(title="API reference", body="".join(_body(described))))


def _body(described: Mapping[str, Any]) -> Iterator[str]:
    info = described["info"]
    yield f"<h1>API reference</h1><p>{escape(info.get('summary', ''))} "
    yield f"Version {escape(info['version'])}. "
    yield 'The same as data: <a href="/api/v1/openapi.json">openapi.json</a>.</p>'
    yield (
        "<p>Send <code>Authorization: Bearer TOKEN</code>. Times are RFC 3339 in UTC, what is not "
        "known is <code>null</code>, errors are problems (RFC 9457), unknown parameters are 400."
        "</p>"
    )
    by_tag: dict[str, list[tuple[str, str, Mapping[str, Any]]]] = {}
    for path, methods in described["paths"].items():
        for method in _METHODS:
            if method in methods:
                operation = methods[method]
                tag = (operation.get("tags") or ["other"])[0]
                by_tag.setdefault(tag, []).append((method.upper(), path, operation))
    yield "<nav><ul>"
    for tag in by_tag:
        yield f'<li><a href="#{escape(tag)}">{escape(tag)}</a></li>'
    yield "</ul></nav>"
    for tag, operations in by_tag.items():
        yield f'<section id="{escape(tag)}"><h2>{escape(tag)}</h2>'
        for method, path, operation in operations:
            yield from _operation(method, path, operation, described)
        yield "</section>"
    yield "<section><h2>Schemas</h2>"
    for name, schema in sorted(described["components"]["schemas"].items()):
        yield f'<details id="schema-{escape(name)}"><summary>{escape(name)}</summary>'
        yield f"{_code(schema)}</details>"
    yield "</section>"


def _operation(
    method: str, path: str, operation: Mapping[str, Any], described: Mapping[str, Any]
) -> Iterator[str]:
    yield f"<article><h3><code>{method} {escape(path)}</code></h3>"
    text = operation.get("description") or operation.get("summary") or ""
    yield "".join(f"<p>{escape(part)}</p>" for part in text.split("\n\n"))
    yield f"<p>Permission: {escape(str(operation.get('x-action', 'public')))}.</p>"
    if operation.get("parameters"):
        yield "<table><thead><tr><th>parameter</th><th>in</th><th>type</th><th></th></tr></thead>"
        yield "<tbody>"
        for one in operation["parameters"]:
            must = " (required)" if one.get("required") else ""
            yield f"<tr><td><code>{escape(one['name'])}</code>{must}</td><td>{escape(one['in'])}"
            yield f"</td><td>{_type(one.get('schema', {}))}</td>"
            yield f"<td>{escape(one.get('description', ''))}</td></tr>"
        yield "</tbody></table>"
    for kind, content in operation.get("requestBody", {}).get("content", {}).items():
        yield f"<p>Body: {escape(kind)}, {_type(content.get('schema', {}))}</p>"
        yield from _examples(content, described)
    for status, answer in operation.get("responses", {}).items():
        if status == "default":
            continue
        types = [_type(one["schema"]) for one in answer.get("content", {}).values()
                 if "schema" in one]  # fmt: skip
        yield f"<p>{escape(status)}: {', '.join(types) or escape(answer['description'])}</p>"
        for content in answer.get("content", {}).values():
            yield from _examples(content, described)
    yield "</article>"


def _examples(content: Mapping[str, Any], described: Mapping[str, Any]) -> Iterator[str]:
    if "example" in content:
        yield _code(content["example"])
    schema = content.get("schema", {})
    shown = schema.get("examples")
    if not shown and "$ref" in schema:
        shown = described["components"]["schemas"].get(_name(schema), {}).get("examples")
    for example in (shown or ())[:2]:
        yield _code(example)


def _name(schema: Mapping[str, Any]) -> str:
    return str(schema["$ref"]).rsplit("/", 1)[-1]


def _type(schema: Mapping[str, Any]) -> str:
    if "$ref" in schema:
        name = escape(_name(schema))
        return f'<a href="#schema-{name}">{name}</a>'
    if "anyOf" in schema:
        return " or ".join(_type(one) for one in schema["anyOf"])
    if "enum" in schema:
        return escape(", ".join(map(str, schema["enum"])))
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}))}"
    return escape(str(schema.get("type", "any")))


def _code(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)
    return f"<pre><code>{escape(text)}</code></pre>"
