"""How a crawl ends, and in which words."""

from __future__ import annotations

from sqlalchemy import select

from catalog.errors import CatalogError
from catalog.history.store import table_of
from catalog.ingest.run import Run
from catalog.model import Crawl, CrawlScope
from catalog.naming import without_secrets
from catalog.sources import crawls, problems

_CRAWL = table_of(Crawl)
_CRAWL_SCOPE = table_of(CrawlScope)


def verdict(run: Run) -> str:
    """Ends a crawl whose scopes are all read, with what was wrong with them; its state."""
    context = run.context
    with context.store.connect() as connection:
        row = connection.execute(select(_CRAWL).where(_CRAWL.c.key == context.crawl)).one()
        states = (
            connection.execute(
                select(_CRAWL_SCOPE.c.state).where(_CRAWL_SCOPE.c.crawl == context.crawl)
            )
            .scalars()
            .all()
        )
    failed = [state for state in states if state == "failed"]
    if states and len(failed) == len(states):
        return end(run, "failed", "No scope could be read.")
    if row.failed or row.failed_objects:
        # One broken file is a failed object and a failed asset.
        count = max(row.failed, row.failed_objects)
        run.why.append(f"{count:,} {'thing' if count == 1 else 'things'} could not be read.")
    if failed:
        run.why.append(f"{len(failed):,} of {len(states):,} scopes failed.")
    if "incomplete" in states:
        count = states.count("incomplete")
        run.why.append(f"{count:,} of {len(states):,} scopes could not be listed completely.")
    if run.why:
        return end(run, "partial", " ".join(run.why))
    context.store.run(
        lambda unit: problems.resolve_unseen(unit, context.source.key, None, context.crawl),
        "system",
    )
    return end(run, "succeeded", None)


def end(run: Run, state: str, why: str | None) -> str:
    """Ends the crawl; answers the state."""
    context = run.context
    context.store.run(lambda unit: crawls.finish(unit, context.crawl, state, why), "system")
    return state


def said(error: Exception) -> str:
    """An error in a sentence for people, without secrets."""
    if isinstance(error, CatalogError):
        return without_secrets(error.message)
    return without_secrets(f"{type(error).__name__}: {error}")[:500]


def note_error(run: Run, scope: int | None, what: str, error: Exception) -> None:
    """Notes what ended a scope, or the listing of them (``scope`` None)."""
    hint = (
        error.remedy
        if isinstance(error, CatalogError)
        else ("This is a fault of the crawler; see the log for where.")
    )
    code = type(error).__name__.lower() if isinstance(error, CatalogError) else "crawler"
    seen = problems.Seen(code=code, what=what, why=said(error), hint=hint)
    context = run.context
    context.store.run(
        lambda unit: problems.note(unit, context.source.key, scope, context.crawl, [seen]), "system"
    )
