"""What people write of an asset or a column: read with its ETag, patched with If-Match."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from fastapi import Body, Header
from pydantic import BaseModel, ConfigDict
from sqlalchemy import Connection

from catalog.api.v1.assets import REF
from catalog.api.v1.by_name import EXAMPLE_ID, Asked, ColumnQuery, Pair, of_asset, told
from catalog.assets.columns import named_column
from catalog.assets.people import Names, names_of
from catalog.assets.resolve import Match
from catalog.curation import edit as curated
from catalog.curation.patch import UNSET, FactPatch, FlagPatch, OwnerPatch, TagPatch
from catalog.errors import Precondition
from catalog.history.unit import Unit
from catalog.model.clock import to_text
from catalog.serving.call import Call
from catalog.serving.routing import Router

router = Router("/api/v1", "curation")
pair = Pair(router)


class OwnerFact(msgspec.Struct, frozen=True):
    """``owner``: ``person:ID`` or ``team:ID``; ``name``: what they are called today."""

    owner: str
    role: str
    name: str


class TagFact(msgspec.Struct, frozen=True):
    """A tag by its path, with a value if it has one."""

    tag: str
    value: str | None


class FlagFact(msgspec.Struct, frozen=True):
    """One person's trust flag. ``by``: ``person:ID``, or the actor who is no person."""

    kind: str
    by: str
    name: str | None
    at: str
    reason: str | None


class Facts(msgspec.Struct, frozen=True):
    """What people wrote; null: nothing, what the source says holds. ``owners`` ``[]``: nobody.

    ``changed``: of a PATCH, what it wrote; of a GET empty. ``etag``: for If-Match.
    """

    column: str | None
    title: str | None
    description: str | None
    owners: list[OwnerFact] | None
    tags: list[TagFact]
    flags: list[FlagFact]
    changed: list[str]
    etag: str


FactsOf = of_asset("FactsOf", Facts)


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class OwnerBody(_Body):
    """``owner``: id, login, e-mail or name of a person or team. ``name`` is not read."""

    owner: str
    role: str = "owner"
    name: str | None = None


class TagBody(_Body):
    """``tag``: a path such as ``pii/email``."""

    tag: str
    value: str | None = None


class FlagBody(_Body):
    """``kind``: endorsed, warned or deprecated."""

    kind: str
    reason: str | None = None


class FactsBody(_Body):
    """What is not named stays. null: back to what the source says (``flag``: take mine away).

    ``owners`` and ``tags`` are the whole list; ``owners`` ``[]``: nobody. ``flag``: your own.
    """

    title: str | None = None
    description: str | None = None
    owners: list[OwnerBody] | None = None
    tags: list[TagBody] | None = None
    flag: FlagBody | None = None


_EXAMPLE = {
    **REF,
    "column": None,
    "title": "Orders",
    "description": "One row per order.",
    "owners": [{"owner": f"person:{EXAMPLE_ID}", "role": "owner", "name": "Ann"}],
    "tags": [{"tag": "pii/email", "value": None}],
    "flags": [
        {
            "kind": "endorsed",
            "by": f"person:{EXAMPLE_ID}",
            "name": "Ann",
            "at": "2026-11-22T09:00:00.123456Z",
            "reason": None,
        }
    ],
    "changed": [],
    "etag": "5f2c8e0b9a1d7c3e44",
}


@pair.get("/facts", returns=FactsOf, summary="What people wrote", example=_EXAMPLE)
def read_facts(call: Call, asked: Asked, *, column: ColumnQuery = None) -> object:
    """Title, description, owners, tags and flags that people wrote of an asset or a column."""
    with call.read() as session:
        connection = session.connection()
        match, path = _target(connection, call, asked, column)
        facts = facts_of(connection, curated.read(session, call.viewer, match.id, path))
    return told(FactsOf, match, facts, etag=facts.etag)


