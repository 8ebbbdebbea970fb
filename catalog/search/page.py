"""What a person or program gets from a search: a page of hits, checked against the store.

The index lags, so its hits are compared with the store in one query: what is not there or not
visible any more is left out, the page is shorter, and the total becomes ``at_least``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import BindParameter, ColumnElement, Connection, Select, bindparam, select
from sqlmodel import Session

from catalog.access.viewer import Viewer, visible
from catalog.assets.links import asset_url
from catalog.assets.people import Names, names_of
from catalog.assets.rows import ASSET, SUMMARY, Row, among, fetch, fill, slots
from catalog.history.store import table_of
from catalog.model import AssetAttribute, Measure, Scope, Sighting
from catalog.model.clock import of_seconds, to_text
from catalog.naming import id_bytes, id_text, leaf
from catalog.search.engine import FacetValue, Hit, Query, SearchEngine, Similar
from catalog.search.language import free_text, parse
from catalog.types import LIVE_STATES

LINE: Final = 300
"""Characters of a description that a hit shows."""
_ATTRIBUTE = table_of(AssetAttribute)
_MEASURE = table_of(Measure)
_SCOPE = table_of(Scope)
_SIGHTING = table_of(Sighting)
_FOUND_STATES: Final = (*LIVE_STATES, "referenced")


class OwnerName(msgspec.Struct, frozen=True):
    """Who owns it: ``type`` person, team or account; ``id`` None for an unmatched account."""

    type: str
    id: str | None
    name: str


class HighlightView(msgspec.Struct, frozen=True):
    """A piece of text and the (start, end) pairs of the query's words in it."""

    field: str
    text: str
    spans: list[tuple[int, int]]


class HitView(msgspec.Struct, frozen=True):
    """An asset that was found. ``description``: its first line.

    ``data_as_of``: when the data was last written, as the source says. ``checked_at``: when a
    crawl last listed all of its scope. ``matched``: fields in which words of the query stand.
    """

    id: str
    url: str
    asset_class: str
    kind: str
    platform: str
    namespace: str
    name: str
    label: str
    state: str
    title: str | None
    description: str | None
    flag: str | None
    source: str | None
    environment: str | None
    owners: list[OwnerName]
    tags: list[str]
    popularity: int
    rows_class: int | None
    data_as_of: str | None
    checked_at: str | None
    score: float
    matched: list[str]
    highlights: list[HighlightView]


class FacetCount(msgspec.Struct, frozen=True):
    """``label``: what to show (a person's name); ``value``: what to filter by."""

    value: str
    label: str
    count: int


class Suggestion(msgspec.Struct, frozen=True):
    """A name like the one that was asked for."""

    id: str
    url: str
    namespace: str
    name: str
    kind: str


class SearchPage(msgspec.Struct, frozen=True):
    """A page. Either ``total`` or ``at_least`` is given. ``next``: offset of the next page.

    ``fallback``: nothing had all words, these have some. ``did_you_mean``: when nothing was found.
    """

    items: list[HitView]
    total: int | None
    at_least: int | None
    next: int | None
    facets: dict[str, list[FacetCount]]
    fallback: bool
    did_you_mean: list[Suggestion]


def search(session: Session, engine: SearchEngine, viewer: Viewer, query: Query) -> SearchPage:
    """A page of what the viewer may see, in at most five queries.

    Raises `BadInput` for a query that cannot be understood, `Unavailable` while there is no index.
    """
    viewer.require("read")
    expression = visible(viewer)
    result = engine.search(query, expression)
    rows = check_hits(session, viewer, [hit.uid for hit in result.hits])
    hits = [hit for hit in result.hits if hit.uid in rows]
    lost = len(result.hits) - len(hits)
    similar: list[Similar] = []
    if result.total == 0 and query.text and query.offset == 0:
        similar = engine.similar_names(free_text(parse(query.text)), expression)
    end = query.offset + len(result.hits)
    views, names = _views(session.connection(), hits, rows, result.facets)
    return SearchPage(
        items=views,
        total=None if lost else result.total,
        at_least=result.total - lost if lost else None,
        next=end if result.hits and end < result.total else None,
        facets={name: _facet(name, found, names) for name, found in result.facets.items()},
        fallback=result.fallback,
        did_you_mean=_suggestions(session, viewer, similar),
    )


def similar(
    session: Session, engine: SearchEngine, viewer: Viewer, text: str, limit: int = 5
) -> list[Suggestion]:
    """Visible names like a mistyped one, best first."""
    viewer.require("read")
    return _suggestions(session, viewer, engine.similar_names(text, visible(viewer), limit))


def check_hits(session: Session, viewer: Viewer, uids: Sequence[str]) -> dict[str, Row]:
    """Public id -> row (`catalog.assets.rows.SUMMARY`) of those that are there and visible.

    One query, or none for no ids. Removed assets and those of a removed source are not there.
    """
    wanted = [raw for raw in map(id_bytes, uids) if raw is not None]
    if not wanted:
        return {}
    build = _BUILDERS[len(slots(range(len(wanted))))]
    rows = fetch(session.connection(), viewer, build, fill("uid", slots(wanted)))
    return {id_text(row.uid): row for row in rows if row.state in _FOUND_STATES}


