"""The DuckDB crawler on real files: what it reports, what it leaves alone, how it fails."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import duckdb as engine
import pytest

from catalog.crawling import Asset, Done, Record, Statement, errors, registry
from catalog.crawling.filedb import FileConfig
from crawlers.warehouse import duckdb
from crawlers.warehouse.duckdb import DuckDB
from tests.support.warehouses import ODD_NAME, make_duckdb, quoted


def crawl(path: Path, **config: object) -> list[Record]:
    crawler = DuckDB(FileConfig.model_validate({"path": str(path), **config}))
    try:
        return list(crawler.crawl(crawler.scopes({}).scopes[0], None))
    finally:
        crawler.close()


def assets(records: list[Record]) -> dict[str, Asset]:
    return {record.name: record for record in records if isinstance(record, Asset)}


def make(path: Path, *statements: str) -> Path:
    with closing(engine.connect(str(path))) as connection:
        for statement in statements:
            connection.execute(statement)
    return path


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> list[Record]:
    return crawl(make_duckdb(tmp_path_factory.mktemp("duckdb") / "shop.v2.duckdb"))


def test_names_and_kinds(records: list[Record]) -> None:
    odd = '"' + ODD_NAME.replace('"', '""') + '"'
    assert {name: asset.kind for name, asset in assets(records).items()} == {
        "shop": "database",
        "shop.main": "schema",
        "shop.mart": "schema",
        "shop.main.orders": "table",
        "shop.main.refunds": "table",
        "shop.main.raw": "view",
        "shop.mart.totals": "view",
        f"shop.main.{odd}": "table",
    }
    assert records[-1] == Done()


def test_columns_and_comments(records: list[Record]) -> None:
    orders = assets(records)["shop.main.orders"]
    assert orders.description == "What was sold"
    assert orders.columns is not None
    assert [(c.path, c.type, c.nullable, c.default, c.comment) for c in orders.columns] == [
        ("id", "int32", False, None, None),
        ("price", "decimal(10,2)", True, "0", "In euro"),
        ("items", "list<struct>", True, None, None),
        ("items[].sku", "string", None, None, None),
        ("items[].tags", "list<string>", None, None, None),
        ("items[].prices", "map<string,struct>", None, None, None),
        ("items[].prices{value}.net", "int32", None, None, None),
    ]


def test_keys(records: list[Record]) -> None:
    refunds = assets(records)["shop.main.refunds"]
    found = {
        (key.kind, key.columns, key.references, key.references_columns) for key in refunds.keys
    }
    assert found == {
        ("foreign", ("order_id",), "shop.main.orders", ("id",)),
        ("unique", ("note",), None, ()),
        ("unique", ("order_id", "note"), None, ()),
    }
    assert [key.kind for key in assets(records)["shop.main.orders"].keys] == ["primary"]


def test_measures_say_how(records: list[Record]) -> None:
    rows = assets(records)["shop.main.orders"].measures["rows"]
    assert (rows.value, rows.how) == (2, "estimate")
    assert assets(records)["shop"].measures.keys() == {"bytes", "last_written"}


def test_a_view_over_a_file_that_is_gone_has_columns(records: list[Record]) -> None:
    raw = assets(records)["shop.main.raw"]
    assert raw.columns is not None
    assert [(column.path, column.type, column.nullable) for column in raw.columns] == [
        ("a", "int32", None),
        ("b", "string", None),
    ]
    statement = records[records.index(raw) + 1]
    assert isinstance(statement, Statement)
    assert "read_parquet" in statement.text
    assert statement.default_schema == "main"


def test_nested_schemas_and_unique_indexes(tmp_path: Path) -> None:
    path = make(
        tmp_path / "n.duckdb",
        "CREATE SCHEMA a",
        "CREATE SCHEMA a.b",
        'CREATE TABLE a.b.t ("x y" INTEGER, "q,r" INTEGER, "e""f" INTEGER)',
        'CREATE UNIQUE INDEX one ON a.b.t ("x y", "q,r")',
        'CREATE UNIQUE INDEX two ON a.b.t ("e""f")',
        'CREATE UNIQUE INDEX three ON a.b.t (("x y" + 1))',
    )
    found = assets(crawl(path))
    assert found["n.a.b"].parent == "n.a"
    keys = found["n.a.b.t"].keys
    assert [(key.name, key.columns) for key in keys] == [
        ("one", ("x y", "q,r")),
        ("two", ('"e""f"',)),
    ]


class Counting:
    """Passes statements on and counts them."""

    def __init__(self, connection: engine.DuckDBPyConnection) -> None:
        self._connection = connection
        self.sent = 0

    def execute(self, statement: str) -> engine.DuckDBPyConnection:
        self.sent += 1
        return self._connection.execute(statement)

    def close(self) -> None:
        self._connection.close()


def test_statements_do_not_grow_with_tables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain, sent = duckdb._connect, []
    for tables in (10, 1000):
        script = ";".join(
            f"CREATE TABLE t{number} (id INTEGER PRIMARY KEY);"
            f"CREATE VIEW v{number} AS FROM t{number}"
            for number in range(tables)
        )
        path = make(tmp_path / f"{tables}.duckdb", f"BEGIN; {script}; COMMIT")
        opened: list[Counting] = []

        def counting(path: str, opened: list[Counting] = opened) -> Any:
            opened.append(Counting(plain(path)))
            return opened[-1]

        with monkeypatch.context() as patch:
            patch.setattr(duckdb, "_connect", counting)
            assert len(duckdb.read(duckdb.Arguments(str(path))).relations) == 2 * tables
        sent.append(sum(connection.sent for connection in opened))
    assert sent[0] == sent[1] > 5


def test_ten_thousand_columns(tmp_path: Path) -> None:
    columns = ",".join(f"c{number} INTEGER" for number in range(10_000))
    path = make(tmp_path / "wide.duckdb", f"CREATE TABLE wide ({columns})")
    found = assets(crawl(path))["wide.main.wide"].columns
    assert found is not None
    assert len(found) == 10_000


# --- locks and writing ------------------------------------------------------------------------


def prints(folder: Path) -> dict[str, tuple[str, int]]:
    return {
        file.name: (hashlib.sha256(file.read_bytes()).hexdigest(), file.stat().st_mtime_ns)
        for file in sorted(folder.iterdir())
    }


HOLDER = """
import duckdb, sys
connection = duckdb.connect(sys.argv[1])
connection.execute("CREATE TABLE in_the_log (a INTEGER)")
print("held", flush=True)
sys.stdin.readline()
"""


@contextmanager
def held(path: Path) -> Iterator[int]:
    """Another process has the file open for writing; its PID."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        try:
            yield holder.pid
        finally:
            holder.kill()


