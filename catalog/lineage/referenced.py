"""Assets that only statements name: rows of state *referenced*, taken over by a later crawl."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from sqlalchemy import select

from catalog import naming
from catalog.history import dialect
from catalog.history.store import table_of
from catalog.history.unit import Unit
from catalog.model import Asset, Namespace

Missing = tuple[str, str, str]
"""(namespace, name, kind)"""
_ASSET = table_of(Asset)
_NAMESPACE = table_of(Namespace)
_COLUMNS: Final = (
    "key", "uid", "asset_class", "namespace", "name", "name_key", "folded_key", "leaf_key", "sort",
    "kind", "state", "popularity", "next_column", "created_at", "changed_at",
)  # fmt: skip
_SORT_LENGTH: Final = 200


def ensure_referenced(unit: Unit, wanted: Iterable[Missing]) -> dict[Missing, int]:
    """Keys of the assets, each made if it is nowhere; a new one is a change ``referenced``."""
    missing = sorted(set(wanted))
    if not missing:
        return {}
    spaces = {text: _namespace(unit, text) for text in sorted({item[0] for item in missing})}
    # Reserving keys first takes the lock under which nobody else makes the same assets.
    keys = iter(dialect.next_keys(unit.connection, _ASSET, len(missing)))
    found: dict[Missing, int] = {}
    rows: list[tuple[Any, ...]] = []
    for item in missing:
        space = spaces[item[0]]
        known = unit.connection.execute(
            select(_ASSET.c.key).where(
                _ASSET.c.namespace == space.key,
                _ASSET.c.asset_class == "data",
                _ASSET.c.name_key == naming.name_key(item[1]),
            )
        ).scalar()
        if known is not None:
            found[item] = known
            continue
        found[item] = key = next(keys)
        row = _row(unit, key, space, item)
        rows.append(row)
        unit.change("referenced", subject=naming.id_text(row[1]), asset=key)
    dialect.bulk_insert(unit.connection, _ASSET, _COLUMNS, rows)
    return found


def _row(unit: Unit, key: int, space: Any, item: Missing) -> tuple[Any, ...]:
    _, name, kind = item
    leaf = naming.fold(naming.leaf(name, space.platform), space.case_rule)
    return (
        key,
        naming.new_id(),
        "data",
        space.key,
        name,
        naming.name_key(name),
        naming.text_key(naming.fold(name, space.case_rule)),
        naming.text_key(leaf),
        leaf[:_SORT_LENGTH],
        kind,
        "referenced",
        0,
        1,
        unit.now,
        unit.now,
    )


def _namespace(unit: Unit, text: str) -> Any:
    """The namespace's row (of the one that it is an alias of), made when it is new."""
    fields = (
        _NAMESPACE.c.key,
        _NAMESPACE.c.platform,
        _NAMESPACE.c.case_rule,
        _NAMESPACE.c.alias_of,
    )
    row = unit.connection.execute(select(*fields).where(_NAMESPACE.c.text == text)).first()
    if row is not None and row.alias_of is not None:
        row = unit.connection.execute(select(*fields).where(_NAMESPACE.c.key == row.alias_of)).one()
    if row is None:
        platform = naming.platform_of(text)
        row = unit.connection.execute(
            _NAMESPACE.insert()
            .values(text=text, platform=platform, case_rule=naming.case_rule_of(platform))
            .returning(*fields)
        ).one()
    return row
