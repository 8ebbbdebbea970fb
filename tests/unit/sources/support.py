"""Sources and crawls put into a store as rows, for tests of what works on them."""

from __future__ import annotations

from typing import Any

from catalog.history.store import Store, table_of
from catalog.model import Crawl, Scope, Source, clock
from catalog.naming import new_id


def add_source(store: Store, name: str = "wh", **more: Any) -> int:
    """A source's row; its key."""
    values = {"uid": new_id(), "name": name, "kind": "push", "created_at": clock.now(), **more}
    return _add(store, Source, values)


def add_scope(store: Store, source: int, name: str = "public", **more: Any) -> int:
    """A scope's row; its key."""
    return _add(store, Scope, {"source": source, "name": name, **more})


def add_crawl(store: Store, source: int, state: str = "queued", **more: Any) -> int:
    """A crawl's row; its key."""
    values = {"uid": new_id(), "source": source, "state": state, "queued_at": clock.now(), **more}
    return _add(store, Crawl, values)


def _add(store: Store, model: Any, values: dict[str, Any]) -> int:
    table = table_of(model)
    with store.write("system") as unit:
        return int(
            unit.connection.execute(
                table.insert().values(**values).returning(table.c.key)
            ).scalar_one()
        )


def rows(store: Store, model: Any) -> list[Any]:
    """All rows of a table, by key."""
    table = table_of(model)
    with store.connect() as connection:
        return list(connection.execute(table.select().order_by(*table.primary_key.columns)))
