"""Namespaces: a database that moves to another host is one edit and an alias, not many renames."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import Connection, func, select, update

from catalog.access.viewer import Viewer, visible
from catalog.assets.merge import merge
from catalog.assets.rows import ASSET, NAMESPACE, SOURCE, see_assets
from catalog.errors import BadInput, NotFound
from catalog.history.unit import Unit
from catalog.naming import normalize_namespace, platform_of


class NamespaceView(msgspec.Struct, frozen=True):
    """A namespace, how many visible live assets it has, and what it was called before."""

    namespace: str
    platform: str
    assets: int
    aliases: list[str]


class NamespaceEdit(msgspec.Struct, frozen=True):
    """What renaming a namespace did, or would do: assets that move, and those that become one
    with an asset of the same name that is there already.
    """

    before: str
    after: str
    moved: int
    merged: int
    done: bool


def namespaces(connection: Connection, viewer: Viewer) -> list[NamespaceView]:
    """All namespaces in which the viewer sees something, by text."""
    aliases: dict[int, list[str]] = {}
    for row in connection.execute(select(NAMESPACE).where(NAMESPACE.c.alias_of.is_not(None))):
        aliases.setdefault(row.alias_of, []).append(row.text)
    rows = connection.execute(
        select(NAMESPACE.c.key, NAMESPACE.c.text, NAMESPACE.c.platform, func.count())
        .select_from(
            ASSET.join(NAMESPACE, NAMESPACE.c.key == ASSET.c.namespace).outerjoin(
                SOURCE, SOURCE.c.key == ASSET.c.source
            )
        )
        .where(see_assets(visible(viewer)), ASSET.c.state != "removed")
        .group_by(NAMESPACE.c.key, NAMESPACE.c.text, NAMESPACE.c.platform)
        .order_by(NAMESPACE.c.text)
    )
    return [
        NamespaceView(text, platform, count, sorted(aliases.get(key, [])))
        for key, text, platform, count in rows
    ]


def rename_namespace(
    unit: Unit, viewer: Viewer, before: str, after: str, *, dry_run: bool = False
) -> NamespaceEdit:
    """Gives a namespace another text; the old one stays as its alias. An admin's act.

    When the new text is a namespace already, the two are merged: assets of equal class and name
    become one, the one of the new namespace is kept. Raises `NotAllowed`, `NotFound`, `BadInput`.
    """
    viewer.require("source")
    connection = unit.connection
    old = _row(connection, normalize_namespace(before))
    if old is None or old.alias_of is not None:
        raise NotFound(f"There is no namespace {before!r}.", remedy="List the namespaces.")
    text = normalize_namespace(after)
    if text == old.text or platform_of(text) != old.platform:
        raise BadInput(
            f"{old.text} cannot become {text}.",
            remedy=f"Give another namespace of the platform {old.platform}.",
            parameter="namespace",
        )
    there = _row(connection, text)
    if there is not None and there.alias_of is not None and there.alias_of != old.key:
        there = connection.execute(select(NAMESPACE).where(NAMESPACE.c.key == there.alias_of)).one()
    elif there is not None and there.alias_of == old.key:
        return _take_back(unit, old, there, dry_run)
    pairs = [] if there is None else _same_names(connection, there.key, old.key)
    total = _count(connection, old.key)
    if not dry_run:
        if there is None:
            _rename(unit, old, text)
        else:
            _merge(unit, old, there, pairs)
    return NamespaceEdit(old.text, text, total - len(pairs), len(pairs), not dry_run)


def _row(connection: Connection, text: str) -> Any:
    return connection.execute(select(NAMESPACE).where(NAMESPACE.c.text == text)).first()


def _count(connection: Connection, namespace: int) -> int:
    return connection.execute(
        select(func.count()).select_from(ASSET).where(ASSET.c.namespace == namespace)
    ).scalar_one()


def _same_names(connection: Connection, keep: int, drop: int) -> list[tuple[int, int]]:
    """(kept, dropped) keys of assets that both namespaces have, by class and exact name."""
    other = ASSET.alias("other")
    rows = connection.execute(
        select(ASSET.c.key, other.c.key)
        .join(
            other,
            (other.c.asset_class == ASSET.c.asset_class) & (other.c.name_key == ASSET.c.name_key),
        )
        .where(ASSET.c.namespace == keep, other.c.namespace == drop)
        .order_by(other.c.key)
    )
    return [(kept, dropped) for kept, dropped in rows]


def _rename(unit: Unit, old: Any, text: str) -> None:
    """The row takes the new text, so that all assets follow; the old text is a row of its own."""
    unit.connection.execute(update(NAMESPACE).where(NAMESPACE.c.key == old.key).values(text=text))
    unit.connection.execute(
        NAMESPACE.insert().values(
            text=old.text, platform=old.platform, case_rule=old.case_rule, alias_of=old.key
        )
    )
    _note(unit, "renamed", old.text, text)


def _take_back(unit: Unit, old: Any, alias: Any, dry_run: bool) -> NamespaceEdit:
    """The new text is a former one: the two rows swap their texts."""
    connection = unit.connection
    if not dry_run:
        for key, text in (
            (alias.key, f"{alias.text}\n"),
            (old.key, alias.text),
            (alias.key, old.text),
        ):
            connection.execute(update(NAMESPACE).where(NAMESPACE.c.key == key).values(text=text))
        _note(unit, "renamed", old.text, alias.text)
    return NamespaceEdit(old.text, alias.text, _count(connection, old.key), 0, not dry_run)


def _merge(unit: Unit, old: Any, there: Any, pairs: list[tuple[int, int]]) -> None:
    connection = unit.connection
    for kept, dropped in pairs:
        merge(unit, kept, dropped, cause="namespaces merged")
    connection.execute(
        update(ASSET).where(ASSET.c.namespace == old.key).values(namespace=there.key)
    )
    # Aliases of the old one are aliases of the kept one now: never a chain.
    connection.execute(
        update(NAMESPACE)
        .where((NAMESPACE.c.key == old.key) | (NAMESPACE.c.alias_of == old.key))
        .values(alias_of=there.key)
    )
    _note(unit, "merged", old.text, there.text)


def _note(unit: Unit, what: str, before: str, after: str) -> None:
    unit.change(
        what,
        subject_type="namespace",
        subject=after,
        before={"text": before},
        after={"text": after},
    )
