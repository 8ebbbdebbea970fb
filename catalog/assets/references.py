"""Foreign keys name other assets: those that a restricted viewer does not see are left out.

What is not in the catalog is left out too, so that its absence tells nothing. One query, and none
for who sees everything.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import Connection

from catalog.access.expression import Everything
from catalog.access.viewer import Viewer, visible
from catalog.assets.forms import by_pair_lists
from catalog.assets.spelling import pairs
from catalog.assets.views import AssetView, Key
from catalog.crawling import records
from catalog.naming import canonical, name_key

_CHUNK: Final = 500


def hide_references(connection: Connection, viewer: Viewer, view: AssetView) -> AssetView:
    """The asset whose foreign keys name only what the viewer sees; else the other side is None."""
    named = {key.references for key in view.keys if key.references is not None}
    if not named or sees_all(viewer):
        return view
    seen = seen_names(connection, viewer, named)
    return msgspec.structs.replace(view, keys=[_shown(key, seen) for key in view.keys])


def _shown(key: Key, seen: set[str]) -> Key:
    if key.references is None or key.references in seen:
        return key
    return msgspec.structs.replace(key, references=None, references_columns=[])


def hide_in_record(connection: Connection, viewer: Viewer, record: records.Asset) -> records.Asset:
    """The same for a record."""

    def name_of(key: records.Key) -> str:
        return canonical(key.references_namespace or record.namespace, key.references or "")

    named = {name_of(key) for key in record.keys if key.references}
    if not named or sees_all(viewer):
        return record
    seen = seen_names(connection, viewer, named)
    keys = tuple(
        msgspec.structs.replace(
            key, references=None, references_namespace=None, references_columns=()
        )
        if key.references and name_of(key) not in seen
        else key
        for key in record.keys
    )
    return msgspec.structs.replace(record, keys=keys)


def hide_in_changes(
    connection: Connection, viewer: Viewer, values: Iterable[tuple[str | None, Any]]
) -> None:
    """The same for values of the change log, in place. ``values``: (the asset's namespace,
    before or after as plain JSON)."""
    if sees_all(viewer):
        return
    found = [
        (canonical(key.get("references_namespace") or namespace, key["references"]), key)
        for namespace, value in values
        if namespace is not None and isinstance(value, dict)
        for key in value.get("keys") or ()
        if key.get("references")
    ]
    seen = seen_names(connection, viewer, {name for name, _ in found})
    for name, key in found:
        if name not in seen:
            key.update(references=None, references_namespace=None, references_columns=[])


def sees_all(viewer: Viewer) -> bool:
    """Whether nothing is hidden from the viewer."""
    return isinstance(visible(viewer), Everything)


def seen_names(connection: Connection, viewer: Viewer, names: set[str]) -> set[str]:
    """Those of the canonical names that are visible assets."""
    wanted = [pair for text in names for pair in pairs(text, None)]
    namespaces = sorted({pair.namespace for pair in wanted})
    found: set[str] = set()
    for keys in _chunks(sorted({name_key(pair.name) for pair in wanted})):
        for row in by_pair_lists(connection, viewer, namespaces, keys):
            found.add(canonical(row.written, row.name))
    return found


def _chunks(items: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    for start in range(0, len(items), _CHUNK):
        yield items[start : start + _CHUNK]
