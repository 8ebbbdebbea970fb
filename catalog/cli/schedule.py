"""``schedule set|show|remove``."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from catalog.cli import outcomes
from catalog.cli.context import DONE, AsOption, HomeOption, JsonFlag, emit, opened, out, plain, say
from catalog.errors import BadInput

schedule = typer.Typer(help="When sources are crawled by themselves.", no_args_is_help=True)
NameArgument = Annotated[str, typer.Argument(help="Short name or id of a source.")]


def add_to(app: typer.Typer) -> None:
    """Adds the commands."""
    app.add_typer(schedule, name="schedule")


@schedule.command("set")
def set_schedule(
    name: NameArgument,
    cron: Annotated[
        str | None, typer.Option("--cron", help='Five fields: "0 3 * * *" is each day at three.')
    ] = None,
    every: Annotated[str | None, typer.Option("--every", help="30m, 2h, 1d, 1w.")] = None,
    zone: Annotated[
        str, typer.Option("--zone", help="Time zone of --cron: Europe/Berlin.")
    ] = "UTC",
    home: HomeOption = None,
    as_json: JsonFlag = False,
    as_user: AsOption = None,
) -> int:
    """Crawl a source at times, or in intervals; a running server does it."""
    if (cron is None) == (every is None):
        raise BadInput("When?", remedy='Give --cron "0 3 * * *" or --every 2h.')
    wanted: dict[str, str | None] = {"cron": cron, "zone": zone} if cron else {"every": every}
    return _edit(name, wanted, home, as_json, as_user)


@schedule.command("remove")
def remove(
    name: NameArgument,
    home: HomeOption = None,
    as_json: JsonFlag = False,
    as_user: AsOption = None,
) -> int:
    """Take a source's schedule away."""
    return _edit(name, None, home, as_json, as_user)


def _edit(
    name: str, wanted: dict[str, str | None] | None, home: Any, as_json: bool, as_user: str | None
) -> int:
    from catalog.sources import sources as room

    with opened(home, as_user) as open_:
        view = open_.write(lambda unit: room.edit(unit, open_.viewer, name, {"schedule": wanted}))
    return _shown(view, as_json)


@schedule.command("show")
def show(
    name: Annotated[
        str | None, typer.Argument(help="Short name or id of a source; without one, all.")
    ] = None,
    home: HomeOption = None,
    as_json: JsonFlag = False,
) -> int:
    """Show a schedule with its next five runs."""
    from catalog.sources import reads

    with opened(home) as open_, open_.store.read() as session:
        if name is not None:
            return _shown(reads.get_source(session, open_.viewer, name), as_json)
        found = [one for one in reads.list_sources(session, open_.viewer) if one.schedule]
        views = [reads.get_source(session, open_.viewer, one.id) for one in found]
    if as_json:
        emit({"items": [_reply(one) for one in views], "total": len(views)})
        return DONE
    for view in views:
        _tell(view)
    say(f"{len(views):,} schedules.")
    return DONE


def _shown(view: Any, as_json: bool) -> int:
    if as_json:
        emit(_reply(view))
    else:
        _tell(view)
    return DONE


def _reply(view: Any) -> dict[str, Any]:
    """As the API answers a schedule."""
    return {
        "source_id": view.id,
        "source": view.name,
        "schedule": view.schedule,
        "next_runs": plain({"next_runs": view.next_runs})["next_runs"] or [],
        "state": view.state,
    }


def _tell(view: Any) -> None:
    said = outcomes.schedule_text(view.schedule) or "no schedule"
    out(f"{view.name}: {said}" + (", paused" if view.state == "paused" else ""))
    for run in view.next_runs or ():
        out(f"  {outcomes.moment(run)}")
