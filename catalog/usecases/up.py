"""``catalog up`` and ``catalog demo``: add sources, crawl them, and say how it went."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import select

from catalog.access.viewer import Viewer
from catalog.crawling import records, registry
from catalog.crawling.crawler import Scope, Scopes
from catalog.errors import Conflict
from catalog.history.store import Store, table_of
from catalog.history.unit import Unit
from catalog.ingest.crawl import run_crawl
from catalog.jobs.queue import Queue
from catalog.model import Crawl, Source
from catalog.naming import id_bytes, id_text, without_secrets
from catalog.settings import Settings
from catalog.sources import crawls, sources
from catalog.sources.configs import PUSH, config_class, namespaces_of, target_of
from catalog.sources.secrets import open_secrets, seal
from catalog.usecases import crawling, statements
from catalog.usecases.estate import Estate, build_estate, estate_records

_SOURCE, _CRAWL = table_of(Source), table_of(Crawl)
_DEMO = ("lake", "warehouse", "ops", "pipeline")


class CrawlOutcome(msgspec.Struct, frozen=True):
    """How one crawl ended: the ledger's sum of assets, and why it did not succeed."""

    source: str
    crawl: str
    state: str
    seen: int
    new: int
    changed: int
    unchanged: int
    failed: int
    why: str | None


def add_target(
    store: Store, settings: Settings, viewer: Viewer, target: str, name: str | None = None
) -> tuple[str, bool]:
    """(short name, whether it is new) of the source for a path or URL that a person typed.

    The same system again is the same source. `BadInput` if no crawler reads it.
    """
    kind, config = registry.claim(target)
    return add_source(store, settings, viewer, kind, config, name=name, target=target)


def add_source(
    store: Store,
    settings: Settings,
    viewer: Viewer,
    kind: str,
    config: Mapping[str, Any],
    *,
    name: str | None = None,
    target: str = "",
) -> tuple[str, bool]:
    """The source of a kind and config, made when there is none of the same system."""

    def work(unit: Unit) -> tuple[str, bool]:
        known = _same_system(unit, kind, config)
        if known is not None:
            return known, False
        made = sources.create(unit, viewer, kind, config, name=name, target=without_secrets(target))
        return made.name, True

    return store.run(work, viewer.actor)


def _same_system(unit: Unit, kind: str, config: Mapping[str, Any]) -> str | None:
    model = config_class(kind)
    namespaces = namespaces_of(kind, seal(dict(config), model))
    rows = unit.connection.execute(
        select(_SOURCE.c.name, _SOURCE.c.config).where(
            _SOURCE.c.kind == kind,
            _SOURCE.c.removed_at.is_(None),
            # Two servers may each have a database of this name.
            _SOURCE.c.namespaces == json.dumps(namespaces, ensure_ascii=False),
        )
    ).all()
    wanted = target_of(kind, config)
    for row in rows:
        if target_of(kind, open_secrets(json.loads(row.config), model)) == wanted:
            return str(row.name)
    return None


def crawl_sources(
    store: Store,
    settings: Settings,
    queue: Queue,
    viewer: Viewer,
    names: Sequence[str],
    *,
    only: Sequence[str] | None = None,
    stopping: Callable[[], bool] = lambda: False,
    on_start: Callable[[str, str], None] = lambda _name, _crawl: None,
) -> list[CrawlOutcome]:
    """Crawls sources one after the other in this process; one that is crawled already is left
    out. ``only``: just these assets. ``on_start`` gets the source's name and the crawl's id."""
    found: list[CrawlOutcome] = []
    for name in names:
        if stopping():
            break
        try:
            crawl = store.run(partial(_begin, viewer=viewer, name=name, only=only), viewer.actor)
        except Conflict as conflict:
            found.append(CrawlOutcome(name, "", "running", 0, 0, 0, 0, 0, conflict.message))
            continue
        on_start(name, crawl)
        crawling.crawl_now(store, settings, crawl, stopping=stopping)
        found.append(outcome(store, name, crawl))
    return found


