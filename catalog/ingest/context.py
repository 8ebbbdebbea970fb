"""What a running crawl knows: its source, its caches, what it has seen."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from sqlalchemy import Connection, select

from catalog import naming
from catalog.history.store import Store, table_of
from catalog.history.unit import Unit
from catalog.model import Namespace, Source

_NAMESPACE = table_of(Namespace)
_SOURCE = table_of(Source)
ResultT = TypeVar("ResultT")


@dataclass(frozen=True)
class SourceInfo:
    """The source of a crawl, read once. ``push`` sources come after those that crawl."""

    key: int
    uid: str
    name: str
    kind: str
    namespaces: tuple[str, ...]
    rank: int
    brake_percent: int
    brake_assets: int

    def allows(self, namespace: str) -> bool:
        """Whether the source may report inside the namespace."""
        return any(
            namespace == allowed or (allowed.endswith("*") and namespace.startswith(allowed[:-1]))
            for allowed in self.namespaces
        )


def load_source(connection: Connection, key: int) -> SourceInfo:
    """The source's row as `SourceInfo`."""
    row = connection.execute(select(_SOURCE).where(_SOURCE.c.key == key)).one()
    return SourceInfo(
        key=row.key,
        uid=naming.id_text(row.uid),
        name=row.name,
        kind=row.kind,
        namespaces=tuple(json.loads(row.namespaces)),
        rank=row.rank,
        brake_percent=row.brake_percent,
        brake_assets=row.brake_assets,
    )


@dataclass
class CrawlContext:
    """One crawl: identity, caches, and what was seen so far.

    ``before``: assets that this crawl created, changed, restored or renamed before it was
    resumed, so that outcomes are judged against the state before it began.
    ``refused_by``: the pattern of the source's config that leaves a name out, or None.
    """

    store: Store
    source: SourceInfo
    crawl: int
    crawl_uid: str
    crawler_version: int
    whole: bool = True
    refused_by: Callable[[str], str | None] = lambda _name: None
    platforms: dict[int, str] = field(default_factory=dict)
    namespace_keys: dict[str, int] = field(default_factory=dict)
    case_rules: dict[int, Any] = field(default_factory=dict)
    containers: dict[tuple[str, str], int] = field(default_factory=dict)
    accounts: set[str] = field(default_factory=set)
    seen: set[int] = field(default_factory=set)
    filtered: dict[int, str] = field(default_factory=dict)  # asset -> pattern
    read_since: int = 0  # when the reading of the present scope began
    before: dict[str, set[int]] = field(default_factory=dict)

    @property
    def actor(self) -> str:
        """Who writes, in the change log."""
        return f"crawl:{self.crawl_uid}"

    def write(self, work: Callable[[Unit], ResultT]) -> ResultT:
        """Runs a unit of the crawl, repeated on a deadlock as `Store.run` does it.

        When it is repeated, and when it fails for good, the caches are dropped: they may name
        rows that never were.
        """
        attempts = 0

        def attempt(unit: Unit) -> ResultT:
            nonlocal attempts
            attempts += 1
            if attempts > 1:
                self.forget()
            return work(unit)

        try:
            return self.store.run(attempt, self.actor, crawl=True)
        except BaseException:
            self.forget()
            raise

    def namespace(self, unit: Unit, text: str) -> int:
        """Key of a namespace; its row is made when it is new."""
        key = self.namespace_keys.get(text)
        if key is None:
            key = ensure_namespace(unit, text)
            self.remember_namespaces(unit.connection, [key])
        return key

    def known_namespaces(self, connection: Connection, texts: Iterable[str]) -> None:
        """Fills the cache for namespaces that exist."""
        missing = {text for text in texts if text not in self.namespace_keys}
        if not missing:
            return
        rows = connection.execute(
            select(_NAMESPACE.c.key).where(_NAMESPACE.c.text.in_(sorted(missing)))
        )
        self.remember_namespaces(connection, [row.key for row in rows])

    def forget(self) -> None:
        """Drops the caches of rows."""
        self.namespace_keys.clear()
        self.containers.clear()
        self.accounts.clear()

    def remember_namespaces(self, connection: Connection, keys: list[int]) -> None:
        """Caches rows by key; an alias answers with the namespace it stands for."""
        if not keys:
            return
        rows = connection.execute(select(_NAMESPACE).where(_NAMESPACE.c.key.in_(keys))).all()
        for row in rows:
            self.namespace_keys[row.text] = row.alias_of or row.key
            self.platforms[row.key] = row.platform
            self.case_rules[row.key] = row.case_rule
            if row.alias_of and row.alias_of not in self.platforms:
                self.remember_namespaces(connection, [row.alias_of])


def ensure_namespace(unit: Unit, text: str) -> int:
    """Key of the namespace with this text (or that it is an alias of), made when new."""
    row = unit.connection.execute(
        select(_NAMESPACE.c.key, _NAMESPACE.c.alias_of).where(_NAMESPACE.c.text == text)
    ).first()
    if row is not None:
        return int(row.alias_of or row.key)
    platform = naming.platform_of(text)
    made = unit.connection.execute(
        _NAMESPACE.insert()
        .values(text=text, platform=platform, case_rule=naming.case_rule_of(platform))
        .returning(_NAMESPACE.c.key)
    ).scalar_one()
    return int(made)
