"""The change log as people and programs read it: of one asset, and the feed of all one may see."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

import msgspec
from sqlalchemy import ColumnElement, Connection, Select, and_, func, or_, select

from catalog.access.viewer import Viewer, visible
from catalog.assets.columns import page_size
from catalog.assets.moments import sequence_at
from catalog.assets.people import names_of
from catalog.assets.references import hide_in_changes, sees_all
from catalog.assets.resolve import Match
from catalog.assets.rows import ASSET, NAMESPACE, SOURCE, see_assets
from catalog.assets.views import ChangeView, Page
from catalog.errors import Gone
from catalog.history import cursor as cursors
from catalog.history.store import table_of
from catalog.model import Change, Column
from catalog.model.clock import to_text
from catalog.naming import canonical, id_bytes, id_text

MOST: Final = 500
_CHUNK: Final = 500
Order = Literal["new", "old"]
_CHANGE = table_of(Change)
_COLUMN = table_of(Column)
_FIELDS: Final = (
    *(_CHANGE.c[name] for name in ("sequence", "id", "at", "actor", "what", "cause")),
    *(_CHANGE.c[name] for name in ("subject_type", "subject", "before", "after")),
    ASSET.c.uid,
    ASSET.c.name,
    NAMESPACE.c.text,
    _COLUMN.c.path,
)
_FROM: Final = (
    _CHANGE.outerjoin(ASSET, ASSET.c.key == _CHANGE.c.asset)
    .outerjoin(NAMESPACE, NAMESPACE.c.key == ASSET.c.namespace)
    .outerjoin(SOURCE, SOURCE.c.key == ASSET.c.source)
    .outerjoin(
        _COLUMN, and_(_COLUMN.c.asset == _CHANGE.c.asset, _COLUMN.c.number == _CHANGE.c.column)
    )
)
_SELECT: Final[Select[Any]] = select(*_FIELDS).select_from(_FROM)


@dataclass(frozen=True)
class FeedFilter:
    """What the feed is narrowed to; several values of one field: any of them.

    ``source``: short names; ``kind``: of the asset; ``actor``: as written (``user:ID``); ``what``:
    words of the log (created, schema, description ...); ``subject_type``: asset, source, user ...
    ``machine`` False leaves out what crawls and the system wrote; ``after_sequence``: only later
    ones; ``under``: key of a container, for what lies in it today, and itself.
    """

    source: tuple[str, ...] = ()
    kind: tuple[str, ...] = ()
    actor: tuple[str, ...] = ()
    what: tuple[str, ...] = ()
    subject_type: tuple[str, ...] = ()
    machine: bool = True
    after_sequence: int | None = None
    under: int | None = None


def changes(
    connection: Connection,
    viewer: Viewer,
    match: Match,
    *,
    what: Sequence[str] = (),
    crawls_only: bool = False,
    limit: int = 50,
    cursor: str | None = None,
) -> Page[ChangeView]:
    """A page of one visible asset's changes, the newest first. ``what``: only these words;
    ``crawls_only``: only what crawls wrote.
    """
    page_size(limit, MOST)
    query: dict[str, Any] = {"changes": match.id}
    where = [_CHANGE.c.asset == match.key, _CHANGE.c.at >= match.row.created_at]
    if what:
        query["what"] = list(what)
        where.append(_CHANGE.c.what.in_(what))
    if crawls_only:
        query["crawls"] = True
        where.append(_CHANGE.c.actor.startswith("crawl:"))
    total = connection.execute(select(func.count()).select_from(_CHANGE).where(*where)).scalar_one()
    if cursor is not None:
        where.append(_CHANGE.c.sequence < cursors.decode(query, cursor)[0])
    rows = _newest(connection, where, limit + 1)
    return Page(
        items=change_views(connection, viewer, rows[:limit]),
        total=total,
        next=cursors.encode(query, [rows[limit - 1].sequence]) if len(rows) > limit else None,
    )


def feed(
    connection: Connection,
    viewer: Viewer,
    wanted: FeedFilter | None = None,
    *,
    order: Order = "new",
    limit: int = 100,
    cursor: str | None = None,
) -> Page[ChangeView]:
    """A page of the changes that the viewer may see.

    Changes of assets are seen by those who see the asset; changes of users, tokens, sources and
    the like by admins. ``order="old"`` is the feed for programs: oldest first, and ``next`` is
    always there, to ask again with later. Raises `Gone` when the store was restored or copied
    since the cursor was made: start again. ``at_least`` counts the page only.
    """
    wanted = wanted or FeedFilter()
    page_size(limit, MOST)
    query = {"feed": asdict(wanted), "order": order}
    where = [_seen(viewer), *_conditions(wanted)]
    position = None if cursor is None else cursors.decode(query, cursor)
    if order == "new":
        if position is not None:
            where.append(_CHANGE.c.sequence < position[0])
        rows = _newest(connection, where, limit + 1)
        following = [rows[limit - 1].sequence] if len(rows) > limit else None
    else:
        if position is not None:
            _still_there(connection, position)
            where.append(_CHANGE.c.sequence > position[0])
        statement = _SELECT.where(*where).order_by(_CHANGE.c.sequence).limit(limit)
        rows = connection.execute(statement).all()
        following = [rows[-1].sequence, rows[-1].id] if rows else position or [0, 0]
    items = change_views(connection, viewer, rows[:limit])
    return Page(
        items=items,
        at_least=len(items),
        next=None if following is None else cursors.encode(query, following),
    )


def of_crawl(
    connection: Connection,
    viewer: Viewer,
    crawl: str,
    since: int,
    until: int | None,
    *,
    limit: int = 50,
    cursor: str | None = None,
) -> Page[ChangeView]:
    """A page of the visible changes that a crawl (public id) made, the newest first.

    ``since``, ``until``: when it began and ended (microseconds; None: it still runs). The log has
    no index by who wrote, so only the stretch that was written meanwhile is read. ``at_least``
    counts the page only.
    """
    viewer.require("read")
    page_size(limit, MOST)
    query = {"crawl changes": crawl}
    where = [
        _seen(viewer),
        _CHANGE.c.actor == f"crawl:{crawl}",
        _CHANGE.c.sequence > sequence_at(connection, since - 1),
    ]
    if until is not None:
        where.append(_CHANGE.c.sequence <= sequence_at(connection, until))
    if cursor is not None:
        where.append(_CHANGE.c.sequence < cursors.decode(query, cursor)[0])
    rows = _newest(connection, where, limit + 1)
    items = change_views(connection, viewer, rows[:limit])
    return Page(
        items=items,
        at_least=len(items),
        next=cursors.encode(query, [rows[limit - 1].sequence]) if len(rows) > limit else None,
    )


def _newest(
    connection: Connection, where: Sequence[ColumnElement[bool]], limit: int
) -> Sequence[Any]:
    statement = _SELECT.where(*where).order_by(_CHANGE.c.sequence.desc()).limit(limit)
    return connection.execute(statement).all()


def _still_there(connection: Connection, position: Sequence[Any]) -> None:
    sequence, change = position
    if sequence == 0:
        return
    found = connection.execute(select(_CHANGE.c.id).where(_CHANGE.c.sequence == sequence)).scalar()
    if found != change:
        raise Gone(
            "The change that this cursor stands at is no longer there: the store was restored, "
            "or its history was shortened.",
            remedy="Read the catalog anew, then follow the feed from the start.",
            sequence=sequence,
        )


def _seen(viewer: Viewer) -> ColumnElement[bool]:
    # A key of an asset that was purged may have come back: what is older is not of this asset.
    own = _CHANGE.c.at >= ASSET.c.created_at
    seen = and_(ASSET.c.key.is_not(None), own, see_assets(visible(viewer)))
    if not viewer.may("settings"):
        return seen
    return or_(_CHANGE.c.asset.is_(None), ASSET.c.key.is_(None), seen)


def _conditions(wanted: FeedFilter) -> list[ColumnElement[bool]]:
    plain: list[tuple[tuple[str, ...], ColumnElement[Any]]] = [
        (wanted.source, SOURCE.c.name),
        (wanted.kind, ASSET.c.kind),
        (wanted.actor, _CHANGE.c.actor),
        (wanted.what, _CHANGE.c.what),
        (wanted.subject_type, _CHANGE.c.subject_type),
    ]
    found: list[ColumnElement[bool]] = [column.in_(values) for values, column in plain if values]
    if not wanted.machine:
        found.append(_CHANGE.c.actor != "system")
        found.append(~_CHANGE.c.actor.startswith("crawl:"))
    if wanted.after_sequence is not None:
        found.append(_CHANGE.c.sequence > wanted.after_sequence)
    if wanted.under is not None:
        found.append(_CHANGE.c.asset.in_(_inside(wanted.under)))
    return found


def _inside(container: int) -> Select[Any]:
    """Keys of a container and of all that lies in it, at any depth."""
    top = select(ASSET.c.key).where(ASSET.c.key == container).cte("inside", recursive=True)
    inside = top.union(select(ASSET.c.key).join(top, ASSET.c.parent == top.c.key))
    return select(inside.c.key)


def change_views(connection: Connection, viewer: Viewer, rows: Iterable[Any]) -> list[ChangeView]:
    """Read models of rows with `_FIELDS`; a query more for the actors' names, and one for what
    changes name."""
    rows = list(rows)
    names = names_of(connection, {row.actor for row in rows})
    values = [(_value(row.before), _value(row.after)) for row in rows]
    lineage = [
        value
        for row, pair in zip(rows, values, strict=True)
        if row.what == "lineage"
        for value in pair
        if value is not None
    ]
    _hide_upstream(connection, viewer, lineage)
    texts = [(row.text, value) for row, pair in zip(rows, values, strict=True) for value in pair]
    hide_in_changes(connection, viewer, texts)
    return [
        ChangeView(
            sequence=row.sequence,
            at=to_text(row.at) or "",
            actor=row.actor,
            actor_name=names.actor(row.actor),
            what=row.what,
            subject_type=row.subject_type,
            subject=row.subject,
            asset=None if row.name is None else canonical(row.text, row.name),
            asset_id=None if row.uid is None else id_text(row.uid),
            column=row.path,
            cause=row.cause,
            before=before,
            after=after,
        )
        for row, (before, after) in zip(rows, values, strict=True)
    ]


def _value(text: str | None) -> Any:
    return None if text is None else msgspec.json.decode(text)


def _hide_upstream(
    connection: Connection, viewer: Viewer, values: Sequence[dict[str, Any]]
) -> None:
    """Takes out of changes of lineage what the viewer does not see: ids, and then the number of
    edges too."""
    named = {one for value in values for one in value.get("upstream", ())}
    if not named or sees_all(viewer):
        return
    seen: set[str] = set()
    for chunk in _chunks(sorted(named)):
        rows = connection.execute(
            select(ASSET.c.uid)
            .select_from(
                ASSET.join(NAMESPACE, NAMESPACE.c.key == ASSET.c.namespace).outerjoin(
                    SOURCE, SOURCE.c.key == ASSET.c.source
                )
            )
            .where(ASSET.c.uid.in_([id_bytes(one) for one in chunk]), see_assets(visible(viewer)))
        )
        seen.update(id_text(row.uid) for row in rows)
    for value in values:
        kept = [one for one in value["upstream"] if one in seen]
        if len(kept) < len(value["upstream"]):
            value.update(upstream=kept, edges=None)


def _chunks(items: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(items), _CHUNK):
        yield items[start : start + _CHUNK]
