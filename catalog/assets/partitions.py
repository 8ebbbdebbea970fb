"""Partitions of one dataset, paged: rows, never assets."""

from __future__ import annotations

from typing import Any, Final, Literal

import msgspec
from sqlalchemy import Connection, and_, func, or_, select

from catalog.access.viewer import Viewer
from catalog.assets.columns import page_size
from catalog.assets.resolve import Match
from catalog.assets.views import Page
from catalog.history import cursor as cursors
from catalog.history.store import table_of
from catalog.model import Partition
from catalog.model.clock import to_text

MOST: Final = 1000
Order = Literal["path", "newest"]
_PARTITION = table_of(Partition)
_FIELDS: Final = tuple(
    _PARTITION.c[name] for name in ("path", "values", "files", "rows", "size", "newest_file")
)
_OLDEST: Final = -(1 << 62)  # a partition whose newest file is not known comes last


class PartitionView(msgspec.Struct, frozen=True):
    """``values``: key -> value as text. ``bytes``: of its files; ``newest_file``: when written."""

    path: str
    values: dict[str, str | None]
    files: int | None
    rows: int | None
    bytes: int | None
    newest_file: str | None


def partitions(
    connection: Connection,
    viewer: Viewer,
    match: Match,
    *,
    text: str | None = None,
    order: Order = "path",
    limit: int = 100,
    cursor: str | None = None,
) -> Page[PartitionView]:
    """A page of a dataset's partitions: by path, or those with the newest file first.

    ``text``: in the path, in any case. ``limit``: 1 to 1,000. ``total`` is exact. Raises
    `BadInput`. ``viewer`` has been asked for with the match. Two queries.
    """
    del viewer  # who may see the asset may see its partitions
    page_size(limit, MOST)
    query = {"partitions": match.id, "text": text, "order": order}
    where: list[Any] = [_PARTITION.c.asset == match.key]
    if text:
        where.append(func.lower(_PARTITION.c.path).contains(text.lower(), autoescape=True))
    total = connection.execute(
        select(func.count()).select_from(_PARTITION).where(*where)
    ).scalar_one()
    newest = func.coalesce(_PARTITION.c.newest_file, _OLDEST)
    if cursor is not None:
        where.append(_after(order, newest, cursors.decode(query, cursor)))
    by = (newest.desc(),) if order == "newest" else ()
    rows = connection.execute(
        select(*_FIELDS, newest.label("place"))
        .where(*where)
        .order_by(*by, _PARTITION.c.path)
        .limit(limit + 1)
    ).all()
    following = None
    if len(rows) > limit:
        last = rows[limit - 1]
        following = cursors.encode(query, [last.place, last.path])
    return Page(items=[_view(row) for row in rows[:limit]], total=total, next=following)


def _after(order: Order, newest: Any, keys: list[Any]) -> Any:
    place, path = keys
    later = _PARTITION.c.path > path
    return later if order == "path" else or_(newest < place, and_(newest == place, later))


def _view(row: Any) -> PartitionView:
    return PartitionView(
        path=row.path,
        values=msgspec.json.decode(row.values),
        files=row.files,
        rows=row.rows,
        bytes=row.size,
        newest_file=to_text(row.newest_file),
    )
