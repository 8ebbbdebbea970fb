"""Which assets the names in statements mean, looked up in batches.

Exact spelling first, then aliases, then folded; a part that was quoted keeps its case. What is
nowhere is left to the caller, which makes a *referenced* asset of it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, bindparam, select

from catalog import naming
from catalog.history.store import table_of
from catalog.lineage.spelling import Place, Spelling, Where, covers, is_guess, place, spellings
from catalog.model import Alias, Asset, Namespace
from catalog.sql import TableRef

_ASSET = table_of(Asset)
_ALIAS = table_of(Alias)
_NAMESPACE = table_of(Namespace)
_CHUNK: Final = 500
_MOST_COVERED: Final = 200
"""Datasets below a glob that one name stands for at most."""
EXACT, FOLDED, GUESSED = 1.0, 0.9, 0.6
"""Confidence by how a name was understood."""
_RANK: Final = {"removed": 2, "referenced": 1}


class Found(NamedTuple):
    """An asset that a name may mean."""

    key: int
    uid: bytes
    namespace: int
    name: str
    state: str


@dataclass(frozen=True)
class Resolution:
    """What a name means. ``assets``: usually one; several under a glob; none: nowhere.

    ``missing``: (namespace, name, kind) of the referenced asset to make when there is none.
    ``problem``: why there can be neither.
    """

    assets: tuple[Found, ...] = ()
    confidence: float = EXACT
    missing: tuple[str, str, str] | None = None
    problem: str | None = None


@dataclass
class Lookup:
    """Rows prefetched for a batch of names."""

    namespaces: dict[str, int] = field(default_factory=dict)
    folded: dict[tuple[int, int], list[Found]] = field(default_factory=dict)
    leaves: dict[tuple[int, int], list[Found]] = field(default_factory=dict)
    aliases: dict[tuple[int, str], Found] = field(default_factory=dict)


def resolve(
    connection: Connection, wanted: Iterable[tuple[Where, TableRef]]
) -> dict[tuple[Where, TableRef], Resolution]:
    """What each name means where it is used. A constant number of queries per 500 names."""
    pairs = list(dict.fromkeys(wanted))
    tables = {pair: spellings(pair[1], pair[0]) for pair in pairs if pair[1].path is None}
    places = {pair: place(pair[1], pair[0]) for pair in pairs if pair[1].path is not None}
    lookup = _prefetch(connection, tables, places)
    found: dict[tuple[Where, TableRef], Resolution] = {}
    for pair in pairs:
        where, ref = pair
        if ref.path is None:
            found[pair] = _table(ref, where, tables[pair], lookup)
        else:
            found[pair] = _path(connection, ref, places[pair], lookup)
    return found


# --- tables ---------------------------------------------------------------------------------


def _table(
    ref: TableRef, where: Where, candidates: Sequence[Spelling], lookup: Lookup
) -> Resolution:
    if not candidates:
        return Resolution(problem=f"{ref.key} is no path, and {where.text} holds only paths")
    for at, spelling in enumerate(candidates):
        hit = _spelled(spelling, where, lookup)
        if hit is not None:
            asset, confidence = hit
            return Resolution((asset,), confidence if at == 0 else min(confidence, FOLDED))
    if not candidates[0].whole:
        asset_or_none = _by_ending(candidates[0], where, lookup)
        if asset_or_none is not None:
            return Resolution((asset_or_none,), GUESSED)
    return Resolution(missing=(where.text, candidates[0].name(where.platform), "table"))


def _spelled(spelling: Spelling, where: Where, lookup: Lookup) -> tuple[Found, float] | None:
    name = spelling.name(where.platform)
    hits = lookup.folded.get((where.key, _folded_key(name, where)), [])
    for hit in hits:
        if hit.name == name:
            return hit, EXACT
    alias = lookup.aliases.get((where.key, name))
    if alias is not None:
        return alias, EXACT
    only = _only(hit for hit in hits if _keeps_case(spelling, hit.name, where))
    return None if only is None else (only, FOLDED)


def _by_ending(spelling: Spelling, where: Where, lookup: Lookup) -> Found | None:
    """The only asset whose name ends in the parts that are known."""
    folded = [naming.fold(part, where.rule) for part in spelling.parts]
    hits = lookup.leaves.get((where.key, naming.text_key(folded[-1])), [])
    count = len(folded)
    return _only(
        hit
        for hit in hits
        if [naming.fold(p, where.rule) for p in naming.parts_of(hit.name, where.platform)][-count:]
        == folded
    )


def _only(hits: Iterable[Found]) -> Found | None:
    """The best by state, if only one is that good."""
    ranked = sorted(hits, key=lambda hit: _RANK.get(hit.state, 0))
    if not ranked:
        return None
    best = _RANK.get(ranked[0].state, 0)
    return ranked[0] if sum(_RANK.get(hit.state, 0) == best for hit in ranked) == 1 else None


def _keeps_case(spelling: Spelling, name: str, where: Where) -> bool:
    """Whether the parts that were quoted are spelled so, where the platform distinguishes."""
    if where.rule not in ("lower", "upper"):
        return True
    parts = naming.parts_of(name, where.platform)[-len(spelling.parts) :]
    pairs = zip(spelling.parts, parts, spelling.fixed, strict=False)
    return all(mine == theirs for mine, theirs, fixed in pairs if fixed)


# --- paths ----------------------------------------------------------------------------------


def _path(connection: Connection, ref: TableRef, found: Place | None, lookup: Lookup) -> Resolution:
    if found is None or not found.names:
        return Resolution(problem=f"{ref.key} is relative; nobody knows to which folder")
    namespace = lookup.namespaces.get(found.namespace)
    guess = is_guess(ref)
    confidence = GUESSED if guess else EXACT
    if namespace is not None:
        for name in found.names:
            hit = _named(namespace, name, lookup)
            if hit is not None:
                return Resolution((hit,), confidence)
        covered = _covered(connection, ref, namespace, found.names[0])
        if covered:
            return Resolution(tuple(covered), confidence)
    if guess:
        return Resolution(problem=f"{ref.key} is relative; nobody knows to which folder")
    return Resolution(missing=(found.namespace, found.names[0], "dataset"))


def _named(namespace: int, name: str, lookup: Lookup) -> Found | None:
    hits = lookup.folded.get((namespace, _path_key(name)), [])
    exact = next((hit for hit in hits if hit.name == name), None)
    # A name that only other statements referred to does not hide the dataset around it.
    if exact is not None and exact.state != "referenced":
        return exact
    return lookup.aliases.get((namespace, name))


def _covered(connection: Connection, ref: TableRef, namespace: int, folder: str) -> list[Found]:
    """Datasets below the folder before the first wildcard that the glob may cover."""
    if ref.pattern is None:
        return []
    # The pattern with the namespace's own form of the path before its first wildcard.
    pattern = folder + ref.pattern[len(ref.path or "") :]
    level = [
        row.key
        for row in connection.execute(
            select(_ASSET.c.key).where(
                _ASSET.c.namespace == namespace,
                _ASSET.c.asset_class == "container",
                _ASSET.c.name_key == naming.name_key(folder),
            )
        )
    ]
    covered: list[Found] = []
    for _ in range(pattern.count("/")):
        rows = list(_children(connection, level))
        level = [row.key for row in rows if row.asset_class == "container"]
        covered += [
            Found(*row[:5])
            for row in rows
            if row.asset_class == "data" and row.state != "removed" and covers(pattern, row.name)
        ]
        if not level or len(covered) >= _MOST_COVERED:
            break
    return covered[:_MOST_COVERED]


def _children(connection: Connection, parents: Sequence[int]) -> Iterator[Any]:
    for chunk in _chunks(parents[:_MOST_COVERED]):
        yield from connection.execute(
            select(*_FIELDS, _ASSET.c.asset_class)
            .where(_ASSET.c.parent.in_(chunk))
            .order_by(_ASSET.c.parent, _ASSET.c.sort, _ASSET.c.key)
            .limit(_MOST_COVERED)
        )


# --- looking up in batches ------------------------------------------------------------------

_FIELDS = (_ASSET.c.key, _ASSET.c.uid, _ASSET.c.namespace, _ASSET.c.name, _ASSET.c.state)
_BY_FOLDED = select(*_FIELDS, _ASSET.c.folded_key).where(
    _ASSET.c.asset_class == "data", _ASSET.c.folded_key.in_(bindparam("keys", expanding=True))
)
_BY_LEAF = select(*_FIELDS, _ASSET.c.leaf_key).where(
    _ASSET.c.asset_class == "data", _ASSET.c.leaf_key.in_(bindparam("keys", expanding=True))
)
_BY_ALIAS = (
    select(*_FIELDS, _ALIAS.c.namespace.label("of"), _ALIAS.c.name.label("alias"))
    .join(_ALIAS, _ALIAS.c.asset == _ASSET.c.key)
    .where(_ASSET.c.asset_class == "data", _ALIAS.c.name_key.in_(bindparam("keys", expanding=True)))
)


def _prefetch(
    connection: Connection,
    tables: dict[tuple[Where, TableRef], list[Spelling]],
    places: dict[tuple[Where, TableRef], Place | None],
) -> Lookup:
    lookup = Lookup()
    lookup.namespaces = _namespaces(
        connection, {found.namespace for found in places.values() if found is not None}
    )
    folded: set[int] = set()
    names: set[bytes] = set()
    leaves: set[int] = set()
    for (where, _), candidates in tables.items():
        for spelling in candidates:
            name = spelling.name(where.platform)
            folded.add(_folded_key(name, where))
            names.add(naming.name_key(name))
            if not spelling.whole:
                leaves.add(naming.text_key(naming.fold(spelling.parts[-1], where.rule)))
    for found in places.values():
        for name in () if found is None else found.names:
            folded.add(_path_key(name))
            names.add(naming.name_key(name))
    lookup.folded = _grouped(connection, _BY_FOLDED, folded)
    lookup.leaves = _grouped(connection, _BY_LEAF, leaves)
    for chunk in _chunks(sorted(names)):
        for row in connection.execute(_BY_ALIAS, {"keys": chunk}):
            if row.of is not None:
                lookup.aliases.setdefault((row.of, row.alias), Found(*row[:5]))
    return lookup


def _grouped(
    connection: Connection, statement: Any, keys: set[int]
) -> dict[tuple[int, int], list[Found]]:
    found: dict[tuple[int, int], list[Found]] = defaultdict(list)
    for chunk in _chunks(sorted(keys)):
        for row in connection.execute(statement, {"keys": chunk}):
            found[row.namespace, row[5]].append(Found(*row[:5]))
    return found


def _namespaces(connection: Connection, texts: set[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for chunk in _chunks(sorted(texts)):
        statement = select(_NAMESPACE.c.text, _NAMESPACE.c.key, _NAMESPACE.c.alias_of)
        for row in connection.execute(statement.where(_NAMESPACE.c.text.in_(chunk))):
            found[row.text] = row.alias_of or row.key
    return found


def _folded_key(name: str, where: Where) -> int:
    return naming.text_key(naming.fold(name, where.rule))


def _path_key(name: str) -> int:
    return naming.text_key(naming.fold(name, "sensitive"))


def _chunks(items: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for offset in range(0, len(items), _CHUNK):
        yield items[offset : offset + _CHUNK]
