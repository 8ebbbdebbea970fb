"""``source add|list|show|edit|check|preview|pause|resume|move|remove|kinds``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from catalog.cli import fields, outcomes
from catalog.cli.context import (
    DONE,
    FAILED,
    AsOption,
    HomeOption,
    JsonFlag,
    Opened,
    emit,
    opened,
    plain,
    say,
)
from catalog.errors import BadInput

source = typer.Typer(help="Sources: what is crawled, and what pushes.", no_args_is_help=True)
NameArgument = Annotated[str, typer.Argument(help="Short name or id of a source.")]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", help="FIELD=VALUE of the config; VALUE may be JSON; repeatable."),
]
TitleOption = Annotated[str | None, typer.Option("--title", help="What people call it.")]
EnvironmentOption = Annotated[
    str | None, typer.Option("--environment", help="production, staging ...: a label.")
]
RankOption = Annotated[
    int | None, typer.Option("--rank", help="Of two sources on one asset the higher decides.")
]
PercentOption = Annotated[
    int | None, typer.Option("--brake-percent", help="Hold when more than this share would go.")
]
AssetsOption = Annotated[
    int | None, typer.Option("--brake-assets", help="... and more than this many.")
]


def add_to(app: typer.Typer) -> None:
    """Adds the commands."""
    app.add_typer(source, name="source")


@source.command("add", cls=fields.AddCommand)
def add(
    target: Annotated[
        str | None,
        typer.Argument(help="A folder, database file or database URL; or a kind, see `kinds`."),
    ] = None,
    kind: Annotated[str | None, typer.Option("--kind", help="Kind, if TARGET is none.")] = None,
    given: SetOption = None,
    name: Annotated[str | None, typer.Option("--name", help="Short name; else suggested.")] = None,
    title: TitleOption = None,
    environment: EnvironmentOption = None,
    rank: RankOption = None,
    percent: PercentOption = None,
    assets: AssetsOption = None,
    home: HomeOption = None,
    as_json: JsonFlag = False,
    as_user: AsOption = None,
) -> int:
    """Add a source: by a path or URL, or by a kind and the fields of its config."""
    from catalog.naming import without_secrets
    from catalog.sources import sources as room

    found, config = fields.config_of(target, kind, given or [])
    settings = _settings(title, environment, rank, percent, assets)
    typed = "" if target is None or target == found else without_secrets(target)
    with opened(home, as_user) as open_:
        view = open_.write(
            lambda unit: room.create(
                unit, open_.viewer, found, config, name=name, target=typed, **settings
            )
        )
    return _shown(view, as_json, f"Added {view.name}; crawl it with `catalog crawl {view.name}`.")


def _settings(
    title: str | None,
    environment: str | None,
    rank: int | None,
    percent: int | None,
    assets: int | None,
) -> dict[str, Any]:
    values = {
        "title": title,
        "environment": environment,
        "rank": rank,
        "brake_percent": percent,
        "brake_assets": assets,
    }
    return {name: value for name, value in values.items() if value is not None}


def _shown(view: Any, as_json: bool, text: str) -> int:
    if as_json:
        emit(plain(view))
    else:
        say(text)
    return DONE


@source.command("list")
def list_all(
    removed: Annotated[bool, typer.Option("--removed", help="Also removed ones.")] = False,
    home: HomeOption = None,
    as_json: JsonFlag = False,
) -> int:
    """List the sources with their last crawls."""
    from catalog.sources import reads

    with opened(home) as open_, open_.store.read() as session:
        found = reads.list_sources(session, open_.viewer, removed=removed)
    if as_json:
        emit({"items": plain(found), "total": len(found)})
    else:
        outcomes.sources(found)
    return DONE


@source.command("show")
def show(name: NameArgument, home: HomeOption = None, as_json: JsonFlag = False) -> int:
    """Show a source; secrets as ***."""
    from catalog.sources import reads

    with opened(home) as open_, open_.store.read() as session:
        view = reads.get_source(session, open_.viewer, name)
    if as_json:
        emit(plain(view))
    else:
        outcomes.source(view)
    return DONE


@source.command("edit")
def edit(
    name: NameArgument,
    given: SetOption = None,
    unset: Annotated[
        list[str] | None, typer.Option("--unset", help="Field back to its default; repeatable.")
    ] = None,
    title: TitleOption = None,
    environment: EnvironmentOption = None,
    rank: RankOption = None,
    percent: PercentOption = None,
    assets: AssetsOption = None,
    home: HomeOption = None,
    as_json: JsonFlag = False,
    as_user: AsOption = None,
) -> int:
    """Change a source's config or settings; what is not named stays."""
    from catalog.sources import reads
    from catalog.sources import sources as room

    changes = _settings(title, environment, rank, percent, assets)
    with opened(home, as_user) as open_:

        def work(unit: Any) -> Any:
            before = reads.get_source(unit.session, open_.viewer, name)
            if given or unset:
                changes["config"] = fields.edited(before, given or [], unset or [])
            if not changes:
                raise BadInput("Nothing to change.", remedy="Name it: --set FIELD=VALUE, --title.")
            return room.edit(unit, open_.viewer, name, changes)

        view = open_.write(work)
    return _shown(view, as_json, f"Changed {view.name}.")


