"""Roles: one holder, freed by death, and the second `serve` is told where the first one is."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import text

from catalog.errors import Locked
from catalog.history.store import Store
from catalog.jobs.leases import SCHEDULER, Leases
from catalog.sources.owners import current_owner

ROOT = Path(__file__).resolve().parents[3]


def test_one_holder_at_a_time(store: Store, tmp_path: Path) -> None:
    first, second = Leases(store, tmp_path), Leases(store, tmp_path)
    lease = first.try_acquire(SCHEDULER)
    assert lease is not None
    assert lease.held()
    assert second.try_acquire(SCHEDULER) is None
    other = second.try_acquire("index-writer")
    assert other is not None
    lease.release()
    lease.release()
    assert not lease.held()
    again = second.try_acquire(SCHEDULER)
    assert again is not None
    for each in (again, other):
        each.release()


def test_a_role_is_no_path(store: Store, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no role"):
        Leases(store, tmp_path).try_acquire("../x")


HOLD = """
import sys
from pathlib import Path
from catalog.history.store import Store
from catalog.jobs.leases import Leases
lease = Leases(Store(sys.argv[1]), Path(sys.argv[2])).try_acquire("serve", address="http://x:1")
print("held" if lease else "refused", flush=True)
sys.stdin.read()
"""


def test_the_role_of_a_killed_process_is_free(store: Store, tmp_path: Path) -> None:
    url = store.engine.url.render_as_string(hide_password=False)
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, url, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=ROOT,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    leases = Leases(store, tmp_path)
    assert leases.try_acquire("serve") is None
    if store.is_sqlite:
        with pytest.raises(Locked, match=rf"http://x:1 by process {holder.pid}") as caught:
            leases.serve("http://y:2")
        assert caught.value.details == {"address": "http://x:1", "pid": holder.pid}
    else:
        assert leases.serve("http://y:2") is None
    holder.send_signal(signal.SIGKILL)
    holder.communicate()
    assert leases.holder("serve") is None
    lease = None
    for _ in range(100):  # PostgreSQL notices the closed connection a moment later
        lease = leases.try_acquire("serve")
        if lease is not None:
            break
    assert lease is not None
    lease.release()


def test_the_holder_is_named(sqlite_store: Store, tmp_path: Path) -> None:
    leases = Leases(sqlite_store, tmp_path)
    assert leases.holder("serve") is None
    lease = leases.serve("http://127.0.0.1:8585")
    assert lease is not None
    holder = leases.holder("serve")
    assert holder is not None
    assert (holder.pid, holder.address) == (os.getpid(), "http://127.0.0.1:8585")
    assert (tmp_path / "locks" / "serve").stat().st_mode & 0o777 == 0o600
    lease.release()
    assert leases.holder("serve") is None


def test_a_child_does_not_inherit_the_role(sqlite_store: Store, tmp_path: Path) -> None:
    lease = Leases(sqlite_store, tmp_path).try_acquire(SCHEDULER)
    assert lease is not None
    child = subprocess.Popen(
        [sys.executable, "-Sc", "input()"], stdin=subprocess.PIPE, close_fds=False
    )
    lease.release()
    again = Leases(sqlite_store, tmp_path).try_acquire(SCHEDULER)
    assert again is not None
    again.release()
    child.communicate(b"\n")


@pytest.mark.postgres
def test_a_lost_connection_loses_the_role(store: Store, tmp_path: Path) -> None:
    leases = Leases(store, tmp_path)
    lease = leases.try_acquire(SCHEDULER)
    assert lease is not None
    if not store.is_sqlite:
        with store.connect() as connection:
            connection.execute(
                text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE pid <> pg_backend_pid() AND datname = current_database()"
                )
            )
        assert not lease.held()
        lease = leases.try_acquire(SCHEDULER)
        assert lease is not None
    assert lease.held()
    lease.release()


def test_a_process_on_another_host_lives_while_it_is_announced(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    leases = Leases(store, tmp_path)
    lease = leases.announce()
    assert (lease is None) == store.is_sqlite
    owner = current_owner()
    monkeypatch.setattr("catalog.jobs.leases.same_host", lambda _owner: False)
    assert leases.alive(owner)
    assert not leases.alive(None)
    if lease is not None:
        lease.release()
        assert not leases.alive(owner)
