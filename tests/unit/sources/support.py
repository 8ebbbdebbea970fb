"""Sources and crawls put into a store as rows, for tests of what works on them."""

from __future__ import annotations

from typing import Any

from catalog.history.store import Store, table_of
from catalog.model import Asset, Crawl, Namespace, Scope, Sighting, Source, clock
from catalog.naming import name_key, new_id


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


def add_namespace(store: Store, text: str = "postgres://h:5432") -> int:
    """A namespace's row, made once; its key."""
    for row in rows(store, Namespace):
        if row.text == text:
            return int(row.key)
    return _add(store, Namespace, {"text": text, "platform": "postgres"})


def add_asset(
    store: Store,
    source: int | None,
    name: str,
    sightings: dict[int, str] | None = None,
    **more: Any,
) -> int:
    """An asset's row with sightings (source key -> state); its key."""
    values = {
        "uid": new_id(),
        "asset_class": "data",
        "namespace": add_namespace(store),
        "name": name,
        "name_key": name_key(name),
        "folded_key": 0,
        "leaf_key": 0,
        "kind": "table",
        "state": "crawled",
        "source": source,
        "created_at": clock.now(),
        "changed_at": clock.now(),
        **more,
    }
    asset = _add(store, Asset, values)
    for key, state in (sightings or {}).items():
        add_sighting(store, asset, key, state)
    return asset


def add_sighting(store: Store, asset: int, source: int, state: str = "present") -> None:
    """A sighting, in the source's first scope."""
    scopes = [row.key for row in rows(store, Scope) if row.source == source]
    scope = scopes[0] if scopes else add_scope(store, source)
    values = {"asset": asset, "source": source, "scope": scope, "state": state}
    with store.write("system") as unit:
        unit.connection.execute(
            table_of(Sighting).insert().values(hash=b"", crawl=0, record=b"", **values)
        )


def write(store: Store, statement: Any) -> None:
    """One statement, committed."""
    with store.write("system") as unit:
        unit.connection.execute(statement)
