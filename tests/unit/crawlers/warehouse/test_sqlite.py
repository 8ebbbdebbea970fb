"""The SQLite crawler on real files: what it reports, what it leaves alone, how it fails."""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from catalog.crawling import (
    Asset,
    Done,
    Filtered,
    Problem,
    Record,
    Statement,
    errors,
    filedb,
    registry,
)
from crawlers.warehouse.sqlite import SQLite, SQLiteConfig, reading
from tests.support.warehouses import ODD_NAME, make_sqlite, quoted


def crawl(path: Path, **config: object) -> list[Record]:
    crawler = SQLite(SQLiteConfig.model_validate({"path": str(path), **config}))
    try:
        return list(crawler.crawl(crawler.scopes({}).scopes[0], None))
    finally:
        crawler.close()


def assets(records: list[Record]) -> dict[str, Asset]:
    return {record.name: record for record in records if isinstance(record, Asset)}


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> list[Record]:
    return crawl(make_sqlite(tmp_path_factory.mktemp("sqlite") / "ops.v2.db"))


def test_names_and_kinds(records: list[Record]) -> None:
    odd = '"' + ODD_NAME.replace('"', '""') + '"'
    assert {name: asset.kind for name, asset in assets(records).items()} == {
        "ops": "database",
        "ops.main": "schema",
        "ops.main.customers": "table",
        "ops.main.orders": "table",
        "ops.main.totals": "view",
        "ops.main.notes": "table",
        f"ops.main.{odd}": "table",
    }
    assert assets(records)["ops.main.orders"].parent == "ops.main"
    assert records[-1] == Done()


def test_columns(records: list[Record]) -> None:
    columns = assets(records)["ops.main.orders"].columns
    assert columns is not None
    assert [(c.path, c.type, c.native_type, c.nullable, c.default) for c in columns] == [
        ("id", "int64", "INTEGER", False, None),
        ("customer", "int64", "INTEGER", False, None),
        ("price", "decimal(10,2)", "DECIMAL(10,2)", True, "0"),
        ('"odd.name"', "string", "TEXT", True, None),
    ]
    view = assets(records)["ops.main.totals"].columns
    assert view is not None
    assert [(column.path, column.nullable) for column in view] == [
        ("customer", None),
        ("total", None),
    ]


def test_keys(records: list[Record]) -> None:
    orders, customers = (assets(records)[f"ops.main.{name}"] for name in ("orders", "customers"))
    assert [(key.kind, key.columns) for key in orders.keys] == [
        ("primary", ("id",)),
        ("unique", ("customer", "price")),
        ("foreign", ("customer",)),
    ]
    foreign = orders.keys[2]  # declared as `REFERENCES Customers`, without a column
    assert (foreign.references, foreign.references_columns) == ("ops.main.customers", ("id",))
    assert [(key.kind, key.columns, key.name) for key in customers.keys] == [
        ("primary", ("id",), None),
        ("unique", ("email",), None),
    ]


def test_measures(records: list[Record]) -> None:
    measures = assets(records)["ops.main.customers"].measures
    assert (measures["rows"].value, measures["rows"].how) == (2, "exact")
    assert measures["bytes"].value == 8192  # a page of the table, a page of its unique index
    assert "rows" not in assets(records)["ops.main.totals"].measures
    assert assets(records)["ops"].measures.keys() == {"bytes", "last_written"}


def test_a_view_is_a_statement_after_its_asset(records: list[Record]) -> None:
    number = records.index(assets(records)["ops.main.totals"])
    statement = records[number + 1]
    assert isinstance(statement, Statement)
    assert statement.text.startswith("CREATE VIEW totals AS SELECT")
    assert statement.defines == "ops.main.totals"
    assert (statement.dialect, statement.default_database) == ("sqlite", "ops")


def test_patterns(tmp_path: Path) -> None:
    found = crawl(make_sqlite(tmp_path / "ops.db"), include=["*.orders", "*.totals"])
    data = [one.name for one in assets(found).values() if one.asset_class == "data"]
    assert data == ["ops.main.orders", "ops.main.totals"]
    assert sum(isinstance(record, Filtered) for record in found) == 3