class _ByUid:
    """The statement for a padded number of ids; one object for each, so that it is kept."""

    def __init__(self, size: int) -> None:
        self._size = size

    def __call__(self, seen: ColumnElement[bool]) -> Select[Any]:
        return SUMMARY.where(seen, among(ASSET.c.uid, "uid", self._size))


_BUILDERS: Final = {size: _ByUid(size) for size in (1, 4, 16, 64, 256)}


def _suggestions(session: Session, viewer: Viewer, found: Sequence[Similar]) -> list[Suggestion]:
    rows = check_hits(session, viewer, [one.uid for one in found])
    return [
        Suggestion(one.uid, asset_url(id_bytes(one.uid) or b""), one.namespace, one.name, one.kind)
        for one in found
        if one.uid in rows
    ]


def _facet(name: str, found: Sequence[FacetValue], names: Names) -> list[FacetCount]:
    return [
        FacetCount(
            one.value,
            names.owner(one.value).name if name == "owner" else one.value,
            one.count,
        )
        for one in found
    ]


# --- what a hit shows -----------------------------------------------------------------------

_KEYS: Final[BindParameter[Any]] = bindparam("keys", expanding=True)
_ATTRIBUTES = (
    select(_ATTRIBUTE.c.asset, _ATTRIBUTE.c.attribute, _ATTRIBUTE.c.value)
    .where(_ATTRIBUTE.c.asset.in_(_KEYS), _ATTRIBUTE.c.attribute.in_(("tag", "owner")))
    .order_by(_ATTRIBUTE.c.asset, _ATTRIBUTE.c.attribute, _ATTRIBUTE.c.value)
)
_WRITTEN = select(_MEASURE.c.asset, _MEASURE.c.value).where(
    _MEASURE.c.asset.in_(_KEYS), _MEASURE.c.column == 0, _MEASURE.c.name == "last_written"
)
_CHECKED = (
    select(_SIGHTING.c.asset, _SCOPE.c.last_complete_at)
    .join(_SCOPE, _SCOPE.c.key == _SIGHTING.c.scope)
    .join(ASSET, (ASSET.c.key == _SIGHTING.c.asset) & (ASSET.c.source == _SIGHTING.c.source))
    .where(_SIGHTING.c.asset.in_(_KEYS))
)


def _views(
    connection: Connection,
    hits: Sequence[Hit],
    rows: Mapping[str, Row],
    facets: Mapping[str, Sequence[FacetValue]],
) -> tuple[list[HitView], Names]:
    keys = [rows[hit.uid].key for hit in hits]
    tags: dict[int, list[str]] = {key: [] for key in keys}
    owners: dict[int, list[str]] = {key: [] for key in keys}
    written: dict[int, float] = {}
    checked: dict[int, int | None] = {}
    if keys:
        for asset, attribute, value in connection.execute(_ATTRIBUTES, {"keys": keys}):
            (tags if attribute == "tag" else owners)[asset].append(value)
        for asset, value in connection.execute(_WRITTEN, {"keys": keys}):
            written[asset] = value
        for asset, value in connection.execute(_CHECKED, {"keys": keys}):
            checked[asset] = value
    named = {owner for found in owners.values() for owner in found}
    named.update(one.value for one in facets.get("owner", ()))
    names = names_of(connection, sorted(named))
    views = []
    for hit in hits:
        row = rows[hit.uid]
        seconds = written.get(row.key)
        views.append(
            _view(
                hit,
                row,
                _owners(owners[row.key], names),
                tags[row.key],
                data_as_of=None if seconds is None else of_seconds(seconds),
                checked_at=checked.get(row.key),
            )
        )
    return views, names


def _owners(found: Iterable[str], names: Names) -> list[OwnerName]:
    return [
        OwnerName(one.type, one.id, one.name) for one in (names.owner(owner) for owner in found)
    ]


def _view(
    hit: Hit,
    row: Row,
    owners: list[OwnerName],
    tags: list[str],
    *,
    data_as_of: int | None,
    checked_at: int | None,
) -> HitView:
    return HitView(
        id=hit.uid,
        url=asset_url(row.uid),
        asset_class=row.asset_class,
        kind=row.kind,
        platform=row.platform,
        namespace=row.text,
        name=row.name,
        label=leaf(row.name, row.platform),
        state=row.state,
        title=row.title,
        description=first_line(row.description),
        flag=row.flag,
        source=row.source_name,
        environment=row.environment,
        owners=owners,
        tags=tags,
        popularity=row.popularity,
        rows_class=row.rows_class,
        data_as_of=to_text(data_as_of),
        checked_at=to_text(checked_at),
        score=hit.score,
        matched=list(hit.matched),
        highlights=[HighlightView(one.field, one.text, list(one.spans)) for one in hit.highlights],
    )


def first_line(text: str | None) -> str | None:
    """The first line that says something, at most `LINE` characters; None for none."""
    for line in (text or "").splitlines():
        line = line.strip()
        if line:
            return line if len(line) <= LINE else line[: LINE - 1].rstrip() + "…"
    return None
