"""The rows of assets that every read begins with: one selection, its filter, its summary."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Select, and_, bindparam, select

from catalog.access.expression import Expression
from catalog.access.sqlfilter import compile_filter
from catalog.access.viewer import Viewer, visible
from catalog.assets.links import asset_url
from catalog.assets.views import Candidate, Summary, Tally
from catalog.history.store import table_of
from catalog.model import Asset, Namespace, Source
from catalog.model.clock import to_text
from catalog.naming import id_text, leaf

ASSET: Final = table_of(Asset)
NAMESPACE: Final = table_of(Namespace)
SOURCE: Final = table_of(Source)

Row = Any
"""A row of `SUMMARY`: the asset's columns, ``text``, ``platform``, ``case_rule`` of its
namespace, ``source_name`` and ``environment`` of the source that decides."""

COLUMNS: Final[tuple[ColumnElement[Any], ...]] = (
    ASSET.c.key,
    ASSET.c.uid,
    ASSET.c.asset_class,
    ASSET.c.namespace,
    ASSET.c.name,
    ASSET.c.kind,
    ASSET.c.parent,
    ASSET.c.state,
    ASSET.c.source,
    ASSET.c.title,
    ASSET.c.description,
    ASSET.c.flag,
    ASSET.c.popularity,
    ASSET.c.rows_class,
    ASSET.c.sort,
    ASSET.c.created_at,
    ASSET.c.changed_at,
    ASSET.c.removed_at,
    NAMESPACE.c.text,
    NAMESPACE.c.platform,
    NAMESPACE.c.case_rule,
    SOURCE.c.name.label("source_name"),
    SOURCE.c.environment,
)
SUMMARY: Final[Select[Any]] = select(*COLUMNS).select_from(
    ASSET.join(NAMESPACE, NAMESPACE.c.key == ASSET.c.namespace).outerjoin(
        SOURCE, SOURCE.c.key == ASSET.c.source
    )
)

Builder = Callable[[ColumnElement[bool]], Select[Any]]
"""Makes a statement from the where-clause of what the viewer may see."""


def seen_by(viewer: Viewer, build: Builder) -> Select[Any]:
    """The statement for what this viewer may see: built once per builder and expression.

    ``build`` is a function of a module, or one that `functools.cache` keeps: never a new one.
    """
    return _statement(build, visible(viewer))


@lru_cache(maxsize=512)
def _statement(build: Builder, expression: Expression) -> Select[Any]:
    return build(see_assets(expression))


def see_assets(expression: Expression) -> ColumnElement[bool]:
    """Where-clause on `SUMMARY`: the expression, and no asset of a source that was removed."""
    return and_(compile_filter(expression, ASSET), SOURCE.c.removed_at.is_(None))


def slots(values: Iterable[Any]) -> list[Any]:
    """Values padded to 1, 4, 16 ... of them by repeating the last: few shapes of statements.

    An expanding IN list is rewritten at each execution, which costs more than the query.
    """
    found = list(values)
    size = 1
    while size < len(found):
        size *= 4
    return found + found[-1:] * (size - len(found))


def among(column: ColumnElement[Any], name: str, size: int) -> ColumnElement[bool]:
    """``column IN (:name0, :name1, ...)`` for values made by `slots`."""
    return column.in_([bindparam(f"{name}{at}", type_=column.type) for at in range(size)])


def fill(name: str, values: Iterable[Any]) -> dict[str, Any]:
    """The parameters of `among`."""
    return {f"{name}{at}": value for at, value in enumerate(values)}


def fetch(
    connection: Connection, viewer: Viewer, build: Builder, parameters: dict[str, Any]
) -> list[Row]:
    """All rows of a built statement."""
    return list(connection.execute(seen_by(viewer, build), parameters).all())


def summary(row: Row, children: Tally | None = None) -> Summary:
    """The read model of an asset in a list."""
    return Summary(
        id=id_text(row.uid),
        url=asset_url(row.uid),
        asset_class=row.asset_class,
        kind=row.kind,
        platform=row.platform,
        namespace=row.text,
        name=row.name,
        label=leaf(row.name, row.platform),
        state=row.state,
        title=row.title,
        description=row.description,
        flag=row.flag,
        source=row.source_name,
        popularity=row.popularity,
        rows_class=row.rows_class,
        changed_at=to_text(row.changed_at) or "",
        removed_at=to_text(row.removed_at),
        children=children,
    )


def candidate(row: Row) -> Candidate:
    """The read model of an asset among several that a name may mean."""
    return Candidate(
        id=id_text(row.uid),
        url=asset_url(row.uid),
        namespace=row.text,
        name=row.name,
        kind=row.kind,
        state=row.state,
    )
