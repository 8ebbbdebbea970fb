"""Health: each trouble is seen, and says what to do; for admins only."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import update

from catalog.access.viewer import Viewer
from catalog.errors import NotAllowed, NotFound
from catalog.history.store import table_of
from catalog.jobs.leases import SCHEDULER
from catalog.model import Follower, QueuedJob
from catalog.usecases.health import LATE, Health, cancel_queued_job, health
from catalog.usecases.in_effect import settings_in_effect
from catalog.wiring import Catalog
from tests.support.api import ROOT, Api

VIEWER = Viewer(actor="user:x", role="steward")


def looked(catalog: Catalog, viewer: Viewer = ROOT) -> Health:
    return health(
        viewer, catalog.store, catalog.engine, catalog.queue, catalog.leases, catalog.settings
    )


def whats(found: Health) -> str:
    return " ".join(one.what for one in found.troubles)


@pytest.fixture
def catalog(api: Api) -> Any:
    """An open catalog whose index is in step and whose schedules are run."""
    assert api.catalog.catch_up()
    lease = api.catalog.leases.try_acquire(SCHEDULER)
    assert lease is not None
    yield api.catalog
    lease.release()


def test_without_trouble_there_is_none(catalog: Catalog) -> None:
    found = looked(catalog)
    assert found.troubles == ()
    assert (found.engine, found.index_engine, found.index_state) == ("SQLite", "Whoosh", "current")
    assert found.store_bytes > 10_000
    assert found.sequence > 0
    assert {one.role for one in found.roles if one.holder} == {SCHEDULER}


def test_only_admins_look(catalog: Catalog) -> None:
    with pytest.raises(NotAllowed):
        looked(catalog, VIEWER)
    with pytest.raises(NotAllowed):
        cancel_queued_job(VIEWER, catalog.queue, "x")
    with pytest.raises(NotAllowed):
        settings_in_effect(VIEWER, catalog.settings)


def test_nobody_runs_the_schedules(api: Api) -> None:
    assert api.catalog.catch_up()
    (trouble,) = looked(api.catalog).troubles
    assert trouble.grave
    assert "No process runs the schedules" in trouble.what
    assert "CATALOG_SCHEDULER" in trouble.remedy


def test_an_index_that_is_not_there(api: Api) -> None:
    found = looked(api.catalog)
    assert "There is no search index" in whats(found)
    assert any("catalog reindex" in one.remedy for one in found.troubles)


def test_a_disk_that_fills(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalog.store, "disk_reserve", 1 << 60)
    assert "are free on the disk" in whats(looked(catalog))


def test_followers_that_are_late_or_stopped(catalog: Catalog) -> None:
    table = table_of(Follower)
    with catalog.store.write("system") as unit:
        for name in ("late", "stopped"):
            unit.connection.execute(table.insert().values(
                name=name, sequence=0, change_id=0, epoch="", detail=0, at=0))  # fmt: skip
        unit.connection.execute(
            update(table).where(table.c.name == "stopped").values(problem="It stopped.")
        )
    assert whats(looked(catalog)) == "It stopped."  # the other is only a little late
    with catalog.store.write("system") as unit:
        for _ in range(LATE + 1):
            unit.change("login_link", subject_type="user", subject="x")
    found = looked(catalog)
    assert "The follower late is" in whats(found)
    assert "The search index is" in whats(found)
    assert [one.grave for one in found.troubles if "follower late" in one.what] == [False]


def test_jobs_that_failed_are_told_without_secrets(catalog: Catalog) -> None:
    job = catalog.queue.enqueue("crawl", {"crawl": "x"})
    with catalog.store.write("system") as unit:
        unit.connection.execute(
            update(table_of(QueuedJob)).values(
                state="failed", error="postgres://joe:hunter2@db refused"
            )
        )
    found = looked(catalog)
    assert "1 of the last 1 queued jobs failed, lately crawl" in whats(found)
    assert "hunter2" not in whats(found) + str(found.jobs)
    assert found.queue == {"failed": 1}
    assert cancel_queued_job(ROOT, catalog.queue, job) == "failed"
    with pytest.raises(NotFound):
        cancel_queued_job(ROOT, catalog.queue, "nothing")
