"""Routes. Every endpoint is guarded, or is not mounted.

`Router` refuses an endpoint without an action, wraps it so that the caller is authenticated and
the action permitted before anything of the request is evaluated, and notes its reply for the
API's description. Sync endpoints run in the thread pool; their session is opened inside.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

import anyio.to_thread
from fastapi import APIRouter, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import Response

from catalog.errors import BadInput
from catalog.serving import bodies
from catalog.serving.call import SAFE, SIGNED_IN, Call, make_call
from catalog.serving.texts import texts_of

Mounting = Callable[[Callable[..., Any]], Callable[..., Any]]


class GuardedRoute(APIRoute):
    """Refuses query parameters that the endpoint does not declare.

    Nobody is told what is wrong with a request, and no body is read, before it is known that
    they may send it. Reads that are right are authenticated in the endpoint's own thread.
    """

    def get_route_handler(self) -> Callable[[Request], Any]:
        """The handler, behind the check of parameters."""
        handler = self._quick(super().get_route_handler())
        known = frozenset(parameter.alias for parameter in self.dependant.query_params)
        action: str = getattr(self.endpoint, "__guard__", SIGNED_IN)

        async def checked(request: Request) -> Response:
            if request.method not in SAFE:
                await _authenticate(request, action)
                request = bodies.Sent(request.scope, request.receive)
            try:
                if request.scope["query_string"]:
                    _refuse_unknown(request, known)
                found: Response = await handler(request)
                return found
            except (RequestValidationError, BadInput):
                await _authenticate(request, action)
                raise
            except HTTPException as error:
                raise bodies.told(error) from None

        return checked

    def _quick(self, handler: Callable[[Request], Any]) -> Callable[[Request], Any]:
        """The handler, which endpoints that take only texts are called without."""
        texts = texts_of(self.endpoint, self.dependant)
        if texts is None:
            return handler
        endpoint = self.endpoint
        short: bool = getattr(endpoint, "__short__", False)

        async def quick(request: Request) -> Response:
            values = texts.read(request.query_params, request.path_params)
            if values is None:
                found: Response = await handler(request)
                return found
            call = await make_call(request)
            limiter = call.state.short if short else None
            return await anyio.to_thread.run_sync(
                functools.partial(endpoint, call, **values), limiter=limiter
            )

        return quick


async def _authenticate(request: Request, action: str) -> None:
    call = await make_call(request)
    await run_in_threadpool(call.authenticate, action)


def _refuse_unknown(request: Request, known: frozenset[str]) -> None:
    if not known.issuperset(request.query_params):
        unknown = sorted(set(request.query_params) - known)
        raise BadInput(
            f"Unknown parameter: {', '.join(unknown)[:200]}.",
            remedy="Known here: " + (", ".join(sorted(known)) or "none") + ".",
        )


class Router:
    """Routes of one noun. Each endpoint takes a `CallArg` named ``call`` first."""

    def __init__(self, prefix: str, tag: str) -> None:
        self.api = APIRouter(
            prefix=prefix, tags=[tag], route_class=GuardedRoute, redirect_slashes=False
        )

    def route(
        self,
        method: str,
        path: str,
        *,
        action: str,
        returns: Any = None,
        status: int = 200,
        example: Any = None,
        short: bool = False,
        **more: Any,
    ) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Mounts an endpoint. ``action``: of `catalog.access.viewer.ACTIONS`, ``SIGNED_IN`` or
        ``PUBLIC``. ``returns``: the type of its reply (msgspec struct, dataclass, ...);
        ``example``: one such reply as plain JSON, for the API's description. ``short``: it is read
        in about a millisecond, so few at a time are done sooner than many (`State.short`)."""

        def mount(endpoint: Callable[..., Any]) -> Callable[..., Any]:
            guarded = guard(endpoint, action)
            guarded.__short__ = short  # type: ignore[attr-defined]
            extra = dict(more.pop("openapi_extra", {}))
            extra["x-action"] = action
            self.api.add_api_route(
                path,
                guarded,
                methods=[method],
                status_code=status,
                response_model=None,
                response_class=Response,
                openapi_extra=extra,
                **more,
            )
            guarded.__returns__ = returns  # type: ignore[attr-defined]
            guarded.__example__ = example  # type: ignore[attr-defined]
            return endpoint

        return mount

    def get(self, path: str, *, action: str = "read", **more: Any) -> Mounting:
        """`route` for GET."""
        return self.route("GET", path, action=action, **more)

    def post(self, path: str, *, action: str, **more: Any) -> Mounting:
        """`route` for POST."""
        return self.route("POST", path, action=action, **more)

    def patch(self, path: str, *, action: str, **more: Any) -> Mounting:
        """`route` for PATCH."""
        return self.route("PATCH", path, action=action, **more)

    def put(self, path: str, *, action: str, **more: Any) -> Mounting:
        """`route` for PUT."""
        return self.route("PUT", path, action=action, **more)

    def delete(self, path: str, *, action: str, **more: Any) -> Mounting:
        """`route` for DELETE."""
        return self.route("DELETE", path, action=action, **more)


def guard(endpoint: Callable[..., Any], action: str) -> Callable[..., Any]:
    """The endpoint behind authentication and the action's check; marked, so that the application
    can refuse what is not guarded."""
    if inspect.iscoroutinefunction(endpoint):

        @functools.wraps(endpoint)
        async def guarded_async(call: Call, **values: Any) -> Any:
            await run_in_threadpool(call.authenticate, action)
            return call.finish(await endpoint(call, **values))

        wrapped: Any = guarded_async
    else:

        @functools.wraps(endpoint)
        def guarded(call: Call, **values: Any) -> Any:
            try:
                call.enter(action)
                return call.finish(endpoint(call, **values))
            finally:
                call.cool()

        wrapped = guarded
    wrapped.__guard__ = action
    return wrapped  # type: ignore[no-any-return]
