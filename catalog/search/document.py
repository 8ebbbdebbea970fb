"""The index's document of an asset: a pure function of the store, the same for every engine.

It holds no measure: what moves without a change cannot be kept equal. Raise
`DOCUMENT_VERSION` when a document of the same store would come out differently; indexes of an
older version rebuild themselves.
"""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import msgspec
from sqlalchemy import BindParameter, bindparam, literal, select
from sqlmodel import Session

from catalog import naming
from catalog.assets.effective import FactRow, effective_text
from catalog.history.store import table_of
from catalog.model import (
    Asset,
    AssetAttribute,
    Column,
    Fact,
    Namespace,
    Person,
    Source,
    Statement,
    StatementUse,
    Team,
)
from catalog.types import LIVE_STATES

DOCUMENT_VERSION: Final = 1
BATCH: Final = 500
"""Assets per call of `documents`: parameters of one IN list."""
IDENTIFIERS_LENGTH: Final = 10_000
INDEXED_STATES: Final = (*LIVE_STATES, "referenced")
_PARENTS: Final = 32  # levels of containers that are followed


@dataclass(frozen=True, slots=True)
class Document:
    """What the index knows of one asset.

    ``columns``: (field path, effective title and description or None), in the asset's order.
    ``owners``: as the visibility expression sees them (``person:ID``); ``owner_names``: as
    people write them. ``identifiers``: names in its defining SQL. ``parents``: names of the
    containers above it, nearest first.
    """

    key: int
    uid: str
    asset_class: str
    kind: str
    platform: str
    namespace: str
    name: str
    leaf: str
    title: str | None
    description: str | None
    columns: tuple[tuple[str, str | None], ...]
    tags: tuple[str, ...]
    owners: tuple[str, ...]
    owner_names: tuple[str, ...]
    classifications: tuple[str, ...]
    domains: tuple[str, ...]
    source: str | None
    environment: str | None
    flag: str | None
    state: str
    popularity: int
    rows_class: int | None
    parents: tuple[str, ...]
    identifiers: str

    @property
    def referenced(self) -> bool:
        """Named elsewhere but never described: found by its exact name only."""
        return self.state == "referenced"


def document_hash(document: Document) -> bytes:
    """16 bytes over all that the document says, and its version. ``key`` is not part of it."""
    encoded = msgspec.json.encode((DOCUMENT_VERSION, replace(document, key=0)))
    return hashlib.blake2b(encoded, digest_size=16).digest()


def document(session: Session, asset: int) -> Document | None:
    """The document of one asset, or None: it is not to be in the index."""
    return documents(session, [asset]).get(asset)


def documents(session: Session, assets: Sequence[int]) -> dict[int, Document]:
    """Documents by asset key, in eight queries for at most `BATCH` assets.

    Removed assets and those of a removed source have none.
    """
    if len(assets) > BATCH:
        raise ValueError(f"{len(assets)} assets at once; at most {BATCH}")
    rows = session.connection().execute(_ASSETS, {"keys": list(assets)}).all()
    keys = [row.key for row in rows]
    if not keys:
        return {}
    parts = _Parts(session, keys)
    return {row.key: _document(row, parts) for row in rows}


def indexed_keys(session: Session, after: int, limit: int) -> list[int]:
    """Keys of the assets that have a document, above ``after``, in key order."""
    query = (
        select(_A.c.key)
        .outerjoin(_SOURCE, _SOURCE.c.key == _A.c.source)
        .where(_A.c.key > after, _IN_INDEX)
        .order_by(_A.c.key)
        .limit(limit)
    )
    return list(session.connection().execute(query).scalars())


def hashes(session: Session, assets: Iterable[int]) -> dict[int, bytes]:
    """Asset key -> `document_hash`, for any number of assets."""
    found: dict[int, bytes] = {}
    for chunk in chunks(assets):
        for key, one in documents(session, chunk).items():
            found[key] = document_hash(one)
    return found


