"""``crawl``, ``crawls``, ``holds``, ``problems``."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Annotated, Any

import typer

from catalog.cli import outcomes
from catalog.cli.context import (
    DONE,
    PART,
    AsOption,
    HomeOption,
    JsonFlag,
    Opened,
    emit,
    opened,
    plain,
    say,
)
from catalog.cli.crawling import crawl_all, exit_code
from catalog.errors import BadInput

crawls = typer.Typer(help="Crawls that run, wait or have ended.", no_args_is_help=True)
holds = typer.Typer(help="Assets that a crawl missed and the brake kept.", no_args_is_help=True)
problems = typer.Typer(help="What crawls could not read.", no_args_is_help=True)

SourceOption = Annotated[str | None, typer.Option("--source", help="Only of this source.")]
LimitOption = Annotated[int, typer.Option("--limit", "-n", help="How many at most.")]
AfterOption = Annotated[str | None, typer.Option("--after", help="Go on after a page: its `next`.")]
CrawlArgument = Annotated[str, typer.Argument(help="Id of a crawl.")]
ProblemArgument = Annotated[str, typer.Argument(help="Id of a problem.")]


def add_to(app: typer.Typer) -> None:
    """Adds the commands."""
    app.command("crawl")(crawl)
    app.add_typer(crawls, name="crawls")
    app.add_typer(holds, name="holds")
    app.add_typer(problems, name="problems")


def crawl(
    names: Annotated[list[str] | None, typer.Argument(help="Short names of sources.")] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="All sources that are not paused.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what it would do; write nothing.")
    ] = False,
    only: Annotated[
        list[str] | None,
        typer.Option("--only", help="Only this asset's name, as the source has it; repeatable."),
    ] = None,
    home: HomeOption = None,
    as_json: JsonFlag = False,
    as_user: AsOption = None,
) -> int:
    """Crawl sources in this process; Ctrl-C cancels what runs, and loses nothing."""
    with opened(home, as_user, follow=not dry_run) as open_:
        chosen = _chosen(open_, names or [], everything, only)
        if dry_run:
            return _preview(open_, chosen, only, as_json)
        found = crawl_all(open_.catalog, open_.viewer, chosen, only=only)
    if as_json:
        emit({"crawls": found})
    else:
        outcomes.table_of(found)
    return exit_code(found)


def _chosen(open_: Opened, names: list[str], everything: bool, only: list[str] | None) -> list[str]:
    """Short names, all of them checked before the first crawl begins."""
    from catalog.sources import reads

    if everything == bool(names):
        raise BadInput("Which sources?", remedy="Give their short names, or --all.")
    with open_.store.read() as session:
        if everything:
            return [
                one.name
                for one in reads.list_sources(session, open_.viewer)
                if one.state == "active" and one.kind != "push"
            ]
        if only and len(names) > 1:
            raise BadInput("--only is for one source.", remedy="Crawl them one by one.")
        return [reads.find(session, open_.viewer, name).name for name in names]


def _preview(open_: Opened, names: list[str], only: list[str] | None, as_json: bool) -> int:
    from catalog.usecases.crawling import preview_crawl

    found = []
    for name in names:
        say(f"Reading {name} ...")
        found.append(preview_crawl(open_.store, open_.settings, open_.viewer, name, only=only))
    if as_json:
        emit({"previews": found})
    else:
        for one in found:
            outcomes.preview(one)
    return DONE if all(one.complete for one in found) else PART


# --- crawls ---------------------------------------------------------------------------------


@crawls.command("list")
def list_crawls(
    source: SourceOption = None,
    states: Annotated[
        list[str] | None, typer.Option("--state", help="queued, running, succeeded, partial ...")
    ] = None,
    limit: LimitOption = 20,
    after: AfterOption = None,
    home: HomeOption = None,
    as_json: JsonFlag = False,
) -> int:
    """List crawls, the newest first."""
    from catalog.sources import crawl_reads

    read = partial(
        crawl_reads.list_crawls, source=source, states=states or (), limit=limit, after=after
    )
    return _listed(home, as_json, read, outcomes.crawls)


def _listed(
    home: Any, as_json: bool, read: Callable[..., Any], shown: Callable[[Any], None]
) -> int:
    with opened(home) as open_, open_.store.read() as session:
        found = read(session, open_.viewer)
    if as_json:
        emit(plain(found))
    else:
        shown(found)
    return DONE


@crawls.command("show")
def show_crawl(crawl_id: CrawlArgument, home: HomeOption = None, as_json: JsonFlag = False) -> int:
    """Show a crawl with its scopes and both sums."""
    from catalog.sources import crawl_reads

    read = partial(crawl_reads.get_crawl, crawl_id=crawl_id)
    return _listed(home, as_json, read, outcomes.detail)


@crawls.command("cancel")
def cancel_crawl(
    crawl_id: CrawlArgument,
    home: HomeOption = None,
    as_json: JsonFlag = False,
    as_user: AsOption = None,
) -> int:
    """Ask a crawl to stop; what it has written stays."""
    from catalog.sources.crawls import request_cancel

    with opened(home, as_user) as open_:
        state = open_.write(lambda unit: request_cancel(unit, open_.viewer, crawl_id))
    if as_json:
        emit({"crawl": crawl_id, "state": state, "cancel_requested": True})
    else:
        say("Cancelled." if state == "cancelled" else "It was asked to stop.")
    return DONE


# --- holds ----------------------------------------------------------------------------------


@holds.command("list")
def list_holds(
    source: SourceOption = None,
    ended: Annotated[bool, typer.Option("--ended", help="Also those that have ended.")] = False,
    limit: LimitOption = 50,
    after: AfterOption = None,
    home: HomeOption = None,
    as_json: JsonFlag = False,
) -> int:
    """List assets that wait for a person to confirm that they are gone."""
    from catalog.sources import holds as room

    read = partial(room.list_holds, source=source, ended=ended, limit=limit, after=after)
    return _listed(home, as_json, read, outcomes.holds)


@holds.command("confirm")
def confirm_holds(
    ids: Annotated[list[str] | None, typer.Argument(help="Ids of holds.")] = None,
    source: Annotated[str | None, typer.Option("--source", help="All of this source.")] = None,
    home: HomeOption = None,
    as_json: JsonFlag = False,
    as_user: AsOption = None,
) -> int:
    """Confirm that held assets are gone: those that are still missing are removed."""
    from catalog.usecases.removing import confirm_holds as case

    if bool(ids) == (source is not None):
        raise BadInput("Which holds?", remedy="Give their ids, or --source NAME for all of it.")
    with opened(home, as_user, follow=True) as open_:
        count = case(open_.store, open_.viewer, source=source, hold_ids=ids or None)
    if as_json:
        emit({"removed": count})
    else:
        say(f"{count:,} assets were removed; what people wrote of them is kept.")
    return DONE


# --- problems -------------------------------------------------------------------------------


@problems.command("list")
def list_problems(
    source: SourceOption = None,
    crawl_id: Annotated[str | None, typer.Option("--crawl", help="Met by this crawl.")] = None,
    muted: Annotated[bool, typer.Option("--muted", help="Also muted ones.")] = False,
    resolved: Annotated[bool, typer.Option("--resolved", help="Also resolved ones.")] = False,
    limit: LimitOption = 50,
    after: AfterOption = None,
    home: HomeOption = None,
    as_json: JsonFlag = False,
) -> int:
    """List what could not be read, and what to do about it."""
    from catalog.sources import crawl_reads

    read = partial(
        crawl_reads.list_problems,
        source=source,
        crawl=crawl_id,
        muted=muted,
        resolved=resolved,
        limit=limit,
        after=after,
    )
    return _listed(home, as_json, read, outcomes.problems)


@problems.command("mute")
def mute_problem(
    problem_id: ProblemArgument,
    reason: Annotated[str, typer.Option("--reason", help="Why it may be left so.")],
    days: Annotated[int, typer.Option("--days", min=1, max=3650, help="For how long.")] = 30,
    home: HomeOption = None,
    as_json: JsonFlag = False,
    as_user: AsOption = None,
) -> int:
    """Mute a problem for some days, with the reason."""
    from catalog.model import clock
    from catalog.sources.problems import mute

    until = clock.now() + days * clock.DAY
    with opened(home, as_user) as open_:
        open_.write(lambda unit: mute(unit, open_.viewer, problem_id, reason, until))
    return _muted(problem_id, clock.to_text(until), as_json)


@problems.command("unmute")
def unmute_problem(
    problem_id: ProblemArgument,
    home: HomeOption = None,
    as_json: JsonFlag = False,
    as_user: AsOption = None,
) -> int:
    """End the muting of a problem."""
    from catalog.sources.problems import unmute

    with opened(home, as_user) as open_:
        open_.write(lambda unit: unmute(unit, open_.viewer, problem_id))
    return _muted(problem_id, None, as_json)


def _muted(problem_id: str, until: str | None, as_json: bool) -> int:
    if as_json:
        emit({"problem": problem_id, "muted_until": until})
    else:
        say("It is heard again." if until is None else f"Muted until {until}.")
    return DONE
