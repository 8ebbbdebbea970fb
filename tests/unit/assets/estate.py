"""A small estate, row by row: what ingest and curation would have left in the store."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, event, insert

from catalog import naming
from catalog.crawling import records
from catalog.history.store import Store, table_of
from catalog.history.unit import Unit, dump, pack
from catalog.model import (
    Alias,
    Asset,
    AssetAttribute,
    Column,
    Crawl,
    CrawlScope,
    Fact,
    Namespace,
    Person,
    Scope,
    Sighting,
    Source,
    User,
)
from catalog.types import KINDS

WAREHOUSE = "postgres://db.example.com:5432"
LAKE = "s3://lake"


@dataclass
class Estate:
    """Makes rows; all keys are the store's integers."""

    store: Store
    namespaces: dict[str, int] = field(default_factory=dict)
    sources: dict[str, int] = field(default_factory=dict)
    scopes: dict[str, int] = field(default_factory=dict)
    crawls: dict[str, int] = field(default_factory=dict)

    def namespace(self, unit: Unit, text: str, alias_of: int | None = None) -> int:
        if text not in self.namespaces:
            platform = naming.platform_of(text)
            self.namespaces[text] = add(
                unit.connection,
                Namespace,
                text=text,
                platform=platform,
                case_rule=naming.case_rule_of(platform),
                alias_of=alias_of,
            )
        return self.namespaces[text]

    def source(self, name: str, kind: str = "postgres", **more: Any) -> int:
        """A source with one scope that one complete crawl covered."""
        with self.store.write("user:test") as unit:
            key = add(
                unit.connection,
                Source,
                uid=naming.new_id(),
                name=name,
                kind=kind,
                created_at=unit.now,
                **more,
            )
            scope = add(unit.connection, Scope, source=key, name="all", assets=0)
            crawl = add(
                unit.connection,
                Crawl,
                uid=naming.new_id(),
                source=key,
                state="succeeded",
                queued_at=unit.now,
                started_at=unit.now,
                ended_at=unit.now,
            )
            unit.connection.execute(
                insert(table_of(CrawlScope)).values(crawl=crawl, scope=scope, state="complete")
            )
            unit.connection.execute(
                table_of(Scope)
                .update()
                .values(last_complete_crawl=crawl, last_complete_at=unit.now)
                .where(table_of(Scope).c.key == scope)
            )
        self.sources[name], self.scopes[name], self.crawls[name] = key, scope, crawl
        return key

    def asset(
        self,
        namespace: str,
        name: str,
        *,
        source: str | None = None,
        kind: str = "table",
        parent: int | None = None,
        state: str = "crawled",
        columns: tuple[records.Field, ...] | None = None,
        attributes: tuple[tuple[str, str], ...] = (),
        popularity: int = 0,
        **more: Any,
    ) -> int:
        """An asset as a crawl of ``source`` left it; ``more``: fields of the record."""
        with self.store.write("crawl:test") as unit:
            uid = naming.new_id()
            record = records.Asset(namespace, name, kind, KINDS[kind], columns=columns, **more)
            key = add(
                unit.connection,
                Asset,
                uid=uid,
                namespace=self.namespace(unit, namespace),
                parent=parent,
                state=state,
                source=self.sources[source] if source else None,
                popularity=popularity,
                created_at=unit.now,
                changed_at=unit.now,
                removed_at=unit.now if state == "removed" else None,
                **told(record),
            )
            unit.change("created", subject=naming.id_text(uid), asset=key)
            self._columns(unit, key, record)
            if source:
                self._sighting(unit, key, source, record)
            self._attributes(unit, key, attributes)
        return key

    def _attributes(self, unit: Unit, key: int, pairs: tuple[tuple[str, str], ...]) -> None:
        for attribute, value in pairs:
            row = {"asset": key, "attribute": attribute, "value": value}
            unit.connection.execute(insert(table_of(AssetAttribute)).values(row))

    def _columns(self, unit: Unit, key: int, record: records.Asset) -> None:
        for position, column in enumerate(record.columns or (), 1):
            unit.connection.execute(
                insert(table_of(Column)).values(
                    asset=key,
                    number=position,
                    path=column.path,
                    position=position,
                    type=column.type,
                    native_type=column.native_type,
                    nullable=column.nullable,
                    default=column.default,
                    comment=column.comment,
                    keys="",
                    stable_id=column.id,
                    live=True,
                )
            )

    def _sighting(self, unit: Unit, key: int, source: str, record: records.Asset) -> None:
        document = records.canonical(record)
        unit.connection.execute(
            insert(table_of(Sighting)).values(
                asset=key,
                source=self.sources[source],
                scope=self.scopes[source],
                hash=records.digest(document),
                crawl=self.crawls[source],
                record=pack(document),
            )
        )

    def sighting(self, key: int, source: str, record: records.Asset) -> None:
        """Another source's report of an asset."""
        with self.store.write("crawl:test") as unit:
            self._sighting(unit, key, source, record)

    def person(self, name: str) -> tuple[str, str]:
        """(``person:ID``, ``user:ID``) of a new person with a login."""
        with self.store.write("user:test") as unit:
            uid, user = naming.new_id(), naming.new_id()
            key = add(
                unit.connection,
                Person,
                uid=uid,
                name=name,
                email=f"{name}@example.com",
                created_at=unit.now,
            )
            add(
                unit.connection,
                User,
                uid=user,
                login=name,
                role="editor",
                person=key,
                created_at=unit.now,
            )
        return f"person:{naming.id_text(uid)}", f"user:{naming.id_text(user)}"

    def fact(
        self,
        asset: int,
        property: str,
        value: Any,
        *,
        item: str = "",
        column: int = 0,
        author: str = "user:test",
        layer: str = "curated",
    ) -> None:
        with self.store.write(author) as unit:
            add(
                unit.connection,
                Fact,
                asset=asset,
                column=column,
                property=property,
                item=item,
                layer=layer,
                value=dump(value),
                author=author,
                at=unit.now,
            )
            unit.change(property, asset=asset, column=column, after={property: value})

    def alias(self, asset: int, name: str, namespace: str | None = None) -> None:
        with self.store.write("user:test") as unit:
            add(
                unit.connection,
                Alias,
                asset=asset,
                namespace=self.namespace(unit, namespace) if namespace else None,
                name=name,
                name_key=naming.name_key(name),
                origin="urn" if namespace is None else "rename",
                created_at=unit.now,
            )

    def id(self, key: int) -> str:
        """The public id of an asset."""
        table = table_of(Asset)
        with self.store.connect() as connection:
            raw = connection.execute(
                table.select().with_only_columns(table.c.uid).where(table.c.key == key)
            ).scalar_one()
        return naming.id_text(raw)


