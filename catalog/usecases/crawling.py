"""Crawls from request to end: the crawler is built from its source, records go to ingest,
statements are parsed."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, select

from catalog.access.viewer import Viewer
from catalog.crawling import registry
from catalog.crawling.crawler import Crawler
from catalog.errors import BadInput, NotFound
from catalog.history.store import Store, table_of
from catalog.history.unit import Unit
from catalog.ingest.context import load_source
from catalog.ingest.crawl import run_crawl, state_key
from catalog.ingest.forecast import CrawlPreview
from catalog.ingest.preview import preview
from catalog.jobs.handlers import JobContext
from catalog.jobs.queue import Queue
from catalog.jobs.scheduler import enqueue_crawl_job
from catalog.model import Crawl, Source
from catalog.naming import id_bytes
from catalog.settings import Settings
from catalog.sources import crawls, secrets
from catalog.usecases import pushing, statements

_SOURCE = table_of(Source)
_CRAWL = table_of(Crawl)


def build_crawler(settings: Settings, kind: str, config: Mapping[str, Any]) -> Crawler[Any]:
    """The crawler of a stored config, its secrets opened."""
    found = registry.crawler_class(kind)
    opened = secrets.open_secrets(dict(config), found.Config)
    return found(found.Config.model_validate(opened))


def request_crawl(
    unit: Unit,
    queue: Queue,
    viewer: Viewer,
    source: str,
    *,
    trigger: str = "person",
    names: Sequence[str] | None = None,
) -> str:
    """Queues a crawl of a source (short name or id): whole, or of the named assets only.

    Answers the crawl's id. `Conflict` if a whole crawl of it waits or runs already.
    """
    viewer.require("source")
    key = source_key(unit.connection, source)
    crawl = crawls.enqueue_crawl(unit, viewer.actor, key, trigger, names)
    enqueue_crawl_job(queue, unit, crawl)
    return crawl


def source_key(connection: Connection, source: str) -> int:
    """Key of a source by short name or public id."""
    uid = id_bytes(source)
    condition = _SOURCE.c.name == source if uid is None else _SOURCE.c.uid == uid
    row = connection.execute(
        select(_SOURCE.c.key, _SOURCE.c.kind).where(condition, _SOURCE.c.removed_at.is_(None))
    ).first()
    if row is None:
        raise NotFound(f"There is no source {source!r}.", remedy="`catalog source list` shows all.")
    if row.kind == "push":
        raise BadInput(
            f"The source {source!r} is pushed to; there is nothing to crawl.",
            remedy="Send records with `catalog ingest FILE --source NAME`.",
        )
    return int(row.key)


def crawl_now(
    store: Store,
    settings: Settings,
    crawl: str,
    *,
    stopping: Callable[[], bool] = lambda: False,
) -> str:
    """Runs a queued crawl (id) in this process, then parses the statements that it found."""
    uid = id_bytes(crawl)
    with store.connect() as connection:
        row = connection.execute(
            select(_CRAWL.c.key, _CRAWL.c.trigger, _SOURCE.c.kind, _SOURCE.c.config)
            .join(_SOURCE, _SOURCE.c.key == _CRAWL.c.source)
            .where(_CRAWL.c.uid == uid)
        ).first()
    if row is None:
        raise NotFound(f"There is no crawl {crawl}.")
    if row.trigger == "push":
        state = pushing.run_pushed(store, settings, crawl, stopping=stopping)
    else:
        state = _run_crawler(store, settings, row, stopping)
    if state in ("succeeded", "partial"):
        statements.follow(store, settings, cancelled=stopping)
    return state


def preview_crawl(
    store: Store,
    settings: Settings,
    viewer: Viewer,
    source: str,
    *,
    only: Sequence[str] | None = None,
    cancelled: Callable[[], bool] = lambda: False,
) -> CrawlPreview:
    """What a crawl of a source (short name or id) would do; the source is read, nothing written.

    `NotFound`, `BadInput`, `NotAllowed`, and what the crawler raises.
    """
    viewer.require("source")
    with store.connect() as connection:
        key = source_key(connection, source)
        info = load_source(connection, key)
        config = json.loads(
            connection.execute(select(_SOURCE.c.config).where(_SOURCE.c.key == key)).scalar_one()
        )
    crawler = build_crawler(settings, info.kind, config)
    try:
        return preview(
            store,
            info,
            crawler,
            config_key=state_key(config, type(crawler).version),
            refused_by=crawler.config.refused_by,
            only=only,
            cancelled=cancelled,
        )
    finally:
        crawler.close()


def _run_crawler(store: Store, settings: Settings, row: Any, stopping: Callable[[], bool]) -> str:
    config = json.loads(row.config)
    try:
        crawler = build_crawler(settings, row.kind, config)
    except Exception as error:
        _fail(store, row.key, error)
        return "failed"
    try:
        return run_crawl(
            store,
            row.key,
            crawler,
            crawler_version=type(crawler).version,
            config_key=state_key(config, type(crawler).version),
            refused_by=crawler.config.refused_by,
            stopping=stopping,
        )
    finally:
        crawler.close()


def _fail(store: Store, crawl: int, error: Exception) -> None:
    from catalog.naming import without_secrets

    with store.write("system") as unit:
        crawls.finish(unit, crawl, "failed", without_secrets(str(error))[:1000])


def handle_crawl(context: JobContext, crawl: str) -> None:
    """The job ``crawl``."""
    crawl_now(context.store, context.settings, crawl, stopping=context.stopping)


def handle_parse(context: JobContext) -> None:
    """The job ``parse``: statements whose meaning may have changed."""
    statements.follow(context.store, context.settings, cancelled=context.cancelled)
