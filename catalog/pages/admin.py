"""Administration of the service: the settings in effect, and how it is."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path
from starlette.responses import RedirectResponse, Response

from catalog import __version__
from catalog.pages.frame import go, page
from catalog.serving.call import CallArg
from catalog.serving.routing import Router
from catalog.usecases.health import cancel_queued_job, health
from catalog.usecases.in_effect import settings_in_effect

router = Router("/admin", "pages")


@router.get("", action="user", include_in_schema=False)
def start(call: CallArg) -> Response:
    """The first tab."""
    del call
    return RedirectResponse("/admin/users", 303)


@router.get("/settings", action="settings", include_in_schema=False)
def settings(call: CallArg) -> Response:
    """Settings as this process read them."""
    found = settings_in_effect(call.viewer, call.catalog.settings)
    return page(call, "admin/settings.html", tab="settings", settings=found, version=__version__)


@router.get("/health", action="settings", include_in_schema=False)
def show_health(call: CallArg) -> Response:
    """Store, index, followers, disk, roles and queue, and what to do about trouble."""
    catalog = call.catalog
    found = health(
        call.viewer,
        catalog.store,
        catalog.engine,
        catalog.queue,
        catalog.leases,
        catalog.settings,
    )
    return page(call, "admin/health.html", tab="health", health=found)


@router.post("/health/jobs/{job}/cancel", action="settings", include_in_schema=False)
def cancel(call: CallArg, job: Annotated[str, Path()]) -> Response:
    """A waiting job is cancelled at once, a running one is asked to stop."""
    state = cancel_queued_job(call.viewer, call.catalog.queue, job)
    said = {
        "cancelled": "The queued job is cancelled.",
        "running": "The queued job is asked to stop, and does at its next step.",
    }
    return go(call, "/admin/health#jobs", said.get(state, f"The queued job is {state} already."))
