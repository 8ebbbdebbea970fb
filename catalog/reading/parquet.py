"""Parquet: schema, row count and key-values from the footer alone.

Statistics and row groups are never touched here: on damaged (and some valid, encrypted) files
they abort the process.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any, Final

import msgspec

from catalog.errors import Unreadable
from catalog.naming import clean_text
from catalog.reading.arrow_schema import columns_of
from catalog.reading.samples import open_regular
from catalog.reading.schema import Column

_SPARK_ROW: Final = b"org.apache.spark.sql.parquet.row.metadata"
_BULKY: Final = (b"ARROW:schema", b"pandas", b"iceberg.schema", b"avro.schema", _SPARK_ROW)
_MAX_VALUE: Final = 1000


class Footer(msgspec.Struct, frozen=True):
    """What a Parquet footer says. ``key_value``: short texts only."""

    columns: tuple[Column, ...]
    rows: int
    created_by: str | None
    key_value: dict[str, str]


def read_footer(path: bytes) -> Footer:
    """The footer of a Parquet file. Raises `Unreadable`; may abort the process."""
    import pyarrow
    import pyarrow.parquet

    with open_regular(path) as stream:
        try:
            metadata = pyarrow.parquet.read_metadata(stream)
            schema = metadata.schema.to_arrow_schema()
        except (pyarrow.ArrowException, OSError, ValueError) as error:
            raise Unreadable(f"Its Parquet footer cannot be read: {_first_line(error)}") from error
    pairs = metadata.metadata or {}
    columns = _with_spark_comments(_columns(schema.serialize().to_pybytes()), pairs.get(_SPARK_ROW))
    return Footer(columns, metadata.num_rows, metadata.created_by or None, _short(pairs))


@lru_cache(maxsize=64)
def _columns(serialized: bytes) -> tuple[Column, ...]:
    """Columns of a serialized Arrow schema; a dataset's files mostly have the same one."""
    import pyarrow

    return columns_of(pyarrow.ipc.read_schema(pyarrow.py_buffer(serialized)))


def _first_line(error: BaseException) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__


def _short(pairs: dict[bytes, bytes]) -> dict[str, str]:
    return {
        clean_text(key.decode("utf-8", "replace")): clean_text(value.decode("utf-8", "replace"))
        for key, value in sorted(pairs.items())
        if key not in _BULKY and len(value) <= _MAX_VALUE
    }


def _with_spark_comments(columns: tuple[Column, ...], raw: bytes | None) -> tuple[Column, ...]:
    """Spark keeps column comments in its own schema document."""
    comments = _spark_comments(raw) if raw else {}
    if not comments:
        return columns
    return tuple(
        msgspec.structs.replace(column, comment=column.comment or comments.get(column.path))
        for column in columns
    )


def _spark_comments(raw: bytes) -> dict[str, str]:
    try:
        fields: list[Any] = json.loads(raw)["fields"]
        found = {field["name"]: field.get("metadata", {}).get("comment") for field in fields}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}
    return {
        name: clean_text(comment)
        for name, comment in found.items()
        if isinstance(name, str) and isinstance(comment, str) and comment
    }
