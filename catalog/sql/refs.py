"""What the parser answers with: names of tables as written, column edges, parsed statements."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from catalog.naming import join_name

EdgeKind = Literal["direct", "indirect"]
WHOLE: str = "*"
"""Target column of an indirect edge: the source column decides which rows there are."""


@dataclass(frozen=True)
class TableRef:
    """A table as the statement names it, or a path that it reads or writes.

    ``parts``: 1 to 3 (rarely more) name parts, unquoted, nothing added; ``quoted``: which of them
    were written in quotes and so keep their case. For a path both are empty: ``path`` is the
    literal prefix before the first glob sign, cut at its last slash, ``pattern`` the whole text.
    """

    parts: tuple[str, ...] = ()
    quoted: tuple[bool, ...] = ()
    path: str | None = None
    pattern: str | None = None

    @property
    def key(self) -> str:
        """How schemas are looked up: the dotted name, or the path as it was written."""
        if self.path is not None:
            return self.pattern or self.path
        return join_name(self.parts)


@dataclass(frozen=True)
class ColumnEdge:
    """Data flows from a source's column into the target's.

    Columns are field paths (`catalog.naming.join_path`). ``indirect``: the column filters, joins
    or groups, so that it decides which rows the target has; ``target_column`` is then ``*``.
    """

    source: TableRef
    source_column: str
    target_column: str
    kind: EdgeKind = "direct"


@dataclass(frozen=True)
class Parsed:
    """One statement. Table edges go from every source to the target.

    ``kind``: select, create_view, create_table, insert, merge, update, delete, copy, drop, alter,
    other. ``output_columns``: names of the result's columns, None when a star could not be
    expanded. ``temporary``: the target lives no longer than the script; later statements of the
    script are already resolved through it. ``problems``: what could not be read, with the line.
    """

    kind: str = "other"
    target: TableRef | None = None
    sources: tuple[TableRef, ...] = ()
    columns: tuple[ColumnEdge, ...] = ()
    output_columns: tuple[str | None, ...] | None = None
    problems: tuple[str, ...] = ()
    temporary: bool = False
    renamed_to: TableRef | None = field(default=None)


_GLOB = "*?[{"


def path_ref(text: str) -> TableRef:
    """The reference of a path or glob, kept as written apart from what the glob covers."""
    cut = min((at for at in map(text.find, _GLOB) if at >= 0), default=-1)
    if cut < 0:
        return TableRef(path=text)
    slash = text.rfind("/", 0, cut)
    prefix = text[:slash] if slash > 0 else text[: slash + 1]
    return TableRef(path=prefix, pattern=text)
