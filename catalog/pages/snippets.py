"""How to use an asset: code that runs, in the languages that can reach it. Pure.

What is a table in a database, and what is a lake dataset, is told by the asset's location and
platform; where no good way is known there is no snippet. Databases are opened read-only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, urlsplit

from catalog.assets.views import AssetView
from catalog.naming import is_path, parts_of
from catalog.pages.lake_snippets import lake
from catalog.pages.quoting import dotted, python_text, quoted, sql_text, top_level, variable

COLUMNS_NAMED: Final = 5
ROWS: Final = 100
_USUAL_SCHEMA: Final = {"sqlite": "main"}
_NO_DATA: Final = frozenset({"container", "job", "model", "report", "document"})


@dataclass(frozen=True)
class Snippet:
    """``key``: of the switch and its style; ``language``: sql or python, for colouring."""

    key: str
    label: str
    language: str
    text: str


@dataclass(frozen=True)
class Table:
    """A table in a database, as snippets need it. ``file``: the database's file, or None."""

    platform: str
    parts: tuple[str, ...]
    columns: tuple[str, ...]
    variable: str
    file: str | None
    host: str
    port: int | None

    @property
    def local(self) -> str:
        """The name inside its own database."""
        inner = self.parts[1:] if len(self.parts) > 2 else self.parts
        if len(inner) == 2 and inner[0] == _USUAL_SCHEMA.get(self.platform):
            inner = inner[1:]
        return dotted(inner, self.platform)

    def chosen(self, dialect: str) -> str:
        """The first columns, or all when none is known."""
        return ", ".join(quoted(name, dialect) for name in self.columns) or "*"

    @property
    def select(self) -> str:
        """One line that reads some columns."""
        return f"SELECT {self.chosen(self.platform)} FROM {self.local}"


def snippets(view: AssetView) -> list[Snippet]:
    """All that fit, SQL first; none for what holds no data, or is no longer there."""
    if view.asset_class in _NO_DATA or view.state == "removed":
        return []
    found = _found(view, first_columns(view))
    order = ("sql", "duckdb", "arrow", "pandas", "spark")
    labels = {"sql": "SQL", "duckdb": "DuckDB", "arrow": "pyarrow", "pandas": "pandas"}
    return [
        Snippet(key, labels.get(key, "Spark"), _language(key, found[key]), found[key])
        for key in order
        if found.get(key)
    ]


def _found(view: AssetView, columns: Sequence[str]) -> dict[str, str]:
    if is_path(view.platform):
        return lake(view, columns)
    return _by_platform(table_of(view, columns))


def _language(key: str, text: str) -> str:
    starts = ("SELECT", "INSTALL", "ATTACH", "FROM")
    return "sql" if key == "sql" or text.startswith(starts) else "python"


def first_columns(view: AssetView) -> tuple[str, ...]:
    """Names of the first columns that are not inside others; at most five."""
    names = [top_level(column.path) for column in view.columns or ()]
    return tuple(name for name in names if name is not None)[:COLUMNS_NAMED]


def table_of(view: AssetView, columns: Sequence[str] = ()) -> Table:
    """The table behind an asset with a dotted name."""
    parts = tuple(parts_of(view.name, view.platform))
    split = urlsplit(view.namespace)
    in_file = view.platform in ("duckdb", "sqlite") and split.path
    try:
        port = split.port
    except ValueError:
        port = None
    return Table(
        platform=view.platform,
        parts=parts,
        columns=tuple(columns),
        variable=variable(view.label),
        file=view.namespace.split("://", 1)[1] if in_file else None,
        host=split.hostname or "",
        port=port,
    )


def _by_platform(table: Table) -> dict[str, str]:
    if table.platform == "duckdb" and table.file:
        return _duckdb(table, table.file)
    if table.platform == "sqlite" and table.file:
        return _sqlite(table, table.file)
    if table.platform == "postgres" and table.host and len(table.parts) == 3:
        return _postgres(table)
    top = f"TOP {ROWS} " if table.platform == "sqlserver" else ""
    limit = "" if top else f"\nFETCH FIRST {ROWS} ROWS ONLY;"
    if table.platform not in ("oracle", "db2", "sqlserver"):
        limit = f"\nLIMIT {ROWS};"
    name = dotted(table.parts, table.platform)
    return {"sql": f"SELECT {top}{table.chosen(table.platform)}\nFROM {name}{limit or ';'}"}


