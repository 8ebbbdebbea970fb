"""Sources and crawls made through the API, by pushing records."""

from __future__ import annotations

import json
from typing import Any

from catalog.crawling import records
from tests.support.api import Api
from tests.support.crawls import NAMESPACE, table


def add_push_source(api: Api, name: str = "wh", namespace: str = NAMESPACE, **more: Any) -> Any:
    """A source that is pushed to; its reply."""
    config = {"namespaces": [namespace]}
    answer = api.post("/api/v1/sources", json={"kind": "push", "name": name, "config": config,
                                               **more})  # fmt: skip
    assert answer.status_code == 201, answer.text
    return answer.json()


def stream(content: dict[str, list[records.Asset]], source: str = "wh", **header: Any) -> bytes:
    """A stream of these scopes, each complete."""
    lines = [json.dumps({"format": 1, "crawler": "test", "source": source, **header}).encode()]
    for scope, items in content.items():
        lines.append(json.dumps({"scope": scope}).encode())
        lines += [records.encode(item) for item in items]
        lines.append(records.encode(records.Done()))
    return b"\n".join([*lines, b'{"end": true}', b""])


def push(api: Api, content: bytes | dict[str, list[records.Asset]], who: str = "admin",
         source: str = "wh", **params: Any) -> Any:  # fmt: skip
    """Pushes; the reply."""
    body = content if isinstance(content, bytes) else stream(content, source)
    return api.post("/api/v1/records", who, content=body, params={"source": source, **params},
                    headers={"content-type": "application/x-ndjson"})  # fmt: skip


def tables(*names: str) -> list[records.Asset]:
    """Tables with one column each."""
    return [table(f"shop.public.{name}", "id") for name in names]
