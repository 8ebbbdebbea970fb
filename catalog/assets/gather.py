"""All rows that one asset's read model is made of, in two statements built once.

What hangs on an asset lies in many small tables. One ``UNION ALL`` with common columns fetches
them in one go: a round trip less counts more than the width of a row.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    Float,
    LargeBinary,
    Select,
    Text,
    bindparam,
    cast,
    func,
    literal,
    null,
    select,
    union_all,
)

from catalog.access.expression import Expression
from catalog.access.sqlfilter import compile_filter
from catalog.access.viewer import Viewer, visible
from catalog.history.facts import FactRow
from catalog.history.store import table_of
from catalog.model import (
    Alias,
    Asset,
    Column,
    Crawl,
    CrawlScope,
    Fact,
    Hold,
    Measure,
    Namespace,
    Scope,
    Sighting,
    Source,
    Statement,
    StatementUse,
)
from catalog.model.base import Big

COLUMNS_SHOWN: Final = 1000
CHILDREN_COUNTED: Final = 1000
_ALIASES_SHOWN: Final = 50
_PARENTS: Final = 32
_PARTS: Final = (
    "fact",
    "sighting",
    "measure",
    "alias",
    "hold",
    "ancestor",
    "statement",
    "children",
)

_ASSET = table_of(Asset)
_NAMESPACE = table_of(Namespace)
_COLUMN = table_of(Column)
_FACT = table_of(Fact)
_MEASURE = table_of(Measure)
_ALIAS = table_of(Alias)
_SIGHTING = table_of(Sighting)
_SOURCE = table_of(Source)
_SCOPE = table_of(Scope)
_CRAWL = table_of(Crawl)
_CRAWL_SCOPE = table_of(CrawlScope)
_HOLD = table_of(Hold)
_STATEMENT = table_of(Statement)
_USE = table_of(StatementUse)


class ColumnRow(NamedTuple):
    """A column as stored; ``keys``: letters p, u, f."""

    number: int
    path: str
    position: int
    type: str
    native_type: str | None
    nullable: bool | None
    default: str | None
    comment: str | None
    keys: str


class Gathered(NamedTuple):
    """The rows of one asset by part; see the statements below for their columns."""

    columns: list[ColumnRow]
    facts: list[FactRow]
    sightings: list[Any]
    measures: list[Any]
    aliases: list[Any]
    holds: list[Any]
    ancestors: list[Any]
    statements: list[Any]
    children: int


_OF: Final[BindParameter[Any]] = bindparam("asset")
COLUMN_FIELDS: Final = tuple(_COLUMN.c[name] for name in ColumnRow._fields)
_COLUMNS: Final = (
    select(*COLUMN_FIELDS)
    .where(_COLUMN.c.asset == _OF, _COLUMN.c.live)
    .order_by(_COLUMN.c.position, _COLUMN.c.number)
    .limit(bindparam("most"))
)

# The common columns of the union: name -> type. The first ten are a fact's, in its order.
_TYPES: Final = {"n": Big, "t": Text, "f": Float, "b": LargeBinary}
_FACT_SHAPE: Final = ("n1", "t1", "t2", "t3", "t4", "t5", "f1", "t6", "t7", "n2")
_SHAPE: Final[dict[str, Any]] = {
    name: _TYPES[name[0]] for name in (*_FACT_SHAPE, "n3", "n4", "n5", "b1", "b2", "b3", "b4")
}


def _part(name: str, **columns: ColumnElement[Any]) -> Select[Any]:
    """One branch of the union; columns that it does not name are NULL."""
    return select(
        literal(name, Text).label("part"),
        *(
            columns[key].label(key) if key in columns else cast(null(), kind).label(key)
            for key, kind in _SHAPE.items()
        ),
    )


def _facts() -> Select[Any]:
    fields = (_FACT.c[name] for name in FactRow._fields)
    return _part("fact", **dict(zip(_FACT_SHAPE, fields, strict=True))).where(_FACT.c.asset == _OF)


def _sightings() -> Select[Any]:
    """With the last ended crawl that covered the scope, and the one that last changed it."""
    last = _CRAWL.alias("last")
    changed = _CRAWL.alias("changed")
    covering = (
        select(_CRAWL.c.key)
        .join(_CRAWL_SCOPE, _CRAWL_SCOPE.c.crawl == _CRAWL.c.key)
        .where(
            _CRAWL.c.source == _SIGHTING.c.source,
            _CRAWL_SCOPE.c.scope == _SIGHTING.c.scope,
            _CRAWL.c.ended_at.is_not(None),
        )
        .order_by(_CRAWL.c.key.desc())
        .limit(1)
        .correlate(_SIGHTING)
        .scalar_subquery()
    )
    joined = (
        _SIGHTING.join(_SOURCE, _SOURCE.c.key == _SIGHTING.c.source)
        .join(_SCOPE, _SCOPE.c.key == _SIGHTING.c.scope)
        .outerjoin(changed, changed.c.key == _SIGHTING.c.crawl)
        .outerjoin(last, last.c.key == covering)
        .outerjoin(
            _CRAWL_SCOPE,
            (_CRAWL_SCOPE.c.crawl == last.c.key) & (_CRAWL_SCOPE.c.scope == _SIGHTING.c.scope),
        )
    )
    return (
        _part(
            "sighting",
            n1=_SIGHTING.c.source,
            n2=_SOURCE.c.rank,
            n3=last.c.ended_at,
            n4=_SCOPE.c.last_complete_at,
            n5=func.coalesce(changed.c.ended_at, changed.c.started_at),
            t1=_SOURCE.c.name,
            t2=_SOURCE.c.kind,
            t3=_SIGHTING.c.state,
            t4=_SCOPE.c.name,
            t5=_SOURCE.c.environment,
            t6=last.c.state,
            t7=_CRAWL_SCOPE.c.state,
            b1=_SIGHTING.c.record,
            b2=_SOURCE.c.uid,
            b3=last.c.uid,
            b4=changed.c.uid,
        )
        .select_from(joined)
        .where(_SIGHTING.c.asset == _OF, _SOURCE.c.removed_at.is_(None))
    )


def _measures() -> Select[Any]:
    return (
        _part(
            "measure",
            t1=_MEASURE.c.name,
            f1=_MEASURE.c.value,
            t2=_MEASURE.c.how,
            n1=_MEASURE.c.at,
            t3=_SOURCE.c.name,
        )
        .select_from(_MEASURE.outerjoin(_SOURCE, _SOURCE.c.key == _MEASURE.c.source))
        .where(_MEASURE.c.asset == _OF, _MEASURE.c.column == 0)
    )


def _aliases() -> Select[Any]:
    return (
        _part("alias", t1=_NAMESPACE.c.text, t2=_ALIAS.c.name, n1=_ALIAS.c.created_at)
        .select_from(_ALIAS.outerjoin(_NAMESPACE, _NAMESPACE.c.key == _ALIAS.c.namespace))
        .where(_ALIAS.c.asset == _OF, _ALIAS.c.name.is_not(None))
    )


def _holds() -> Select[Any]:
    return _part("hold", n1=_HOLD.c.since).where(_HOLD.c.asset == _OF, _HOLD.c.ended_at.is_(None))


def _definitions() -> Select[Any]:
    return (
        _part(
            "statement",
            n1=_USE.c.key,
            t1=_STATEMENT.c.text,
            t2=_STATEMENT.c.dialect,
            t3=_USE.c.kind,
            t4=_USE.c.problem,
            b1=_STATEMENT.c.uid,
        )
        .select_from(_USE.join(_STATEMENT, _STATEMENT.c.key == _USE.c.statement))
        .where(_USE.c.asset == _OF, _USE.c.live)
    )


def _ancestors(see: Callable[[Any], ColumnElement[bool]]) -> Select[Any]:
    first = (
        select(_ASSET.c.key.label("key"), _ASSET.c.parent.label("parent"), literal(1).label("up"))
        .where(_ASSET.c.key == bindparam("parent"))
        .cte("above", recursive=True)
    )
    above = first.union_all(
        select(_ASSET.c.key, _ASSET.c.parent, first.c.up + 1)
        .join(first, _ASSET.c.key == first.c.parent)
        .where(first.c.up < _PARENTS)
    )
    box = _ASSET.alias("box")
    return (
        _part(
            "ancestor",
            n1=above.c.up,
            t1=box.c.kind,
            t2=box.c.name,
            t3=_NAMESPACE.c.platform,
            b1=box.c.uid,
        )
        .select_from(
            above.join(box, box.c.key == above.c.key).join(
                _NAMESPACE, _NAMESPACE.c.key == box.c.namespace
            )
        )
        .where(see(box))
    )


def _children(see: Callable[[Any], ColumnElement[bool]]) -> Select[Any]:
    child = _ASSET.alias("child")
    some = (
        select(literal(1).label("one"))
        .where(child.c.parent == _OF, child.c.state != "removed", see(child))
        .limit(CHILDREN_COUNTED + 1)
        .subquery()
    )
    return _part("children", n1=select(func.count()).select_from(some).scalar_subquery())


@lru_cache(maxsize=128)
def _parts(expression: Expression) -> Any:
    def see(asset: Any) -> ColumnElement[bool]:
        return compile_filter(expression, asset)

    return union_all(
        _facts(),
        _sightings(),
        _measures(),
        _aliases(),
        _holds(),
        _definitions(),
        _ancestors(see),
        _children(see),
    )


def gather(
    connection: Connection,
    viewer: Viewer,
    asset: int,
    parent: int | None,
    columns_shown: int = COLUMNS_SHOWN,
) -> Gathered:
    """The rows of one asset that the viewer may see: two statements, whatever hangs on it.

    Of its columns those to be shown and one more, which tells whether there are others.
    """
    first = {"asset": asset, "most": columns_shown + 1}
    columns = [ColumnRow(*row) for row in connection.execute(_COLUMNS, first).all()]
    parameters = {"asset": asset, "parent": parent if parent is not None else -1}
    parts: dict[str, list[Any]] = {name: [] for name in _PARTS}
    for row in connection.execute(_parts(visible(viewer)), parameters).all():
        parts[row[0]].append(row)
    return Gathered(
        columns=columns,
        facts=[FactRow._make(row[1:11]) for row in parts["fact"]],
        sightings=parts["sighting"],
        measures=parts["measure"],
        aliases=parts["alias"][:_ALIASES_SHOWN],
        holds=parts["hold"],
        ancestors=parts["ancestor"],
        statements=parts["statement"],
        children=parts["children"][0].n1,
    )
