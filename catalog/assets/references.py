"""Foreign keys name other assets: those that a restricted viewer does not see are left out."""

from __future__ import annotations

import msgspec
from sqlalchemy import Connection

from catalog.access.expression import Everything
from catalog.access.viewer import Viewer, visible
from catalog.assets.forms import by_pair_lists
from catalog.assets.spelling import pairs
from catalog.assets.views import AssetView, Key
from catalog.naming import canonical, name_key


def hide_references(connection: Connection, viewer: Viewer, view: AssetView) -> AssetView:
    """The asset whose foreign keys name only what the viewer sees; else the other side is None.

    What is not in the catalog is left out too, so that its absence tells nothing. One query, and
    none for who sees everything.
    """
    named = {key.references for key in view.keys if key.references is not None}
    if not named or isinstance(visible(viewer), Everything):
        return view
    wanted = [pair for text in named for pair in pairs(text, None)]
    rows = by_pair_lists(
        connection,
        viewer,
        sorted({pair.namespace for pair in wanted}),
        sorted({name_key(pair.name) for pair in wanted}),
    )
    seen = {canonical(row.written, row.name) for row in rows}
    return msgspec.structs.replace(view, keys=[_shown(key, seen) for key in view.keys])


def _shown(key: Key, seen: set[str]) -> Key:
    if key.references is None or key.references in seen:
        return key
    return msgspec.structs.replace(key, references=None, references_columns=[])
