"""One function per form of a name: the visible rows that fit. See `catalog.assets.resolve`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import islice
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Text,
    bindparam,
    func,
    literal,
    or_,
    select,
)

from catalog.access.viewer import Viewer
from catalog.assets.rows import (
    ASSET,
    NAMESPACE,
    SOURCE,
    SUMMARY,
    Builder,
    Row,
    among,
    fetch,
    fill,
    seen_by,
    slots,
)
from catalog.assets.spelling import (
    Pair,
    folded_variants,
    location_of,
    prefixes,
    source_rests,
    urn_location,
    urn_parts,
)
from catalog.history.store import table_of
from catalog.model import Alias, Sighting
from catalog.naming import fold, id_bytes, leaf, name_key, parts_of, text_key
from catalog.types import CLASSES, LIVE_STATES

ALIAS: Final = table_of(Alias)
SIGHTING: Final = table_of(Sighting)
_FORMER: Final = NAMESPACE.alias("former")  # the namespace as written, perhaps an alias
# Literals: a list of plain values would be rewritten into the statement at each execution.
_CLASSES: Final = [literal(one, Text) for one in CLASSES]
_ENOUGH: Final = 21  # rows that show that a name is not unique, and what it may mean
Hits = list[tuple[Row, str | None]]
Spellings = Sequence[tuple[str, str | None]]


def _in(column: ColumnElement[Any], name: str) -> ColumnElement[bool]:
    return column.in_(bindparam(name, expanding=True))


def _by_uid(see: ColumnElement[bool]) -> Select[Any]:
    dropped = select(ALIAS.c.asset).where(ALIAS.c.uid == bindparam("uid"))
    return SUMMARY.where(or_(ASSET.c.uid == bindparam("uid"), ASSET.c.key.in_(dropped)), see)


def by_id(connection: Connection, viewer: Viewer, text: str) -> list[Row]:
    """By public id; an id that a merge dropped answers with the asset that was kept."""
    uid = id_bytes(text) if len(text) == 36 else None
    return [] if uid is None else fetch(connection, viewer, _by_uid, {"uid": uid})


def _pairs_of(see: ColumnElement[bool]) -> Select[Any]:
    former = func.coalesce(_FORMER.c.alias_of, _FORMER.c.key)
    return (
        SUMMARY.add_columns(_FORMER.c.text.label("written"))
        .join(_FORMER, former == ASSET.c.namespace)
        .where(
            ASSET.c.asset_class.in_(_CLASSES),  # so that the unique index serves
            see,
        )
    )


def _by_pair(see: ColumnElement[bool], namespaces: int) -> Select[Any]:
    return _pairs_of(see).where(among(_FORMER.c.text, "namespace", namespaces))


@cache
def _by_exact_pair(namespaces: int, keys: int) -> Builder:
    def build(see: ColumnElement[bool]) -> Select[Any]:
        return _by_pair(see, namespaces).where(among(ASSET.c.name_key, "key", keys))

    return build


def _exact_pairs(connection: Connection, viewer: Viewer, wanted: Sequence[Pair]) -> list[Row]:
    namespaces = slots({pair.namespace for pair in wanted})
    keys = slots({name_key(pair.name) for pair in wanted})
    build = _by_exact_pair(len(namespaces), len(keys))
    return fetch(connection, viewer, build, fill("namespace", namespaces) | fill("key", keys))


def _by_pair_lists(see: ColumnElement[bool]) -> Select[Any]:
    return _pairs_of(see).where(_in(_FORMER.c.text, "namespaces"), _in(ASSET.c.name_key, "keys"))


def by_pair_lists(
    connection: Connection, viewer: Viewer, namespaces: Sequence[str], keys: Sequence[bytes]
) -> list[Row]:
    """Rows in any of the namespaces with any of the name keys; ``written``: the namespace."""
    parameters = {"namespaces": list(namespaces), "keys": list(keys)}
    return fetch(connection, viewer, _by_pair_lists, parameters)


def by_pairs(connection: Connection, viewer: Viewer, wanted: Sequence[Pair]) -> Hits:
    """By namespace and name as spelled, the longest known namespace first."""
    if not wanted:
        return []
    rows = _exact_pairs(connection, viewer, wanted)
    for pair in wanted:
        hits = [row for row in rows if (row.written, row.name) == (pair.namespace, pair.name)]
        if hits:
            return [(row, pair.column) for row in hits]
    return []


@cache
def _by_folded_pair(namespaces: int, keys: int) -> Builder:
    # The sum keeps the planner from going through all names of the namespace: the hash decides.
    kept = func.coalesce(_FORMER.c.alias_of, _FORMER.c.key)

    def build(see: ColumnElement[bool]) -> Select[Any]:
        return (
            SUMMARY.add_columns(_FORMER.c.text.label("written"))
            .join(_FORMER, kept == ASSET.c.namespace + 0)
            .where(
                among(_FORMER.c.text, "namespace", namespaces),
                among(ASSET.c.folded_key, "key", keys),
                see,
            )
        )

    return build


def by_folded_pairs(connection: Connection, viewer: Viewer, wanted: Sequence[Pair]) -> Hits:
    """By namespace and name, compared as the platform folds names (and in one Unicode form)."""
    if not wanted:
        return []
    texts = {pair.namespace for pair in wanted}
    namespaces = slots(texts | {text.lower() for text in texts})
    keys = slots({text_key(one) for pair in wanted for one in folded_variants(pair.name)})
    build = _by_folded_pair(len(namespaces), len(keys))
    rows = fetch(connection, viewer, build, fill("namespace", namespaces) | fill("key", keys))
    for pair in wanted:
        hits = [
            row
            for row in rows
            if row.written in (pair.namespace, pair.namespace.lower())
            and fold(row.name, row.case_rule) == fold(pair.name, row.case_rule)
        ]
        if hits:
            return [(row, pair.column) for row in hits]
    return []


def _by_alias(see: ColumnElement[bool]) -> Select[Any]:
    return (
        SUMMARY.add_columns(
            _FORMER.c.text.label("written"),
            func.coalesce(_FORMER.c.alias_of, _FORMER.c.key).label("kept"),
            ALIAS.c.name.label("alias"),
        )
        .join(ALIAS, ALIAS.c.asset == ASSET.c.key)
        .outerjoin(_FORMER, _FORMER.c.key == ALIAS.c.namespace)
        .where(_in(ALIAS.c.name_key, "keys"), see)
    )


def by_alias(
    connection: Connection,
    viewer: Viewer,
    wanted: Sequence[Pair],
    texts: Spellings = (),
) -> Hits:
    """By a stored alias: a pair, or a whole text (URN, fully qualified name) without namespace."""
    names = {pair.name for pair in wanted} | {text for text, _ in texts}
    parameters = {"keys": [name_key(name) for name in names]}
    rows = fetch(connection, viewer, _by_alias, parameters)
    if not rows:
        return []
    for text, column in texts:
        hits = [row for row in rows if row.written is None and row.alias == text]
        if hits:
            return [(row, column) for row in hits]
    kept = _kept_namespaces(connection, {pair.namespace for pair in wanted})
    for pair in wanted:
        number = kept.get(pair.namespace)
        hits = [
            row
            for row in rows
            if number is not None and row.kept == number and row.alias == pair.name
        ]
        if hits:
            return [(row, pair.column) for row in hits]
    return []


def _kept_namespaces(connection: Connection, texts: set[str]) -> dict[str, int]:
    statement = select(
        NAMESPACE.c.text, func.coalesce(NAMESPACE.c.alias_of, NAMESPACE.c.key)
    ).where(NAMESPACE.c.text.in_(sorted(texts)))
    return {row[0]: row[1] for row in connection.execute(statement)}


def _by_platform_name(see: ColumnElement[bool]) -> Select[Any]:
    return SUMMARY.where(
        NAMESPACE.c.platform == bindparam("of_platform"),
        _in(ASSET.c.folded_key, "keys"),
        ASSET.c.asset_class == "data",
        ASSET.c.state.in_(LIVE_STATES),
        see,
    )


def by_urn(connection: Connection, viewer: Viewer, spellings: Spellings) -> Hits:
    """By a DataHub URN: an object store's by location, others by platform and name."""
    for text, column in spellings:
        parts = urn_parts(text)
        if parts is None:
            continue
        platform, name = parts
        location = urn_location(platform, name)
        if location is not None:
            hits = _longest_path(connection, viewer, location, whole=True)
        else:
            hits = _platform_name(connection, viewer, platform, name)
        if hits:
            return [(row, column) for row in hits]
    return []


