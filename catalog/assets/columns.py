"""Columns of one asset: one by its path, all of them paged and filtered."""

from __future__ import annotations

from collections import Counter
from difflib import get_close_matches
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    bindparam,
    case,
    func,
    or_,
    select,
)

from catalog.access.viewer import Viewer
from catalog.assets.assemble import columns_of
from catalog.assets.facts import Report, references
from catalog.assets.gather import COLUMN_FIELDS, ColumnRow
from catalog.assets.people import names_of
from catalog.assets.resolve import Match
from catalog.assets.views import AssetView, ColumnView, Page
from catalog.crawling import records
from catalog.errors import BadInput, NotFound
from catalog.history import cursor as cursors
from catalog.history.facts import FactRow
from catalog.history.store import table_of
from catalog.history.unit import unpack
from catalog.model import Column, Crawl, Fact, Sighting, Source
from catalog.naming import fold

MOST: Final = 1000  # columns on a page
_COLUMN = table_of(Column)
_FACT = table_of(Fact)
_SIGHTING = table_of(Sighting)
_SOURCE = table_of(Source)
_CRAWL = table_of(Crawl)
_LIVE = (_COLUMN.c.asset == bindparam("asset")) & _COLUMN.c.live
_COUNT = select(func.count()).select_from(_COLUMN).where(_LIVE)
_PATHS = select(_COLUMN.c.number, _COLUMN.c.path).where(_LIVE)


def _written() -> Select[Any]:
    """Numbers of columns that a person, or inference, has described."""
    return select(_FACT.c.column).where(
        _FACT.c.asset == bindparam("asset"), _FACT.c.property == "description"
    )


# An empty description that a person wrote says: none, whatever the source says.
_DESCRIBED = or_(
    _COLUMN.c.number.in_(_written().where(_FACT.c.value != '""')),
    and_(func.coalesce(_COLUMN.c.comment, "") != "", _COLUMN.c.number.not_in(_written())),
)


class NamedColumn(NamedTuple):
    """A live column: its number (stays with it through renames) and its field path."""

    number: int
    path: str


def count_columns(connection: Connection, asset: int) -> int:
    """How many live columns an asset (integer key) has."""
    return int(connection.execute(_COUNT, {"asset": asset}).scalar_one())


class ColumnCounts(NamedTuple):
    """What a filter of columns may offer: types with how many have each, and two counts."""

    types: list[tuple[str, int]]
    undescribed: int
    keys: int


def column_counts(connection: Connection, viewer: Viewer, match: Match) -> ColumnCounts:
    """Types (without parameters) of an asset's columns, the most usual first, and how many are
    not described or in a key. ``viewer`` has been asked for with the match."""
    del viewer
    statement = select(
        _COLUMN.c.type,
        func.count(),
        func.sum(case((_DESCRIBED, 0), else_=1)),
        func.sum(case((_COLUMN.c["keys"] != "", 1), else_=0)),
    )
    types: Counter[str] = Counter()
    undescribed = keys = 0
    for row in connection.execute(
        statement.where(_LIVE).group_by(_COLUMN.c.type), {"asset": match.key}
    ):
        types[row[0].partition("(")[0]] += row[1]
        undescribed += row[2]
        keys += row[3]
    ordered = sorted(types.items(), key=lambda one: (-one[1], one[0]))
    return ColumnCounts(ordered, undescribed, keys)


def named_column(connection: Connection, match: Match, path: str) -> NamedColumn:
    """The column that ``path`` means: exact spelling, else as the platform folds names.

    Raises `NotFound` with ``did_you_mean`` (paths).
    """
    exact = connection.execute(
        _PATHS.where(_COLUMN.c.path == bindparam("path")), {"asset": match.key, "path": path}
    ).first()
    if exact is not None:
        return NamedColumn(*exact)
    rule = match.row.case_rule
    rows = [NamedColumn(*row) for row in connection.execute(_PATHS, {"asset": match.key})]
    folded = [row for row in rows if fold(row.path, rule) == fold(path, rule)]
    if len(folded) == 1:
        return folded[0]
    close = get_close_matches(path, [row.path for row in rows], n=5, cutoff=0.5)
    raise NotFound(
        f"{match.name} has no column {path!r}.",
        remedy=f"Did you mean {', '.join(close)}?" if close else "List its columns.",
        did_you_mean=close,
    )


def columns(
    connection: Connection,
    viewer: Viewer,
    match: Match,
    *,
    text: str | None = None,
    type: str | None = None,
    tag: str | None = None,
    undescribed: bool = False,
    keys: bool = False,
    limit: int = 100,
    cursor: str | None = None,
) -> Page[ColumnView]:
    """A page of an asset's columns in their order, with effective facts.

    ``text``: in path, comment or description, in any case. ``type``: normalized type, with or
    without parameters. ``tag``: a tag's path; its children count too. ``undescribed``, ``keys``:
    only those without a description, only those in a key. ``limit``: 1 to 1,000. Five queries.
    ``viewer`` has been asked for with the match.
    """
    del viewer  # who may see the asset may see its columns
    limit = page_size(limit, MOST)
    query: dict[str, Any] = {"columns": match.id, "text": text, "type": type, "tag": tag}
    query |= {"undescribed": undescribed, "keys": keys} if undescribed or keys else {}
    where = [_LIVE, *_filters(text, type, tag)]
    where += [~_DESCRIBED] if undescribed else []
    where += [_COLUMN.c["keys"] != ""] if keys else []
    total = connection.execute(
        select(func.count()).select_from(_COLUMN).where(*where), {"asset": match.key}
    ).scalar_one()
    if cursor is not None:
        position, number = cursors.decode(query, cursor)
        where.append(
            or_(
                _COLUMN.c.position > position,
                (_COLUMN.c.position == position) & (_COLUMN.c.number > number),
            )
        )
    statement = (
        select(*COLUMN_FIELDS)
        .where(*where)
        .order_by(_COLUMN.c.position, _COLUMN.c.number)
        .limit(limit + 1)
    )
    rows = [ColumnRow(*row) for row in connection.execute(statement, {"asset": match.key})]
    shown = rows[:limit]
    more = len(rows) > limit
    return Page(
        items=_views(connection, match, shown),
        total=total,
        next=cursors.encode(query, (shown[-1].position, shown[-1].number)) if more else None,
    )