def test_a_broken_view_costs_its_columns_only(tmp_path: Path) -> None:
    path = make_sqlite(tmp_path / "ops.db")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE VIEW broken AS SELECT * FROM missing")
    found = crawl(path)
    assert assets(found)["ops.main.broken"].columns is None
    assert assets(found)["ops.main.totals"].columns
    (problem,) = (record for record in found if isinstance(record, Problem))
    assert "missing" in problem.why
    assert (problem.what, problem.objects) == ("ops.main.broken", 0)


def test_counting_stops_when_its_time_is_over(tmp_path: Path) -> None:
    path = tmp_path / "big.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE big (a)")  # a page per row, to be slow to count
        connection.execute(
            "WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 20000)"
            " INSERT INTO big SELECT zeroblob(3900) FROM s"
        )
        connection.commit()

    def counted(seconds: float) -> filedb.Relation:
        arguments = reading.Arguments(str(path), reading.IN_PLACE, "big", 1.0, seconds)
        return reading.read(arguments).relations[0]

    assert (counted(0.0001).rows, counted(0.0001).bytes) == (None, None)
    assert (counted(60.0).rows, counted(60.0).rows_how) == (20_000, "exact")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE t (a)")
        connection.execute("ANALYZE t")  # makes sqlite_stat1
        connection.execute("INSERT INTO sqlite_stat1 VALUES ('big', NULL, '19000')")
        connection.commit()
    assert (counted(0.0001).rows, counted(0.0001).rows_how) == (19_000, "estimate")


class Counting(sqlite3.Connection):
    """Counts the statements that are sent."""

    sent = 0

    def execute(self, sql: str, parameters: Any = ()) -> sqlite3.Cursor:
        type(self).sent += 1
        return super().execute(sql, parameters)


def test_statements_do_not_grow_with_tables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = sqlite3.connect

    def counting(*arguments: object, **options: object) -> sqlite3.Connection:
        return plain(*arguments, **options, factory=Counting)  # type: ignore[call-overload]

    sent = []
    for tables in (10, 1000):
        path = tmp_path / f"{tables}.db"
        with closing(sqlite3.connect(path)) as connection:
            statements = (
                f"CREATE TABLE t{number} (id INTEGER PRIMARY KEY, a UNIQUE);"
                f"CREATE VIEW v{number} AS SELECT a FROM t{number};"
                for number in range(tables)
            )
            connection.executescript(f"BEGIN; {' '.join(statements)} COMMIT")
        Counting.sent = 0
        with monkeypatch.context() as patch:
            patch.setattr("sqlite3.connect", counting)
            listing = reading.read(reading.Arguments(str(path), "", "d", 1.0, 60.0))
        assert len(listing.relations) == 2 * tables
        assert all(one.rows == 0 for one in listing.relations if one.kind == "table")
        sent.append(Counting.sent)
    assert sent[0] == sent[1] > 5


def test_two_thousand_columns(tmp_path: Path) -> None:
    path = tmp_path / "wide.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"CREATE TABLE wide ({','.join(f'c{n} INT' for n in range(2000))})")
    columns = assets(crawl(path))["wide.main.wide"].columns
    assert columns is not None
    assert len(columns) == 2000


# --- nothing is written -----------------------------------------------------------------------


def prints(folder: Path) -> dict[str, tuple[str, int]]:
    return {
        file.name: (hashlib.sha256(file.read_bytes()).hexdigest(), file.stat().st_mtime_ns)
        for file in sorted(folder.iterdir())
    }


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """Holds ``wal.db`` open in WAL mode, with a table that is in the log only."""
    with closing(sqlite3.connect(tmp_path / "wal.db")) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE fresh (a)")
        connection.commit()
        yield connection


def test_a_live_log_is_read_in_place(tmp_path: Path, writer: sqlite3.Connection) -> None:
    before = prints(tmp_path)
    assert before.keys() == {"wal.db", "wal.db-wal", "wal.db-shm"}
    assert "wal.main.fresh" in assets(crawl(tmp_path / "wal.db", copy_limit_mb=0))
    assert prints(tmp_path) == before


def test_a_log_left_behind_is_read_from_a_copy(tmp_path: Path, writer: sqlite3.Connection) -> None:
    left = tmp_path / "left"
    left.mkdir()
    for suffix in ("", "-wal"):
        shutil.copyfile(f"{tmp_path}/wal.db{suffix}", f"{left}/wal.db{suffix}")
    before = prints(left)
    assert "wal.main.fresh" in assets(crawl(left / "wal.db"))
    assert prints(left) == before
    with pytest.raises(errors.Unreadable, match="over the limit of 0"):
        crawl(left / "wal.db", copy_limit_mb=0)