def _platform_name(connection: Connection, viewer: Viewer, platform: str, name: str) -> list[Row]:
    parameters = {
        "of_platform": platform,
        "keys": [text_key(one) for one in folded_variants(name)],
    }
    return _closest(fetch(connection, viewer, _by_platform_name, parameters), name)


def _closest(rows: list[Row], name: str) -> list[Row]:
    """The rows with exactly this name; else those that fold alike."""
    exact = [row for row in rows if row.name == name]
    return exact or [
        row for row in rows if fold(row.name, row.case_rule) == fold(name, row.case_rule)
    ]


def _by_source(see: ColumnElement[bool]) -> Select[Any]:
    named = SOURCE.alias("named")
    return (
        SUMMARY.add_columns(named.c.name.label("seen_by"))
        .join(SIGHTING, SIGHTING.c.asset == ASSET.c.key)
        .join(named, named.c.key == SIGHTING.c.source)
        .where(
            _in(named.c.name, "sources"),
            _in(ASSET.c.folded_key, "keys"),
            ASSET.c.state.in_(LIVE_STATES),
            see,
        )
    )


def by_source(connection: Connection, viewer: Viewer, spellings: Spellings) -> Hits:
    """By ``SOURCE.rest``: the short name of a source, and the name of what it saw."""
    readings = [(pair, column) for text, column in spellings for pair in source_rests(text)]
    if not readings:
        return []
    parameters = {
        "sources": list({source for (source, _), _ in readings}),
        "keys": list({text_key(one) for (_, rest), _ in readings for one in folded_variants(rest)}),
    }
    rows = fetch(connection, viewer, _by_source, parameters)
    for (source, rest), column in readings:
        hits = _closest([row for row in rows if row.seen_by == source], rest)
        if hits:
            return [(row, column) for row in hits]
    return []


