"""``describe``, ``tag``, ``own``, ``flag``: what people write of an asset or a column."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from catalog.cli.context import DONE, AsOption, HomeOption, JsonFlag, emit, opened, say
from catalog.errors import BadInput, NotFound

if TYPE_CHECKING:
    from catalog.curation.edit import EditResult
    from catalog.curation.patch import FactPatch
    from catalog.history.unit import Unit

NameArgument = Annotated[
    str, typer.Argument(help="An asset in any form, or NAME#column for a column of it.")
]
ColumnOption = Annotated[str | None, typer.Option("--column", help="Of this column (field path).")]
Making = Callable[["Unit", Any, "EditResult"], "FactPatch"]


def add_to(app: typer.Typer) -> None:
    """Adds the commands."""
    for command in (describe, tag, own, flag):
        app.command(command.__name__)(command)


def describe(
    name: NameArgument,
    text: Annotated[
        str | None, typer.Argument(help='Markdown; "-" reads standard input; "" shows none.')
    ] = None,
    title: Annotated[str | None, typer.Option("--title", help="What people call it.")] = None,
    reset: Annotated[
        bool, typer.Option("--reset", help="Description back to what the source says.")
    ] = False,
    reset_title: Annotated[
        bool, typer.Option("--reset-title", help="Title back to what the source says.")
    ] = False,
    column: ColumnOption = None,
    home: HomeOption = None,
    as_json: JsonFlag = False,
    as_user: AsOption = None,
) -> int:
    """Write a description or a title; it is kept through crawls and renames."""
    from catalog.curation.patch import FactPatch

    if (reset and text is not None) or (reset_title and title is not None):
        raise BadInput("Either a text or a reset.")
    named: dict[str, Any] = {}
    if text is not None or reset:
        named["description"] = sys.stdin.read() if text == "-" else text
    if title is not None or reset_title:
        named["title"] = title
    if not named:
        raise BadInput("Nothing to write.", remedy="Give a text, --title or --reset.")
    patch = FactPatch(**named)
    return _write(name, column, home, as_json, as_user, lambda _unit, _viewer, _now: patch)


def _write(
    name: str, column: str | None, home: Any, as_json: bool, as_user: str | None, make: Making
) -> int:
    """Resolves, reads, patches: in one unit, so that nobody writes in between."""
    from catalog.assets.columns import named_column
    from catalog.assets.resolve import resolve
    from catalog.curation import edit as room

    with opened(home, as_user, follow=True) as open_:

        def work(unit: Unit) -> tuple[str, EditResult]:
            match = resolve(unit.connection, open_.viewer, name, column=column)
            path = None
            if match.column is not None:
                path = named_column(unit.connection, match, match.column).path
            now = room.read(unit.session, open_.viewer, match.id, path)
            patch = make(unit, open_.viewer, now)
            return match.name, room.edit(unit, open_.viewer, match.id, path, patch)

        canonical, result = open_.write(work)
    if as_json:
        emit(_reply(canonical, result))
    else:
        said = ", ".join(result.changed)
        where = canonical + (f"#{result.column}" if result.column else "")
        say(f"Wrote {said} of {where}." if said else f"{where} says so already.")
    return DONE


def _reply(canonical: str, result: EditResult) -> dict[str, Any]:
    from catalog.model import clock

    current = dict(result.current)
    current["flags"] = [{**one, "at": clock.to_text(one["at"])} for one in current["flags"]]
    return {
        "asset": result.asset,
        "name": canonical,
        "column": result.column,
        "changed": list(result.changed),
        **current,
        "etag": result.etag,
    }


def tag(
    name: NameArgument,
    tags: Annotated[list[str], typer.Argument(help="Paths: pii/email, or PATH=VALUE.")],
    remove: Annotated[bool, typer.Option("--remove", help="Take these tags away.")] = False,
    column: ColumnOption = None,
    home: HomeOption = None,
    as_json: JsonFlag = False,
    as_user: AsOption = None,
) -> int:
    """Add tags, or take them away; what the source says of tags stays beside them."""
    from catalog.curation.patch import FactPatch, TagPatch, checked_tags

    given = checked_tags([TagPatch(path, value if sign else None) for path, sign, value in
                          (one.partition("=") for one in tags)])  # fmt: skip
    paths = {one.path for one in given}

    def make(_unit: Unit, _viewer: Any, now: EditResult) -> FactPatch:
        have = [TagPatch(one["tag"], one["value"]) for one in now.current["tags"]]
        missing = paths - {one.path for one in have}
        if remove and missing:
            raise NotFound(
                f"It has no tag {', '.join(sorted(missing))} that a person wrote.",
                remedy="`catalog show NAME` lists its tags.",
            )
        kept = [one for one in have if one.path not in paths]
        return FactPatch(tags=kept if remove else [*kept, *given])

    return _write(name, column, home, as_json, as_user, make)


def own(
    name: NameArgument,
    who: Annotated[
        str | None, typer.Argument(help="Login, e-mail, name or id of a person or team.")
    ] = None,
    role: Annotated[
        str | None, typer.Option("--role", help="owner, technical, business or steward.")
    ] = None,
    remove: Annotated[bool, typer.Option("--remove", help="Take this owner away.")] = False,
    nobody: Annotated[
        bool, typer.Option("--nobody", help="Nobody, whatever the source says.")
    ] = False,
    reset: Annotated[bool, typer.Option("--reset", help="Back to what the source says.")] = False,
    column: ColumnOption = None,
    home: HomeOption = None,
    as_json: JsonFlag = False,
    as_user: AsOption = None,
) -> int:
    """Add an owner, or take one away; a person or team may own in several roles."""
    from catalog.curation.patch import FactPatch, OwnerPatch

    if sum((who is not None, nobody, reset)) != 1:
        raise BadInput("Who?", remedy="Give a person or team, --nobody or --reset.")

    def make(unit: Unit, viewer: Any, now: EditResult) -> FactPatch:
        if who is None:
            return FactPatch(owners=[] if nobody else None)
        have = [(one["owner"], one["role"]) for one in now.current["owners"] or ()]
        meant = _owner(unit, viewer, who, {owner for owner, _ in have})
        if remove:
            kept = [one for one in have if one[0] != meant or (role and one[1] != role)]
            if len(kept) == len(have):
                raise NotFound(
                    f"{who} does not own it by what people wrote.",
                    remedy="`catalog show NAME` lists its owners.",
                )
        else:
            new = (meant, role or "owner")
            kept = [*(one for one in have if one != new), new]
        return FactPatch(owners=[OwnerPatch(*one) for one in kept] or None)

    return _write(name, column, home, as_json, as_user, make)


def _owner(unit: Unit, viewer: Any, who: str, there: set[str]) -> str:
    """The owner value of who was typed; one who owns already may have been removed since."""
    from catalog.access.people import resolve_owner

    return who if who in there else resolve_owner(unit.session, viewer, who).value


def flag(
    name: NameArgument,
    kind: Annotated[str | None, typer.Argument(help="endorsed, warned or deprecated.")] = None,
    reason: Annotated[str | None, typer.Option("--reason", help="Why.")] = None,
    remove: Annotated[bool, typer.Option("--remove", help="Take your flag away.")] = False,
    column: ColumnOption = None,
    home: HomeOption = None,
    as_json: JsonFlag = False,
    as_user: AsOption = None,
) -> int:
    """Set your own trust flag; everybody has one per asset or column."""
    from catalog.curation.patch import FactPatch, FlagPatch

    if (kind is None) != remove:
        raise BadInput("Which flag?", remedy="Give endorsed, warned or deprecated, or --remove.")
    patch = FactPatch(flag=None if kind is None else FlagPatch(kind, reason))
    return _write(name, column, home, as_json, as_user, lambda _unit, _viewer, _now: patch)
