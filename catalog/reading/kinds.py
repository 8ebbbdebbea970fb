"""What a file is: by its own first bytes, then by what its text looks like; the name is a hint."""

from __future__ import annotations

import re
from typing import Final

MAGIC: Final[tuple[tuple[int, bytes, str], ...]] = (
    # (offset, bytes, format). General tools know none of the first six.
    (0, b"PAR1", "parquet"),
    (0, b"PARE", "parquet"),  # encrypted footer
    (0, b"ORC", "orc"),
    (0, b"Obj\x01", "avro"),
    (0, b"ARROW1\x00\x00", "arrow"),
    (0, b"SQLite format 3\x00", "sqlite"),
    (8, b"DUCK", "duckdb"),
    (0, b"PK\x03\x04", "zip"),
    (0, b"PK\x05\x06", "zip"),
    (0, b"%PDF-", "pdf"),
    (0, b"\x89PNG\r\n\x1a\n", "png"),
    (0, b"\xff\xd8\xff", "jpeg"),
    (0, b"GIF8", "gif"),
    (0, b"\x89HDF\r\n\x1a\n", "hdf5"),
    (0, b"\x93NUMPY", "npy"),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "ole"),
    (0, b"7z\xbc\xaf\x27\x1c", "7z"),
    (257, b"ustar", "tar"),
    (0, b"\x7fELF", "elf"),
)
_BY_ENDING: Final[dict[str, str]] = {
    "parquet": "parquet",
    "parq": "parquet",
    "pq": "parquet",
    "orc": "orc",
    "avro": "avro",
    "arrow": "arrow",
    "feather": "arrow",
    "csv": "csv",
    "tsv": "csv",
    "tab": "csv",
    "psv": "csv",
    "json": "json",
    "ndjson": "ndjson",
    "jsonl": "ndjson",
    "geojson": "json",
    "sqlite": "sqlite",
    "sqlite3": "sqlite",
    "duckdb": "duckdb",
}
_COMPRESSED: Final = ("gz", "gzip", "zst", "zstd", "bz2", "xz")
TABULAR: Final = frozenset({"parquet", "orc", "avro", "arrow", "csv", "ndjson", "json"})


def magic_format(head: bytes) -> str | None:
    """The format that the first bytes (at least 264) prove, or None."""
    for offset, magic, name in MAGIC:
        if head[offset : offset + len(magic)] == magic:
            return name
    return None


def endings(filename: str) -> tuple[str | None, str | None]:
    """(ending, compression ending) of a file's name in lower case: ``a.csv.gz`` -> csv, gz."""
    parts = filename.lower().rsplit("/", 1)[-1].lstrip(".").split(".")[1:]
    compression = parts.pop() if parts and parts[-1] in _COMPRESSED else None
    return (parts[-1] if parts else None), compression


def name_format(filename: str) -> str | None:
    """The format that the name promises, or None."""
    return _BY_ENDING.get(endings(filename)[0] or "")


_JSON_START = re.compile(r'\s*(?:[\[{"]|-?\d|true\b|false\b|null\b)')
_JSON_OBJECT = re.compile(r'\s*(?:\{\s*(?:"|\})|\[\s*(?:[\[{"\]]|-?\d|true\b|false\b|null\b))')


def text_format(text: str, hint: str | None) -> str:
    """json, csv or text, for content without magic bytes. ``hint``: what the name promises.

    What looks like a JSON object or array is JSON whatever its name; a bare number or string is
    only if the name says so.
    """
    if hint in ("json", "ndjson"):
        return "json" if _JSON_START.match(text) else "text"
    if _JSON_OBJECT.match(text):
        return "json"
    return "csv"


def is_binary(data: bytes) -> bool:
    """Whether bytes are no text in any common encoding (UTF-16 is told apart before)."""
    head = data[:8192]
    control = sum(1 for byte in head if byte < 32 and byte not in b"\t\n\r\f\x1b")
    return b"\x00" in head or control * 20 > len(head)
