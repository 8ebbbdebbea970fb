"""Parents: the container that a record names, found, or made as a referenced asset."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from catalog import naming
from catalog.history import dialect
from catalog.history.store import table_of
from catalog.history.unit import Unit
from catalog.ingest.context import CrawlContext
from catalog.ingest.lookup import by_name
from catalog.model import Asset

_ASSET = table_of(Asset)
ASSET_COLUMNS = (
    "key",
    "uid",
    "asset_class",
    "namespace",
    "name",
    "name_key",
    "folded_key",
    "leaf_key",
    "sort",
    "kind",
    "parent",
    "state",
    "source",
    "title",
    "description",
    "popularity",
    "rows_class",
    "next_column",
    "created_at",
    "changed_at",
)
SORT_LENGTH = 200


def name_columns(context: CrawlContext, namespace: int, name: str) -> tuple[int, int, str]:
    """(folded key, leaf key, sort) of a name in a namespace."""
    platform = context.platforms[namespace]
    rule = context.case_rules[namespace]
    folded = naming.fold(name, rule)
    leaf = naming.fold(naming.leaf(name, platform), rule)
    return naming.text_key(folded), naming.text_key(leaf), leaf[:SORT_LENGTH]


def asset_row(
    context: CrawlContext,
    unit: Unit,
    *,
    key: int,
    asset_class: str,
    namespace: int,
    name: str,
    kind: str,
    parent: int | None,
    state: str,
    source: int | None,
    name_key: bytes | None = None,
    title: str | None = None,
    description: str | None = None,
    rows_class: int | None = None,
    next_column: int = 1,
) -> tuple[Any, ...]:
    """A row for `ASSET_COLUMNS`, with a fresh id."""
    folded_key, leaf_key, sort = name_columns(context, namespace, name)
    return (
        key,
        naming.new_id(),
        asset_class,
        namespace,
        name,
        name_key or naming.name_key(name),
        folded_key,
        leaf_key,
        sort,
        kind,
        parent,
        state,
        source,
        title,
        description,
        0,
        rows_class,
        next_column,
        unit.now,
        unit.now,
    )


def resolve_parents(
    unit: Unit,
    context: CrawlContext,
    wanted: Iterable[tuple[str, str]],
    fresh: Mapping[tuple[str, str], int],
) -> None:
    """Fills ``context.containers`` for (namespace, name) pairs.

    ``fresh``: containers that this very batch makes. What nobody has described becomes a
    referenced container; the crawl that meets it later takes over the same row.
    """
    context.containers.update(fresh)
    missing = sorted({pair for pair in wanted if pair not in context.containers})
    if not missing:
        return
    identities = {
        (namespace, "container", naming.name_key(name)): (namespace, name)
        for namespace, name in missing
    }
    for identity, found in by_name(unit.connection, context, identities).items():
        context.containers[identities[identity]] = found.key
    unknown = [pair for pair in missing if pair not in context.containers]
    if not unknown:
        return
    keys = dialect.next_keys(unit.connection, _ASSET, len(unknown))
    rows = []
    for key, (namespace, name) in zip(keys, unknown, strict=True):
        row = asset_row(
            context,
            unit,
            key=key,
            asset_class="container",
            namespace=context.namespace(unit, namespace),
            name=name,
            kind="container",
            parent=None,
            state="referenced",
            source=None,
        )
        rows.append(row)
        unit.change("referenced", subject=naming.id_text(row[1]), asset=key)
        context.containers[namespace, name] = key
    dialect.bulk_insert(unit.connection, _ASSET, ASSET_COLUMNS, rows)
