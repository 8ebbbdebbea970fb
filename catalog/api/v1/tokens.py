"""Bearer tokens: one's own, and for admins everybody's. A token is shown once."""

from __future__ import annotations

from typing import Annotated

import msgspec
from fastapi import Path, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from catalog.access import tokens
from catalog.api.shapes import Listed, listed, shaped
from catalog.serving.call import CallArg, reply
from catalog.serving.routing import Router

router = Router("/api/v1/tokens", "tokens")


class NewToken(BaseModel):
    """``role``: not above one's own. ``scopes``: read, write, ingest:SOURCE, lineage, registry,
    admin; none: all that the role may. ``service``: belongs to nobody (admins)."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={"examples": [{"name": "airflow", "scopes": ["ingest:wh"], "days": 90}]},
    )

    name: str = Field(max_length=100)
    role: str | None = None
    scopes: list[str] = Field(default_factory=list, max_length=50)
    days: int | None = None
    service: bool = False


class Token(msgspec.Struct, frozen=True):
    """A token as it is shown: its hint, never itself. ``user``: login, null for a service."""

    id: str
    name: str
    hint: str
    user: str | None
    role: str
    scopes: tuple[str, ...]
    created_at: str
    created_by: str
    expires_at: str | None
    last_used_at: str | None
    revoked_at: str | None


class TokenMade(msgspec.Struct, frozen=True):
    """``token`` is shown here once, and never again."""

    token: str
    details: Token


@router.get("", returns=Listed[Token])
def list_own(
    call: CallArg,
    everybody: Annotated[bool, Query(alias="all", description="Everybody's (admins).")] = False,
) -> Response:
    """One's own tokens, oldest first, revoked ones too."""
    with call.read() as session:
        found = tokens.list_tokens(session, call.viewer, everybody=everybody)
    return reply(listed(shaped(Token, one) for one in found))


@router.post("", action="own", status=201, returns=TokenMade)
def create(call: CallArg, new: NewToken) -> Response:
    """Makes a token. It never does more than its owner may at that moment."""
    made = call.write(
        lambda unit: tokens.create_token(
            unit,
            call.viewer,
            new.name,
            role=new.role,
            scopes=new.scopes,
            days=new.days,
            service=new.service,
        )
    )
    return reply(TokenMade(made.token, shaped(Token, made.view)), 201)


@router.delete("/{token}", action="own", returns=Token)
def revoke(call: CallArg, token: Annotated[str, Path(description="Id of the token.")]) -> Response:
    """Kills a token at once: one's own, or anybody's (admins)."""
    found = call.write(lambda unit: tokens.revoke_token(unit, call.viewer, token))
    return reply(shaped(Token, found))