@source.command("check")
def check(name: NameArgument, home: HomeOption = None, as_json: JsonFlag = False) -> int:
    """Connect to a source and say what works."""
    from catalog.usecases import connecting

    with opened(home) as open_:
        found = connecting.check(open_.settings, open_.viewer, _draft(open_, name, []))
    if as_json:
        emit(plain(found))
    else:
        say(found.message)
        if found.remedy:
            say(f"  {found.remedy}")
    return DONE if found.ok else FAILED


def _draft(open_: Opened, name: str, given: list[str]) -> Any:
    from catalog.sources import reads
    from catalog.usecases import connecting

    with open_.store.read() as session:
        edited = None
        if given:
            edited = fields.edited(reads.get_source(session, open_.viewer, name), given, [])
        return connecting.draft_of(session, open_.viewer, name, edited)


@source.command("preview")
def preview(
    name: NameArgument,
    given: Annotated[
        list[str] | None,
        typer.Option("--set", help="Try a FIELD=VALUE without keeping it; repeatable."),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", help="How many names at most.")] = 200,
    home: HomeOption = None,
    as_json: JsonFlag = False,
) -> int:
    """Show what the patterns select and leave out."""
    from catalog.usecases import connecting

    with opened(home) as open_:
        draft = _draft(open_, name, given or [])
        found = connecting.preview(open_.settings, open_.viewer, draft, limit=limit)
    if as_json:
        emit(plain(found))
    else:
        outcomes.selection(found)
    return DONE


@source.command("pause")
def pause(
    name: NameArgument,
    home: HomeOption = None,
    as_json: JsonFlag = False,
    as_user: AsOption = None,
) -> int:
    """Pause a source: its schedule starts nothing."""
    return _pause(name, True, home, as_json, as_user)


@source.command("resume")
def resume(
    name: NameArgument,
    home: HomeOption = None,
    as_json: JsonFlag = False,
    as_user: AsOption = None,
) -> int:
    """Go on with a paused source; what was missed is not caught up."""
    return _pause(name, False, home, as_json, as_user)


def _pause(name: str, paused: bool, home: Path | None, as_json: bool, as_user: str | None) -> int:
    from catalog.sources import sources as room

    with opened(home, as_user) as open_:
        view = open_.write(lambda unit: room.pause(unit, open_.viewer, name, paused))
    return _shown(view, as_json, f"{view.name} is {view.state}.")


@source.command("move")
def move(
    name: NameArgument,
    new_name: Annotated[str, typer.Argument(help="The new short name.")],
    home: HomeOption = None,
    as_json: JsonFlag = False,
    as_user: AsOption = None,
) -> int:
    """Give a source another short name."""
    from catalog.sources import sources as room

    with opened(home, as_user, follow=True) as open_:
        view = open_.write(lambda unit: room.move(unit, open_.viewer, name, new_name))
    return _shown(view, as_json, f"{name} is {view.name} now.")


@source.command("remove")
def remove(
    name: NameArgument,
    now: Annotated[
        bool, typer.Option("--now", help="Delete at once what it left; not after 30 days.")
    ] = False,
    typed: Annotated[
        str | None, typer.Option("--confirm", help="With --now: the name once more.")
    ] = None,
    home: HomeOption = None,
    as_json: JsonFlag = False,
    as_user: AsOption = None,
) -> int:
    """Remove a source: its assets are hidden, and deleted after 30 days."""
    from catalog.sources import reads
    from catalog.usecases import removing

    with opened(home, as_user, follow=True) as open_:
        with open_.store.read() as session:
            view = reads.get_source(session, open_.viewer, name)
        if now and typed is None:
            typed = typer.prompt(
                f"Type {reads.shown_name(view.name)} to delete all that it left", err=True
            )
        if now and typed != reads.shown_name(view.name):
            raise BadInput(f"{typed!r} is not the name of the source; nothing was removed.")
        if view.state != "removed":
            removing.remove_source(open_.store, open_.viewer, view.id)
        if now:
            removing.delete_now(open_.store, open_.viewer, view.id, typed or "")
    if as_json:
        emit({"id": view.id, "removed": view.name, "deleted": now})
    else:
        say(f"Removed {view.name}." if now else f"Removed {view.name}; add it again to undo.")
    return DONE


@source.command("kinds")
def kinds(
    kind: Annotated[str | None, typer.Argument(help="Only this kind, with its fields.")] = None,
    as_json: JsonFlag = False,
) -> int:
    """List the kinds of sources, or describe the fields of one."""
    if kind is None:
        found = fields.all_kinds()
        if as_json:
            emit({"items": plain(found), "total": len(found)})
        else:
            outcomes.kinds(found)
        return DONE
    one = fields.one_kind(kind)
    if as_json:
        emit(plain(one))
    else:
        fields.describe(one)
    return DONE
