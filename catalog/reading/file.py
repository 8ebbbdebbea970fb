"""One file in, what it is out: the function that crawlers call through `Workers`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from catalog.errors import Unreadable
from catalog.reading import encodings, kinds
from catalog.reading.samples import MAGIC_BYTES, Sample, read_head, read_sample
from catalog.reading.schema import Column

if TYPE_CHECKING:
    from catalog.reading.delimited import Delimited

SAMPLE_BYTES: Final = 1024 * 1024
_LONG_DOCUMENT_BYTES: Final = 32 * 1024 * 1024
_MAX_ROWS: Final = 50_000
# Text that is no table whatever its commas look like.
_PROSE: Final = frozenset(
    [
        "md",
        "rst",
        "html",
        "htm",
        "xml",
        "yaml",
        "yml",
        "toml",
        "ini",
        "cfg",
        "conf",
        "log",
        "sql",
        "py",
        "r",
        "js",
        "ts",
        "css",
        "sh",
        "java",
        "scala",
        "tex",
    ]
)
_BINARY: Final = ("parquet", "orc", "avro", "arrow", "sqlite", "duckdb")


class FileRequest(msgspec.Struct, frozen=True, omit_defaults=True):
    """``path``: the file-system path as bytes; ``sample``: how much text is read."""

    path: bytes
    sample: int = SAMPLE_BYTES


class FileFacts(msgspec.Struct, frozen=True, omit_defaults=True):
    """``format``: parquet, csv, ndjson, json, orc, avro, arrow, text, empty, or another word of
    `kinds`. ``columns`` None: the format has no schema that is read. ``rows`` None: not counted
    to the end. ``properties`` hold for the file's contents: compression, delimiter, header ...
    """

    format: str
    columns: tuple[Column, ...] | None = None
    rows: int | None = None
    properties: dict[str, Any] = {}


def read_file(request: FileRequest) -> FileFacts:
    """What a file is and holds. Raises `Unreadable`, `OSError`; native code may end the process."""
    head = read_head(request.path)
    if not head:
        return FileFacts("empty", rows=0)
    found = kinds.magic_format(head)
    if found is not None:
        return _by_magic(found, request.path)
    promised = kinds.name_format(request.path.decode("utf-8", "replace"))
    if promised in _BINARY:
        raise Unreadable(f"It is named as {promised} and does not begin as such.")
    sample = read_sample(request.path, request.sample)
    inner = kinds.magic_format(sample.data[:MAGIC_BYTES]) if sample.compression else None
    if inner is not None:
        return FileFacts(inner, properties={"compression": sample.compression})
    return _text(request, sample)


def _by_magic(found: str, path: bytes) -> FileFacts:
    if found == "parquet":
        from catalog.reading.parquet import read_footer

        footer = read_footer(path)
        properties = {"created_by": footer.created_by} if footer.created_by else {}
        if footer.key_value:
            properties["key_value"] = footer.key_value  # type: ignore[assignment]
        return FileFacts("parquet", footer.columns, footer.rows, properties)
    if found in ("orc", "arrow", "avro"):
        from catalog.reading import binary_schema

        columns, rows = getattr(binary_schema, f"read_{found}")(path)
        return FileFacts(found, columns, rows)
    return FileFacts(found)


def _text(request: FileRequest, sample: Sample) -> FileFacts:
    name = request.path.decode("utf-8", "replace")
    if not sample.data:
        return FileFacts("empty", rows=0, properties=_compression(sample))
    try:
        text, encoding = encodings.decode(sample.data, sample.whole)
    except encodings.NotText:
        if kinds.name_format(name) is not None:
            raise
        return FileFacts("binary", properties=_compression(sample))
    if not text.strip():
        return FileFacts("empty", rows=0, properties=_compression(sample))
    ending = kinds.endings(name)[0]
    properties = {**_compression(sample), "encoding": encoding}
    if kinds.text_format(text, kinds.name_format(name)) == "json":
        return _json(request, sample, text, properties)
    return _delimited(text, sample, ending, properties)


def _compression(sample: Sample) -> dict[str, Any]:
    return {"compression": sample.compression} if sample.compression else {}


def _delimited(
    text: str, sample: Sample, ending: str | None, properties: dict[str, Any]
) -> FileFacts:
    from catalog.reading.delimited import read_delimited

    promised = ending in ("csv", "tsv", "tab", "psv")
    if ending in _PROSE:
        return FileFacts("text", properties=properties)
    try:
        read = read_delimited(text, sample.whole, ending)
    except Unreadable:
        if promised:
            raise
        return FileFacts("text", properties=properties)
    dialect = read.dialect
    if not promised and not _is_table(read):
        return FileFacts("text", properties=properties)
    properties |= {"delimiter": dialect.delimiter, "header": dialect.header}
    if dialect.quote != '"':
        properties["quote"] = dialect.quote
    if dialect.skip:
        properties["skip_rows"] = dialect.skip
    return FileFacts("csv", read.columns, read.rows if sample.whole else None, properties)


def _is_table(read: Delimited) -> bool:
    """Whether delimited text under any name is a table; lines of prose hold commas too."""
    dialect = read.dialect
    if dialect.width < 2 or dialect.delimiter not in ",;\t|" or dialect.regular < 0.9:
        return False
    return read.rows >= 5 or any(column.type != "string" for column in read.columns)


def _json(request: FileRequest, sample: Sample, text: str, properties: dict[str, Any]) -> FileFacts:
    from catalog.reading.json_documents import read_documents
    from catalog.reading.json_schema import infer

    try:
        read = read_documents(text, sample.whole, _MAX_ROWS)
    except Unreadable:
        if sample.whole or request.sample >= _LONG_DOCUMENT_BYTES:
            raise
        # The first document alone is longer than the sample.
        return read_file(msgspec.structs.replace(request, sample=_LONG_DOCUMENT_BYTES))
    ndjson = kinds.name_format(request.path.decode("utf-8", "replace")) == "ndjson"
    lines = read.layout == "lines" or (ndjson and read.layout == "value")
    if read.bad:
        properties["broken_rows_in_sample"] = True
    properties["layout"] = "lines" if lines else read.layout
    rows = len(read.values) if read.whole and not read.bad else None
    return FileFacts("ndjson" if lines else "json", infer(read.values), rows, properties)
