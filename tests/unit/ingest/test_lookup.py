"""The look-ups of a batch read what they name, never all assets of a namespace."""

from __future__ import annotations

from typing import Any

import pytest

from catalog.history.store import Store
from catalog.ingest import lookup
from tests.support.crawls import FakeSource, table


@pytest.mark.parametrize(
    ("statement", "keys", "searched"),
    [
        (lookup._BY_NAME, [b"x", b"y"], "name_key=?"),
        (lookup._BY_FOLDED, [1, 2], "ix_asset_folded_key"),
        (lookup._BY_STABLE, [1, 2], "ix_sighting_stable_key"),
    ],
)
def test_each_goes_through_its_index(
    sqlite_store: Store, statement: Any, keys: list[Any], searched: str
) -> None:
    source = FakeSource(sqlite_store)
    source.put(*[table(f"s.t{i}", "a") for i in range(300)])
    source.run()
    bound = statement.params(source=1, namespace=1, asset_class="data", keys=keys)
    with sqlite_store.connect() as connection:
        text = str(bound.compile(connection, compile_kwargs={"render_postcompile": True}))
        marks = (1,) * text.count("?")
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", marks).all()
    steps = [row[-1] for row in plan]
    assert not [step for step in steps if step.startswith("SCAN")], steps
    assert any(searched in step for step in steps), steps
