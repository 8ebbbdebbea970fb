"""Writes assets straight into a store, each with its change, as the noun's rooms would."""

from __future__ import annotations

import json
from typing import Any

from catalog import naming
from catalog.history.store import Store, table_of
from catalog.history.unit import Unit
from catalog.model import (
    Account,
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
    clock,
)

WAREHOUSE = "postgres://db:5432"


class Estate:
    """A source ``wh``, a namespace, and what a test adds to them."""

    def __init__(self, store: Store) -> None:
        self.store = store
        with store.write("system") as unit:
            self.source = self.insert(
                unit, Source, uid=naming.new_id(), name="wh", kind="postgres", created_at=1
            )
            self.namespace = self.insert(
                unit, Namespace, text=WAREHOUSE, platform="postgres", case_rule="lower"
            )

    def insert(self, unit: Unit, model: Any, **values: Any) -> int:
        row = model(**values)
        unit.session.add(row)
        unit.session.flush()
        return int(row.key)

    def asset(self, name: str, *, unit: Unit | None = None, **values: Any) -> int:
        """A live table (or what ``values`` say) with a ``created`` change."""
        if unit is None:
            with self.store.write("crawl:1") as unit:
                return self.asset(name, unit=unit, **values)
        uid = naming.new_id()
        given = {
            "asset_class": "data",
            "kind": "table",
            "state": "crawled",
            "namespace": self.namespace,
            "source": self.source,
            "created_at": clock.now(),
            "changed_at": clock.now(),
            **values,
        }
        key = self.insert(
            unit,
            Asset,
            uid=uid,
            name=name,
            name_key=naming.name_key(name),
            folded_key=naming.text_key(name.lower()),
            leaf_key=0,
            **given,
        )
        unit.change("created", subject=naming.id_text(uid), asset=key)
        return key

    def container(self, name: str, **values: Any) -> int:
        return self.asset(name, asset_class="container", kind="schema", **values)

    def edit(self, asset: int, what: str = "metadata", **values: Any) -> None:
        """Sets columns of an asset's row."""
        with self.store.write("user:1") as unit:
            table = table_of(Asset)
            unit.connection.execute(table.update().where(table.c.key == asset).values(**values))
            unit.change(what, asset=asset, before=dict.fromkeys(values), after=values)

    def attribute(self, asset: int, attribute: str, value: str) -> None:
        with self.store.write("user:1") as unit:
            unit.connection.execute(
                table_of(AssetAttribute)
                .insert()
                .values(asset=asset, attribute=attribute, value=value)
            )
            unit.change(attribute, asset=asset, after={attribute: value})

    def column(self, asset: int, number: int, path: str, **values: Any) -> None:
        with self.store.write("crawl:1") as unit:
            unit.connection.execute(
                table_of(Column)
                .insert()
                .values(
                    **{
                        "asset": asset,
                        "number": number,
                        "path": path,
                        "position": number,
                        "type": "string",
                        "keys": "",
                        "live": True,
                        **values,
                    }
                )
            )
            unit.change("schema", asset=asset)

    def fact(self, asset: int, column: int, name: str, value: Any, layer: str = "curated") -> None:
        with self.store.write("user:1") as unit:
            self.insert(
                unit,
                Fact,
                asset=asset,
                column=column,
                property=name,
                layer=layer,
                value=json.dumps(value),
                author="user:1",
                at=unit.now,
            )
            unit.change(name, asset=asset, column=column)

    def definition(self, asset: int, text: str) -> None:
        with self.store.write("crawl:1") as unit:
            statement = self.insert(
                unit,
                Statement,
                uid=naming.new_id(),
                hash=naming.name_key(text),
                text=text,
                dialect="postgres",
            )
            self.insert(
                unit,
                StatementUse,
                uid=naming.new_id(),
                statement=statement,
                source=self.source,
                namespace=self.namespace,
                asset=asset,
                created_at=unit.now,
            )
            unit.change("definition", asset=asset)

    def person(self, name: str) -> str:
        """Public id of a new person."""
        return self._named(Person, "person", name)

    def team(self, name: str) -> str:
        return self._named(Team, "team", name)

    def _named(self, model: Any, what: str, name: str) -> str:
        uid = naming.new_id()
        with self.store.write("user:1") as unit:
            self.insert(unit, model, uid=uid, name=name, created_at=unit.now)
            unit.change(
                "created", subject_type=what, subject=naming.id_text(uid), after={"name": name}
            )
        return naming.id_text(uid)

    def rename(self, model: Any, what: str, uid: str, **values: Any) -> None:
        """Changes a person, team or source by public id."""
        table = table_of(model)
        with self.store.write("user:1") as unit:
            unit.connection.execute(
                table.update().where(table.c.uid == naming.id_bytes(uid)).values(**values)
            )
            unit.change(
                "changed",
                subject_type=what,
                subject=uid,
                before=dict.fromkeys(values, "old"),
                after=values,
            )

    def account(self, name: str) -> str:
        uid = naming.new_id()
        with self.store.write("user:1") as unit:
            self.insert(unit, Account, uid=uid, source=self.source, name=name)
            unit.change("created", subject_type="account", subject=naming.id_text(uid))
        return naming.id_text(uid)

    def source_id(self) -> str:
        with self.store.read() as session:
            found = session.get(Source, self.source)
            assert found is not None
            return naming.id_text(found.uid)
