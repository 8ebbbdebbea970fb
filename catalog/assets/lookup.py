"""Many names at once: each answered in the order asked, with an asset or with what is wrong."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Select, bindparam, or_, select

from catalog.access.viewer import Viewer
from catalog.assets.forms import ALIAS, by_pair_lists
from catalog.assets.resolve import Match, resolve
from catalog.assets.rows import ASSET, NAMESPACE, SUMMARY, Row, fetch, summary
from catalog.assets.spelling import Pair, pairs, with_columns
from catalog.assets.views import Found, Trouble
from catalog.errors import Ambiguous, BadInput, CatalogError, NotFound, TooLarge
from catalog.naming import canonical, clean_text, id_bytes, name_key, normalize_namespace

MOST: Final = 1000
_CHUNK: Final = 500
Asked = str | tuple[str, str]
"""A name in any form, or a pair of namespace and name."""


def lookup(
    connection: Connection,
    viewer: Viewer,
    names: Sequence[Asked],
    *,
    asset_class: str | None = None,
) -> list[Found]:
    """Each of at most 1,000 names, in order. Raises `TooLarge` for more.

    Ids, canonical names and pairs take a constant number of queries together; every other form
    is resolved by itself.
    """
    if len(names) > MOST:
        raise TooLarge(
            f"{len(names):,} names were sent; at most {MOST:,} are looked up at once.",
            remedy="Send them in several requests.",
        )
    quick = _by_ids(connection, viewer, names)
    quick |= _by_names(connection, viewer, [name for name in set(names) if name not in quick])
    known: dict[Asked, Found] = {}
    for name in names:
        if name not in known:
            match = quick.get(name)
            if match is not None and asset_class in (None, match.row.asset_class):
                known[name] = _found(name, match)
            else:
                known[name] = _slowly(connection, viewer, name, asset_class)
    return [known[name] for name in names]


def _text(name: Asked) -> str:
    return name if isinstance(name, str) else canonical(*name)


def _found(name: Asked, match: Match) -> Found:
    return Found(
        asked=_text(name),
        matched_by=match.matched_by,
        column=match.column,
        asset=summary(match.row),
        problem=None,
    )


def _slowly(connection: Connection, viewer: Viewer, name: Asked, asset_class: str | None) -> Found:
    namespace, text = (None, name) if isinstance(name, str) else name
    try:
        match = resolve(connection, viewer, text, namespace=namespace, asset_class=asset_class)
    except (NotFound, Ambiguous, BadInput) as error:
        return Found(
            asked=_text(name), matched_by=None, column=None, asset=None, problem=_trouble(error)
        )
    return _found(name, match)


def _trouble(error: CatalogError) -> Trouble:
    codes = {NotFound: "not_found", Ambiguous: "ambiguous"}
    return Trouble(
        code=codes.get(type(error), "bad_input"),
        message=error.message,
        candidates=error.details.get("candidates", []),
        did_you_mean=error.details.get("did_you_mean", []),
    )


def _chunks(items: Iterable[Any]) -> Iterator[list[Any]]:
    found = list(items)
    for start in range(0, len(found), _CHUNK):
        yield found[start : start + _CHUNK]


def _in(column: ColumnElement[Any], name: str) -> ColumnElement[bool]:
    return column.in_(bindparam(name, expanding=True))


def _by_uids(see: ColumnElement[bool]) -> Select[Any]:
    dropped = select(ALIAS.c.asset).where(_in(ALIAS.c.uid, "uids"))
    return SUMMARY.where(or_(_in(ASSET.c.uid, "uids"), ASSET.c.key.in_(dropped)), see)


_DROPPED: Final = select(ALIAS.c.uid, ALIAS.c.asset).where(_in(ALIAS.c.uid, "uids"))


def _by_ids(connection: Connection, viewer: Viewer, names: Sequence[Asked]) -> dict[Asked, Match]:
    wanted: dict[bytes, str] = {}
    for name in names:
        uid = id_bytes(name) if isinstance(name, str) and len(name) == 36 else None
        if uid is not None and isinstance(name, str):
            wanted[uid] = name
    found: dict[Asked, Match] = {}
    for uids in _chunks(wanted):
        rows = fetch(connection, viewer, _by_uids, {"uids": uids})
        by_uid = {row.uid: row for row in rows}
        by_key = {row.key: row for row in rows}
        for uid, key in connection.execute(_DROPPED, {"uids": uids}).all():
            if key in by_key:
                by_uid.setdefault(uid, by_key[key])
        for uid in uids:
            row = by_uid.get(uid)
            if row is not None:
                found[wanted[uid]] = Match(row.key, row.uid, "id", None, row)
    return found


def _by_names(connection: Connection, viewer: Viewer, names: Sequence[Asked]) -> dict[Asked, Match]:
    readings = {name: _readings(name) for name in names}
    texts = {pair.namespace for found in readings.values() for pair in found}
    known = _known_namespaces(connection, texts)
    readings = {
        name: [pair for pair in found if pair.namespace in known]
        for name, found in readings.items()
    }
    keys = {name_key(pair.name) for found in readings.values() for pair in found}
    rows: dict[tuple[str, str], list[Row]] = {}
    for chunk in _chunks(keys):
        for row in by_pair_lists(connection, viewer, sorted(known), chunk):
            rows.setdefault((row.written, row.name), []).append(row)
    found = {}
    for name, pairs_of_name in readings.items():
        for pair in pairs_of_name:
            hits = rows.get((pair.namespace, pair.name), [])
            if len(hits) == 1:
                row = hits[0]
                by = "model_uri" if _text(name).startswith("models:/") else "name"
                found[name] = Match(row.key, row.uid, by, pair.column, row)
            if hits:
                break
    return found


def _readings(name: Asked) -> list[Pair]:
    if isinstance(name, str):
        spellings = with_columns(clean_text(name))
        return [pair for text, column in spellings for pair in pairs(text, column)]
    namespace, text = name
    clean = normalize_namespace(namespace)
    return [Pair(clean, one, column) for one, column in with_columns(clean_text(text))]


def _known_namespaces(connection: Connection, texts: set[str]) -> set[str]:
    found: set[str] = set()
    statement = select(NAMESPACE.c.text).where(_in(NAMESPACE.c.text, "texts"))
    for chunk in _chunks(sorted(texts)):
        found.update(connection.execute(statement, {"texts": chunk}).scalars())
    return found
