"""Lists of assets: filtered, paged by keys, never by offset."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any, Final, Literal

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    bindparam,
    func,
    literal,
    or_,
    select,
)

from catalog.access.expression import Expression
from catalog.access.sqlfilter import compile_filter
from catalog.access.viewer import Viewer, visible
from catalog.assets.columns import page_size
from catalog.assets.gather import CHILDREN_COUNTED
from catalog.assets.reading import tally
from catalog.assets.resolve import Match, resolve_id
from catalog.assets.rows import ASSET, NAMESPACE, SOURCE, SUMMARY, Row, see_assets, summary
from catalog.assets.views import Page, Summary, Tally
from catalog.errors import BadInput
from catalog.history import cursor as cursors
from catalog.history import dialect
from catalog.history.store import table_of
from catalog.model import AssetAttribute
from catalog.naming import normalize_namespace
from catalog.types import CLASSES, FLAG_KINDS, KINDS, LIVE_STATES

MOST: Final = 500
COUNTED: Final = 10_000
"""A total is counted up to this many; a larger one is ``at_least``."""
FEW: Final = 500
"""Children found by a part of their name up to this many are named in the next query."""
STATES: Final = (*LIVE_STATES, "referenced", "removed")
Order = Literal["name", "new"]
_ATTRIBUTE = table_of(AssetAttribute)


@dataclass(frozen=True)
class Filter:
    """What a list is narrowed to; several values of one field: any of them.

    ``state``: without one, all that are live (observed, crawled, own). ``source``: short names.
    ``tag``: its children count too. ``owner``: ``person:ID``, ``team:ID`` or
    ``account:SOURCE/NAME``. ``flag``: endorsed, warned, deprecated or ``none``. ``parent``:
    public id of a container, for its direct children.
    """

    kind: tuple[str, ...] = ()
    asset_class: tuple[str, ...] = ()
    platform: tuple[str, ...] = ()
    source: tuple[str, ...] = ()
    namespace: tuple[str, ...] = ()
    state: tuple[str, ...] = ()
    tag: tuple[str, ...] = ()
    owner: tuple[str, ...] = ()
    flag: tuple[str, ...] = ()
    parent: str | None = None


def assets(
    connection: Connection,
    viewer: Viewer,
    wanted: Filter | None = None,
    *,
    order: Order = "name",
    limit: int = 50,
    cursor: str | None = None,
) -> Page[Summary]:
    """A page of visible assets. ``order``: by the last part of the name, or the newest first.

    ``limit``: 1 to 500. ``total`` up to 10,000, above that ``at_least``. Raises `BadInput`.
    """
    wanted = wanted or Filter()
    page_size(limit, MOST)
    where = [see_assets(visible(viewer)), *_conditions(connection, viewer, wanted)]
    query = {"assets": asdict(wanted), "order": order}
    return _page(connection, where, order, query, limit, cursor)


def browse(
    connection: Connection,
    viewer: Viewer,
    parent: Match | None,
    *,
    text: str | None = None,
    limit: int = 100,
    cursor: str | None = None,
) -> Page[Summary]:
    """The live children of a container, or without one the outermost containers, by name.

    ``text``: only those whose own name holds it, in any case. Containers carry how many children
    they have (at most 1,000 are counted).
    """
    page_size(limit, MOST)
    states = (*LIVE_STATES, "referenced")
    where = [see_assets(visible(viewer)), ASSET.c.state.in_(states)]
    if parent is not None:
        where.append(ASSET.c.parent == parent.key)
    else:
        where += [ASSET.c.parent.is_(None), ASSET.c.asset_class == "container"]
    query: dict[str, Any] = {"browse": None if parent is None else parent.id}
    if text:
        where.append(_called(connection, text, None if parent is None else parent.key))
        query["text"] = text
    page = _rows(connection, where, "name", query, limit, cursor)
    boxes = [row.key for row in page.items if row.asset_class == "container"]
    children = _children(connection, viewer, boxes)
    return Page(
        items=[summary(row, children.get(row.key)) for row in page.items],
        total=page.total,
        at_least=page.at_least,
        next=page.next,
    )


def _called(connection: Connection, text: str, parent: int | None) -> ColumnElement[bool]:
    """Children whose own name (the last part) holds the text, in any case.

    A query of its own, because the index of a container's children answers it without reading a
    row of the table. When it finds few they are named, so that their names are gone through once,
    and not again for the count and for the page. When most children fit, the count and the page
    stop early by themselves.
    """

    def holds(column: ColumnElement[Any]) -> ColumnElement[bool]:
        return func.lower(column).contains(text.lower(), autoescape=True)

    one = ASSET.alias("called")
    inside = one.c.parent.is_(None) if parent is None else one.c.parent == parent
    named = select(one.c.key).where(inside, holds(one.c.sort))
    keys = connection.execute(named.limit(COUNTED + 1)).scalars().all()
    if len(keys) > COUNTED:
        return holds(ASSET.c.sort)
    found: ColumnElement[bool] = ASSET.c.key.in_(keys if len(keys) <= FEW else named)
    return found


def _page(
    connection: Connection,
    where: Sequence[ColumnElement[bool]],
    order: Order,
    query: dict[str, Any],
    limit: int,
    cursor: str | None,
) -> Page[Summary]:
    page = _rows(connection, where, order, query, limit, cursor)
    return Page(
        items=[summary(row) for row in page.items],
        total=page.total,
        at_least=page.at_least,
        next=page.next,
    )


def _rows(
    connection: Connection,
    where: Sequence[ColumnElement[bool]],
    order: Order,
    query: dict[str, Any],
    limit: int,
    cursor: str | None,
) -> Page[Row]:
    count = _count(connection, where)
    condition = list(where)
    if cursor is not None:
        condition.append(_after(order, cursors.decode(query, cursor)))
    by = (ASSET.c.sort, ASSET.c.key) if order == "name" else (ASSET.c.key.desc(),)
    found = connection.execute(SUMMARY.where(*condition).order_by(*by).limit(limit + 1)).all()
    shown = list(found[:limit])
    following = None
    if len(found) > limit:
        last = shown[-1]
        following = cursors.encode(query, [last.sort, last.key] if order == "name" else [last.key])
    return Page(items=shown, total=count.total, at_least=count.at_least, next=following)


def _after(order: Order, keys: list[Any]) -> ColumnElement[bool]:
    if order == "new":
        older: ColumnElement[bool] = ASSET.c.key < keys[0]
        return older
    sort, key = keys
    # Two conditions, so that an index serves the first one.
    return and_(ASSET.c.sort >= sort, or_(ASSET.c.sort > sort, ASSET.c.key > key))


def _count(connection: Connection, where: Sequence[ColumnElement[bool]]) -> Tally:
    inner = (
        select(ASSET.c.key)
        .select_from(
            ASSET.join(NAMESPACE, NAMESPACE.c.key == ASSET.c.namespace).outerjoin(
                SOURCE, SOURCE.c.key == ASSET.c.source
            )
        )
        .where(*where)
        .limit(COUNTED + 1)
        .subquery()
    )
    count = connection.execute(select(func.count()).select_from(inner)).scalar_one()
    return tally(count, COUNTED)


def _children(connection: Connection, viewer: Viewer, boxes: list[int]) -> dict[int, Tally]:
    """How many children each container has: one statement, each count bounded."""
    if not boxes:
        return {}
    rows = connection.execute(_children_statement(visible(viewer)), {"boxes": boxes})
    return {key: tally(count, CHILDREN_COUNTED) for key, count in rows}


@lru_cache(maxsize=128)
def _children_statement(expression: Expression) -> Select[Any]:
    box = ASSET.alias("box")
    inner = (
        select(literal(1).label("one"))
        .where(
            ASSET.c.parent == box.c.key,
            ASSET.c.state != "removed",
            compile_filter(expression, ASSET),
        )
        .limit(CHILDREN_COUNTED + 1)
        .correlate(box)
        .subquery()
    )
    count = select(func.count()).select_from(inner).scalar_subquery()
    return select(box.c.key, count).where(box.c.key.in_(bindparam("boxes", expanding=True)))


# --- filters --------------------------------------------------------------------------------


def _conditions(
    connection: Connection, viewer: Viewer, wanted: Filter
) -> list[ColumnElement[bool]]:
    _known("kind", wanted.kind, tuple(KINDS))
    _known("class", wanted.asset_class, CLASSES)
    _known("state", wanted.state, STATES)
    _known("flag", wanted.flag, (*FLAG_KINDS, "none"))
    found: list[ColumnElement[bool]] = [ASSET.c.state.in_(wanted.state or LIVE_STATES)]
    plain: list[tuple[tuple[str, ...], ColumnElement[Any]]] = [
        (wanted.kind, ASSET.c.kind),
        (wanted.asset_class, ASSET.c.asset_class),
        (wanted.platform, NAMESPACE.c.platform),
        (wanted.source, SOURCE.c.name),
    ]
    found += [column.in_(values) for values, column in plain if values]
    if wanted.namespace:
        found.append(_in_namespaces(wanted.namespace))
    if wanted.tag:
        found.append(_having("tag", wanted.tag, _tag_test))
    if wanted.owner:
        found.append(_having("owner", wanted.owner, lambda column, value: column == value))
    if wanted.flag:
        kinds = [kind for kind in wanted.flag if kind != "none"]
        without = [ASSET.c.flag.is_(None)] if "none" in wanted.flag else []
        found.append(or_(ASSET.c.flag.in_(kinds), *without))
    if wanted.parent is not None:
        found.append(ASSET.c.parent == resolve_id(connection, viewer, wanted.parent).key)
    return found


def _known(name: str, values: Sequence[str], possible: Sequence[str]) -> None:
    for value in values:
        if value not in possible:
            raise BadInput(
                f"There is no {name} {value!r}.",
                remedy=f"Use one of {', '.join(possible)}.",
                parameter=name,
            )


def _in_namespaces(texts: Sequence[str]) -> ColumnElement[bool]:
    """In one of the namespaces; a former one stands for the one that it became."""
    names = [normalize_namespace(text) for text in texts]
    former = NAMESPACE.alias("named")
    found: ColumnElement[bool] = ASSET.c.namespace.in_(
        select(func.coalesce(former.c.alias_of, former.c.key)).where(former.c.text.in_(names))
    )
    return found


def _tag_test(column: ColumnElement[Any], value: str) -> ColumnElement[bool]:
    return or_(column == value, dialect.has_prefix(column, f"{value}/"))


def _having(
    attribute: str,
    values: Sequence[str],
    test: Callable[[ColumnElement[Any], str], ColumnElement[bool]],
) -> ColumnElement[bool]:
    """One of several values of an attribute; found from the attribute's index, then the assets."""
    having = select(_ATTRIBUTE.c.asset).where(
        _ATTRIBUTE.c.attribute == attribute,
        or_(*(test(_ATTRIBUTE.c.value, value) for value in values)),
    )
    found: ColumnElement[bool] = ASSET.c.key.in_(having)
    return found
