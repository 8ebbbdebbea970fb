"""The store's unit of work on both engines: changes are last, in commit order, never half."""

import pytest
from sqlmodel import select

from catalog.history.store import Store
from catalog.history.unit import Unit
from catalog.model import Change


def test_a_unit_writes_its_changes_in_order(store: Store) -> None:
    with store.write("user:1") as unit:
        unit.change("created", subject="a")
        unit.change("created", subject="b", after={"x": 1})
    with store.write("user:1") as unit:
        unit.change("created", subject="c")
    with store.read() as session:
        rows = session.exec(select(Change).order_by(Change.sequence)).all()  # type: ignore[arg-type]
    assert [(row.sequence, row.subject) for row in rows] == [(1, "a"), (2, "b"), (3, "c")]


def test_an_error_keeps_nothing(store: Store) -> None:
    def fail(unit: Unit) -> None:
        unit.change("created", subject="a")
        raise RuntimeError

    with pytest.raises(RuntimeError):
        store.run(fail, "user:1")
    with store.read() as session:
        assert session.exec(select(Change)).all() == []
