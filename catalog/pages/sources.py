"""Sources: the list, and the page of one with its crawls, problems, holds and settings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import Path, Query
from starlette.responses import Response

from catalog.crawling.registry import crawler_class
from catalog.errors import CatalogError
from catalog.pages.foot import standings
from catalog.pages.frame import page, status_of
from catalog.pages.holds import by_scope
from catalog.pages.source_form import RUNS
from catalog.serving.call import Call, CallArg
from catalog.serving.routing import Router
from catalog.sources import crawl_reads, holds, reads
from catalog.sources.configs import PUSH
from catalog.sources.ledger import total
from catalog.sources.views import SourceView

router = Router("/sources", "pages")
SourceRef = Annotated[str, Path(description="Short name or id of the source.")]
CRAWLS: Final = 20
SHOWN: Final = 10
HOLDS: Final = 100


@dataclass(frozen=True)
class Row:
    """A source in the list. ``where``: its path or host, for who manages it."""

    source: SourceView
    kind: str
    where: str
    schedule: str
    assets: int


@dataclass(frozen=True)
class Typed:
    """What was typed into the schedule's form of the page, and what came of it."""

    schedule: str
    zone: str
    runs: tuple[int, ...] = ()
    error: CatalogError | None = None


@router.get("", include_in_schema=False)
def show_all(
    call: CallArg, removed: Annotated[bool, Query(description="Removed ones.")] = False
) -> Response:
    """All sources, each with its last crawl; or those that are removed and not yet deleted."""
    with call.read() as session:
        every = reads.list_sources(session, call.viewer, removed=call.viewer.may("source"))
        waiting = holds.list_holds(session, call.viewer, limit=1).total
    assets = standings(call).of(call).glance.sources
    gone = [one for one in every if one.state == "removed"]
    shown = gone if removed else [one for one in every if one.state != "removed"]
    rows = [_row(one, assets.get(one.name, 0) if not removed else 0) for one in shown]
    ledgers = [one.last_crawl.ledger for one in shown if one.last_crawl is not None]
    return page(
        call,
        "sources/sources.html",
        here="/sources",
        rows=rows,
        removed=removed,
        gone=len(gone),
        waiting=waiting,
        whole=total(one for one in ledgers if one is not None),
        assets=sum(row.assets for row in rows),
    )


@router.get("/{source}", include_in_schema=False)
def show(
    call: CallArg, source: SourceRef, after: Annotated[str | None, Query(max_length=64)] = None
) -> Response:
    """One source; ``after``: the crawl after which the page of crawls begins."""
    return source_page(call, source, after=after)


def source_page(
    call: Call, source: str, *, after: str | None = None, typed: Typed | None = None
) -> Response:
    """The page of a source, also after a form of it was refused."""
    with call.read() as session:
        found = reads.get_source(session, call.viewer, source)
        crawls = crawl_reads.list_crawls(
            session, call.viewer, source=found.id, limit=CRAWLS, after=after
        )
        problems = crawl_reads.list_problems(session, call.viewer, source=found.id, limit=SHOWN)
        held = holds.list_holds(session, call.viewer, source=found.id, limit=HOLDS)
    removed = found.state == "removed"
    return page(
        call,
        "sources/source.html",
        here="/sources",
        status=status_of(typed),
        source=found,
        kind=kind_title(found.kind),
        pushed=found.kind == PUSH,
        address=found.id if removed else found.name,
        crawls=crawls,
        first_page=after is None,
        problems=problems,
        held=held,
        held_scopes=by_scope(held.items),
        assets=0 if removed else standings(call).of(call).glance.sources.get(found.name, 0),
        settings=settings_of(found),
        schedule=schedule_text(found.schedule),
        typed=typed or _as_stored(found),
        changing=typed is not None,
        runs_shown=RUNS,
    )


def kind_title(kind: str) -> str:
    """What people call a kind of source; its own name when its crawler is not installed."""
    if kind == PUSH:
        return "Pushed records"
    try:
        return crawler_class(kind).title
    except CatalogError:
        return kind


def schedule_text(schedule: Any) -> str:
    """A schedule in few words: every 6h, daily 05:00 Europe/Berlin, or its five fields."""
    if not schedule:
        return ""
    if "every" in schedule:
        return f"every {schedule['every']}"
    fields = str(schedule["cron"]).split()
    zone = "" if schedule["zone"] == "UTC" else f" {schedule['zone']}"
    if len(fields) == 5 and fields[2:] == ["*"] * 3 and all(one.isdigit() for one in fields[:2]):
        return f"daily {int(fields[1]):02}:{int(fields[0]):02}{zone}"
    return f"{schedule['cron']}{zone}"


def settings_of(source: SourceView) -> list[tuple[str, str]]:
    """The config as labels and texts, in the order of the form; secrets are ``***``."""
    return [
        (name.replace("_", " ").capitalize(), _said(value))
        for name, value in (source.config or {}).items()
        if value not in (None, [], "")
    ]


# --- inside ---------------------------------------------------------------------------------


def _row(source: SourceView, assets: int) -> Row:
    config = source.config or {}
    where = next(
        (str(config[name]) for name in ("path", "host", "url", "bucket") if config.get(name)), ""
    )
    return Row(source, kind_title(source.kind), where, schedule_text(source.schedule), assets)


def _as_stored(source: SourceView) -> Typed:
    schedule = source.schedule or {}
    return Typed(schedule.get("every") or schedule.get("cron") or "", schedule.get("zone", ""))


def _said(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(str(one) for one in value)
    return str(value)
