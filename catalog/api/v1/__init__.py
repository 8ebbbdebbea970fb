"""Own API, version 1: within it fields are only added. A file is a noun."""

from __future__ import annotations

from catalog.serving.routing import Router


def routers() -> list[Router]:
    """All routers, in the order of the reference."""
    from catalog.api.v1 import (
        assets,
        browse,
        changes,
        crawls,
        curation,
        health,
        lineage,
        people,
        records,
        schedules,
        search,
        service,
        sessions,
        sources,
        tokens,
        users,
    )

    return [
        assets.router,  # by-name is asked most, and routes are tried in order
        curation.router,
        lineage.router,
        changes.router,
        search.router,
        browse.router,
        sources.router,
        schedules.router,
        crawls.router,
        records.router,
        users.router,
        sessions.router,
        tokens.router,
        people.router,
        service.router,
        health.router,
    ]