def _select(table: Table, name: str, dialect: str) -> str:
    return f"SELECT {table.chosen(dialect)}\nFROM {name}\nLIMIT {ROWS};"


def _duckdb(table: Table, file: str) -> dict[str, str]:
    connect = f"import duckdb\n\ncon = duckdb.connect({python_text(file)}, read_only=True)\n"
    read = f"{table.variable} = con.sql({python_text(table.select)})"
    whole = dotted(table.parts, "duckdb")
    database = quoted(table.parts[0], "duckdb")
    return {
        "sql": _select(table, whole, "duckdb"),
        "duckdb": f"ATTACH {sql_text(file)} AS {database} (READ_ONLY);\n"
        + _select(table, whole, "duckdb"),
        "arrow": f"{connect}{read}.to_arrow_table()",
        "pandas": f"{connect}{read}.df()",
        "spark": _jdbc(table, f"jdbc:duckdb:{file}", "org.duckdb.DuckDBDriver"),
    }


def _sqlite(table: Table, file: str) -> dict[str, str]:
    name = dotted(table.parts, "duckdb")
    database = quoted(table.parts[0], "duckdb")
    uri = python_text(f"file:{_uri_path(file)}?mode=ro")
    connect = f"con = sqlite3.connect({uri}, uri=True)\n"
    return {
        "sql": _select(table, table.local, "sqlite"),
        "duckdb": f"INSTALL sqlite;\nATTACH {sql_text(file)} AS {database} "
        f"(TYPE sqlite, READ_ONLY);\n{_select(table, name, 'duckdb')}",
        "arrow": f"import sqlite3\n\nimport pyarrow as pa\n\n{connect}"
        "con.row_factory = sqlite3.Row\n"
        f"rows = con.execute({python_text(table.select)})\n"
        f"{table.variable} = pa.Table.from_pylist([dict(row) for row in rows])",
        "pandas": f"import sqlite3\n\nimport pandas as pd\n\n{connect}"
        f"{table.variable} = pd.read_sql_query({python_text(table.select)}, con)",
        "spark": _jdbc(table, f"jdbc:sqlite:{file}", "org.sqlite.JDBC"),
    }


def _uri_path(file: str) -> str:
    """A path in SQLite's ``file:`` address."""
    return file.replace("%", "%25").replace("?", "%3f").replace("#", "%23")


def _postgres(table: Table) -> dict[str, str]:
    database, port = table.parts[0], table.port or 5432
    host = f"[{table.host}]" if ":" in table.host else table.host
    whole = dotted(table.parts, "duckdb")
    keywords = f"host={table.host} port={port} dbname={_keyword(database)}"
    address = f"{host}:{port}/{_address_part(database)}"
    return {
        "sql": _select(table, table.local, "postgres"),
        "duckdb": f"INSTALL postgres;\nATTACH {sql_text(keywords)} AS "
        f"{quoted(database, 'duckdb')} (TYPE postgres, READ_ONLY);\n"
        + _select(table, whole, "duckdb"),
        "arrow": "import adbc_driver_postgresql.dbapi as postgres\n\n"
        f"with postgres.connect({python_text(f'postgresql://{address}')}) as con:\n"
        "    with con.cursor() as cursor:\n"
        f"        cursor.execute({python_text(table.select)})\n"
        f"        {table.variable} = cursor.fetch_arrow_table()",
        "pandas": "import pandas as pd\nimport sqlalchemy\n\n"
        f"engine = sqlalchemy.create_engine({python_text(f'postgresql+psycopg://{address}')})\n"
        f"query = sqlalchemy.text({python_text(table.select.replace(':', chr(92) + ':'))})\n"
        f"{table.variable} = pd.read_sql_query(query, engine)",
        "spark": _jdbc(table, f"jdbc:postgresql://{address}", "org.postgresql.Driver"),
    }


def _keyword(value: str) -> str:
    """A value in a list of key=value, as libpq reads it."""
    if value and not any(letter.isspace() or letter in "'\\" for letter in value):
        return value
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _address_part(text: str) -> str:
    return quote(text, safe="")


def _jdbc(table: Table, url: str, driver: str) -> str:
    return (
        f"{table.variable} = (\n"
        '    spark.read.format("jdbc")\n'
        f'    .option("url", {python_text(url)})\n'
        f'    .option("driver", {python_text(driver)})\n'
        f'    .option("dbtable", {python_text(table.local)})\n'
        "    .load()\n)"
    )
