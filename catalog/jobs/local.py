"""The local queue: the table ``queued_job`` of the store, on SQLite or PostgreSQL."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    and_,
    case,
    delete,
    distinct,
    exists,
    func,
    or_,
    select,
    update,
)

from catalog.errors import BadInput, NotFound
from catalog.history import dialect
from catalog.history.store import Store, table_of
from catalog.history.unit import Unit
from catalog.jobs.queue import END_STATES, MAX_ATTEMPTS, Job, Scalar, backoff
from catalog.model import QueuedJob, clock
from catalog.naming import clean_text, id_bytes, id_text, new_id, without_secrets

_JOB = table_of(QueuedJob)
_ACTOR = "system"
_CLEAN_BATCH = 1000
_ERROR_LENGTH = 2000


class LocalQueue:
    """See `catalog.jobs.queue.Queue`. ``max_attempts``: after that many a job has failed."""

    def __init__(self, store: Store, *, max_attempts: int = MAX_ATTEMPTS) -> None:
        self._store = store
        self._max_attempts = max_attempts

    def enqueue(
        self,
        name: str,
        arguments: Mapping[str, Scalar] | None = None,
        *,
        lock_key: str | None = None,
        priority: int = 0,
        not_before: int = 0,
        unit: Unit | None = None,
    ) -> str:
        """Adds a job; within ``unit`` if one is given."""
        uid = new_id()
        values = {
            "uid": uid,
            "name": name,
            "arguments": _encode(arguments or {}),
            "lock_key": lock_key,
            "priority": priority,
            "not_before": not_before,
            "created_at": clock.now(),
        }

        def write(unit: Unit) -> None:
            unit.connection.execute(_JOB.insert().values(**values))

        if unit is not None:
            write(unit)
        else:
            self._store.run(write, _ACTOR)
        return id_text(uid)

    def cancel(self, job_id: str) -> str:
        """Cancels a waiting job, asks a running one to stop; one that ended stays as it is."""
        raw = _raw(job_id)

        def work(unit: Unit) -> str | None:
            waiting = _JOB.c.state == "waiting"
            unit.connection.execute(
                update(_JOB)
                .where(_JOB.c.uid == raw, _JOB.c.state.in_(("waiting", "running")))
                .values(
                    cancel=True,
                    ended_at=case((waiting, unit.now), else_=_JOB.c.ended_at),
                    state=case((waiting, "cancelled"), else_=_JOB.c.state),
                )
            )
            found: str | None = unit.connection.scalar(
                select(_JOB.c.state).where(_JOB.c.uid == raw)
            )
            return found

        state = self._store.run(work, _ACTOR)
        if state is None:
            raise _missing(job_id)
        return state

    def get(self, job_id: str) -> Job:
        """One job; `NotFound`."""
        with self._store.connect() as connection:
            row = connection.execute(select(_JOB).where(_JOB.c.uid == _raw(job_id))).first()
        if row is None:
            raise _missing(job_id)
        return _job(row)

    def list(
        self,
        *,
        states: Sequence[str] = (),
        names: Sequence[str] = (),
        lock_key: str | None = None,
        limit: int = 100,
        before: str | None = None,
    ) -> Sequence[Job]:
        """Jobs, newest first."""
        query = select(_JOB).order_by(_JOB.c.key.desc()).limit(limit)
        if states:
            query = query.where(_JOB.c.state.in_(states))
        if names:
            query = query.where(_JOB.c.name.in_(names))
        if lock_key is not None:
            query = query.where(_JOB.c.lock_key == lock_key)
        if before is not None:
            last = select(_JOB.c.key).where(_JOB.c.uid == _raw(before)).scalar_subquery()
            query = query.where(_JOB.c.key < last)
        with self._store.connect() as connection:
            return [_job(row) for row in connection.execute(query)]

    def ready(self, names: Sequence[str]) -> int:
        """How many jobs could be taken now, counting one per lock key."""
        query = select(
            func.count(distinct(_JOB.c.lock_key))
            + func.count(case((_JOB.c.lock_key.is_(None), _JOB.c.key)))
        ).where(_takeable(names))
        with self._store.connect() as connection:
            return int(connection.execute(query).scalar_one())

    def take(self, owner: str, names: Sequence[str]) -> Job | None:
        """The next job, now running."""
        with self._store.connect() as connection:  # most of the time there is none: no write then
            if (
                connection.execute(select(_JOB.c.key).where(_takeable(names)).limit(1)).first()
                is None
            ):
                return None
        return self._store.run(lambda unit: _take(unit, owner, names), _ACTOR)

    def is_cancelled(self, job_id: str) -> bool:
        """Whether it is asked to stop, or is no longer running."""
        with self._store.connect() as connection:
            row = connection.execute(
                select(_JOB.c.cancel, _JOB.c.state).where(_JOB.c.uid == _raw(job_id))
            ).first()
        return row is None or bool(row.cancel) or row.state != "running"

    def finish(self, job: Job, state: str = "done") -> None:
        """Ends a taken job."""
        self._end(job, state=state, ended=True, error=None)

    def fail(self, job: Job, error: str, *, retry: bool = True) -> str:
        """Notes a failure."""
        if job.attempts >= self._max_attempts or not retry:
            self._end(job, state="failed", ended=True, error=error)
            return "failed"
        wait = clock.now() + backoff(job.attempts)
        self._end(job, state="waiting", error=error, not_before=wait)
        return "waiting"

    def release(self, job: Job) -> None:
        """Gives a taken job back undone."""
        self._end(job, state="waiting", error=job.error, attempts=max(0, job.attempts - 1))

    def recover(self, alive: Callable[[str | None], bool], why: str) -> int:
        """Gives back what dead processes held."""
        with self._store.connect() as connection:
            running = connection.execute(select(_JOB).where(_JOB.c.state == "running")).all()
        dead = [_job(row) for row in running if not alive(row.owner)]
        for job in dead:
            if job.cancel:
                self.finish(job, "cancelled")
            else:
                self.fail(job, why)
        return len(dead)

    def clean(self, before: int) -> int:
        """Forgets ended jobs, a thousand per transaction, so that nobody waits long."""
        gone = 0
        while True:
            count = self._store.run(lambda unit: _clean(unit, before), _ACTOR)
            gone += count
            if count < _CLEAN_BATCH:
                return gone

    def _end(
        self, job: Job, *, state: str, error: str | None, ended: bool = False, **more: Any
    ) -> None:
        def work(unit: Unit) -> None:
            unit.connection.execute(
                update(_JOB)
                # Only the process that holds it: it may have been taken for dead meanwhile.
                .where(
                    _JOB.c.uid == _raw(job.id),
                    _JOB.c.state == "running",
                    _JOB.c.owner == job.owner,
                    _JOB.c.started_at == job.started_at,
                )
                .values(
                    state=state,
                    owner=None,
                    ended_at=unit.now if ended else None,
                    error=None if error is None else _safe(error),
                    **more,
                )
            )

        self._store.run(work, _ACTOR)


def _takeable(names: Sequence[str]) -> ColumnElement[bool]:
    running = _JOB.alias("running")
    return and_(
        _JOB.c.state == "waiting",
        _JOB.c.not_before <= clock.now(),
        _JOB.c.name.in_(names),
        or_(
            _JOB.c.lock_key.is_(None),
            ~exists().where(running.c.lock_key == _JOB.c.lock_key, running.c.state == "running"),
        ),
    )


def _take(unit: Unit, owner: str, names: Sequence[str]) -> Job | None:
    dialect.lock_queue(unit.connection)
    key = unit.connection.scalar(
        select(_JOB.c.key)
        .where(_takeable(names))
        .order_by(_JOB.c.priority.desc(), _JOB.c.key)
        .limit(1)
    )
    if key is None:
        return None
    row = unit.connection.execute(
        update(_JOB)
        .where(_JOB.c.key == key)
        .values(
            state="running",
            owner=owner,
            attempts=_JOB.c.attempts + 1,
            started_at=unit.now,
            cancel=False,
        )
        .returning(*_JOB.c)
    ).one()
    return _job(row)


def _clean(unit: Unit, before: int) -> int:
    old = (
        select(_JOB.c.key)
        .where(_JOB.c.state.in_(END_STATES), _JOB.c.ended_at < before)
        .limit(_CLEAN_BATCH)
    )
    return int(unit.connection.execute(delete(_JOB).where(_JOB.c.key.in_(old))).rowcount)


def _job(row: Any) -> Job:
    return Job(
        id=id_text(row.uid),
        name=row.name,
        arguments=json.loads(row.arguments),
        lock_key=row.lock_key,
        priority=row.priority,
        state=row.state,
        attempts=row.attempts,
        cancel=row.cancel,
        not_before=row.not_before,
        created_at=row.created_at,
        started_at=row.started_at,
        ended_at=row.ended_at,
        owner=row.owner,
        error=row.error,
    )


def _encode(arguments: Mapping[str, Scalar]) -> str:
    for name, value in arguments.items():
        if not isinstance(value, str | int | float | bool | None):
            raise BadInput(
                f"The argument {name} of a job is a {type(value).__name__}.",
                remedy="Pass JSON scalars and ids only.",
            )
    return json.dumps(dict(arguments), sort_keys=True)


def _raw(job_id: str) -> bytes:
    raw = id_bytes(job_id)
    if raw is None:
        raise _missing(job_id)
    return raw


def _missing(job_id: str) -> NotFound:
    return NotFound(f"There is no queued job {job_id}.", remedy="List the queued jobs.")


def _safe(text: str) -> str:
    return without_secrets(clean_text(text))[:_ERROR_LENGTH]
