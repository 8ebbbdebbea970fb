"""Requests as they come off the wire: paths and headers that no client would send."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote


@dataclass
class Answer:
    """Status, headers and body of one reply."""

    status: int
    headers: dict[str, str]
    body: bytes


def ask(
    app: Any,
    method: str,
    target: str,
    headers: list[tuple[str, str]] | None = None,
    body: bytes | list[bytes] = b"",
) -> Answer:
    """One request with exactly this target and these headers, as uvicorn hands it over."""
    path, _, query = target.partition("?")
    parts = [body] if isinstance(body, bytes) else list(body)
    messages: list[dict[str, Any]] = [
        {"type": "http.request", "body": part, "more_body": number < len(parts) - 1}
        for number, part in enumerate(parts)
    ]
    sent: list[dict[str, Any]] = []
    scope = {
        "type": "http", "asgi": {"version": "3.0", "spec_version": "2.3"}, "http_version": "1.1",
        "method": method, "scheme": "http", "path": unquote(path), "raw_path": path.encode(),
        "query_string": query.encode(), "root_path": "", "state": {},
        "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80),
        "headers": [(b"host", b"testserver"),
                    *((name.lower().encode("latin-1"), value.encode("latin-1"))
                      for name, value in headers or [])],
    }  # fmt: skip

    async def receive() -> dict[str, Any]:
        if messages:
            return messages.pop(0)
        return {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    async def run() -> None:
        try:
            await app(scope, receive, send)
        except Exception:
            if not sent:  # the server has answered before it lets the error out
                raise

    asyncio.run(run())
    found = {name.decode("latin-1"): value.decode("latin-1") for name, value in sent[0]["headers"]}
    return Answer(
        sent[0]["status"], found, b"".join(message.get("body", b"") for message in sent[1:])
    )
