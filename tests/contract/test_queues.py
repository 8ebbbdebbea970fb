"""The local queue keeps the contract of the port, on both engines."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from catalog.history.store import Store
from catalog.history.unit import Unit
from catalog.jobs.local import LocalQueue
from catalog.jobs.queue import Queue
from catalog.testing.queues import QueueContract


class TestLocalQueue(QueueContract):
    @pytest.fixture
    def queue(self, store: Store) -> Queue:
        return LocalQueue(store)

    def test_it_exists_when_and_only_if_the_unit_commits(self, store: Store, queue: Queue) -> None:
        def fail_after(unit: Unit) -> None:
            queue.enqueue("work", unit=unit)
            raise RuntimeError

        with pytest.raises(RuntimeError):
            store.run(fail_after, "system")
        assert queue.ready(["work"]) == 0
        with store.write("system") as unit:
            queue.enqueue("work", unit=unit)
        assert queue.ready(["work"]) == 1

    def test_looking_for_work_in_vain_writes_nothing(self, store: Store, queue: Queue) -> None:
        def refuse(*_arguments: object, **_more: object) -> object:
            raise AssertionError("a write transaction for nothing")

        store.run = refuse  # type: ignore[method-assign,assignment]
        assert queue.take("host:1:1", ["work"]) is None

    def test_the_store_itself_refuses_a_second_holder_of_a_lock_key(
        self, store: Store, queue: Queue
    ) -> None:
        from sqlalchemy.exc import IntegrityError

        for _ in range(2):
            queue.enqueue("work", lock_key="a")
        with pytest.raises(IntegrityError), store.write("system") as unit:
            unit.connection.execute(text("UPDATE queued_job SET state = 'running'"))
