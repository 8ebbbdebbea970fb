"""Bytes in; file kind, dialect and schema out. No store, no crawler, no network.

Native parsers abort on some files: call `read_file` through `catalog.crawling.Workers`.
"""

from catalog.reading.file import FileFacts, FileRequest, read_file
from catalog.reading.kinds import TABULAR, endings, name_format
from catalog.reading.schema import Column, compatible, union, widen
from catalog.reading.values import key_type

__all__ = [
    "TABULAR",
    "Column",
    "FileFacts",
    "FileRequest",
    "compatible",
    "endings",
    "key_type",
    "name_format",
    "read_file",
    "union",
    "widen",
]
