"""SQL to lineage: a statement, its dialect and schemas in; table and column edges out.

Pure: no store, no I/O, and sqlglot is imported when the first statement is read. Callers run it
under a time limit, in a process that may be ended.
"""

from catalog.sql.engine import ENGINE_VERSION, lineage, references
from catalog.sql.refs import WHOLE, ColumnEdge, Parsed, TableRef, path_ref
from catalog.sql.text import identifiers, normalize

__all__ = [
    "ENGINE_VERSION",
    "WHOLE",
    "ColumnEdge",
    "Parsed",
    "TableRef",
    "identifiers",
    "lineage",
    "normalize",
    "path_ref",
    "references",
]
