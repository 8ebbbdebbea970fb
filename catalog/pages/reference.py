"""The API's reference as one page, made from its description: searched with the browser."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from markupsafe import Markup
from starlette.responses import Response

from catalog.access.viewer import ACTIONS
from catalog.assets.links import base_url
from catalog.pages.frame import page
from catalog.serving.call import SIGNED_IN, CallArg
from catalog.serving.routing import Router

router = Router("/api", "reference")
_METHODS: Final = ("get", "post", "put", "patch", "delete")
_GROUPS: Final = {
    "assets": "Assets", "curation": "Curation", "lineage": "Lineage", "changes": "Changes",
    "search": "Search", "browse": "Browse", "sources": "Sources", "schedules": "Schedules",
    "crawls": "Crawls", "records": "Records", "users": "Users", "sessions": "Sessions",
    "tokens": "Tokens", "people": "People", "service": "The service", "health": "Health",
}  # fmt: skip


@dataclass(frozen=True)
class Parameter:
    """A parameter in the path or the query, or a field of a schema."""

    name: str
    where: str
    type: Markup
    required: bool
    default: str
    text: Markup


@dataclass(frozen=True)
class Body:
    """A body that is sent or answered: its media type or status, its type, an example."""

    label: str
    type: Markup
    examples: tuple[str, ...]


@dataclass(frozen=True)
class Operation:
    """One method of one path. ``needs``: the role, in words."""

    id: str
    method: str
    path: str
    title: str
    paragraphs: tuple[Markup, ...]
    needs: str
    parameters: tuple[Parameter, ...]
    sends: tuple[Body, ...]
    answers: tuple[Body, ...]


@dataclass(frozen=True)
class Group:
    """The operations of one noun."""

    id: str
    title: str
    operations: tuple[Operation, ...]


@dataclass(frozen=True)
class Schema:
    """The type of a body: its fields, or what else it is."""

    name: str
    text: Markup
    fields: tuple[Parameter, ...]
    type: Markup


@dataclass(frozen=True)
class Reference:
    """All of it."""

    summary: str
    version: str
    groups: tuple[Group, ...]
    schemas: tuple[Schema, ...]


@router.get("/reference", action=SIGNED_IN, include_in_schema=False)
def reference(call: CallArg) -> Response:
    """All routes with their parameters, bodies and replies."""
    app = call.request.app
    if not hasattr(app.state, "reference"):  # it does not change while the process lives
        app.state.reference = read(app.openapi())
    return page(call, "reference/reference.html", reference=app.state.reference, base=base_url())


def read(described: Mapping[str, Any]) -> Reference:
    """The reference of a description (OpenAPI 3.1)."""
    schemas = described["components"]["schemas"]
    by_tag: dict[str, list[Operation]] = {}
    for path, methods in described["paths"].items():
        for method in _METHODS:
            if method in methods:
                operation = methods[method]
                tag = (operation.get("tags") or ["other"])[0]
                by_tag.setdefault(tag, []).append(_operation(method, path, operation, schemas))
    return Reference(
        summary=described["info"].get("summary", ""),
        version=described["info"]["version"],
        groups=tuple(
            Group(tag, _GROUPS.get(tag, tag.capitalize()), tuple(found))
            for tag, found in by_tag.items()
        ),
        schemas=tuple(_schema(name, schemas[name]) for name in sorted(schemas)),
    )


def _operation(
    method: str, path: str, operation: Mapping[str, Any], schemas: Mapping[str, Any]
) -> Operation:
    text = operation.get("description") or operation.get("summary") or ""
    return Operation(
        id=operation["operationId"],
        method=method.upper(),
        path=path,
        title=operation.get("summary", ""),
        paragraphs=tuple(map(_prose, text.split("\n\n"))),
        needs=_needs(operation),
        parameters=tuple(_parameter(one) for one in operation.get("parameters", ())),
        sends=tuple(
            _body(kind, content, schemas)
            for kind, content in operation.get("requestBody", {}).get("content", {}).items()
        ),
        answers=tuple(_answers(operation, schemas)),
    )


def _answers(operation: Mapping[str, Any], schemas: Mapping[str, Any]) -> Iterator[Body]:
    for status, answer in operation.get("responses", {}).items():
        if status == "default":
            continue
        contents = [one for one in answer.get("content", {}).values() if "schema" in one]
        if not contents:
            yield Body(status, Markup("nothing"), ())
        for content in contents:
            yield _body(status, content, schemas)


def _needs(operation: Mapping[str, Any]) -> str:
    action = str(operation.get("x-action", "public"))
    if action in ACTIONS:
        return f"role {ACTIONS[action]}"
    return "nothing: it is open to everybody" if action == "public" else "to be signed in"


def _parameter(one: Mapping[str, Any]) -> Parameter:
    schema = one.get("schema", {})
    return Parameter(
        one["name"],
        one["in"],
        _type(schema),
        bool(one.get("required")),
        _default(schema),
        _text(one),
    )


def _prose(text: str) -> Markup:
    """A sentence with its `code` marked."""
    parts = text.replace("``", "`").split("`")
    marked = (
        Markup("<code>{}</code>").format(part) if at % 2 else Markup.escape(part)
        for at, part in enumerate(parts)
    )
    return Markup("").join(marked)


def _text(schema: Any) -> Markup:
    return _prose(str(schema.get("description", "")) if isinstance(schema, Mapping) else "")


def _default(schema: Any) -> str:
    if not isinstance(schema, Mapping):
        return ""
    value = schema.get("default")
    return "" if value in (None, [], "") else json.dumps(value)


def _schema(name: str, schema: Mapping[str, Any]) -> Schema:
    required = set(schema.get("required", ()))
    fields = tuple(
        Parameter(field, "", _type(one), field in required, _default(one), _text(one))
        for field, one in schema.get("properties", {}).items()
    )
    return Schema(name, _text(schema), fields, _type(schema))


def _body(label: str, content: Mapping[str, Any], schemas: Mapping[str, Any]) -> Body:
    schema = content.get("schema", {})
    examples = [content["example"]] if "example" in content else []
    shown = schema.get("examples")
    if not shown and "$ref" in schema:
        shown = schemas.get(_name(schema), {}).get("examples")
    examples += (shown or [])[:2]
    return Body(label, _type(schema), tuple(_json(one) for one in examples))


def _json(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)


def _name(schema: Mapping[str, Any]) -> str:
    return str(schema["$ref"]).rsplit("/", 1)[-1]


def _type(schema: Any) -> Markup:
    """The type in words; types of their own are links to their section."""
    if not isinstance(schema, Mapping) or not schema:
        return Markup("anything")  # True is a schema too: it lets everything through
    if "$ref" in schema:
        name = _name(schema)
        return Markup('<a class="was-link" href="#schema-{}">{}</a>').format(name, name)
    if "anyOf" in schema:
        return Markup(" or ").join(_type(one) for one in schema["anyOf"])
    if "enum" in schema:
        return Markup.escape(", ".join(map(str, schema["enum"])))
    kind = schema.get("type", "any")
    if kind == "array":
        return Markup("list of {}").format(_type(schema.get("items", {})))
    if isinstance(kind, list):
        return Markup.escape(" or ".join(map(str, kind)))
    return Markup.escape(str(kind))
