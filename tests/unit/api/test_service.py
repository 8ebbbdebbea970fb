"""The description of the API: whole, with examples; settings and queue for admins."""

from __future__ import annotations

from typing import Any

from tests.support.api import Api
from tests.support.pushes import add_push_source, push, tables


def operations(api: Api) -> list[tuple[str, str, dict[str, Any]]]:
    described = api.get("/api/v1/openapi.json", "viewer").json()
    return [
        (method, path, operation)
        for path, methods in described["paths"].items()
        for method, operation in methods.items()
    ]


def test_every_operation_is_described_and_has_a_reply(api: Api) -> None:
    found = operations(api)
    ids = [operation["operationId"] for _, _, operation in found]
    assert len(set(ids)) == len(ids)
    for method, path, operation in found:
        assert operation.get("description"), (method, path)
        assert "422" not in operation["responses"]
        (status,) = set(operation["responses"]) - {"default"}
        if status != "204":
            assert operation["responses"][status].get("content"), (method, path)


def test_every_body_has_an_example(api: Api) -> None:
    schemas = api.get("/api/v1/openapi.json").json()["components"]["schemas"]
    for method, path, operation in operations(api):
        for content in operation.get("requestBody", {}).get("content", {}).values():
            schema = content["schema"]
            names = [one["$ref"] for one in (schema, *schema.get("anyOf", ())) if "$ref" in one]
            shown = [schemas[name.rsplit("/", 1)[1]].get("examples") for name in names]
            shown += [schema.get("examples"), content.get("example"), content.get("examples")]
            assert any(shown), (method, path)


def test_all_references_lead_somewhere(api: Api) -> None:
    described = api.get("/api/v1/openapi.json").json()
    known = set(described["components"]["schemas"])

    def walk(value: Any) -> None:
        if isinstance(value, dict):
            if isinstance(value.get("$ref"), str):
                assert value["$ref"].removeprefix("#/components/schemas/") in known
            for one in value.values():
                walk(one)
        elif isinstance(value, list):
            for one in value:
                walk(one)

    walk(described)


def test_the_reference_shows_every_operation(api: Api) -> None:
    page = api.get("/api/reference", "viewer").text
    for method, path, _ in operations(api):
        assert f"{method.upper()} {path}" in page


def test_the_queue_is_paged(api: Api) -> None:
    for name in ("a", "b", "c"):
        add_push_source(api, name)
        push(api, {"public": tables("orders")}, source=name, wait=False)
    first = api.get("/api/v1/queued-jobs", limit=2).json()
    assert (len(first["items"]), first["at_least"]) == (2, 3)
    second = api.get("/api/v1/queued-jobs", limit=2, cursor=first["next"]).json()
    assert (len(second["items"]), second["next"]) == (1, None)
    assert api.get("/api/v1/queued-jobs", state="done").json()["items"] == []
    assert api.get("/api/v1/queued-jobs", "steward").status_code == 403
