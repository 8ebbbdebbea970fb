"""The visibility expression as a where-clause over the asset table.

Equal to `catalog.access.evaluate` on both engines (tested with random expressions). Values are
always parameters. A test of an attribute that an asset does not have is false, never NULL, so
that its negation is true.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from sqlalchemy import ColumnElement, FromClause, and_, exists, false, not_, or_, select, true

from catalog.access.evaluate import PATHS
from catalog.access.expression import (
    And,
    Equals,
    Everything,
    Expression,
    Glob,
    In,
    Not,
    Nothing,
    Or,
    Prefix,
)
from catalog.access.viewer import Viewer, visible
from catalog.errors import BadInput
from catalog.history import dialect
from catalog.history.store import table_of
from catalog.model import Asset, AssetAttribute, Namespace, Source

Test = Callable[[ColumnElement[Any]], ColumnElement[bool]]

_ASSET = table_of(Asset)
_ATTRIBUTE = table_of(AssetAttribute)
_NAMESPACE = table_of(Namespace)
_SOURCE = table_of(Source)
_OWN: Final = {"class": "asset_class", "kind": "kind", "name": "name"}
_OF_NAMESPACE: Final = {"platform": "platform", "namespace": "text"}
_SEVERAL: Final = frozenset({"tag", "classification", "owner", "domain"})


def visible_assets(viewer: Viewer, asset: FromClause = _ASSET) -> ColumnElement[bool]:
    """The where-clause that every read applies. ``asset``: the asset table or an alias of it."""
    return compile_filter(visible(viewer), asset)


def compile_filter(expression: Expression, asset: FromClause = _ASSET) -> ColumnElement[bool]:
    """The expression over the asset table or an alias of it; `BadInput` for a strange attribute."""
    match expression:
        case Everything():
            return true()
        case Nothing():
            return false()
        case And(parts):
            return and_(true(), *(compile_filter(part, asset) for part in parts))
        case Or(parts):
            return or_(false(), *(compile_filter(part, asset) for part in parts))
        case Not(part):
            return not_(compile_filter(part, asset))
        case Equals(attribute, value):
            return _holds(asset, attribute, lambda column: column == value)
        case In(attribute, values):
            return _holds(asset, attribute, lambda column: column.in_(values))
        case Prefix(attribute, prefix):
            return _holds(asset, attribute, lambda column: _prefix(attribute, column, prefix))
        case Glob(attribute, pattern):
            return _holds(asset, attribute, lambda column: dialect.glob(column, pattern))


def _holds(asset: FromClause, attribute: str, test: Test) -> ColumnElement[bool]:
    if attribute in _OWN:
        return test(asset.c[_OWN[attribute]])
    if attribute in _OF_NAMESPACE:
        column = _NAMESPACE.c[_OF_NAMESPACE[attribute]]
        return asset.c.namespace.in_(select(_NAMESPACE.c.key).where(test(column)))
    if attribute == "source":  # None IN (...) is NULL: asked before, so that NOT works
        fits = select(_SOURCE.c.key).where(test(_SOURCE.c.name))
        return and_(asset.c.source.is_not(None), asset.c.source.in_(fits))
    if attribute in _SEVERAL:
        return exists().where(
            _ATTRIBUTE.c.asset == asset.c.key,
            _ATTRIBUTE.c.attribute == attribute,
            test(_ATTRIBUTE.c.value),
        )
    raise BadInput(
        f"There is no attribute {attribute!r} to see assets by.",
        remedy="Use class, kind, platform, source, namespace, name, domain, tag, classification "
        "or owner.",
    )


def _prefix(attribute: str, column: ColumnElement[Any], prefix: str) -> ColumnElement[bool]:
    begins = dialect.has_prefix(column, prefix)
    if attribute in PATHS and prefix.endswith("/"):
        return or_(column == prefix[:-1], begins)
    return begins