def chunks(assets: Iterable[int], size: int = BATCH) -> Iterable[list[int]]:
    """The keys in lists of at most ``size``."""
    chunk: list[int] = []
    for key in assets:
        chunk.append(key)
        if len(chunk) == size:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _document(row: Any, parts: _Parts) -> Document:
    values = parts.attributes[row.key]
    owners = tuple(sorted(values["owner"]))
    return Document(
        key=row.key,
        uid=naming.id_text(row.uid),
        asset_class=row.asset_class,
        kind=row.kind,
        platform=row.platform,
        namespace=row.namespace_text,
        name=row.name,
        leaf=naming.leaf(row.name, row.platform),
        title=row.title,
        description=row.description,
        columns=tuple(parts.columns[row.key]),
        tags=tuple(sorted(values["tag"])),
        owners=owners,
        owner_names=tuple(parts.owner_name(owner) for owner in owners),
        classifications=tuple(sorted(values["classification"])),
        domains=tuple(sorted(values["domain"])),
        source=row.source_name,
        environment=row.environment,
        flag=row.flag,
        state=row.state,
        popularity=row.popularity,
        rows_class=row.rows_class,
        parents=tuple(parts.parents[row.key]),
        identifiers=identifiers(parts.statements[row.key]),
    )


# --- SQL text -------------------------------------------------------------------------------

_NOISE: Final = re.compile(r"'(?:[^']|'')*'|--[^\n]*|/\*.*?\*/", re.DOTALL)
_IDENTIFIER: Final = re.compile(r'"([^"]+)"|`([^`]+)`|\[([^\]\[]+)\]|([^\W\d][\w$]*)')
_KEYWORDS: Final = frozenset(
    re.findall(
        r"\w+",
        """all and as asc between by case cast create cross date day desc distinct else end except
        exists extract false for from full group having if in inner insert interval into is join
        lateral left like limit materialized natural not null offset on or order outer over
        partition recursive replace right row rows select set table then timestamp true union
        update using values view when where window with""",
    )
)


def identifiers(texts: Iterable[str]) -> str:
    """The distinct identifiers of statements, in order of appearance, at most 10,000 characters.

    Literals, comments and common keywords are left out; no parser, so any dialect will do.
    """
    found: dict[str, None] = {}
    length = 0
    for text in texts:
        for groups in _IDENTIFIER.findall(_NOISE.sub(" ", text)):
            word = "".join(groups)
            if word in found or word.lower() in _KEYWORDS:
                continue
            length += len(word) + 1
            if length > IDENTIFIERS_LENGTH + 1:
                return " ".join(found)
            found[word] = None
    return " ".join(found)


# --- the store ------------------------------------------------------------------------------

_A = table_of(Asset)
_N = table_of(Namespace)
_SOURCE = table_of(Source)
_ATTRIBUTE = table_of(AssetAttribute)
_COLUMN = table_of(Column)
_FACT = table_of(Fact)
_USE = table_of(StatementUse)
_STATEMENT = table_of(Statement)
_PERSON = table_of(Person)
_TEAM = table_of(Team)
_KEYS: Final[BindParameter[Any]] = bindparam("keys", expanding=True)
_IN_INDEX = _A.c.state.in_(INDEXED_STATES) & (
    _SOURCE.c.key.is_(None) | _SOURCE.c.removed_at.is_(None)
)
_ASSETS = (
    select(
        _A.c.key,
        _A.c.uid,
        _A.c.asset_class,
        _A.c.name,
        _A.c.kind,
        _A.c.state,
        _A.c.title,
        _A.c.description,
        _A.c.flag,
        _A.c.popularity,
        _A.c.rows_class,
        _N.c.text.label("namespace_text"),
        _N.c.platform,
        _SOURCE.c.name.label("source_name"),
        _SOURCE.c.environment,
    )
    .join(_N, _N.c.key == _A.c.namespace)
    .outerjoin(_SOURCE, _SOURCE.c.key == _A.c.source)
    .where(_A.c.key.in_(_KEYS), _IN_INDEX)
    .order_by(_A.c.key)
)
_ATTRIBUTES = select(_ATTRIBUTE.c.asset, _ATTRIBUTE.c.attribute, _ATTRIBUTE.c.value).where(
    _ATTRIBUTE.c.asset.in_(_KEYS)
)
_COLUMNS = (
    select(_COLUMN.c.asset, _COLUMN.c.number, _COLUMN.c.path, _COLUMN.c.comment)
    .where(_COLUMN.c.asset.in_(_KEYS), _COLUMN.c.live)
    .order_by(_COLUMN.c.asset, _COLUMN.c.position, _COLUMN.c.number)
)
_COLUMN_FACTS = select(
    _FACT.c.asset,
    _FACT.c.column,
    _FACT.c.property,
    _FACT.c.item,
    _FACT.c.layer,
    _FACT.c.value,
    _FACT.c.confidence,
    _FACT.c.at,
).where(
    _FACT.c.asset.in_(_KEYS),
    _FACT.c.column > 0,
    _FACT.c.property.in_(("title", "description")),
)
_STATEMENTS = (
    select(_USE.c.asset, _STATEMENT.c.text)
    .join(_STATEMENT, _STATEMENT.c.key == _USE.c.statement)
    .where(_USE.c.asset.in_(_KEYS), _USE.c.live)
    .order_by(_USE.c.asset, _USE.c.key)
)
_PERSONS = select(_PERSON.c.uid, _PERSON.c.name).where(
    _PERSON.c.uid.in_(bindparam("ids", expanding=True))
)
_TEAMS = select(_TEAM.c.uid, _TEAM.c.name).where(_TEAM.c.uid.in_(bindparam("ids", expanding=True)))


