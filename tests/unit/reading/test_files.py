"""Whole files: kinds by content, bounded samples, bombs, Parquet and its relatives."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import fastavro
import pyarrow as pa
import pyarrow.feather
import pyarrow.orc
import pyarrow.parquet as pq
import pytest

from catalog.errors import Unreadable
from catalog.reading import FileFacts, FileRequest, read_file
from catalog.reading.samples import read_sample
from catalog.reading.schema import Column, compatible, union, widen

CSV = b"id,name\n1,Ada\n2,Bob\n"


def read(path: Path, content: bytes | None = None) -> FileFacts:
    if content is not None:
        path.write_bytes(content)
    return read_file(FileRequest(os.fsencode(path)))


def shape(facts: FileFacts) -> list[tuple[str, str]]:
    return [(column.path, column.type) for column in facts.columns or ()]


COMPRESS: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "gzip": ("gz", gzip.compress),
    "bzip2": ("bz2", bz2.compress),
    "xz": ("xz", lzma.compress),
    "zstd": ("zst", lambda data: pa.compress(data, "zstd", asbytes=True)),
}


@pytest.mark.parametrize("compression", COMPRESS)
def test_compressed_text(tmp_path: Path, compression: str) -> None:
    ending, compress = COMPRESS[compression]
    facts = read(tmp_path / f"f.csv.{ending}", compress(CSV))
    assert (facts.format, facts.rows) == ("csv", 2)
    assert facts.properties["compression"] == compression
    assert shape(facts) == [("id", "int64"), ("name", "string")]


@pytest.mark.parametrize("compression", COMPRESS)
def test_a_bomb_of_one_line(tmp_path: Path, compression: str) -> None:
    """200 MB of one line in some kilobytes: only the sample is ever in memory."""
    ending, compress = COMPRESS[compression]
    size = 200 if compression in ("gzip", "zstd") else 20
    path = tmp_path / f"bomb.csv.{ending}"
    path.write_bytes(compress(b"x" * (size << 20)))
    tracemalloc.start()
    try:
        with pytest.raises(Unreadable, match="longer than what is read"):
            read(path)
        assert tracemalloc.get_traced_memory()[1] < 24 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("compression", COMPRESS)
def test_damaged_compression(tmp_path: Path, compression: str) -> None:
    ending, compress = COMPRESS[compression]
    packed = compress(Random(7).randbytes(1000))
    with pytest.raises(Unreadable):
        read(tmp_path / f"f.csv.{ending}", packed[:20])


def test_a_cut_gzip_gives_what_is_there(tmp_path: Path) -> None:
    lines = b"".join(b"%d,%d\n" % (n, n * 7919 % 10007) for n in range(20_000))
    path = tmp_path / "f.csv.gz"
    path.write_bytes(gzip.compress(b"a,b\n" + lines)[:-3000])
    facts = read(path)
    assert shape(facts) == [("a", "int64"), ("b", "int64")]
    assert facts.rows is None


def test_several_members(tmp_path: Path) -> None:
    path = tmp_path / "f.csv.gz"
    path.write_bytes(gzip.compress(CSV) + gzip.compress(b"3,Cy\n"))
    assert read(path).rows == 3


def test_samples_are_bounded(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"x" * 1000)
    assert len(read_sample(os.fsencode(path), 10).data) == 10
    assert not read_sample(os.fsencode(path), 999).whole
    assert read_sample(os.fsencode(path), 1000).whole


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.csv", CSV, "csv"),
        ("no-ending", CSV, "csv"),
        ("really.csv", b'{"a": 1}\n{"a": 2}\n', "ndjson"),
        ("one.json", b'{"a": 1}', "json"),
        ("one.ndjson", b'{"a": 1}\n', "ndjson"),
        ("array.json", b'[{"a": 1}]', "json"),
        ("notes.txt", b"Just some words here.\nAnd more of them, perhaps.\n", "text"),
        ("readme.md", b"a,b\n1,2\n", "text"),
        ("table.txt", b"a\tb\n1\tx\n2\ty\n", "csv"),
        ("empty.csv", b"", "empty"),
        ("blank.csv", b" \n\n", "empty"),
        ("x.bin", bytes(range(256)), "binary"),
        ("x.db", b"SQLite format 3\x00" + bytes(100), "sqlite"),
        ("x.duckdb", bytes(8) + b"DUCK" + bytes(100), "duckdb"),
        ("x.pdf", b"%PDF-1.4", "pdf"),
        ("x.tar", bytes(257) + b"ustar" + bytes(100), "tar"),
        ("utf16.csv", "id;name\n1;Zoë\n2;Ida\n".encode("utf-16"), "csv"),
    ],
)
def test_kinds(tmp_path: Path, name: str, content: bytes, expected: str) -> None:
    assert read(tmp_path / name, content).format == expected


@pytest.mark.parametrize("name", ["a.parquet", "a.orc", "a.avro", "a.json", "a.csv"])
def test_a_name_that_promises_what_is_not_there(tmp_path: Path, name: str) -> None:
    with pytest.raises(Unreadable):
        read(tmp_path / name, b"\x01\x02\x03\x00 garbage \xff\xfe")


def test_zip(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("a.csv", CSV)
    assert read(tmp_path / "x.zip").format == "zip"


def test_pipes_are_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(Unreadable, match="not a regular file"):
        read(tmp_path / "pipe.csv")


def test_a_document_longer_than_the_sample(tmp_path: Path) -> None:
    content = b'{"rows": [' + b'{"a": 1},' * 200_000 + b'{"b": 2}]}'
    assert shape(read(tmp_path / "f.json", content)) == [
        ("rows", "list<struct>"),
        ("rows[].a", "int64"),
        ("rows[].b", "int64"),
    ]


GEO = pa.struct([("x", pa.float32())])
FIELDS: list[Any] = (
    [
        pa.field("id", pa.int64(), nullable=False),
        pa.field("price", pa.decimal128(10, 2), metadata={"comment": "in euros"}),
        pa.field("at", pa.timestamp("us", "UTC")),
        pa.field("day", pa.date32()),
        pa.field("tags", pa.list_(pa.string())),
        pa.field("home", pa.struct([("city", pa.string()), ("geo", GEO)])),
        pa.field("items", pa.list_(pa.struct([("sku", pa.string())]))),
        pa.field("props", pa.map_(pa.string(), pa.struct([("v", pa.int8())]))),
        pa.field("kind", pa.dictionary(pa.int32(), pa.string())),
    ]
)  # fmt: skip
NESTED = pa.schema(FIELDS)
NESTED_SHAPE = [
    ("id", "int64"),
    ("price", "decimal(10,2)"),
    ("at", "timestamptz"),
    ("day", "date"),
    ("tags", "list<string>"),
    ("home", "struct"),
    ("home.city", "string"),
    ("home.geo", "struct"),
    ("home.geo.x", "float32"),
    ("items", "list<struct>"),
    ("items[].sku", "string"),
    ("props", "map<string,struct>"),
    ("props{value}.v", "int8"),
    ("kind", "string"),
]


def test_parquet(tmp_path: Path) -> None:
    path = tmp_path / "f.parquet"
    table = NESTED.empty_table().replace_schema_metadata({"made": "by me", "huge": "x" * 5000})
    pq.write_table(table, path)
    facts = read(path)
    assert shape(facts) == NESTED_SHAPE
    assert facts.columns is not None
    assert facts.columns[0].nullable is False
    assert facts.columns[1].comment == "in euros"
    assert facts.columns[1].native_type == "decimal128(10, 2)"
    assert facts.rows == 0
    assert facts.properties["key_value"] == {"made": "by me"}


def test_rows_of_parquet_come_from_the_footer(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": list(range(1000))}), tmp_path / "f.parquet", row_group_size=100)
    assert read(tmp_path / "f.parquet").rows == 1000


@pytest.mark.parametrize(
    "content", [b"PAR1", b"PAR1" + bytes(100) + b"PAR1", b"PAR1\xff\xff\xff\x7fPAR1"]
)
def test_broken_parquet(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(Unreadable, match="footer"):
        read(tmp_path / "f.parquet", content)


def test_arrow_and_orc(tmp_path: Path) -> None:
    pyarrow.feather.write_feather(NESTED.empty_table(), str(tmp_path / "f.arrow"))
    assert shape(read(tmp_path / "f.arrow")) == NESTED_SHAPE
    pyarrow.orc.write_table(pa.table({"a": [1, 2], "b": ["x", "y"]}), str(tmp_path / "f.orc"))
    facts = read(tmp_path / "f.orc")
    assert (shape(facts), facts.rows) == ([("a", "int64"), ("b", "string")], 2)


def test_avro(tmp_path: Path) -> None:
    node = {
        "type": "record",
        "name": "Node",
        "fields": [
            {"name": "id", "type": "long", "doc": "the key"},
            {"name": "name", "type": ["null", "string"]},
            {"name": "at", "type": {"type": "long", "logicalType": "timestamp-micros"}},
            {"name": "tags", "type": {"type": "array", "items": "string"}},
            {"name": "props", "type": {"type": "map", "values": "double"}},
            {"name": "next", "type": ["null", "Node"]},
        ],
    }
    with (tmp_path / "f.avro").open("wb") as stream:
        fastavro.writer(stream, node, [])
    facts = read(tmp_path / "f.avro")
    assert shape(facts) == [
        ("id", "int64"),
        ("name", "string"),
        ("at", "timestamptz"),
        ("tags", "list<string>"),
        ("props", "map<string,float64>"),
        ("next", "struct"),
    ]
    assert facts.columns is not None
    assert (facts.columns[0].comment, facts.columns[1].nullable) == ("the key", True)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("int32", "int64", "int64"),
        ("int8", "uint8", "int16"),
        ("uint64", "int64", "int128"),
        ("int64", "float32", "float64"),
        ("float32", "float64", "float64"),
        ("decimal(10,2)", "decimal(12,4)", "decimal(12,4)"),
        ("decimal(38,0)", "decimal(4,2)", "decimal(40,2)"),
        ("decimal(4,2)", "int64", "decimal"),
        ("date", "timestamp", "timestamp"),
        ("int64", "string", "string"),
        ("null", "string", "string"),
        ("struct", "string", "json"),
        ("boolean", "int64", "string"),
    ],
)
def test_widening_is_symmetric(first: str, second: str, expected: str) -> None:
    assert widen(first, second) == expected
    assert widen(second, first) == expected


def test_union_of_schemas() -> None:
    first = (Column("a", "int32", nullable=False), Column("s", "struct"), Column("s.x", "int64"))
    second = (Column("b", "string"), Column("a", "int64", nullable=False), Column("s", "struct"),
              Column("s.y", "int64"))  # fmt: skip
    assert [(c.path, c.type, c.nullable) for c in union([first, second])] == [
        ("a", "int64", False),
        ("s", "struct", None),
        ("s.x", "int64", True),
        ("s.y", "int64", True),
        ("b", "string", True),
    ]
    mixed = union([first, (Column("s", "string"),)])
    assert [(c.path, c.type) for c in mixed] == [("a", "int32"), ("s", "json")]


def test_compatible() -> None:
    def columns(names: str) -> list[Column]:
        return [Column(name, "int64") for name in names]

    assert compatible(columns("abc"), columns("bcd"))
    assert not compatible(columns("abc"), columns("bcd"), strict=True)
    assert not compatible(columns("ab"), columns("cd"))
    assert compatible(columns("abcdef"), columns("abcde"), strict=True)