def one_column(connection: Connection, viewer: Viewer, match: Match, path: str) -> ColumnView:
    """The column that a path means (`named_column`), with its effective facts.

    ``viewer`` has been asked for with the match.
    """
    del viewer
    number = named_column(connection, match, path).number
    statement = select(*COLUMN_FIELDS).where(_LIVE, _COLUMN.c.number == bindparam("number"))
    given = {"asset": match.key, "number": number}
    rows = [ColumnRow(*row) for row in connection.execute(statement, given)]
    return _views(connection, match, rows)[0]


def page_of(
    view: AssetView,
    *,
    text: str | None = None,
    type: str | None = None,
    tag: str | None = None,
    undescribed: bool = False,
    keys: bool = False,
    limit: int = 100,
    cursor: str | None = None,
) -> Page[ColumnView]:
    """`columns` of a past state that holds all its columns (`catalog.assets.past`)."""
    limit = page_size(limit, MOST)
    query: dict[str, Any] = {
        "past": [view.id, view.sequence],
        "text": text,
        "type": type,
        "tag": tag,
    }
    query |= {"undescribed": undescribed, "keys": keys} if undescribed or keys else {}
    found = [
        one
        for one in view.columns or ()
        if _fits(one, text, type, tag)
        and not (undescribed and one.description)
        and not (keys and not one.keys)
    ]
    start = 0 if cursor is None else int(cursors.decode(query, cursor)[0])
    end = start + limit
    return Page(
        items=found[start:end],
        total=len(found),
        next=cursors.encode(query, [end]) if end < len(found) else None,
    )


def _fits(one: ColumnView, text: str | None, type_: str | None, tag: str | None) -> bool:
    words = text.lower() if text else ""
    return (
        any(words in (said or "").lower() for said in (one.path, one.comment, one.description))
        and (not type_ or one.type == type_ or one.type.startswith(f"{type_}("))
        and (not tag or any(f"{had.tag}/".startswith(f"{tag}/") for had in one.tags))
    )


def page_size(limit: int, most: int) -> int:
    """The page size asked for; raises `BadInput` outside 1 to ``most``."""
    if not 1 <= limit <= most:
        raise BadInput(
            f"A page of {limit} is not possible.",
            remedy=f"Ask for 1 to {most:,}.",
            parameter="limit",
        )
    return limit


def _filters(text: str | None, type_: str | None, tag: str | None) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if text:
        wanted = text.lower()
        found.append(
            or_(
                func.lower(_COLUMN.c.path).contains(wanted, autoescape=True),
                func.lower(_COLUMN.c.comment).contains(wanted, autoescape=True),
                _COLUMN.c.number.in_(
                    _written().where(func.lower(_FACT.c.value).contains(wanted, autoescape=True))
                ),
            )
        )
    if type_:
        found.append(
            or_(_COLUMN.c.type == type_, _COLUMN.c.type.startswith(f"{type_}(", autoescape=True))
        )
    if tag:
        tagged = select(_FACT.c.column).where(
            _FACT.c.asset == bindparam("asset"),
            _FACT.c.property == "tag",
            or_(_FACT.c.item == tag, _FACT.c.item.startswith(f"{tag}/", autoescape=True)),
        )
        found.append(_COLUMN.c.number.in_(tagged))
    return found


def _views(connection: Connection, match: Match, rows: list[ColumnRow]) -> list[ColumnView]:
    if not rows:
        return []
    by_column: dict[int, list[FactRow]] = {}
    statement = select(*(_FACT.c[name] for name in FactRow._fields)).where(
        _FACT.c.asset == match.key, _FACT.c.column.in_([row.number for row in rows])
    )
    for fact in connection.execute(statement):
        by_column.setdefault(fact.column, []).append(FactRow(*fact))
    facts = [fact for found in by_column.values() for fact in found]
    names = names_of(connection, references(facts))
    reports = _deciding_report(connection, match)
    return columns_of(rows, reports, by_column, names) or []


def _deciding_report(connection: Connection, match: Match) -> list[Report]:
    """The report whose columns these are, for the origin of comments."""
    row: Any = connection.execute(
        select(
            _SOURCE.c.key,
            _SOURCE.c.name,
            _SIGHTING.c.record,
            func.coalesce(_CRAWL.c.ended_at, _CRAWL.c.started_at).label("at"),
        )
        .join(_SOURCE, _SOURCE.c.key == _SIGHTING.c.source)
        .outerjoin(_CRAWL, _CRAWL.c.key == _SIGHTING.c.crawl)
        .where(_SIGHTING.c.asset == match.key, _SIGHTING.c.source == match.row.source)
    ).first()
    if row is None:
        return []
    return [Report(row.key, row.name, row.at, records.decode_asset(unpack(row.record)))]
