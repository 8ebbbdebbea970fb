"""Tables and files as syntax trees name them."""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp

from catalog.sql import dialects
from catalog.sql.refs import TableRef, path_ref


def table_ref(node: exp.Expr) -> TableRef:
    """The reference that a table expression writes; paths are told from names."""
    parts: list[exp.Expr] = []
    for part in (node.args.get("catalog"), node.args.get("db"), node.this):
        if isinstance(part, exp.Dot):
            parts.extend(part.flatten())
        elif isinstance(part, exp.Expr):
            parts.append(part)
    names = tuple(part.name for part in parts)
    quoted = tuple(bool(part.args.get("quoted")) for part in parts)
    if _is_path(names, quoted):
        return path_ref(names[-1])
    if parts and parts[-1].args.get("temporary"):
        prefix = "##" if parts[-1].args.get("global_") else "#"
        names = (*names[:-1], prefix + names[-1].lstrip("#"))
    return TableRef(names, quoted)


def _is_path(names: Sequence[str], quoted: Sequence[bool]) -> bool:
    if not names or not quoted[-1]:
        return False
    if len(names) == 1:
        text = names[0].lower()
        return "://" in text or ("/" in text and "." in text) or text.endswith(_FILE_ENDINGS)
    return len(names) == 2 and names[0].lower() in dialects.FILE_FORMATS and "/" in names[1]


_FILE_ENDINGS = (".parquet", ".csv", ".json", ".ndjson", ".jsonl", ".csv.gz", ".json.gz", ".tsv")


def file_refs(function: exp.Expr) -> list[TableRef]:
    """The paths that a file-reading table function names."""
    names = {"readparquet": "read_parquet", "readcsv": "read_csv"}
    if isinstance(function, exp.Anonymous):
        name = str(function.this).lower()
    else:
        name = type(function).__name__.lower()
        name = names.get(name, name)
    if name not in dialects.FILE_READERS:
        return []
    arguments = [function.this, *function.expressions]
    first = next((a for a in arguments if isinstance(a, exp.Expr)), None)
    nodes = first.expressions if isinstance(first, exp.Array) else [first]
    return [
        path_ref(node.name) for node in nodes if isinstance(node, exp.Literal) and node.is_string
    ]
