"""Health: needs no token and tells nothing but the state."""

from __future__ import annotations

import msgspec
from sqlalchemy import text

from catalog.serving.call import PUBLIC, CallArg, reply
from catalog.serving.routing import Router

router = Router("/api/v1", "health")


class Health(msgspec.Struct, frozen=True):
    """``ok``, or ``unavailable`` when the store does not answer."""

    status: str


@router.get("/health", action=PUBLIC, returns=Health)
def health(call: CallArg) -> object:
    """Whether the catalog answers."""
    try:
        with call.connect() as connection:
            connection.execute(text("SELECT 1"))
    except Exception:
        return reply(Health("unavailable"), 503)
    return reply(Health("ok"))