@pair.patch(
    "/facts",
    action="flag",
    returns=FactsOf,
    summary="Write title, description, owners, tags, flag",
    example={**_EXAMPLE, "changed": ["description"]},
)
def write_facts(
    call: Call,
    asked: Asked,
    *,
    body: Annotated[
        FactsBody,
        Body(
            examples=[
                {
                    "description": "One row per order.",
                    "owners": [{"owner": "ann@example.com", "role": "technical"}],
                    "tags": [{"tag": "pii/email"}],
                    "flag": {"kind": "endorsed"},
                }
            ]
        ),
    ],
    column: ColumnQuery = None,
    if_match: Annotated[
        str | None, Header(description="ETag of the facts as you read them.")
    ] = None,
) -> object:
    """Writes what the body names; a crawl never touches it. One's own flag needs no editor.

    With If-Match of another state nothing is written: 412, with `current` and its `etag`.
    """
    with call.connect() as connection:
        match, path = _target(connection, call, asked, column)

    def work(unit: Unit) -> Facts:
        found = curated.edit(unit, call.viewer, match.id, path, patch_of(body), if_match)
        return facts_of(unit.connection, found)

    try:
        facts: Facts = call.write(work)
    except Precondition as error:
        raise _shown_as_facts(call, error, path) from error
    return told(FactsOf, match, facts, etag=facts.etag)


def _target(
    connection: Connection, call: Call, asked: Asked, column: str | None
) -> tuple[Match, str | None]:
    match = asked.match(connection, call.viewer, column)
    if match.column is None:
        return match, None
    return match, named_column(connection, match, match.column).path


def patch_of(body: FactsBody) -> FactPatch:
    """The patch that a body means: what it does not name stays."""
    found: dict[str, Any] = dict.fromkeys(FactsBody.model_fields, UNSET)
    for name in body.model_fields_set:
        found[name] = getattr(body, name)
    if isinstance(found["owners"], list):
        found["owners"] = [OwnerPatch(one.owner, one.role) for one in found["owners"]]
    if isinstance(found["tags"], list):
        found["tags"] = [TagPatch(one.tag, one.value) for one in found["tags"]]
    if isinstance(found["flag"], FlagBody):
        found["flag"] = FlagPatch(found["flag"].kind, found["flag"].reason)
    return FactPatch(**found)


def facts_of(connection: Connection, found: curated.EditResult) -> Facts:
    """The reply of a read or a write."""
    return _facts(connection, found.current, found.column, found.etag, found.changed)


def _facts(
    connection: Connection, current: Any, column: str | None, etag: str, changed: Any = ()
) -> Facts:
    owners, flags = current["owners"], current["flags"]
    actors = {one["owner"] for one in owners or () if one["owner"]}
    names = names_of(connection, actors | {one["by"] for one in flags})
    return Facts(
        column=column,
        title=current["title"],
        description=current["description"],
        owners=None if owners is None else [_owner(one, names) for one in owners],
        tags=[TagFact(one["tag"], one["value"]) for one in current["tags"]],
        flags=[_flag(one, names) for one in flags],
        changed=list(changed),
        etag=etag,
    )


def _owner(one: Mapping[str, Any], names: Names) -> OwnerFact:
    return OwnerFact(one["owner"], one["role"], names.owner(one["owner"]).name)


def _flag(one: Mapping[str, Any], names: Names) -> FlagFact:
    name, at = names.actor(one["by"]), to_text(one["at"]) or ""
    return FlagFact(one["kind"], one["by"], name, at, one.get("reason"))


def _shown_as_facts(call: Call, error: Precondition, column: str | None) -> Precondition:
    """``current`` of a 412 in the form that a GET has."""
    details = error.details
    with call.connect() as connection:
        facts = _facts(connection, details["current"], column, details["etag"])
    current = {name: getattr(facts, name) for name in facts.__struct_fields__ if name != "changed"}
    return Precondition(error.message, remedy=error.remedy, **{**details, "current": current})
