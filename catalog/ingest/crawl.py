"""One crawl from beginning to end."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import select

from catalog.crawling import records
from catalog.crawling.crawler import Scope
from catalog.errors import DiskFull
from catalog.history.store import Store, table_of
from catalog.history.unit import dump
from catalog.ingest.context import CrawlContext, load_source
from catalog.ingest.missing import hold_unfound, withdraw_missing
from catalog.ingest.resume import recall
from catalog.ingest.run import Reader, Run
from catalog.ingest.scope import Cancelled
from catalog.ingest.scopes import close_failed, crawl_scope, known_states, open_scopes
from catalog.ingest.settling import settle
from catalog.ingest.verdict import end, note_error, said, verdict
from catalog.model import Crawl
from catalog.naming import id_text
from catalog.sources import crawls, owners

_CRAWL = table_of(Crawl)


def state_key(config: Mapping[str, Any], crawler_version: int) -> str:
    """What a crawler's state depends on; another key forgets the state."""
    text = dump([config, crawler_version, records.RECORD_FORMAT])
    return hashlib.blake2b(text.encode(), digest_size=12).hexdigest()


def run_crawl(
    store: Store,
    crawl: int,
    reader: Reader,
    *,
    crawler_version: int,
    config_key: str,
    refused_by: Callable[[str], str | None] = lambda _name: None,
    some_scopes: bool = False,
    stopping: Callable[[], bool] = lambda: False,
) -> str:
    """Runs a queued crawl (key) to its end; answers its state.

    ``refused_by``: the pattern of today's config that leaves a name out. ``some_scopes``: the
    reader lists only some scopes on purpose, which is no failure. ``stopping``: the
    process is asked to end; the crawl is given back and resumed by another one.
    A crawl that another living process has is left alone (its present state is answered).
    """
    owner = owners.current_owner()
    mine = store.run(lambda unit: crawls.begin(unit, crawl, owner, crawler_version), "system")
    with store.connect() as connection:
        row = connection.execute(select(_CRAWL).where(_CRAWL.c.key == crawl)).one()
    if not mine:
        return str(row.state)
    with store.connect() as connection:
        context = CrawlContext(
            store=store,
            source=load_source(connection, row.source),
            crawl=crawl,
            crawl_uid=id_text(row.uid),
            crawler_version=crawler_version,
            whole=row.subset is None,
            refused_by=refused_by,
        )
        recall(connection, context)
    only = None if row.subset is None else frozenset(json.loads(row.subset))
    run = Run(context, reader, config_key, only, some_scopes)
    try:
        return _run(run, stopping)
    finally:
        run.deferred.close()


def _run(run: Run, stopping: Callable[[], bool]) -> str:
    try:
        listed = run.reader.scopes(known_states(run))
    except Exception as error:
        note_error(run, None, "scopes", error)
        return end(run, "failed", f"The source could not be listed: {said(error)}")
    if not listed.complete and not (run.some_scopes and listed.why is None):
        run.why.append(listed.why or "Not all scopes could be listed.")
    try:
        ended = _crawl_scopes(run, open_scopes(run, listed), stopping)
        if ended is not None:
            return ended
        settle(run)
        if run.context.whole:
            withdraw_missing(run, listed)
        else:
            hold_unfound(run)
    except DiskFull as error:
        return end(run, "failed", str(error))
    return verdict(run)


def _crawl_scopes(
    run: Run, rows: Sequence[tuple[Scope, int, bool]], stopping: Callable[[], bool]
) -> str | None:
    """Crawls what is not done yet; the crawl's state if it ends here."""
    reached = True
    for scope, key, done in rows:
        if done:
            continue
        if stopping():
            return _give_back(run)
        if run.cancelled():
            return end(run, "cancelled", "It was cancelled by a person.")
        if not reached:
            close_failed(run, key, "The source was not reachable any more.")
            continue
        try:
            reached = crawl_scope(run, scope, key, stopping)
        except Cancelled:
            if stopping():
                return _give_back(run)
            return end(run, "cancelled", "It was cancelled by a person.")
    return None


def _give_back(run: Run) -> str:
    run.context.store.run(lambda unit: crawls.requeue(unit, run.context.crawl), "system")
    return "queued"
