"""Systems as a test moves them about, and what a crawl of one is made to see.

Names are ``shop.SCOPE.LETTER``; a system may give ids of its own (then a rename is known) or not.
A `Plan` is what one crawl is shown, trouble included; the reader plays it to the product, and the
reference model (`tests.support.oracle`) works out what must come of it.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from catalog.crawling import records
from catalog.crawling.crawler import Scope, Scopes
from catalog.errors import Unreachable

NAMESPACE = "postgres://db:5432"
LETTERS = "abcde"
TYPES = ("int64", "text", "date")


@dataclass(frozen=True)
class Item:
    """A record with its statements; ``failed``: the object could not be read this time."""

    record: records.Asset
    statements: tuple[records.Statement, ...] = ()
    failed: bool = False

    @property
    def name(self) -> str:
        return self.record.name


@dataclass(frozen=True)
class ScopePlan:
    """``error`` ends the scope after its items; without one it says whether it was complete."""

    name: str
    items: tuple[Item, ...]
    complete: bool = True
    error: Exception | None = None


@dataclass(frozen=True)
class Plan:
    """``listed``: the list of scopes is complete. ``refused``: names that a new filter leaves out.

    ``cancel_after``: a person cancels before this record. ``unreachable`` scopes end the crawl.
    """

    scopes: tuple[ScopePlan, ...]
    listed: bool = True
    only: frozenset[str] | None = None
    refused: frozenset[str] = frozenset()
    cancel_after: int | None = None

    @property
    def whole(self) -> bool:
        return self.only is None

    @property
    def troubled(self) -> bool:
        """Whether anything about it is less than a clean crawl of everything."""
        broken = any(
            scope.error or not scope.complete or any(item.failed for item in scope.items)
            for scope in self.scopes
        )
        return broken or not self.listed or not self.whole or self.cancel_after is not None


@dataclass
class Column:
    path: str
    type: str
    id: str


@dataclass
class Table:
    name: str
    id: str
    columns: list[Column]
    comment: str | None = None
    definition: str | None = None


@dataclass
class System:
    """What stands in one system. ``ids``: it gives its objects' ids."""

    name: str
    kind: str = "fake"
    ids: bool = True
    scopes: tuple[str, ...] = ("p", "q")
    one_scope: bool = False
    described: bool = False
    tables: list[Table] = field(default_factory=list)
    numbers: int = 0

    def fresh(self) -> str:
        """An id that was never given before."""
        self.numbers += 1
        return f"{self.name}{self.numbers}"

    # -- what happens to it ------------------------------------------------------------------

    def act(self, what: str, a: int, b: int) -> None:
        """One event; what is not possible now does nothing."""
        getattr(self, f"_{what}")(a, b)

    def _free(self) -> list[str]:
        taken = {table.name for table in self.tables}
        names = [f"shop.{scope}.{letter}" for letter in LETTERS for scope in ("p", "q")]
        return [name for name in names if name not in taken]

    def _at(self, a: int) -> Table | None:
        return self.tables[a % len(self.tables)] if self.tables else None

    def _column(self, a: int, b: int) -> tuple[Table, int] | None:
        table = self._at(a)
        return (table, b % len(table.columns)) if table and table.columns else None

    def _add(self, a: int, b: int) -> None:
        free = self._free()
        if free:
            columns = [Column(f"c{n}", TYPES[0], self.fresh()) for n in range(1 + b % 3)]
            self.tables.append(Table(free[a % len(free)], self.fresh(), columns))

    def _fill(self, a: int, b: int) -> None:
        for number in range(4 + a % 4):
            self._add(0, number)

    def _drop(self, a: int, b: int) -> None:
        table = self._at(a)
        if table:
            self.tables.remove(table)

    def _drop_most(self, a: int, b: int) -> None:
        self.tables = self.tables[: b % 2]

    def _rename(self, a: int, b: int) -> None:
        table, free = self._at(a), self._free()
        if table and free:
            table.name = free[b % len(free)]

    def _swap(self, a: int, b: int) -> None:
        one, two = self._at(a), self._at(b)
        if one and two:
            one.name, two.name = two.name, one.name

    def _rename_over(self, a: int, b: int) -> None:
        one, two = self._at(a), self._at(b)
        if one and two and one is not two:
            self.tables.remove(two)
            one.name = two.name

    def _recreate(self, a: int, b: int) -> None:
        table = self._at(a)
        if table:
            table.id = self.fresh()
            kept = table.columns[: 1 + b % 3]
            table.columns = [Column(one.path, one.type, self.fresh()) for one in kept]

    def _add_column(self, a: int, b: int) -> None:
        table = self._at(a)
        if table:
            taken = {column.path for column in table.columns}
            free = [f"c{n}" for n in range(6) if f"c{n}" not in taken]
            if free:
                table.columns.append(Column(free[b % len(free)], TYPES[b % 3], self.fresh()))

    def _drop_column(self, a: int, b: int) -> None:
        if found := self._column(a, b):
            table, number = found
            del table.columns[number]

    def _rename_column(self, a: int, b: int) -> None:
        if found := self._column(a, b):
            table, number = found
            taken = {column.path for column in table.columns}
            free = [f"c{n}" for n in range(6) if f"c{n}" not in taken]
            if free:
                table.columns[number].path = free[b % len(free)]

    def _retype(self, a: int, b: int) -> None:
        if found := self._column(a, b):
            table, number = found
            table.columns[number].type = TYPES[b % 3]

    def _turn_columns(self, a: int, b: int) -> None:
        table = self._at(a)
        if table:
            paths = [column.path for column in table.columns]
            for column, path in zip(table.columns, paths[1:] + paths[:1], strict=True):
                column.path = path

    def _comment(self, a: int, b: int) -> None:
        table = self._at(a)
        if table:
            table.comment = (None, "orders", "clients")[b % 3]

    def _define(self, a: int, b: int) -> None:
        """A view, another definition, or a table again."""
        table, other = self._at(a), self._at(b)
        if table and other:
            texts = (f"SELECT c0 FROM {other.name}", f"SELECT c0, c1 FROM {other.name}", None)
            table.definition = texts[b % 3]

    def mirror(self, other: System) -> None:
        """It comes to know all that another system has."""
        self.tables = copy.deepcopy(other.tables)

    def _toggle_ids(self, a: int, b: int) -> None:
        self.ids = not self.ids and self.name == "wh"

    def _toggle_scope(self, a: int, b: int) -> None:
        self.scopes = ("p",) if len(self.scopes) == 2 else ("p", "q")

    def _describe(self, a: int, b: int) -> None:
        self.described = not self.described

    # -- what a crawl sees ---------------------------------------------------------------------

    def plan(self) -> Plan:
        """A clean crawl of everything."""
        if self.one_scope:
            items = [item for scope in ("p", "q") for item in self._items(scope)]
            return Plan((ScopePlan("all", tuple(items)),))
        return Plan(tuple(ScopePlan(scope, tuple(self._items(scope))) for scope in self.scopes))

    def _items(self, scope: str) -> Iterator[Item]:
        if self.described:
            yield Item(records.Asset(NAMESPACE, f"shop.{scope}", "schema", "container"))
        for table in self.tables:
            if table.name.startswith(f"shop.{scope}."):
                yield Item(self._record(table), _statements(table))

    def _record(self, table: Table) -> records.Asset:
        return records.Asset(
            NAMESPACE,
            table.name,
            "view" if table.definition else "table",
            parent=table.name.rpartition(".")[0],
            description=table.comment,
            columns=tuple(
                records.Field(one.path, one.type, id=one.id if self.ids else None)
                for one in table.columns
            ),
            id=table.id if self.ids else None,
        )


