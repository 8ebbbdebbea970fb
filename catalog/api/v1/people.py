"""Persons, teams and accounts: who owns, who is meant."""

from __future__ import annotations

from typing import Annotated

import msgspec
from fastapi import Path, Query
from starlette.responses import Response

from catalog.access import accounts, people, teams
from catalog.api.shapes import Listed, listed, shaped
from catalog.serving.call import CallArg, reply
from catalog.serving.routing import Router

router = Router("/api/v1", "people")


class Person(msgspec.Struct, frozen=True):
    """A human being, with any number of accounts and logins."""

    id: str
    name: str
    email: str | None
    created_at: str


class TeamMember(msgspec.Struct, frozen=True):
    """``person``: id; ``role`` in the team: member or lead."""

    person: str
    name: str
    role: str


class Team(msgspec.Struct, frozen=True):
    """A team with its members by name."""

    id: str
    name: str
    description: str | None
    created_at: str
    members: list[TeamMember]


class Account(msgspec.Struct, frozen=True):
    """A name in a source. ``person``: id, null: not known whose it is."""

    id: str
    source: str | None
    name: str
    email: str | None
    person: str | None
    joined_by: str | None


def _team(view: teams.TeamView) -> Team:
    return shaped(Team, view, members=[shaped(TeamMember, one) for one in view.members])


@router.get("/persons", returns=Listed[Person])
def list_persons(call: CallArg) -> Response:
    """All persons by name."""
    with call.read() as session:
        found = people.list_persons(session, call.viewer)
    return reply(listed(shaped(Person, one) for one in found))


@router.get("/persons/{person}", returns=Person)
def get_person(
    call: CallArg, person: Annotated[str, Path(description="Id of the person.")]
) -> Response:
    """One person."""
    with call.read() as session:
        return reply(shaped(Person, people.get_person(session, call.viewer, person)))


@router.get("/teams", returns=Listed[Team])
def list_teams(call: CallArg) -> Response:
    """All teams by name, with their members."""
    with call.read() as session:
        found = teams.list_teams(session, call.viewer)
    return reply(listed(map(_team, found)))


@router.get("/teams/{team}", returns=Team)
def get_team(call: CallArg, team: Annotated[str, Path(description="Id of the team.")]) -> Response:
    """One team with its members."""
    with call.read() as session:
        return reply(_team(teams.get_team(session, call.viewer, team)))


@router.get("/accounts", returns=Listed[Account])
def list_accounts(
    call: CallArg,
    person: Annotated[str | None, Query(description="Id of a person.")] = None,
) -> Response:
    """Accounts by source and name, of everybody or of one person."""
    with call.read() as session:
        found = accounts.list_accounts(session, call.viewer, person=person)
    return reply(listed(shaped(Account, one) for one in found))
