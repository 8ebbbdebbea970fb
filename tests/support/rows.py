"""Rows that a test needs before it begins: namespaces, sources, assets, sightings, facts."""

from __future__ import annotations

import json
from typing import Any

from catalog.crawling import records
from catalog.history.store import table_of
from catalog.history.unit import Unit, dump, pack
from catalog.model import (
    Asset,
    AssetAttribute,
    Column,
    Fact,
    Namespace,
    Scope,
    Sighting,
    Source,
)
from catalog.naming import (
    case_rule_of,
    fold,
    leaf,
    name_key,
    new_id,
    platform_of,
    text_key,
)


def add(unit: Unit, row: Any) -> int:
    """Adds a row and gives its key."""
    unit.session.add(row)
    unit.session.flush()
    return int(row.key)


def namespace(unit: Unit, text: str = "postgres://db:5432") -> int:
    platform = platform_of(text)
    return add(unit, Namespace(text=text, platform=platform, case_rule=case_rule_of(platform)))


def source(
    unit: Unit, name: str = "wh", namespaces: tuple[str, ...] = ("postgres://db:5432",), **more: Any
) -> int:
    return add(
        unit,
        Source(
            uid=new_id(),
            name=name,
            kind="postgres",
            namespaces=json.dumps(namespaces),
            created_at=unit.now,
            **more,
        ),
    )


def asset(unit: Unit, space: int, name: str = "shop.public.orders", **more: Any) -> int:
    folded = fold(name, "lower")
    values: dict[str, Any] = {
        "asset_class": "data",
        "kind": "table",
        "state": "crawled",
        "sort": leaf(folded, "postgres"),
    }
    return add(
        unit,
        Asset(
            uid=new_id(),
            namespace=space,
            name=name,
            name_key=name_key(name),
            folded_key=text_key(folded),
            leaf_key=text_key(leaf(folded, "postgres")),
            created_at=unit.now,
            changed_at=unit.now,
            **{**values, **more},
        ),
    )


def column(unit: Unit, of: int, number: int, path: str, **more: Any) -> None:
    unit.session.add(
        Column(asset=of, number=number, path=path, position=number, type="string", **more)
    )
    unit.session.flush()


def sighting(
    unit: Unit, of: int, by: int, record: records.Asset, *, state: str = "present"
) -> None:
    scope = add(unit, Scope(source=by, name=f"scope {of} {by}"))
    document = records.canonical(record)
    unit.session.add(
        Sighting(
            asset=of,
            source=by,
            scope=scope,
            state=state,
            hash=records.digest(document),
            crawl=1,
            record=pack(document),
        )
    )
    unit.session.flush()


def fact(unit: Unit, of: int, name: str, value: Any, *, item: str = "", **more: Any) -> int:
    values = {"layer": "curated", "author": "system", "at": unit.now, **more}
    return add(unit, Fact(asset=of, property=name, item=item, value=dump(value), **values))


def attributes(unit: Unit, of: int) -> set[tuple[str, str]]:
    table = table_of(AssetAttribute)
    found = unit.connection.execute(table.select().where(table.c.asset == of))
    return {(row.attribute, row.value) for row in found}
