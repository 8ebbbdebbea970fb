"""The assets that a definition's text names, with the place of each name: for links in the text."""

from __future__ import annotations

from typing import Final, NamedTuple

from sqlalchemy import Connection, select

from catalog.access.viewer import Viewer
from catalog.history.store import table_of
from catalog.lineage import adjacency
from catalog.lineage.resolve import resolve
from catalog.lineage.statements import load_uses
from catalog.model import StatementUse
from catalog.naming import id_text
from catalog.sql.places import places

LONGEST: Final = 20_000
"""Of a longer text no names are looked up: a page does not wait for it."""
MOST: Final = 1_000
_USE = table_of(StatementUse)


class Mention(NamedTuple):
    """From ``start`` to ``end`` of the text stands the name of this asset (public id)."""

    start: int
    end: int
    asset: str
    name: str


def mentions(connection: Connection, viewer: Viewer, asset: int) -> list[Mention]:
    """The names in the definition of a visible asset (key) that mean assets which it reads.

    Only neighbours in lineage that the viewer may see: all else stays a plain word. The asset's
    own name is none.
    """
    viewer.require("read")
    newest = select(_USE.c.key).where(_USE.c.asset == asset, _USE.c.live)
    key = connection.execute(newest.order_by(_USE.c.key.desc()).limit(1)).scalar()
    uses = load_uses(connection, [key]) if key is not None else []
    if not uses or len(uses[0].text) > LONGEST:
        return []
    use = uses[0]
    found = places(use.text, use.dialect)[:MOST]
    reads = {far for _, far in adjacency.step(connection, viewer, [asset], "up", MOST)}
    meaning = resolve(connection, [(use.where, one.ref) for one in found])
    keys = {one: {hit.key for hit in meaning[use.where, one.ref].assets} & reads for one in found}
    rows = adjacency.described(connection, viewer, {k for hits in keys.values() for k in hits})
    return [
        Mention(one.start, one.end, id_text(rows[hit].uid), rows[hit].name)
        for one in found
        for hit in sorted(keys[one])[:1]
        if hit in rows and hit != asset
    ]