def told(record: records.Asset) -> dict[str, Any]:
    """The fields of an asset's row that its record alone decides."""
    platform = naming.platform_of(record.namespace)
    rule = naming.case_rule_of(platform)
    leaf = naming.fold(naming.leaf(record.name, platform), rule)
    return {
        "asset_class": record.asset_class,
        "name": record.name,
        "name_key": naming.name_key(record.name),
        "folded_key": naming.text_key(naming.fold(record.name, rule)),
        "leaf_key": naming.text_key(leaf),
        "sort": leaf[:200],
        "kind": record.kind,
        "title": record.title,
        "description": record.description,
        "next_column": len(record.columns or ()) + 1,
    }


def add(connection: Connection, model: Any, **values: Any) -> int:
    """Inserts a row with the model's own defaults; its integer key."""
    table = table_of(model)
    row = {name: value for name, value in model(**values).model_dump().items() if name != "key"}
    return int(connection.execute(insert(table).values(**row).returning(table.c.key)).scalar_one())


@contextmanager
def counted(store: Store) -> Iterator[list[str]]:
    """The statements that run inside."""
    seen: list[str] = []

    def note(_c: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        if not statement.startswith("BEGIN"):
            seen.append(statement)

    event.listen(store.engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(store.engine, "before_cursor_execute", note)
