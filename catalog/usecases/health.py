"""How the running catalog is: store, index, followers, disk, roles, queue; and what to do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from sqlalchemy import Connection, func, select

from catalog import __version__
from catalog.access.viewer import Viewer
from catalog.history import dialect, migrate
from catalog.history.store import Store, table_of
from catalog.jobs.leases import INDEX_WRITER, SCHEDULER, SERVE, Leases
from catalog.jobs.queue import Job, Queue
from catalog.model import Change, QueuedJob
from catalog.model import Follower as FollowerRow
from catalog.naming import without_secrets
from catalog.search.engine import SearchEngine
from catalog.search.follower import Follower as IndexFollower
from catalog.settings import Settings

_CHANGE, _FOLLOWER, _JOB = table_of(Change), table_of(FollowerRow), table_of(QueuedJob)
ROLES: Final = (SERVE, SCHEDULER, INDEX_WRITER)
LATE: Final = 10_000
"""Changes behind which a follower is called late; a large first crawl passes it for minutes."""
JOBS: Final = 50


@dataclass(frozen=True)
class FollowerState:
    """A follower of the change log: how many changes it is behind, and why it stopped."""

    name: str
    behind: int
    at: int | None
    problem: str | None


@dataclass(frozen=True)
class RoleState:
    """A role that one process has. ``holder``: ``host:pid:start``; None: nobody, or (on
    PostgreSQL) not told."""

    role: str
    holder: str | None
    address: str | None


@dataclass(frozen=True)
class Trouble:
    """Something that is not as it should be. ``grave``: something does not work now."""

    what: str
    remedy: str
    grave: bool


@dataclass(frozen=True)
class Health:
    """All of it. Sizes in bytes; ``sequence``: of the last change; ``revision``: of the schema."""

    version: str
    engine: str
    engine_version: str
    store_bytes: int
    revision: str | None
    sequence: int
    index_engine: str
    index_state: str
    index_behind: int
    index_documents: int
    index_bytes: int | None
    followers: tuple[FollowerState, ...]
    disk_free: int
    disk_reserve: int
    roles: tuple[RoleState, ...]
    queue: dict[str, int]
    jobs: tuple[Job, ...]
    troubles: tuple[Trouble, ...]


def health(
    viewer: Viewer,
    store: Store,
    engine: SearchEngine,
    queue: Queue,
    leases: Leases,
    settings: Settings,
) -> Health:
    """Looks at everything; admins only. Reads only, and a few small queries."""
    viewer.require("settings")
    index = IndexFollower(store, engine).status()
    with store.connect() as connection:
        sequence = int(connection.scalar(select(func.max(_CHANGE.c.sequence))) or 0)
        followers = tuple(_followers(connection, sequence))
        name, version, size = dialect.engine_facts(connection)
        counts = {
            row.state: int(row.many)
            for row in connection.execute(
                select(_JOB.c.state, func.count().label("many")).group_by(_JOB.c.state)
            )
        }
    roles = tuple(_role(leases, role) for role in ROLES)
    jobs = tuple(
        replace(one, error=None if one.error is None else without_secrets(one.error))
        for one in queue.list(limit=JOBS)
    )
    return Health(
        version=__version__,
        engine=name,
        engine_version=version,
        store_bytes=size,
        revision=migrate.current(store),
        sequence=sequence,
        index_engine=type(engine).__name__.removesuffix("Engine"),
        index_state=index.state,
        index_behind=index.behind,
        index_documents=index.documents,
        index_bytes=_folder_bytes(settings),
        followers=followers,
        disk_free=store.free_bytes(),
        disk_reserve=store.disk_reserve,
        roles=roles,
        queue=counts,
        jobs=jobs,
        troubles=(
            *_disk(store),
            *_index(index.state, index.behind),
            *_lags(followers),
            *_roles(store, roles),
            *_jobs(jobs),
        ),
    )


def cancel_queued_job(viewer: Viewer, queue: Queue, job: str) -> str:
    """Cancels a queued job, or asks a running one to stop; its state then. `NotFound`."""
    viewer.require("settings")
    return queue.cancel(job)


def _followers(connection: Connection, last: int) -> Iterator[FollowerState]:
    for row in connection.execute(select(_FOLLOWER).order_by(_FOLLOWER.c.name)):
        yield FollowerState(row.name, max(0, last - row.sequence), row.at or None, row.problem)


def _role(leases: Leases, role: str) -> RoleState:
    holder = leases.holder(role)
    if holder is None:
        return RoleState(role, None, None)
    return RoleState(role, holder.owner, holder.address)


def _folder_bytes(settings: Settings) -> int | None:
    """Size of the index on this machine's disk, None when it is not there."""
    folder = settings.index_folder
    if not folder.is_dir():
        return None
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_size if path.is_file() else 0
        except OSError:  # the index replaces its files while we look
            continue
    return total


def _disk(store: Store) -> Iterator[Trouble]:
    warning = store.disk_warning()
    if warning is not None:
        yield Trouble(warning, "Free some space, or lower CATALOG_DISK_RESERVE.", True)


def _index(state: str, behind: int) -> Iterator[Trouble]:
    if state in ("missing", "outdated", "foreign"):
        why = {
            "missing": "There is no search index, or it is damaged",
            "outdated": "The search index was made by another version",
            "foreign": "The search index belongs to another store, or to this one before a restore",
        }[state]
        yield Trouble(
            f"{why}: search answers nothing until it is rebuilt.",
            "A serving catalog rebuilds it by itself; `catalog reindex` does it now.",
            True,
        )
    elif behind > LATE:
        yield Trouble(
            f"The search index is {behind:,} changes behind: search does not find the newest.",
            "Wait if a crawl runs. Else look whether the queued job index failed below, "
            "or run `catalog reindex`.",
            False,
        )


def _lags(followers: tuple[FollowerState, ...]) -> Iterator[Trouble]:
    for one in followers:
        if one.problem:
            yield Trouble(
                one.problem, "Run `catalog doctor`: it says what to do, and lets it go on.", True
            )
        elif one.behind > LATE:
            yield Trouble(
                f"The follower {one.name} is {one.behind:,} changes behind.",
                "Wait if a crawl runs; else look at the failed queued jobs below.",
                False,
            )


def _roles(store: Store, roles: tuple[RoleState, ...]) -> Iterator[Trouble]:
    held = {one.role: one.holder for one in roles}
    if store.is_sqlite and held[SCHEDULER] is None:
        yield Trouble(
            "No process runs the schedules: no crawl begins by itself, nothing is indexed.",
            "Serve with CATALOG_SCHEDULER on, in one process over this home folder.",
            True,
        )


def _jobs(jobs: tuple[Job, ...]) -> Iterator[Trouble]:
    failed = [one for one in jobs if one.state == "failed"]
    if failed:
        last = failed[0]
        yield Trouble(
            f"{len(failed):,} of the last {len(jobs):,} queued jobs failed, lately {last.name}: "
            f"{last.error or 'no reason was noted'}",
            "What the error says; then run the crawl again, or `catalog reindex`.",
            False,
        )
