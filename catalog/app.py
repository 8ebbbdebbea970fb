"""`create_app`: mounts API, pages, static files and middleware; nothing else."""

from __future__ import annotations

import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio.to_thread
from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.middleware.gzip import GZipMiddleware
from starlette.routing import Mount

from catalog import __version__
from catalog.api import openapi
from catalog.api.v1 import routers
from catalog.jobs import cores
from catalog.pages import errors, routes
from catalog.pages.frame import static_files
from catalog.serving import problems
from catalog.serving.call import State
from catalog.serving.limits import BodyLimit, SecurityHeaders
from catalog.serving.problems import Crashes
from catalog.wiring import Background, Catalog


def create_app(catalog: Catalog, background: Background | None = None) -> FastAPI:
    """The application over an open catalog. Its lifespan starts and ends ``background``."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        anyio.to_thread.current_default_thread_limiter().total_tokens = catalog.settings.threads
        if background is not None:
            background.start()
            _settle()
            cores.keep_to(catalog.settings.cores)  # after its threads, which keep all
        try:
            yield
        finally:
            if background is not None:
                await anyio.to_thread.run_sync(background.stop)
            await anyio.to_thread.run_sync(app.state.catalog.close)

    app = FastAPI(
        title="Data catalog",
        version=__version__,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
    )
    app.state.catalog = State(catalog, background)
    problems.install(app)
    app.openapi = lambda: openapi.describe(app)  # type: ignore[method-assign]
    for router in (*routers(), *routes.routers()):
        # Not `include_router`: it hides the routes from `app.routes`, which must be walked.
        app.router.routes.extend(router.api.routes)
    app.mount("/static", static_files())
    errors.install(app)
    refuse_unguarded(app)
    app.add_middleware(Crashes)
    app.add_middleware(GZipMiddleware, minimum_size=1024, compresslevel=5)
    app.add_middleware(BodyLimit, limit=catalog.settings.body_limit)
    app.add_middleware(SecurityHeaders)
    return app


def _settle() -> None:
    """What is loaded by now lives as long as the process: looking through it at each collection
    of garbage cost an eighth of the answers."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)


def refuse_unguarded(app: FastAPI) -> None:
    """Deny by default: a route that no guard stands before ends the start."""
    for route in app.routes:
        if isinstance(route, Mount) and getattr(route.app, "__public__", False):
            continue
        endpoint: Any = route.endpoint if isinstance(route, APIRoute) else None
        if not hasattr(endpoint, "__guard__"):
            raise RuntimeError(f"the route {getattr(route, 'path', route)} is not guarded")
