"""A source whose content a test sets, and crawls of it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select

from catalog.crawling import records
from catalog.crawling.crawler import Scope, Scopes
from catalog.history.store import Store, table_of
from catalog.ingest.crawl import run_crawl
from catalog.model import Crawl, Source, clock
from catalog.naming import new_id
from catalog.sources.ledger import COUNTS

CRAWL = table_of(Crawl)
SOURCE = table_of(Source)
NAMESPACE = "postgres://db:5432"


def table(
    name: str, *columns: str, id: str | None = None, namespace: str = NAMESPACE, **more: Any
) -> records.Asset:
    """A table record; columns as ``path`` or ``path:type``."""
    fields = []
    for column in columns:
        path, _, kind = column.partition(":")
        fields.append(records.Field(path, kind or "int64", kind or "bigint"))
    return records.Asset(
        namespace, name, more.pop("kind", "table"), columns=tuple(fields), id=id, **more
    )


def queue_crawl(store: Store, source: int, subset: Sequence[str] | None = None) -> int:
    """A queued crawl of a source (key); its key."""
    with store.write("system") as unit:
        return int(
            unit.connection.execute(
                CRAWL.insert()
                .values(
                    uid=new_id(),
                    source=source,
                    state="queued",
                    trigger="person",
                    actor="test",
                    queued_at=unit.now,
                    cancel=False,
                    subset=None if subset is None else json.dumps(list(subset)),
                    crawler_version=1,
                    **dict.fromkeys(COUNTS, 0),
                )
                .returning(CRAWL.c.key)
            ).scalar_one()
        )


@dataclass
class FakeSource:
    """``content``: scope -> records. ``complete``: scope -> whether its listing is.

    ``fails``: scope -> error that ends it; ``listed``: whether the list of scopes is complete.
    """

    store: Store
    name: str = "wh"
    namespaces: tuple[str, ...] = (NAMESPACE,)
    kind: str = "fake"
    rank: int = 0
    content: dict[str, list[records.Record]] = field(default_factory=dict)
    complete: dict[str, bool] = field(default_factory=dict)
    fails: dict[str, Exception] = field(default_factory=dict)
    listed: bool = True
    version: int = 1
    key: int = 0

    def __post_init__(self) -> None:
        with self.store.write("system") as unit:
            self.key = unit.connection.execute(
                SOURCE.insert()
                .values(
                    uid=new_id(),
                    name=self.name,
                    kind=self.kind,
                    namespaces=json.dumps(self.namespaces),
                    config="{}",
                    rank=self.rank,
                    paused=False,
                    brake_percent=30,
                    brake_assets=5,
                    version=1,
                    created_at=clock.now(),
                )
                .returning(SOURCE.c.key)
            ).scalar_one()

    def scopes(self, state: Mapping[str, Any]) -> Scopes:
        return Scopes([Scope(name) for name in self.content], complete=self.listed)

    def crawl(
        self, scope: Scope, state: Mapping[str, Any] | None, only: Sequence[str] | None = None
    ) -> Iterator[records.Record]:
        yield from self.content[scope.name]
        if scope.name in self.fails:
            raise self.fails[scope.name]
        yield records.Done(self.complete.get(scope.name, True), {})

    def queue(self, subset: Sequence[str] | None = None) -> int:
        """A queued crawl; its key."""
        return queue_crawl(self.store, self.key, subset)

    def run(self, subset: Sequence[str] | None = None, refused_by: Any = None) -> Any:
        """Crawls once; the crawl's row."""
        key = self.queue(subset)
        run_crawl(
            self.store,
            key,
            self,
            crawler_version=self.version,
            config_key="k",
            refused_by=refused_by or (lambda _name: None),
        )
        return self.row(key)

    def row(self, key: int) -> Any:
        """A crawl's row."""
        with self.store.connect() as connection:
            return connection.execute(select(CRAWL).where(CRAWL.c.key == key)).one()

    def put(self, *items: records.Record, scope: str = "public") -> None:
        """Replaces the content of a scope."""
        self.content[scope] = list(items)
