"""Followers: nothing lost, nothing skipped after a failure, a restored store noticed."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest
from sqlalchemy import event, text

from catalog.history import dialect
from catalog.history.setup import create_all
from catalog.history.store import Store
from catalog.history.unit import Unit
from catalog.jobs.followers import Event, Follower, Restored
from tests.support.postgres import Database


def write(store: Store, *subjects: str) -> None:
    with store.write("user:1") as unit:
        for subject in subjects:
            unit.change("edited", subject=subject, before={"x": 1}, after={"x": subject})


class Seen:
    def __init__(self) -> None:
        self.subjects: list[str] = []

    def __call__(self, events: Sequence[Event]) -> None:
        self.subjects += [event.subject for event in events]


def test_it_sees_all_in_order_and_goes_on_where_it_was(store: Store) -> None:
    write(store, "a", "b", "c")
    seen = Seen()
    assert Follower(store, "f").step(seen, limit=2) == 2
    assert Follower(store, "f").behind() == 1
    assert Follower(store, "f").step(seen) == 1
    assert Follower(store, "f").step(seen) == 0
    write(store, "d")
    Follower(store, "f").step(seen)
    Follower(store, "other").step(other := Seen())
    assert seen.subjects == other.subjects == ["a", "b", "c", "d"]


def test_a_new_one_may_begin_now(store: Store) -> None:
    write(store, "a")
    follower, seen = Follower(store, "f", from_now=True), Seen()
    assert follower.step(seen) == 0
    write(store, "b")
    follower.step(seen)
    assert seen.subjects == ["b"]


def test_after_a_failure_the_same_changes_come_again(store: Store) -> None:
    write(store, "a")

    def broken(events: Sequence[Event]) -> None:
        raise RuntimeError("full")

    follower, seen = Follower(store, "f"), Seen()
    with pytest.raises(RuntimeError):
        follower.step(broken)
    follower.step(seen)
    assert seen.subjects == ["a"]


def test_rows_and_position_are_one_transaction(store: Store) -> None:
    write(store, "a")
    follower = Follower(store, "f")

    def half(unit: Unit, events: Sequence[Event]) -> None:
        unit.connection.execute(text("INSERT INTO meta (name, value) VALUES ('mine', '1')"))
        raise RuntimeError

    with pytest.raises(RuntimeError):
        follower.step_with(half)
    with store.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM meta WHERE name = 'mine'")) == 0
    assert follower.step_with(lambda unit, events: None) == 1
    assert follower.behind() == 0


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE meta SET value = 'other' WHERE name = 'epoch'",
        "UPDATE change SET id = id / 2 + 1",
        "DELETE FROM change",
    ],
)
def test_a_restored_store_stops_it_and_it_says_so(store: Store, damage: str) -> None:
    write(store, "a")
    follower, seen = Follower(store, "f"), Seen()
    follower.step(seen)
    with store.write("system") as unit:
        unit.connection.execute(text(damage))
    with pytest.raises(Restored, match=r"f stopped.*doctor"):
        follower.step(seen)
    with store.connect() as connection:
        assert "stopped" in str(connection.scalar(text("SELECT problem FROM follower")))
    follower.accept()
    write(store, "b")
    follower.step(seen)
    assert seen.subjects == ["a", "b"]


def test_it_runs_until_it_is_stopped(store: Store) -> None:
    stop, arrived = threading.Event(), threading.Event()
    follower = Follower(store, "f")
    thread = threading.Thread(
        target=follower.run, args=(lambda _events: arrived.set(), stop), kwargs={"poll": 0.01}
    )
    thread.start()
    write(store, "a")
    assert arrived.wait(10)
    stop.set()
    thread.join(10)
    assert not thread.is_alive()


# --- two writers and a follower -------------------------------------------------------------


def lost_between_two_writers(store: Store) -> set[str]:
    """What a follower never sees when one writer has its number but commits after the other."""
    numbered, follow = threading.Event(), threading.Event()

    def slow() -> None:
        with store.write("user:1") as unit:
            unit.change("edited", subject="slow")

            def wait(_session: object) -> None:
                numbered.set()
                follow.wait(0.5)  # long enough for the quick one, if nothing keeps it waiting

            event.listen(unit.session, "before_commit", wait)

    def quick() -> None:
        numbered.wait(10)
        write(store, "quick")

    seen, follower = Seen(), Follower(store, "f")
    threads = [threading.Thread(target=slow), threading.Thread(target=quick)]
    for thread in threads:
        thread.start()
    numbered.wait(10)
    while threads[0].is_alive() or threads[1].is_alive():
        if follower.step(seen):
            follow.set()
    for thread in threads:
        thread.join(10)
    follower.step(seen)
    return {"slow", "quick"} - set(seen.subjects)


def test_nothing_is_lost_between_two_writers(store: Store) -> None:
    assert lost_between_two_writers(store) == set()


@pytest.mark.postgres
def test_without_the_lock_of_the_change_log_a_change_is_lost(
    postgres_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The planted fault: it shows that the test above can fail. SQLite has one writer anyway."""
    store = Store(postgres_database.url("postgresql+psycopg"))
    create_all(store.engine)
    monkeypatch.setattr(dialect, "lock_change_log", lambda _connection: None)
    assert lost_between_two_writers(store) == {"slow"}
    store.close()
