"""Arrow schemas as rows of columns with normalized types."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from catalog.errors import Unreadable
from catalog.naming import clean_text, join_path
from catalog.reading.schema import MAX_FIELDS, Column

if TYPE_CHECKING:
    import pyarrow

MAX_DEPTH: Final = 64
_SCALARS: Final[dict[str, str]] = {
    "bool": "boolean",
    "halffloat": "float16",
    "float": "float32",
    "double": "float64",
    "string": "string",
    "large_string": "string",
    "string_view": "string",
    "binary": "binary",
    "large_binary": "binary",
    "binary_view": "binary",
    "date32[day]": "date",
    "date64[ms]": "date",
    "null": "null",
    "month_day_nano_interval": "interval",
    "extension<arrow.uuid>": "uuid",
    "extension<arrow.json>": "json",
    "extension<arrow.bool8>": "boolean",
}
_COMMENTS: Final = (b"comment", b"description", b"doc")


def normalized(kind: pyarrow.DataType) -> str:
    """The catalog's type of an Arrow type."""
    text = str(kind)
    known = _SCALARS.get(text)
    if known is not None:
        return known
    if text.startswith(("int", "uint")):
        return text
    if text.startswith("timestamp"):
        return "timestamptz" if "tz=" in text else "timestamp"
    return _parametric(kind, text)


def _parametric(kind: Any, text: str) -> str:
    import pyarrow.types as is_

    if is_.is_decimal(kind):
        return f"decimal({kind.precision},{kind.scale})"
    if is_.is_map(kind):
        return f"map<{normalized(kind.key_type)},{normalized(kind.item_type)}>"
    if _is_list(kind):
        return f"list<{normalized(kind.value_type)}>"
    if is_.is_struct(kind):
        return "struct"
    if is_.is_dictionary(kind) or is_.is_run_end_encoded(kind):
        return normalized(kind.value_type)
    if is_.is_time(kind):
        return "time"
    if is_.is_duration(kind):
        return "interval"
    if is_.is_fixed_size_binary(kind):
        return "binary"
    if is_.is_union(kind):
        return "union"
    if text.startswith("extension<"):
        return normalized(kind.storage_type)
    return "unknown"


def _is_list(kind: Any) -> bool:
    import pyarrow.types as is_

    return bool(
        is_.is_list(kind)
        or is_.is_large_list(kind)
        or is_.is_fixed_size_list(kind)
        or is_.is_list_view(kind)
        or is_.is_large_list_view(kind)
    )


def columns_of(schema: pyarrow.Schema) -> tuple[Column, ...]:
    """All columns and nested fields, parents before children. Raises `Unreadable` beyond
    `MAX_FIELDS` fields or `MAX_DEPTH` levels."""
    rows: list[Column] = []
    for field in schema:
        _add_field(rows, (field.name,), field)
    return tuple(rows)


def _add_field(rows: list[Column], parts: tuple[str, ...], field: Any) -> None:
    if len(rows) >= MAX_FIELDS:
        raise Unreadable(f"It has more than {MAX_FIELDS:,} fields.", code="too_large")
    path = join_path([clean_text(part) for part in parts])
    kind = field.type
    rows.append(
        Column(path, normalized(kind), str(kind)[:1000], bool(field.nullable), _comment(field))
    )
    _add_children(rows, parts, kind)


def _add_children(rows: list[Column], parts: tuple[str, ...], kind: Any) -> None:
    """Fields of structs, also inside lists and maps; scalar elements are in the parent's type."""
    import pyarrow.types as is_

    if len(parts) > MAX_DEPTH:
        raise Unreadable(f"It is nested deeper than {MAX_DEPTH} levels.", code="too_large")
    if is_.is_struct(kind):
        for index in range(kind.num_fields):
            field = kind.field(index)
            _add_field(rows, (*parts, field.name), field)
    elif is_.is_map(kind):
        _add_children(rows, (*parts, "{key}"), kind.key_type)
        _add_children(rows, (*parts, "{value}"), kind.item_type)
    elif _is_list(kind):
        _add_children(rows, (*parts, "[]"), kind.value_type)


def _comment(field: Any) -> str | None:
    metadata = field.metadata
    if not metadata:
        return None
    for key in _COMMENTS:
        if metadata.get(key):
            return clean_text(metadata[key].decode("utf-8", "replace"))
    return None
