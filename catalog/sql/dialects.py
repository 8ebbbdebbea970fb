"""What differs between dialects and matters for lineage, as data."""

from __future__ import annotations

from typing import Final

from catalog.naming import case_rule_of

# Names that sources use -> sqlglot's; the empty name is its own lenient superset.
_NAMES: Final[dict[str, str]] = {
    "": "",
    "ansi": "",
    "sql": "",
    "generic": "",
    "db2": "",
    "postgresql": "postgres",
    "greenplum": "postgres",
    "cockroachdb": "postgres",
    "vertica": "postgres",
    "sparksql": "spark",
    "mariadb": "mysql",
    "sqlserver": "tsql",
    "mssql": "tsql",
    "synapse": "tsql",
}
KNOWN: Final[frozenset[str]] = frozenset(
    [
        "athena",
        "bigquery",
        "clickhouse",
        "databricks",
        "doris",
        "dremio",
        "drill",
        "druid",
        "duckdb",
        "exasol",
        "fabric",
        "hive",
        "materialize",
        "mysql",
        "oracle",
        "postgres",
        "presto",
        "prql",
        "redshift",
        "risingwave",
        "snowflake",
        "spark",
        "spark2",
        "sqlite",
        "starrocks",
        "tableau",
        "teradata",
        "trino",
        "tsql",
    ]
)
# sqlglot's dialect -> platform of `catalog.naming`, where the words differ.
_PLATFORMS: Final[dict[str, str]] = {
    "tsql": "sqlserver",
    "fabric": "sqlserver",
    "spark": "hive",
    "spark2": "hive",
    "databricks": "unity",
    "presto": "trino",
    "materialize": "postgres",
    "risingwave": "postgres",
    "exasol": "oracle",
}
# Where a select list may use an alias that it defined further left.
LATERAL_ALIASES: Final[frozenset[str]] = frozenset(
    {"snowflake", "redshift", "databricks", "spark", "duckdb", "clickhouse", "teradata"}
)
# Where a cast without an alias is named like what it casts.
CASTS_KEEP_NAMES: Final[frozenset[str]] = frozenset(
    {"postgres", "redshift", "materialize", "risingwave"}
)
# `format.`path`` names files, not a table.
FILE_FORMATS: Final[frozenset[str]] = frozenset(
    {"parquet", "csv", "json", "orc", "delta", "text", "avro", "iceberg", "binaryfile"}
)
# Functions in FROM whose first argument is a path or a list of paths.
FILE_READERS: Final[frozenset[str]] = frozenset(
    [
        "read_parquet",
        "parquet_scan",
        "read_csv",
        "read_csv_auto",
        "read_json",
        "read_json_auto",
        "read_ndjson",
        "read_ndjson_auto",
        "read_json_objects",
        "read_ndjson_objects",
        "read_text",
        "read_blob",
        "read_xlsx",
        "read_files",
        "delta_scan",
        "iceberg_scan",
        "st_read",
        "s3",
        "s3cluster",
        "gcs",
        "url",
        "file",
        "hdfs",
        "openrowset",
    ]
)


def sqlglot_name(dialect: str) -> str:
    """sqlglot's name of a dialect; an unknown one is read with the lenient superset."""
    name = dialect.strip().lower()
    name = _NAMES.get(name, name)
    return name if name in KNOWN else ""


def fold_unquoted(text: str, dialect: str) -> str:
    """How the dialect (sqlglot's name) keeps an identifier that was not quoted."""
    rule = case_rule_of(_PLATFORMS.get(dialect, dialect))
    if rule == "lower":
        return text.lower()
    return text.upper() if rule == "upper" else text
