"""The door of the room: statements in, tables and column edges out. No store, no I/O."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from catalog.naming import join_name
from catalog.sql.dialects import sqlglot_name
from catalog.sql.parsing import Piece, pieces
from catalog.sql.refs import Parsed, TableRef

if TYPE_CHECKING:
    from catalog.sql.query import Reader
    from catalog.sql.relations import Output

ENGINE_VERSION = 1
"""Raised when the same statement would give other edges; statements are then parsed again."""

_CREATES = frozenset({"create_table", "create_view"})


def references(text: str, dialect: str) -> tuple[TableRef, ...]:
    """All tables and paths that a text reads or writes, so that their schemas can be fetched.

    CTEs and the script's own temporary tables are no references. Bad SQL gives none.
    """
    found: dict[TableRef, None] = {}
    hidden: set[TableRef] = set()
    for parsed in lineage(text, dialect, {}):
        if parsed.temporary and parsed.target is not None:
            hidden.add(parsed.target)
        for ref in (*parsed.sources, parsed.target, parsed.renamed_to):
            if ref is not None and ref not in hidden:
                found[ref] = None
    return tuple(found)


def lineage(
    text: str,
    dialect: str,
    schemas: Mapping[str, Sequence[str]],
    *,
    default_database: str | None = None,
    default_schema: str | None = None,
    target: TableRef | None = None,
    target_columns: Sequence[str] | None = None,
    lateral_aliases: bool | None = None,
) -> list[Parsed]:
    """Edges of each statement of a text, in order. Never raises on bad SQL.

    ``schemas``: `TableRef.key` -> field paths, in order; a table that is missing has an unknown
    schema. With ``default_database`` and ``default_schema`` the keys may be longer than what the
    statement writes. ``target``: what a bare SELECT defines (a view's body); ``target_columns``:
    its real columns. ``lateral_aliases``: None goes by the dialect. A statement that cannot be
    read is `Parsed` of kind ``other`` with its problem.
    """
    name = sqlglot_name(dialect)
    script = _Script(name, _reachable(schemas, default_database, default_schema), lateral_aliases)
    found = list(pieces(text, name))
    columns = target_columns if len(found) == 1 else None  # else whose would they be?
    return [_defining(script.read(piece, columns), target) for piece in found]


def _defining(parsed: Parsed, target: TableRef | None) -> Parsed:
    """A bare SELECT defines the target that the caller names."""
    if target is None or parsed.kind != "select":
        return parsed
    return replace(parsed, kind="create_view", target=target)


def _reachable(
    schemas: Mapping[str, Sequence[str]], database: str | None, schema: str | None
) -> dict[str, Sequence[str]]:
    """The schemas also under lower-cased keys, and under names without the defaults."""
    found: dict[str, Sequence[str]] = {}
    prefixes = [p for p in (_prefix(schema), _prefix(database, schema), _prefix(database)) if p]
    for key, columns in schemas.items():
        lower = key.lower()
        found.setdefault(lower, columns)
        for prefix in prefixes:
            if lower.startswith(prefix):
                found.setdefault(lower[len(prefix) :], columns)
    found.update(schemas)
    return found


def _prefix(*parts: str | None) -> str:
    names = [part.lower() for part in parts if part is not None]
    return join_name(names) + "." if len(names) == len(parts) else ""


class _Script:
    """What earlier statements of a text left for later ones: temporary and new tables."""

    def __init__(
        self, dialect: str, schemas: dict[str, Sequence[str]], lateral_aliases: bool | None
    ) -> None:
        self.dialect = dialect
        self.schemas = schemas
        self.lateral_aliases = lateral_aliases
        self.temporary: dict[str, Output] = {}

    def read(self, piece: Piece, target_columns: Sequence[str] | None) -> Parsed:
        """One statement; remembers what it makes."""
        if piece.tree is None:
            return Parsed(problems=(piece.problem or f"line {piece.line}: not readable",))
        from catalog.sql import statements
        from catalog.sql.query import Reader

        reader = Reader(
            self.dialect, self.schemas, self.temporary, lateral_aliases=self.lateral_aliases
        )
        try:
            parsed, output = statements.read(piece.tree, reader, target_columns)
        except RecursionError:
            return Parsed(problems=(f"line {piece.line}: nested too deep",))
        except Exception as error:  # a shape of tree that nobody thought of
            what = type(error).__name__
            return _tables_only(reader, f"line {piece.line}: not understood ({what})")
        if parsed.target is not None and parsed.target.key.lower() in self.temporary:
            parsed = replace(parsed, temporary=True)
        self._remember(parsed, output)
        if parsed.problems:
            places = tuple(f"line {piece.line}: {problem}" for problem in parsed.problems)
            return replace(parsed, problems=places)
        return parsed

    def _remember(self, parsed: Parsed, output: Output | None) -> None:
        if parsed.target is None:
            return
        key = parsed.target.key.lower()
        if parsed.kind == "drop":
            self.temporary.pop(key, None)
        elif output is not None and parsed.kind in _CREATES:
            if parsed.temporary:
                self.temporary[key] = output
            elif parsed.output_columns is not None and None not in parsed.output_columns:
                self.schemas.setdefault(key, [str(name) for name in parsed.output_columns])
        elif output is not None and parsed.kind == "insert" and key in self.temporary:
            from catalog.sql.relations import union

            self.temporary[key] = union(self.temporary[key], [output])


def _tables_only(reader: Reader, problem: str) -> Parsed:
    return Parsed(sources=tuple(reader.sources), problems=(problem,))
