"""What a SELECT sees: outputs of queries, relations in FROM, and the look-up of columns in them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from catalog.naming import join_path, split_path
from catalog.sql.refs import TableRef

Origin = tuple[TableRef, str]
"""A column of a table that the statement names: (table, field path)."""
Origins = frozenset[Origin]
NOTHING: Origins = frozenset()


@dataclass(frozen=True)
class Name:
    """An identifier: as written, and as the dialect keeps it."""

    text: str
    folded: str


@dataclass(frozen=True)
class Column:
    """One column of an output; ``name`` None: an expression that has no name yet."""

    name: Name | None
    origins: Origins = NOTHING


@dataclass(frozen=True)
class Star:
    """All columns of a table whose schema is unknown, but for those in ``without`` (folded)."""

    refs: tuple[TableRef, ...]
    without: frozenset[str] = frozenset()


Item = Column | Star


@dataclass
class Output:
    """What a query gives, in order, with an index by lower-cased name made when first needed."""

    items: Sequence[Item]
    _index: dict[str, list[Column]] | None = field(default=None, repr=False)

    @property
    def is_open(self) -> bool:
        """Whether an unexpanded star is left."""
        return any(isinstance(item, Star) for item in self.items)

    def columns(self) -> list[Column]:
        """All columns but the unexpanded stars."""
        return [item for item in self.items if isinstance(item, Column)]

    def find(self, name: Name) -> Origins | None:
        """Origins of the named column, None if the output does not list it.

        The spelling that the dialect keeps comes first, then any case. A name that stands twice
        for different things is known, but of no certain origin.
        """
        if self._index is None:
            self._index = {}
            for column in self.columns():
                if column.name is not None:
                    self._index.setdefault(column.name.folded.lower(), []).append(column)
        hits = self._index.get(name.folded.lower(), [])
        exact = [hit for hit in hits if hit.name is not None and hit.name.folded == name.folded]
        found = {hit.origins for hit in exact or hits}
        if not found:
            return None
        return found.pop() if len(found) == 1 else NOTHING

    def through_star(self, name: Name) -> Origins | None:
        """Origins of a column that only an unexpanded star can give; None if none or several."""
        stars = [
            item
            for item in self.items
            if isinstance(item, Star) and name.folded.lower() not in item.without
        ]
        if len(stars) != 1:
            return None
        return frozenset((ref, join_path([name.text])) for ref in stars[0].refs)


@dataclass
class Relation:
    """One item of FROM. ``alias``: its name here; ``parts``: the table's own, lower-cased.

    ``rest``: origins of any column asked for by qualified name that the output does not list
    (generated columns of a pivot, fields of a flattened list).
    """

    output: Output
    alias: str | None = None
    parts: tuple[str, ...] = ()
    rest: Origins | None = None
    ref: TableRef | None = None

    def answers_to(self, qualifier: Sequence[str]) -> bool:
        """Whether ``qualifier`` (lower-cased parts) names this relation."""
        if len(qualifier) == 1 and self.alias is not None:
            return qualifier[0] == self.alias
        if not self.parts or len(qualifier) > len(self.parts):
            return False
        return tuple(qualifier) == self.parts[-len(qualifier) :]

    def column(self, name: Name) -> Origins | None:
        """Origins of a column asked for by qualified name, None if it cannot be known."""
        found = self.output.find(name)
        if found is None:
            found = self.output.through_star(name)
        return self.rest if found is None else found


@dataclass
class Scope:
    """What is visible at one place: CTEs, relations so far, aliases of the select list."""

    ctes: Mapping[str, Output]
    outer: Scope | None = None
    relations: list[Relation] = field(default_factory=list)
    shared: set[str] = field(default_factory=set)  # columns of USING and NATURAL, lower case
    aliases: dict[str, Origins] = field(default_factory=dict)
    lateral: bool = False  # whether the aliases may be used where they are looked up
    hidden: frozenset[str] = frozenset()  # parameters of lambdas, lower case

    def resolve(self, name: Name) -> Origins:
        """Origins of an unqualified column; nothing when it could be several."""
        key = name.folded.lower()
        if key in self.hidden:
            return NOTHING
        known = [found for r in self.relations if (found := r.output.find(name)) is not None]
        if len(known) == 1 or (known and key in self.shared):
            return frozenset().union(*known)
        if known:
            return NOTHING
        if self.lateral and key in self.aliases:
            return self.aliases[key]
        possible = [r for r in self.relations if r.output.is_open]
        if len(possible) == 1 or (possible and key in self.shared):
            found_all = [r.output.through_star(name) or NOTHING for r in possible]
            return frozenset().union(*found_all)
        if possible:
            return NOTHING
        if key in self.aliases:
            return self.aliases[key]
        return self.outer.resolve(name) if self.outer is not None else NOTHING

    def relation(self, qualifier: Sequence[str]) -> Relation | None:
        """The relation that a qualifier names, here or further out."""
        for relation in self.relations:
            if relation.answers_to(qualifier):
                return relation
        return self.outer.relation(qualifier) if self.outer is not None else None


def of_table(ref: TableRef, paths: Sequence[str] | None) -> Output:
    """A table's output: its top-level columns when its schema is known, else a star."""
    if paths is None:
        return Output([Star((ref,))])
    columns: list[Item] = []
    for path in paths:
        parts = [path] if path.isidentifier() else split_path(path)
        if len(parts) == 1:
            columns.append(Column(Name(parts[0], parts[0]), frozenset({(ref, path)})))
    return Output(columns)


def union(first: Output, others: Iterable[Output], *, by_name: bool = False) -> Output:
    """Columns of a set operation: named by the first branch, joined by position or by name."""
    merged = list(first.items)
    for other in others:
        if by_name:
            _merge_by_name(merged, other)
        else:
            _merge_by_position(merged, other)
    return Output(merged)


def _merge_by_position(merged: list[Item], other: Output) -> None:
    """Position counts up to the first star; what lies behind one is not known."""
    for at, item in enumerate(other.items[: len(merged)]):
        mine = merged[at]
        if isinstance(item, Star) or isinstance(mine, Star):
            return
        merged[at] = Column(mine.name or item.name, mine.origins | item.origins)


def _merge_by_name(merged: list[Item], other: Output) -> None:
    places = {
        item.name.folded.lower(): at
        for at, item in enumerate(merged)
        if isinstance(item, Column) and item.name is not None
    }
    for item in other.items:
        at = None
        if isinstance(item, Column) and item.name is not None:
            at = places.get(item.name.folded.lower())
        if at is None:
            merged.append(item)
            continue
        mine = merged[at]
        assert isinstance(mine, Column)
        assert isinstance(item, Column)
        merged[at] = Column(mine.name, mine.origins | item.origins)
