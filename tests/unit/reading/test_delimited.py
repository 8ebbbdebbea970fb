"""CSV: dialect, header, types, encodings."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.errors import Unreadable
from catalog.reading import encodings
from catalog.reading.delimited import read_delimited
from catalog.reading.values import column_type, key_type, value_type


def shape(text: str, whole: bool = True) -> list[tuple[str, str]]:
    return [(column.path, column.type) for column in read_delimited(text, whole).columns]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiters(delimiter: str) -> None:
    text = "\n".join(delimiter.join(row) for row in (["id", "name"], ["1", "Ada"], ["2", "Bob"]))
    read = read_delimited(text, True)
    assert read.dialect.delimiter == delimiter
    assert [(c.path, c.type) for c in read.columns] == [("id", "int64"), ("name", "string")]
    assert read.rows == 2


@pytest.mark.parametrize(
    ("text", "header", "width", "skip"),
    [
        ("1,2\n3,4\n", False, 2, 0),
        ("a,b\nc,d\ne,f\n", True, 2, 0),
        ("Report of May\nmade by us\nid,total\n1,2.5\n2,3.5\n3,1.5\n4,2.5\n", True, 2, 2),
        ("id,total\n1,2,\n2,3,\n3,4,\n", True, 2, 0),  # rows end in a delimiter
        ("x,y\n1,0.5,7\n2,0.6,8\n3,0.7,9\n", True, 3, 0),  # row names without a name
        ("year,2019,2020\nA,1,2\nB,3,4\n", True, 3, 0),
        ("id,name,town\n", True, 3, 0),
    ],
)
def test_header_and_preamble(text: str, header: bool, width: int, skip: int) -> None:
    dialect = read_delimited(text, True).dialect
    assert (dialect.header, dialect.width, dialect.skip) == (header, width, skip)


def test_quotes_hide_delimiters_and_line_ends() -> None:
    text = 'id,note\n1,"one, two"\n2,"three\nfour; five"\n3,"say ""hi"""\n'
    read = read_delimited(text, True)
    assert (read.rows, read.dialect.delimiter, read.dialect.width) == (3, ",", 2)


def test_decimal_commas() -> None:
    text = "Datum;Wert\n01.02.2024;1,5\n02.02.2024;2,75\n03.02.2024;3,0\n"
    assert read_delimited(text, True).dialect.delimiter == ";"


def test_names_that_are_missing_or_come_twice() -> None:
    assert shape("id,,id,a.b\n1,2,3,4\n") == [
        ("id", "int64"),
        ("column1", "int64"),
        ("id_1", "int64"),
        ('"a.b"', "int64"),
    ]
    assert shape("1,x\n2,y\n")[0][0] == "column0"


def test_a_cut_line_is_left_out() -> None:
    assert shape("a,b\n1,2\n3,oops", whole=False) == [("a", "int64"), ("b", "int64")]
    assert shape("a,b\n1,2\n3,oops", whole=True) == [("a", "int64"), ("b", "string")]


@pytest.mark.parametrize("text", ["", "\n\n", ",,\n,,\n"])
def test_nothing_to_read(text: str) -> None:
    with pytest.raises(Unreadable, match="no row"):
        read_delimited(text, True)


def test_a_line_without_end() -> None:
    with pytest.raises(Unreadable, match="longer than what is read"):
        read_delimited("x" * 100_000, False)


def test_ten_thousand_columns() -> None:
    names = [f"c{number}" for number in range(10_000)]
    text = ",".join(names) + "\n" + ",".join("1" for _ in names) + "\n"
    assert len(shape(text)) == 10_000


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["1", "2"], "int64"),
        (["1", "2.5"], "float64"),
        (["1", "x"], "string"),
        (["00501", "10001"], "string"),
        (["true", "FALSE"], "boolean"),
        (["2024-01-02", "2024-12-31"], "date"),
        (["2024-01-02", "2024-01-02 10:00:00"], "timestamp"),
        (["2024-01-02T10:00:00Z"], "timestamptz"),
        (["2024-01-02T10:00:00.123456+02:00"], "timestamptz"),
        (["10:30", "23:59:59"], "time"),
        (["2024-13-02"], "string"),
        (["9223372036854775807"], "int64"),
        (["9223372036854775808"], "string"),
        (["1e5", "nan", "-inf"], "float64"),
        (["", "NA"], "string"),
        (["5", "true"], "string"),
    ],
)
def test_types_widen(values: list[str], expected: str) -> None:
    assert column_type(values)[0] == expected
    assert column_type(reversed(values))[0] == expected


def test_nulls() -> None:
    assert column_type(["1", "", "3"]) == ("int64", True)
    assert column_type(["x", "NULL"]) == ("string", True)
    assert column_type(["x", "y"]) == ("string", False)
    assert value_type("\\N") == "null"


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"1", "02"}, "int64"),
        ({"2024-01-01"}, "date"),
        ({"eu", "1"}, "string"),
        ({"1.5"}, "string"),
        (set(), "string"),
    ],
)
def test_types_of_partition_keys(values: set[str], expected: str) -> None:
    assert key_type(values) == expected


@pytest.mark.parametrize(
    ("codec", "expected"),
    [
        ("utf-8", "utf-8"),
        ("utf-8-sig", "utf-8-bom"),
        ("utf-16", "utf-16"),
        ("utf-16-le", "utf-16-le"),
        ("utf-16-be", "utf-16-be"),
        ("utf-32", "utf-32"),
        ("latin-1", "latin-1"),
    ],
)
def test_encodings(codec: str, expected: str) -> None:
    text = "id,name,town\n1,Zoë,Köln\n2,René,Genève\n"
    assert encodings.decode(text.encode(codec), True) == (text, expected)


def test_a_character_cut_in_two() -> None:
    assert encodings.decode("Zoë".encode()[:-1], False) == ("Zo", "utf-8")


def test_binary_is_no_text() -> None:
    with pytest.raises(encodings.NotText):
        encodings.decode(bytes(range(256)), True)


cells = st.text(alphabet="abcxyz", min_size=1, max_size=6) | st.integers(0, 9999).map(str)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from([",", ";", "\t", "|"]),
    st.integers(2, 6),
    st.data(),
)
def test_what_was_written_is_found_again(delimiter: str, width: int, data: st.DataObject) -> None:
    rows = data.draw(st.lists(st.lists(cells, min_size=width, max_size=width), min_size=3))
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, lineterminator="\n")
    writer.writerow([f"name{number}" for number in range(width)])
    writer.writerows(rows)
    read = read_delimited(out.getvalue(), True)
    assert (read.dialect.delimiter, read.dialect.width) == (delimiter, width)
    assert read.rows + (0 if read.dialect.header else -1) == len(rows)


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet="ab1,;\t|:\"'\n\r .", max_size=200), st.booleans())
def test_no_text_breaks_the_reader(text: str, whole: bool) -> None:
    try:
        read = read_delimited(text, whole)
    except Unreadable:
        return
    assert len(read.columns) == read.dialect.width
    assert len({column.path for column in read.columns}) == read.dialect.width
