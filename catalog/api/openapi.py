"""The API's description: FastAPI's, with the replies' schemas from our read models."""

from __future__ import annotations

from typing import Any

import msgspec
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from catalog import __version__

_REF = "#/components/schemas/{name}"
_PROBLEM = {
    "type": "object",
    "description": "RFC 9457 problem",
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "remedy": {"type": ["string", "null"]},
    },
}


def describe(app: FastAPI) -> dict[str, Any]:
    """OpenAPI 3.1 of all own routes, cached on the application."""
    if app.openapi_schema is not None:
        return app.openapi_schema
    schema = get_openapi(
        title="Data catalog",
        version=__version__,
        summary="Look up, search and curate what the catalog knows.",
        routes=[route for route in app.routes if isinstance(route, APIRoute)],
    )
    components = schema.setdefault("components", {}).setdefault("schemas", {})
    components["Problem"] = _PROBLEM
    schema["components"]["securitySchemes"] = {
        "bearer": {"type": "http", "scheme": "bearer"},
        "session": {"type": "apiKey", "in": "cookie", "name": "catalog_session"},
    }
    schema["security"] = [{"bearer": []}, {"session": []}]
    for route in app.routes:
        if isinstance(route, APIRoute):
            _fill(schema, components, route)
    app.openapi_schema = schema
    return schema


def _fill(schema: dict[str, Any], components: dict[str, Any], route: APIRoute) -> None:
    path = schema["paths"].get(route.path_format)
    if path is None:
        return
    returns = getattr(route.endpoint, "__returns__", None)
    for method in route.methods or ():
        operation = path.get(method.lower())
        if operation is None:
            continue
        if getattr(route.endpoint, "__guard__", None) == "public":
            operation["security"] = []
        responses = operation.setdefault("responses", {})
        responses.pop("422", None)
        problem = {"schema": {"$ref": _REF.format(name="Problem")}}
        responses["default"] = {
            "description": "A problem",
            "content": {"application/problem+json": problem},
        }
        if returns is not None:
            (found,), made = msgspec.json.schema_components([returns], ref_template=_REF)
            components.update(made)
            content: dict[str, Any] = {"schema": found}
            example = getattr(route.endpoint, "__example__", None)
            if example is not None:  # set here: FastAPI would leave out what is null
                content["example"] = example
            responses[str(route.status_code or 200)] = {
                "description": "Done",
                "content": {"application/json": content},
            }