def _above() -> Any:
    """(asset, level, name) of all containers above the given assets."""
    up = (
        select(_A.c.key.label("asset"), _A.c.parent, literal(0).label("level"))
        .where(_A.c.key.in_(_KEYS), _A.c.parent.is_not(None))
        .cte("up", recursive=True)
    )
    step = _A.alias("step")
    up = up.union_all(
        select(up.c.asset, step.c.parent, up.c.level + 1).where(
            step.c.key == up.c.parent, step.c.parent.is_not(None), up.c.level < _PARENTS
        )
    )
    return (
        select(up.c.asset, _A.c.name)
        .where(_A.c.key == up.c.parent)
        .order_by(up.c.asset, up.c.level)
    )


_ABOVE = _above()


class _Parts:
    """What hangs on a batch of assets, by asset key."""

    def __init__(self, session: Session, keys: list[int]) -> None:
        self._connection = session.connection()
        self._keys = {"keys": keys}
        self.attributes: dict[int, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
        for asset, attribute, value in self._rows(_ATTRIBUTES):
            self.attributes[asset][attribute].append(value)
        self.columns = self._columns()
        self.statements = self._lists(_STATEMENTS)
        self.parents = self._lists(_ABOVE)
        self._people = self._names()

    def _rows(self, statement: Any) -> Any:
        return self._connection.execute(statement, self._keys)

    def _lists(self, statement: Any) -> dict[int, list[str]]:
        found: dict[int, list[str]] = defaultdict(list)
        for asset, value in self._rows(statement):
            found[asset].append(value)
        return found

    def _columns(self) -> dict[int, list[tuple[str, str | None]]]:
        facts: dict[tuple[int, int], list[FactRow]] = defaultdict(list)
        for asset, number, *rest in self._rows(_COLUMN_FACTS):
            facts[asset, number].append(FactRow(*rest))
        found: dict[int, list[tuple[str, str | None]]] = defaultdict(list)
        for asset, number, path, comment in self._rows(_COLUMNS):
            own = facts.get((asset, number))
            text = comment or None
            if own:
                texts = (
                    effective_text("title", None, own),
                    effective_text("description", comment, own),
                )
                text = "\n".join(one for one in texts if one) or None
            found[asset].append((path, text))
        return found

    def _names(self) -> dict[str, str]:
        wanted: dict[str, list[bytes]] = {"person": [], "team": []}
        owners = {
            value for values in list(self.attributes.values()) for value in values.get("owner", ())
        }
        for owner in sorted(owners):
            what, _, rest = owner.partition(":")
            uid = naming.id_bytes(rest) if what in wanted else None
            if uid is not None:
                wanted[what].append(uid)
        names: dict[str, str] = {}
        for what, statement in (("person", _PERSONS), ("team", _TEAMS)):
            for uid, name in self._connection.execute(statement, {"ids": wanted[what]}):
                names[f"{what}:{naming.id_text(uid)}"] = name
        return names

    def owner_name(self, owner: str) -> str:
        """An owner as people write it: the person's or team's name, the account's own name."""
        known = self._people.get(owner)
        return known if known is not None else owner.partition(":")[2].partition("/")[2] or owner
