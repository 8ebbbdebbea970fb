"""Administration of tokens: everybody's, and those of services."""

from __future__ import annotations

from typing import Annotated

from fastapi import Form, Path
from pydantic import BaseModel, Field
from starlette.responses import Response

from catalog.access import tokens
from catalog.assets.people import names_of
from catalog.errors import CatalogError
from catalog.model import clock
from catalog.pages.frame import go, page, status_of
from catalog.serving.call import Call, CallArg
from catalog.serving.routing import Router
from catalog.types import ROLES

router = Router("/admin/tokens", "pages")


class NewToken(BaseModel):
    """``scopes``: names separated by spaces or commas; none: all that the role may."""

    name: str = Field(default="", max_length=100)
    role: str = Field(default="viewer", max_length=20)
    scopes: str = Field(default="", max_length=500)
    days: int | None = None


@router.get("", action="token", include_in_schema=False)
def list_all(call: CallArg) -> Response:
    """All tokens, and the form for a service's."""
    return _page(call)


@router.post("", action="token", include_in_schema=False)
def create(call: CallArg, given: Annotated[NewToken, Form()]) -> Response:
    """Makes a token that belongs to nobody, and shows it, this once."""
    wanted = given.scopes.replace(",", " ").split()
    try:
        made = call.write(
            lambda unit: tokens.create_token(
                unit,
                call.viewer,
                given.name,
                role=given.role,
                scopes=wanted,
                days=given.days,
                service=True,
            )
        )
    except CatalogError as error:
        return _page(call, error=error, given=given)
    return _page(call, made=made.token)


@router.post("/{token}/revoke", action="token", include_in_schema=False)
def revoke(call: CallArg, token: Annotated[str, Path()]) -> Response:
    """A revoked token is dead at once."""
    found = call.write(lambda unit: tokens.revoke_token(unit, call.viewer, token))
    return go(call, "/admin/tokens", f"The token {found.name} is revoked.")


def _page(
    call: Call,
    *,
    error: CatalogError | None = None,
    given: NewToken | None = None,
    made: str | None = None,
) -> Response:
    with call.read() as session:
        found = tokens.list_tokens(session, call.viewer, everybody=True)
        names = names_of(session.connection(), {one.created_by for one in found})
    now = clock.now()
    living = [one for one in found if not _is_dead(one, now)]
    return page(
        call,
        "admin/tokens.html",
        status=status_of(error),
        tab="tokens",
        tokens=living,
        dead=[one for one in found if _is_dead(one, now)][::-1],
        makers={one.id: names.actor(one.created_by) or one.created_by for one in found},
        roles=ROLES,
        error=error,
        given=given or NewToken(days=90),
        made=made,
    )


def _is_dead(one: tokens.TokenView, now: int) -> bool:
    return one.revoked_at is not None or (one.expires_at is not None and one.expires_at <= now)