def test_a_closed_file_in_wal_mode_gets_no_companions(tmp_path: Path) -> None:
    path = make_sqlite(tmp_path / "ops.db")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
    before = prints(tmp_path)
    assert before.keys() == {"ops.db"}
    assert reading.open_mode(path) == "mode=ro&immutable=1"
    assert "ops.main.orders" in assets(crawl(path))
    assert prints(tmp_path) == before


def test_a_hot_journal_is_rolled_back_in_a_copy(tmp_path: Path) -> None:
    path = make_sqlite(tmp_path / "ops.db")
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA cache_size = 1")
        connection.execute("BEGIN")
        connection.execute("CREATE TABLE half_done (a)")
        connection.execute(
            "WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 20000)"
            " INSERT INTO half_done SELECT n FROM s"
        )
        crashed = tmp_path / "crashed"
        crashed.mkdir()
        for suffix in ("", "-journal"):
            shutil.copyfile(f"{path}{suffix}", f"{crashed}/ops.db{suffix}")
    before = prints(crashed)
    found = assets(crawl(crashed / "ops.db"))
    assert "ops.main.orders" in found
    assert "ops.main.half_done" not in found
    assert prints(crashed) == before


# --- failures ---------------------------------------------------------------------------------


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(errors.Unreachable, match="No such file") as caught:
        crawl(tmp_path / "none.db")
    assert caught.value.remedy


def test_folder(tmp_path: Path) -> None:
    with pytest.raises(errors.Unreadable, match="is not a file"):
        crawl(tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_no_permission(tmp_path: Path) -> None:
    path = make_sqlite(tmp_path / "ops.db")
    path.chmod(0)
    with pytest.raises(errors.Denied):
        crawl(path)


def test_no_database_and_encrypted(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    path.write_bytes(os.urandom(8192))
    with pytest.raises(errors.Unreadable, match="not a database") as caught:
        crawl(path)
    assert "encrypted" in str(caught.value.remedy)


def test_damaged(tmp_path: Path) -> None:
    path = make_sqlite(tmp_path / "ops.db")
    raw = bytearray(path.read_bytes())
    raw[100:3000] = b"\xff" * 2900
    path.write_bytes(raw)
    with pytest.raises(errors.Unreadable):
        crawl(path)


def test_locked_by_a_writer(tmp_path: Path) -> None:
    path = make_sqlite(tmp_path / "ops.db")
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        with pytest.raises(errors.Unreadable, match="locked") as caught:
            crawl(path, lock_wait=0.1)
        assert "lock_wait" in str(caught.value.remedy)


def test_check_says_what_is_wrong(tmp_path: Path) -> None:
    crawler = SQLite(SQLiteConfig(path=str(tmp_path / "none.db")))
    result = crawler.check()
    crawler.close()
    assert not result.ok
    assert result.remedy == "Check the path."


def test_names_that_are_not_utf8(tmp_path: Path) -> None:
    path = tmp_path / "odd.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE t (a)")
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute(
            "UPDATE sqlite_schema SET name = CAST(x'74ff' AS TEXT), "
            " tbl_name = CAST(x'74ff' AS TEXT),"
            " sql = CAST(x'435245415445205441424c45202274ff2220286129' AS TEXT)"
        )
        connection.commit()
    assert "odd.main.t\\xff" in assets(crawl(path))


def test_claims(tmp_path: Path) -> None:
    path = make_sqlite(tmp_path / "without suffix")
    assert registry.claim(str(path)) == ("sqlite", {"path": str(path)})
    assert SQLite.claims(str(tmp_path / "none")) is None
    assert SQLite.claims("postgresql://host/db") is None
    assert SQLite.claims("a\0b") is None
    (tmp_path / "text").write_text("SQLite format 2")
    assert SQLite.claims(str(tmp_path / "text")) is None


def test_odd_names_are_counted_too(tmp_path: Path) -> None:
    path = make_sqlite(tmp_path / "ops.db")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"INSERT INTO {quoted(ODD_NAME)} VALUES (1)")
        connection.commit()
    (odd,) = (one for name, one in assets(crawl(path)).items() if "DROP TABLE" in name)
    assert odd.measures["rows"].value == 1