def _begin(unit: Unit, viewer: Viewer, name: str, only: Sequence[str] | None) -> str:
    viewer.require("source")
    source = crawling.source_key(unit.connection, name)
    return crawls.enqueue_crawl(unit, viewer.actor, source, "person", only)


def outcome(store: Store, name: str, crawl: str) -> CrawlOutcome:
    """How a crawl (id) stands."""
    with store.connect() as connection:
        row = connection.execute(select(_CRAWL).where(_CRAWL.c.uid == id_bytes(crawl))).one()
    return CrawlOutcome(
        name,
        id_text(row.uid),
        row.state,
        row.seen,
        row.new,
        row.changed,
        row.unchanged,
        row.failed,
        row.why,
    )


# --- the demo -------------------------------------------------------------------------------


class _Statements:
    """The pipeline's statements as a push: what no crawl can see."""

    def __init__(self, estate: Estate) -> None:
        self._estate = estate

    def scopes(self, state: Mapping[str, Any]) -> Scopes:
        return Scopes([Scope("build")])

    def crawl(
        self, scope: Scope, state: Mapping[str, Any] | None, only: Sequence[str] | None = None
    ) -> Iterator[records.Record]:
        yield from estate_records(self._estate)
        yield records.Done()


def demo(
    store: Store,
    settings: Settings,
    queue: Queue,
    viewer: Viewer,
    folder: Path,
    *,
    stopping: Callable[[], bool] = lambda: False,
    on_step: Callable[[str], None] = lambda _text: None,
) -> list[CrawlOutcome]:
    """Builds the demo estate in a folder, adds its sources and crawls those never crawled.

    Run again it does nothing but say how the last crawls went.
    """
    on_step("Building the demo estate")
    estate = build_estate(folder)
    configs: dict[str, tuple[str, dict[str, Any]]] = {
        "lake": ("local", {"path": str(estate.lake)}),
        "warehouse": ("duckdb", {"path": str(estate.duckdb)}),
        "ops": ("sqlite", {"path": str(estate.sqlite)}),
        "pipeline": (PUSH, {"namespaces": ["file", estate.duckdb_namespace]}),
    }
    names = {
        name: add_source(store, settings, viewer, kind, config, name=name)[0]
        for name, (kind, config) in configs.items()
    }
    found: list[CrawlOutcome] = []
    for name in _DEMO:
        last = _last_crawl(store, names[name])
        if last is not None:
            found.append(outcome(store, names[name], last))
            continue
        on_step(f"Crawling {names[name]}")
        if name == "pipeline":
            found.append(_push_statements(store, settings, viewer, names[name], estate))
        else:
            found.extend(
                crawl_sources(store, settings, queue, viewer, [names[name]], stopping=stopping)
            )
    return found


def _last_crawl(store: Store, name: str) -> str | None:
    with store.connect() as connection:
        uid = connection.execute(
            select(_CRAWL.c.uid)
            .join(_SOURCE, _SOURCE.c.key == _CRAWL.c.source)
            .where(_SOURCE.c.name == name, _CRAWL.c.state.in_(("succeeded", "partial")))
            .order_by(_CRAWL.c.key.desc())
            .limit(1)
        ).scalar_one_or_none()
    return None if uid is None else id_text(uid)


def _push_statements(
    store: Store, settings: Settings, viewer: Viewer, name: str, estate: Estate
) -> CrawlOutcome:
    def begin(unit: Unit) -> str:
        key = unit.connection.execute(
            select(_SOURCE.c.key).where(_SOURCE.c.name == name)
        ).scalar_one()
        return crawls.enqueue_crawl(unit, viewer.actor, key, "push")

    crawl = store.run(begin, viewer.actor)
    with store.read() as session:
        key = crawls.key_of(session, crawl)
    run_crawl(store, key, _Statements(estate), crawler_version=1, config_key="demo")
    statements.follow(store, settings)
    return outcome(store, name, crawl)
