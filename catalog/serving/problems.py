"""Errors as RFC 9457 problems: what happened, to what, what to do. Never a stack trace."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from catalog.errors import CatalogError, NotSignedIn, Unavailable
from catalog.naming import without_secrets

log = logging.getLogger("catalog.api")
_TITLES = {404: "Not found", 405: "Method not allowed", 413: "Too large", 415: "Unsupported"}


@dataclass(frozen=True)
class Problem:
    """What went wrong. ``members``: what else the problem document holds; ``headers`` of the
    reply."""

    status: int
    title: str
    detail: str
    kind: str = "about:blank"
    remedy: str | None = None
    members: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    def document(self) -> Response:
        """The problem document (application/problem+json)."""
        body = {
            "type": self.kind,
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "remedy": self.remedy,
            **self.members,
        }
        return Response(
            msgspec.json.encode(body),
            self.status,
            media_type="application/problem+json",
            headers=dict(self.headers),
        )


def of_error(error: CatalogError) -> Problem:
    """The problem of one of our own errors."""
    headers = {}
    if isinstance(error, NotSignedIn):
        headers["www-authenticate"] = 'Bearer realm="catalog"'
    if isinstance(error, Unavailable):
        headers["retry-after"] = str(error.details.get("retry_after", 30))
    members = {
        name: value
        for name, value in error.details.items()
        if name not in ("type", "title", "status", "detail", "remedy")
    }
    return Problem(
        error.status,
        error.title,
        without_secrets(error.message),
        kind=f"urn:catalog:problem:{type(error).__name__}",
        remedy=None if error.remedy is None else without_secrets(error.remedy),
        members=members,
        headers=headers,
    )


def wants_page(request: Request) -> bool:
    """Whether a browser opens a page, rather than a program asks."""
    path = request.url.path
    if path.startswith(("/api/", "/static/")) and path != "/api/reference":
        return False
    return "text/html" in request.headers.get("accept", "")


async def answer(request: Request, problem: Problem) -> Response:
    """The problem as a page, where one is wanted and the application has one, else a document."""
    page = getattr(request.app.state, "problem_page", None)
    if page is None or not wants_page(request):
        return problem.document()
    found: Response = await page(request, problem)
    return found


async def _on_catalog_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, CatalogError)
    if error.status >= 500:
        log.warning("%s: %s", type(error).__name__, error)
    return await answer(request, of_error(error))


async def _on_invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    found = [
        {
            "at": ".".join(str(part) for part in one["loc"]),
            "message": one["msg"],
        }
        for one in error.errors()[:20]
    ]
    detail = "; ".join(f"{one['at']}: {one['message']}" for one in found[:3])
    problem = Problem(
        400,
        "The request is not right",
        detail,
        kind="urn:catalog:problem:BadInput",
        remedy="Compare it with the API reference.",
        members={"errors": found},
    )
    return await answer(request, problem)


async def _on_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    title = _TITLES.get(error.status_code, "The request failed")
    problem = Problem(
        error.status_code,
        title,
        f"{request.method} {request.url.path[:200]}: {title.lower()}.",
        headers=dict(error.headers) if error.headers else {},
        remedy="See the API reference at /api/reference.",
    )
    return await answer(request, problem)


async def _on_crash(request: Request, error: Exception) -> Response:
    mark = secrets.token_hex(4)
    path = request.url.path.encode("unicode_escape").decode()[:200]  # no line end in a log line
    log.error("request %s failed: %s %s", mark, request.method, path, exc_info=error)
    problem = Problem(
        500,
        "The catalog failed",
        f"This is a fault of the catalog, noted in its log as {mark}.",
        remedy="Tell the operator the number; trying again may help.",
        members={"mark": mark},
    )
    try:
        return await answer(request, problem)
    except Exception:  # the page for it may have the same fault
        return problem.document()


class Crashes:
    """Middleware that answers a crash from within the others, so that it bears their headers."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI call."""
        started = False

        async def noted(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self.app(scope, receive, noted)
        except Exception as error:
            if started or scope["type"] != "http":
                raise
            reply = await _on_crash(Request(scope), error)
            await reply(scope, receive, send)


def install(app: FastAPI) -> None:
    """All handlers."""
    app.add_exception_handler(CatalogError, _on_catalog_error)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, _on_http)
