"""How well `catalog.sql` does on suites of expected lineage that others wrote.

T: the tables read and the tables written equal what is expected. *Neutral* forgives conventions
on which the suites contradict each other: whether what DROP, ALTER, TRUNCATE or CREATE FUNCTION
touch is an output, and whether the target of an UPDATE, DELETE or MERGE is an input too.
C: the column edges equal. *Lenient* ignores stars, sources that the suite leaves unresolved, and
targets that are unnamed expressions.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from catalog.sql import Parsed, TableRef, lineage

Edge = tuple[str, str, str, str]
_DDL = frozenset({"drop", "alter", "other"})
_PLAIN = re.compile(r"^\w[\w.$ ]*$")


def cases(path: Path) -> list[dict[str, Any]]:
    with path.open(encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def run(case: dict[str, Any]) -> list[Parsed]:
    config = case.get("config") or {}
    alias = True if config.get("LATERAL_COLUMN_ALIAS_REFERENCE") else None
    if alias is None and case["suite"] == "sqllineage":
        alias = False  # its default, whatever the dialect
    return lineage(
        case["sql"],
        case["dialect"],
        case.get("schemas") or {},
        default_schema=config.get("DEFAULT_SCHEMA"),
        lateral_aliases=alias,
    )


def plain(name: str) -> str:
    """A name as it is compared: no quotes, no case; only the path of a path."""
    name = re.sub(r'[`"\[\]]', "", name).lower()
    return name.removeprefix("path:")


def shown(ref: TableRef) -> str:
    return plain((ref.pattern or ref.path) if ref.path is not None else ".".join(ref.parts))


@dataclass
class Tables:
    """Tables read and written by a script; ``ddl``: outputs that no data flowed into."""

    read: set[str]
    written: set[str]
    ddl: set[str]
    targets: set[str]


def tables(statements: list[Parsed], suite: str) -> Tables:
    """What a script as a whole reads and writes: what it made itself is no input."""
    read: set[str] = set()
    written: set[str] = set()
    ddl: set[str] = set()
    targets: set[str] = set()
    own_loop: set[str] = set()
    for parsed in statements:
        sources = {shown(ref) for ref in parsed.sources}
        read |= sources
        if parsed.target is None:
            continue
        name = shown(parsed.target)
        if parsed.renamed_to is not None:
            read, written = ({_renamed(x, name, parsed) for x in s} for s in (read, written))
            ddl |= {name, shown(parsed.renamed_to)}
        elif parsed.kind == "drop":
            if name not in read:
                written.discard(name)
            ddl.add(name)
        elif parsed.kind in _DDL:
            ddl.add(name)
        else:
            written.add(name)
            if name in sources:
                own_loop.add(name)
            if parsed.kind in ("update", "delete", "merge"):
                targets.add(name)
            if parsed.kind == "delete" and not sources:
                ddl.add(name)
    between = (read & written) - own_loop - targets
    if suite == "olsql":
        return Tables(read - between, written | ddl, ddl, targets)
    return Tables(read - between, written - between, ddl, targets)


def _renamed(name: str, old: str, parsed: Parsed) -> str:
    assert parsed.renamed_to is not None
    return shown(parsed.renamed_to) if name == old else name


def table_scores(case: dict[str, Any], got: Tables) -> tuple[bool, bool]:
    """(exact, neutral)"""
    want_in = {plain(name) for name in case["expected_tables_in"] or ()}
    want_out = {plain(name) for name in case["expected_tables_out"] or ()}
    exact = got.read == want_in and got.written == want_out
    loose_in = got.read - got.targets == want_in - got.targets
    loose_out = got.written - got.ddl == want_out - got.ddl
    return exact, exact or (loose_in and loose_out)


def edges(statements: list[Parsed]) -> set[Edge]:
    """Direct edges; (source table, source column, target table, target column)."""
    return {
        (
            shown(edge.source),
            plain(edge.source_column),
            shown(parsed.target) if parsed.target is not None else "",
            plain(edge.target_column),
        )
        for parsed in statements
        for edge in parsed.columns
        if edge.kind == "direct"
    }


def end_to_end(found: set[Edge]) -> set[Edge]:
    """Edges through tables that the script itself makes, as the suites expect them."""
    made = {(table, column): True for _, _, table, column in found if table}
    result = set(found)
    for _ in range(10):
        longer = {
            (a[0], a[1], b[2], b[3])
            for b in result
            if (b[0], b[1]) in made
            for a in found
            if (a[2], a[3]) == (b[0], b[1]) and a[:2] != b[:2]
        }
        if longer <= result:
            break
        result |= longer
    inner = {(b[0], b[1]) for b in found if b[:2] != b[2:]}
    loops = {(e[0], e[1]) for e in found if e[:2] == e[2:]}
    return {
        edge
        for edge in result
        if (edge[0], edge[1]) not in made or (edge[0], edge[1]) in loops
        if (edge[2], edge[3]) not in inner or edge[:2] == edge[2:]
    }


def expected_edges(case: dict[str, Any]) -> set[Edge]:
    return {
        (
            plain(edge["src_table"] or ""),
            plain(edge["src_col"]),
            plain(edge["dst_table"] or ""),
            plain(edge["dst_col"]),
        )
        for edge in case["expected_column_edges"]
    }


def lenient(found: set[Edge]) -> set[Edge]:
    return {
        edge
        for edge in found
        if edge[0] and "*" not in (edge[1], edge[3]) and _PLAIN.match(edge[3])
        if not re.fullmatch(r"_\d+", edge[3])
    }


def column_scores(case: dict[str, Any], statements: list[Parsed]) -> tuple[bool, bool]:
    """(strict, lenient)"""
    want, got = expected_edges(case), end_to_end(edges(statements))
    return want == got, want == got or lenient(want) == lenient(got)


def scores(path: Path) -> dict[str, float]:
    """Percentages over one suite, and how many cases there are of each sort."""
    hits: dict[str, list[bool]] = {"T exact": [], "T neutral": [], "C strict": [], "C lenient": []}
    for case, statements in _ran(path):
        if case["expected_tables_in"] is not None:
            exact, neutral = table_scores(case, tables(statements, case["suite"]))
            hits["T exact"].append(exact)
            hits["T neutral"].append(neutral)
        if case["expected_column_edges"] is not None:
            strict, loose = column_scores(case, statements)
            hits["C strict"].append(strict)
            hits["C lenient"].append(loose)
    return {name: 100 * sum(marks) / len(marks) for name, marks in hits.items() if marks}


def _ran(path: Path) -> Iterator[tuple[dict[str, Any], list[Parsed]]]:
    for case in cases(path):
        yield case, run(case)