def test_a_held_file_is_read_from_a_copy(tmp_path: Path) -> None:
    path = make(tmp_path / "shop.duckdb", "CREATE TABLE orders (a INTEGER)")
    with held(path):
        before = prints(tmp_path)
        found = assets(crawl(path, lock_wait=0))
        assert prints(tmp_path) == before
    assert {"shop.main.orders", "shop.main.in_the_log"} <= found.keys()


def test_a_held_file_that_is_too_large_names_the_holder(tmp_path: Path) -> None:
    path = make(tmp_path / "shop.duckdb", "CREATE TABLE orders (a INTEGER)")
    with held(path) as pid, pytest.raises(errors.Unreadable, match=f"PID {pid}") as caught:
        crawl(path, lock_wait=0, copy_limit_mb=0)
    assert "copy_limit_mb" in str(caught.value.remedy)


def test_the_holder_is_waited_for(tmp_path: Path) -> None:
    path = make(tmp_path / "shop.duckdb", "CREATE TABLE orders (a INTEGER)")
    script = HOLDER.replace("sys.stdin.readline()", "import time; time.sleep(0.5)")
    with subprocess.Popen([sys.executable, "-c", script, str(path)], stdout=subprocess.PIPE) as one:
        assert one.stdout is not None
        assert one.stdout.readline() == b"held\n"
        assert "shop.main.in_the_log" in assets(crawl(path, lock_wait=30, copy_limit_mb=0))


def test_nothing_is_written_and_a_log_is_read(tmp_path: Path) -> None:
    path = make(tmp_path / "shop.duckdb", "CREATE TABLE orders (a INTEGER)")
    with held(path):
        pass  # killed: its log stays
    before = prints(tmp_path)
    assert before.keys() == {"shop.duckdb", "shop.duckdb.wal"}
    assert "shop.main.in_the_log" in assets(crawl(path))
    assert prints(tmp_path) == before


def test_access_to_other_files_is_off_for_good(tmp_path: Path) -> None:
    (tmp_path / "secret.csv").write_text("a\n1\n")
    path = make(tmp_path / "shop.duckdb", "CREATE TABLE orders (a INTEGER)")
    with closing(duckdb._connect(str(path))) as connection:
        with pytest.raises(engine.PermissionException):
            connection.execute(f"SELECT * FROM read_csv('{tmp_path / 'secret.csv'}')")
        with pytest.raises(engine.Error):
            connection.execute("SET enable_external_access = true")
        with pytest.raises(engine.Error):
            connection.execute("CREATE TABLE x (a INTEGER)")


# --- failures ---------------------------------------------------------------------------------


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(errors.Unreachable, match="No such file"):
        crawl(tmp_path / "none.duckdb")


def test_no_database(tmp_path: Path) -> None:
    path = tmp_path / "x.duckdb"
    path.write_bytes(os.urandom(8192))
    with pytest.raises(errors.Unreadable, match="not a valid DuckDB") as caught:
        crawl(path)
    assert "encrypted" in str(caught.value.remedy)


def test_damaged(tmp_path: Path) -> None:
    path = make_duckdb(tmp_path / "shop.duckdb")
    raw = bytearray(path.read_bytes())
    raw[16:] = b"\x5a" * (len(raw) - 16)
    path.write_bytes(raw)
    with pytest.raises(errors.Unreadable):
        crawl(path)


def test_check(tmp_path: Path) -> None:
    for path, ok in ((make_duckdb(tmp_path / "shop.duckdb"), True), (tmp_path / "none", False)):
        crawler = DuckDB(FileConfig(path=str(path)))
        result = crawler.check()
        crawler.close()
        assert result.ok == ok
        assert bool(result.remedy) == (not ok)


def test_claims(tmp_path: Path) -> None:
    path = make(tmp_path / "no suffix", "CREATE TABLE t (a INTEGER)")
    assert registry.claim(str(path)) == ("duckdb", {"path": str(path)})
    assert DuckDB.claims(str(tmp_path)) is None


def test_odd_names_survive(records: list[Record]) -> None:
    (odd,) = (name for name in assets(records) if "DROP TABLE" in name)
    assert quoted(ODD_NAME) in odd
