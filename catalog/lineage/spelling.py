"""What a name in a statement may be called in the catalog: pure, without the store.

A table's name is completed by the use's default database and schema to as many parts as the
platform's names have; an unquoted part is folded as the platform folds it. A path becomes the
namespace that it lies in and the prefixes that a dataset may be named by, the longest first.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from catalog import naming
from catalog.sql import TableRef
from catalog.types import CaseRule

_PARTS: Final = {"mysql": 2, "hive": 2, "clickhouse": 2, "cassandra": 2, "glue": 2}
_USUAL_PARTS: Final = 3
_USUAL_SCHEMA: Final = {
    "postgres": "public",
    "redshift": "public",
    "duckdb": "main",
    "sqlite": "main",
    "sqlserver": "dbo",
}
# Where ``a.b`` may be a database and a table in its usual schema.
_DATABASE_FIRST: Final = frozenset({"duckdb", "sqlite"})
_LOCAL_HOSTS: Final = frozenset({"", "localhost", "127.0.0.1", "::1"})
_KEYED_STORES: Final = frozenset({"s3", "gcs", "azure"})  # names without a leading slash
_GLOB: Final = "*?[{"


@dataclass(frozen=True)
class Where:
    """Where a statement is used. ``key``: of the namespace, ``text`` its text."""

    key: int
    text: str
    platform: str
    rule: CaseRule
    database: str | None = None
    schema: str | None = None

    @property
    def parts(self) -> int:
        """How many parts a table's full name has on the platform."""
        return _PARTS.get(self.platform, _USUAL_PARTS)


@dataclass(frozen=True)
class Spelling:
    """One full or partial name. ``fixed``: which parts were quoted and so keep their case."""

    parts: tuple[str, ...]
    fixed: tuple[bool, ...]
    whole: bool  # as many parts as the platform's names have

    def name(self, platform: str) -> str:
        """The name as an asset has it."""
        if platform == "glue":
            return "/".join(("table", *self.parts))
        return naming.join_name(self.parts)


@dataclass(frozen=True)
class Place:
    """Where a path lies: the namespace's text, and names of datasets, the longest first."""

    namespace: str
    names: tuple[str, ...]


def spellings(ref: TableRef, where: Where) -> list[Spelling]:
    """What the table may be called, the likeliest first; none where names are paths."""
    if naming.is_path(where.platform) and where.platform != "glue":
        return []
    fixed = ref.quoted if len(ref.quoted) == len(ref.parts) else (False,) * len(ref.parts)
    parts = tuple(
        part if quoted else _as_kept(part, where.rule)
        for part, quoted in zip(ref.parts, fixed, strict=True)
    )
    count = where.parts
    if len(parts) >= count:
        return [Spelling(parts[-count:], fixed[-count:], True)]
    found = [
        Spelling((*added, *parts), (True,) * len(added) + fixed, True)
        for added in _missing(count - len(parts), where)
    ]
    if count - len(parts) == 1 == len(parts) - 1 and where.platform in _DATABASE_FIRST:
        middle = _USUAL_SCHEMA[where.platform]
        found.append(Spelling((parts[0], middle, parts[1]), (fixed[0], True, fixed[1]), True))
    return list(dict.fromkeys(found)) or [Spelling(parts, fixed, False)]


def _missing(count: int, where: Where) -> Iterator[tuple[str, ...]]:
    """What may stand before a name that lacks ``count`` parts."""
    if where.parts == 2:
        for found in (where.schema, where.database):
            if found:
                yield (found,)
        return
    if where.database is None:
        return
    if count == 1:
        yield (where.database,)
        return
    for schema in (where.schema, _USUAL_SCHEMA.get(where.platform)):
        if schema:
            yield (where.database, schema)


def _as_kept(part: str, rule: CaseRule) -> str:
    """How the platform keeps a part that was not quoted."""
    if rule == "lower":
        return part.lower()
    return part.upper() if rule == "upper" else part


def place(ref: TableRef, where: Where) -> Place | None:
    """Where a path lies; None when it is relative and nobody knows to which folder."""
    path = ref.path or ""
    scheme, sep, rest = naming.normalize_location(path).partition("://")
    if sep and scheme != "file":
        authority, _, inside = rest.partition("/")
        namespace = naming.normalize_namespace(f"{scheme}://{authority}")
        keyed = naming.platform_of(namespace) in _KEYED_STORES
        return Place(namespace, prefixes(inside if keyed else "/" + inside))
    if path.startswith("file:"):
        path = "/" + path[len("file:") :].lstrip("/")
    if path.startswith("/"):
        return Place(local_namespace(where), prefixes(posixpath.normpath(path)))
    beside = _beside(path, where)
    return None if beside is None else Place("file", prefixes(beside))


def is_guess(ref: TableRef) -> bool:
    """Whether a path is relative, so that its place is a guess."""
    path = ref.path or ""
    return "://" not in path and not path.startswith(("/", "file:"))


def local_namespace(where: Where) -> str:
    """The namespace of absolute paths on the machine where the statement runs."""
    host = urlsplit(where.text).hostname or "" if "://" in where.text else ""
    return "file" if host.lower() in _LOCAL_HOSTS else f"file://{host.lower()}"


def _beside(path: str, where: Where) -> str | None:
    """A relative path beside the database's own file."""
    scheme, _, file = where.text.partition("://")
    if scheme not in ("duckdb", "sqlite") or not file.startswith("/") or not path:
        return None
    return posixpath.normpath(posixpath.join(posixpath.dirname(file), path))


def prefixes(path: str) -> tuple[str, ...]:
    """The path and all folders above it, the longest first, without trailing slashes."""
    lead = "/" if path.startswith("/") else ""
    segments = [segment for segment in path.split("/") if segment]
    return tuple(lead + "/".join(segments[:end]) for end in range(len(segments), 0, -1))


def covers(pattern: str, name: str) -> bool:
    """Whether a glob may cover files inside the dataset of this name: segment by segment."""
    from fnmatch import fnmatchcase

    wanted = [segment for segment in pattern.split("/") if segment]
    given = [segment for segment in name.split("/") if segment]
    for at, segment in enumerate(given):
        if at >= len(wanted):
            return False
        if wanted[at] == "**":
            return True
        if not fnmatchcase(segment, wanted[at]):
            return False
    return True


def name_keys(ref: TableRef, where: Where) -> set[int]:
    """Keys that a change of an asset is compared with: see `asset_keys`."""
    if ref.path is not None:
        found = place(ref, where)
        names = () if found is None else found.names
        keys = {naming.text_key(f"{found.namespace}\0{name}") for name in names if found}
        return keys
    folded = naming.fold(ref.parts[-1], where.rule) if ref.parts else ""
    return {naming.text_key(f"{where.text}\0{folded}")}


def asset_keys(namespace: str, name: str, platform: str, rule: CaseRule) -> set[int]:
    """Keys under which the names of statements that may mean this asset are kept."""
    if naming.is_path(platform) and platform != "glue":
        return {naming.text_key(f"{namespace}\0{name}")}
    leaf = naming.fold(naming.leaf(name, platform), rule)
    return {naming.text_key(f"{namespace}\0{leaf}")}
