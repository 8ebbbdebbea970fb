"""Other names that lead to an asset: those it had, and quoted ones as clients send them."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import delete, update

from catalog import naming
from catalog.history.store import table_of
from catalog.history.unit import Unit
from catalog.ingest.context import CrawlContext
from catalog.ingest.matching import Known
from catalog.ingest.prepare import Prepared
from catalog.model import Alias

_ALIAS = table_of(Alias)


def write_aliases(unit: Unit, moved: Sequence[Known]) -> None:
    """The old name leads on to the asset."""
    rows = [
        {
            "asset": one.row.key,
            "namespace": one.row.namespace,
            "asset_class": one.row.asset_class,
            "name": one.row.name,
            "name_key": naming.name_key(one.row.name),
            "origin": "rename" if one.rename else "spelling",
            "created_at": unit.now,
        }
        for one in moved
    ]
    for row in rows:
        # One row a name; the present name of an asset is no alias of it.
        present = next(one.item.name_key for one in moved if one.row.key == row["asset"])
        same = (
            (_ALIAS.c.asset == row["asset"])
            & (_ALIAS.c.namespace == row["namespace"])
            & _ALIAS.c.name_key.in_([row["name_key"], present])
        )
        unit.connection.execute(delete(_ALIAS).where(same, _ALIAS.c.uid.is_(None)))
        # An id that a merge dropped leads here for ever.
        unit.connection.execute(update(_ALIAS).where(same).values(name=None, name_key=None))
    if rows:
        unit.connection.execute(_ALIAS.insert(), rows)


def write_unquoted(unit: Unit, context: CrawlContext, made: Sequence[tuple[int, Prepared]]) -> None:
    """A name with quoted parts is also found as clients send it, without quotes."""
    rows = []
    for key, item in made:
        record = item.record
        if '"' not in record.name or naming.is_path(naming.platform_of(record.namespace)):
            continue
        plain = ".".join(naming.split_name(record.name))
        rows.append(
            {
                "asset": key,
                "namespace": context.namespace(unit, record.namespace),
                "asset_class": record.asset_class,
                "name": plain,
                "name_key": naming.name_key(plain),
                "origin": "unquoted",
                "created_at": unit.now,
            }
        )
    if rows:
        unit.connection.execute(_ALIAS.insert(), rows)
