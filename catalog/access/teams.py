"""Teams: have members, own and are granted like a person."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import delete, select, update
from sqlmodel import Session

from catalog.access.people import check_name, resolve_owner
from catalog.access.viewer import Viewer
from catalog.errors import BadInput, Conflict, NotFound
from catalog.history.store import table_of
from catalog.history.unit import Unit
from catalog.model import Membership, Person, Team
from catalog.naming import id_bytes, id_text, new_id

_TEAM = table_of(Team)
_MEMBER = table_of(Membership)
_PERSON = table_of(Person)
MEMBER_ROLES: Final = ("member", "lead")
DESCRIPTION_LENGTH: Final = 2000
_TEAMS = select(
    _TEAM.c.key, _TEAM.c.uid, _TEAM.c.name, _TEAM.c.description, _TEAM.c.created_at
).where(_TEAM.c.removed_at.is_(None))


@dataclass(frozen=True)
class Member:
    """A person in a team; ``person`` is the public id."""

    person: str
    name: str
    role: str


@dataclass(frozen=True)
class TeamView:
    """A team with its members by name; ``created_at``: microseconds since 1970."""

    id: str
    name: str
    description: str | None
    created_at: int
    members: tuple[Member, ...]


def create_team(unit: Unit, viewer: Viewer, name: str, description: str | None = None) -> TeamView:
    """A new team; `Conflict` when the name is taken."""
    viewer.require("user")
    name = _free_name(unit.session, name)
    team = Team(
        uid=new_id(),
        name=name,
        description=_check_description(description),
        created_at=unit.now,
    )
    unit.session.add(team)
    unit.session.flush()
    _note(unit, team.uid, "created", None, {"name": name})
    return _view(unit.session, _row(unit.session, id_text(team.uid)))


def update_team(
    unit: Unit,
    viewer: Viewer,
    team_id: str,
    *,
    name: str | None = None,
    description: str | None = None,
) -> TeamView:
    """Another name or description (empty text: none); what is None stays."""
    viewer.require("user")
    row = _row(unit.session, team_id)
    values: dict[str, Any] = {}
    if name is not None and check_name(name) != row.name:
        values["name"] = _free_name(unit.session, name)
    if description is not None and (_check_description(description)) != row.description:
        values["description"] = _check_description(description)
    if values:
        unit.connection.execute(update(_TEAM).where(_TEAM.c.key == row.key).values(values))
        _note(unit, row.uid, "updated", {field: getattr(row, field) for field in values}, values)
    return _view(unit.session, _row(unit.session, team_id))


def remove_team(unit: Unit, viewer: Viewer, team_id: str) -> None:
    """The team is gone, its name free again; what it owns still says so."""
    viewer.require("user")
    row = _row(unit.session, team_id)
    unit.connection.execute(delete(_MEMBER).where(_MEMBER.c.team == row.key))
    freed = f"{row.name} (removed {id_text(row.uid)})"
    statement = update(_TEAM).where(_TEAM.c.key == row.key)
    unit.connection.execute(statement.values(removed_at=unit.now, name=freed))
    _note(unit, row.uid, "removed", {"name": row.name}, None)


def set_member(
    unit: Unit, viewer: Viewer, team_id: str, person: str, role: str = "member"
) -> TeamView:
    """Adds a person (id, login, e-mail or name) or gives another role in the team."""
    viewer.require("user")
    if role not in MEMBER_ROLES:
        raise BadInput(f"There is no team role {role!r}.", remedy="Use member or lead.")
    row, who = _row(unit.session, team_id), _resolve(unit.session, viewer, person)
    there = unit.connection.execute(
        select(_MEMBER.c.role).where(_MEMBER.c.team == row.key, _MEMBER.c.person == who.key)
    ).scalar()
    if there is None:
        unit.connection.execute(_MEMBER.insert().values(team=row.key, person=who.key, role=role))
    elif there != role:
        fits = (_MEMBER.c.team == row.key) & (_MEMBER.c.person == who.key)
        unit.connection.execute(update(_MEMBER).where(fits).values(role=role))
    if there != role:
        before = None if there is None else {"person": who.id, "role": there}
        _note(unit, row.uid, "member", before, {"person": who.id, "role": role})
    return _view(unit.session, row)


def remove_member(unit: Unit, viewer: Viewer, team_id: str, person: str) -> TeamView:
    """Takes a person out of a team; one who is not in it is no error."""
    viewer.require("user")
    row, who = _row(unit.session, team_id), _resolve(unit.session, viewer, person)
    done = unit.connection.execute(
        delete(_MEMBER).where(_MEMBER.c.team == row.key, _MEMBER.c.person == who.key)
    )
    if done.rowcount:
        _note(unit, row.uid, "member", {"person": who.id}, None)
    return _view(unit.session, row)


def list_teams(session: Session, viewer: Viewer) -> list[TeamView]:
    """All teams by name, with their members; two queries."""
    viewer.require("read")
    rows = session.connection().execute(_TEAMS.order_by(_TEAM.c.name)).all()
    members = _members(session, [row.key for row in rows])
    return [_team(row, members.get(row.key, [])) for row in rows]


def get_team(session: Session, viewer: Viewer, team_id: str) -> TeamView:
    """One team by public id, or `NotFound`."""
    viewer.require("read")
    return _view(session, _row(session, team_id))


# --- inside ---------------------------------------------------------------------------------


def _resolve(session: Session, viewer: Viewer, person: str) -> Any:
    who = resolve_owner(session, viewer, person)
    if who.kind != "person":
        raise BadInput(f"{who.name} is a team.", remedy="A team has persons as members.")
    return who


def _free_name(session: Session, name: str) -> str:
    name = check_name(name)
    if session.connection().execute(select(_TEAM.c.key).where(_TEAM.c.name == name)).first():
        raise Conflict(f"There is a team {name!r} already.", remedy="Choose another name.")
    return name


def _check_description(text: str | None) -> str | None:
    if text is not None and len(text) > DESCRIPTION_LENGTH:
        raise BadInput(
            f"The description has {len(text)} characters.",
            remedy=f"Use at most {DESCRIPTION_LENGTH}.",
        )
    return text or None


def _row(session: Session, team_id: str) -> Any:
    query = _TEAMS.where(_TEAM.c.uid == (id_bytes(team_id) or b""))
    row = session.connection().execute(query).first()
    if row is None:
        raise NotFound(f"There is no team {team_id!r}.", remedy="GET /api/v1/teams lists them.")
    return row


def _members(session: Session, teams: list[int]) -> dict[int, list[Member]]:
    found: dict[int, list[Member]] = {}
    query = (
        select(_MEMBER.c.team, _PERSON.c.uid, _PERSON.c.name, _MEMBER.c.role)
        .join(_PERSON, _PERSON.c.key == _MEMBER.c.person)
        .where(_MEMBER.c.team.in_(teams))
        .order_by(_PERSON.c.name, _PERSON.c.key)
    )
    for team, uid, name, role in session.connection().execute(query):
        found.setdefault(team, []).append(Member(id_text(uid), name, role))
    return found


def _view(session: Session, row: Any) -> TeamView:
    return _team(row, _members(session, [row.key]).get(row.key, []))


def _team(row: Any, members: list[Member]) -> TeamView:
    return TeamView(id_text(row.uid), row.name, row.description, row.created_at, tuple(members))


def _note(unit: Unit, uid: bytes, what: str, before: Any, after: Any) -> None:
    unit.change(what, subject_type="team", subject=id_text(uid), before=before, after=after)