def by_location(connection: Connection, viewer: Viewer, spellings: Spellings) -> Hits:
    """By location: the whole text first; a file or partition finds the dataset around it."""
    for whole in (True, False):
        for text, column in spellings:
            location = location_of(text)
            hits = [] if location is None else _longest_path(connection, viewer, location, whole)
            if hits:
                return [(row, column) for row in hits]
    return []


def _longest_path(connection: Connection, viewer: Viewer, location: str, whole: bool) -> list[Row]:
    """Rows at the longest path that is a known asset; above the location itself only data."""
    paths = [location] if whole else list(prefixes(location))
    wanted = [pair for path in paths for pair in _path_pairs(path)]
    if not wanted:
        return []
    rows = _exact_pairs(connection, viewer, wanted)
    for pair in wanted:
        hits = [
            row
            for row in rows
            if (row.written, row.name) == (pair.namespace, pair.name)
            and row.state != "removed"
            and (whole or row.asset_class == "data")
        ]
        if hits:
            return hits
    return []


def _path_pairs(path: str) -> list[Pair]:
    """A path's readings: host or bucket is the namespace; HDFS names begin with a slash."""
    scheme, sep, rest = path.partition("://")
    if sep:
        bucket, _, name = rest.partition("/")
        namespace = f"{scheme}://{bucket}"
        return [Pair(namespace, name), Pair(namespace, f"/{name}")] if name else []
    if path.startswith("file/"):
        return [Pair("file", path[4:])]
    return []


def _by_leaf(see: ColumnElement[bool]) -> Select[Any]:
    return SUMMARY.where(_in(ASSET.c.leaf_key, "keys"), ASSET.c.state.in_(LIVE_STATES), see)


def by_suffix(connection: Connection, viewer: Viewer, spellings: Spellings) -> Hits:
    """By the last parts of the name; at most 21 rows, exact spelling before folded."""
    for text, column in spellings:
        leaves = {leaf(text, "postgres"), leaf(text, "s3")}
        keys = {text_key(one) for last in leaves for one in folded_variants(last)}
        for exact in (True, False):
            rows = connection.execute(seen_by(viewer, _by_leaf), {"keys": list(keys)})
            hits = list(islice((row for row in rows if _ends_with(row, text, exact)), _ENOUGH))
            rows.close()
            if hits:
                return [(row, column) for row in hits]
    return []


def _ends_with(row: Row, text: str, exact: bool) -> bool:
    wanted, have = parts_of(text, row.platform), parts_of(row.name, row.platform)
    if not wanted or len(wanted) > len(have):
        return False
    tail = have[-len(wanted) :]
    if exact:
        return tail == wanted
    rule = row.case_rule
    return [fold(part, rule) for part in tail] == [fold(part, rule) for part in wanted]
