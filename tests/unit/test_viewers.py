"""What reads takes a viewer: a public function over a session without one is refused.

The exceptions are those that answer nothing of an asset to anybody: they find out who asks, work
on what a caller has already been allowed to see, or serve followers and jobs, which see all.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from types import ModuleType

ROOMS = ("access", "assets", "sources", "curation", "lineage", "search", "usecases")
WHO_ASKS = {
    "access.people.person_uid",
    "access.sessions.find_session",
    "access.tokens.find_token",
    "access.users.find_row",
    "access.users.has_users",
    "access.users.viewer_as",
}
OF_WHAT_WAS_MATCHED = {
    "assets.columns.count_columns",
    "assets.columns.named_column",
    "assets.effective.read_reports",
    "assets.moments.sequence_at",
    "assets.moments.sequence_of",
    "assets.past.column_rows",
    "assets.past.documents_at",
    "assets.past.past_parts",
    "assets.people.names_of",
    "assets.reading.names_for",
    "assets.reports.source_order",
    "lineage.adjacency.between",
    "lineage.adjacency.columns_between",
    "lineage.adjacency.paths",
    "lineage.graph.column_number",
    "sources.crawl_reads.page",
}
OF_FOLLOWERS_AND_JOBS = {
    "lineage.resolve.resolve",
    "lineage.statements.load_uses",
    "lineage.statements.pending",
    "lineage.statements.stale_uses",
    "search.document.document",
    "search.document.documents",
    "search.document.hashes",
    "search.document.indexed_keys",
    "search.touched.changes_after",
    "search.touched.wide",
    "sources.crawls.is_cancelled",
    "sources.crawls.key_of",
    "sources.reads.is_removed",
    "sources.removal.unfinished",
    "sources.schedules.due",
    "usecases.crawling.source_key",
}


def without_viewer(module: ModuleType) -> Iterator[str]:
    for name, found in vars(module).items():
        if name.startswith("_") or not inspect.isfunction(found):
            continue
        if found.__module__ != module.__name__:
            continue
        parameters = list(inspect.signature(found).parameters)
        if parameters[:1] in (["session"], ["connection"]) and "viewer" not in parameters:
            yield f"{module.__name__}.{name}".removeprefix("catalog.")


def modules() -> Iterator[ModuleType]:
    for room in ROOMS:
        package = importlib.import_module(f"catalog.{room}")
        for one in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            yield importlib.import_module(one.name)


def test_a_public_read_takes_a_viewer() -> None:
    found = {name for module in modules() for name in without_viewer(module)}
    assert found == WHO_ASKS | OF_WHAT_WAS_MATCHED | OF_FOLLOWERS_AND_JOBS


def test_one_without_a_viewer_is_noticed() -> None:
    module = ModuleType("catalog.assets.planted")
    exec("def leak(session, name): ...\ndef fine(session, viewer, name): ...", module.__dict__)
    for name in ("leak", "fine"):
        getattr(module, name).__module__ = module.__name__
    assert list(without_viewer(module)) == ["assets.planted.leak"]