def _statements(table: Table) -> tuple[records.Statement, ...]:
    if table.definition is None:
        return ()
    one = records.Statement(table.definition, "postgres", NAMESPACE, "view", defines=table.name)
    return (one,)


# --- trouble ----------------------------------------------------------------------------------


def incomplete(plan: Plan, at: int) -> Plan:
    """One scope is cut short and says so."""
    return _cut(plan, at, lambda scope, items: replace(scope, items=items, complete=False))


def failing(plan: Plan, at: int) -> Plan:
    """The crawler breaks in the middle of one scope."""
    error = RuntimeError("broken")
    return _cut(plan, at, lambda scope, items: replace(scope, items=items, error=error))


def unreachable(plan: Plan, at: int) -> Plan:
    """The system goes away in the middle of one scope; the others are not tried."""
    error = Unreachable("no answer", remedy="Look whether it runs.")
    return _cut(plan, at, lambda scope, items: replace(scope, items=items, error=error))


def _cut(plan: Plan, at: int, change: Callable[[ScopePlan, tuple[Item, ...]], ScopePlan]) -> Plan:
    if not plan.scopes:
        return plan
    number = at % len(plan.scopes)
    scope = plan.scopes[number]
    items = scope.items[: (at // 2) % (len(scope.items) + 1)]
    return replace(
        plan, scopes=(*plan.scopes[:number], change(scope, items), *plan.scopes[number + 1 :])
    )


def unlisted(plan: Plan, at: int) -> Plan:
    """The list of scopes is not complete, and one is missing from it."""
    scopes = plan.scopes[1:] if at % 2 else plan.scopes[:1]
    return replace(plan, scopes=scopes, listed=False)


def bad_asset(plan: Plan, at: int, may_fail: Callable[[Item], bool]) -> Plan:
    """One object cannot be read."""
    names = [item.name for scope in plan.scopes for item in scope.items if may_fail(item)]
    if not names:
        return plan
    bad = names[at % len(names)]

    def mark(item: Item) -> Item:
        return replace(item, failed=True, statements=()) if item.name == bad else item

    return replace(
        plan,
        scopes=tuple(
            replace(scope, items=tuple(mark(item) for item in scope.items)) for scope in plan.scopes
        ),
    )


def subset(plan: Plan, at: int, known: Sequence[str]) -> Plan:
    """A refresh of two names, which may be there or not."""
    names = sorted({*known, *(item.name for scope in plan.scopes for item in scope.items)})
    if not names:
        return plan
    return replace(plan, only=frozenset({names[at % len(names)], names[(at * 3 + 1) % len(names)]}))


def refused(plan: Plan, at: int) -> Plan:
    """A new filter of a person leaves one letter out."""
    letter = LETTERS[at % len(LETTERS)]
    names = frozenset(f"shop.{scope}.{letter}" for scope in ("p", "q"))
    return replace(
        plan,
        refused=names,
        scopes=tuple(
            replace(scope, items=tuple(one for one in scope.items if one.name not in names))
            for scope in plan.scopes
        ),
    )


# --- the reader -------------------------------------------------------------------------------


@dataclass
class PlanReader:
    """Plays a plan to the product. ``cancel`` is called before the record it is due at.

    ``delivered``: the items that were handed over, in order.
    """

    plan: Plan
    cancel: Callable[[], None] = lambda: None
    delivered: list[tuple[str, Item]] = field(default_factory=list)

    def scopes(self, state: Mapping[str, Any]) -> Scopes:
        names = [Scope(scope.name) for scope in self.plan.scopes]
        why = None if self.plan.listed else "Not all can be seen."
        return Scopes(names, complete=self.plan.listed, why=why)

    def crawl(
        self, scope: Scope, state: Mapping[str, Any] | None, only: Sequence[str] | None = None
    ) -> Iterator[records.Record]:
        found = next(one for one in self.plan.scopes if one.name == scope.name)
        for item in found.items:
            if len(self.delivered) == self.plan.cancel_after:
                self.cancel()
            self.delivered.append((scope.name, item))
            if item.failed:
                yield records.Objects(listed=1)
                yield records.Problem(
                    item.name,
                    "broken",
                    namespace=NAMESPACE,
                    name=item.name,
                    asset_class=item.record.asset_class,
                )
            else:
                yield records.Objects(listed=1, used=1)
                yield item.record
                yield from item.statements
        if found.error is not None:
            raise found.error
        yield records.Done(found.complete, {}, None if found.complete else "Cut short.")

    def refused_by(self, name: str) -> str | None:
        return "exclude it" if name in self.plan.refused else None
