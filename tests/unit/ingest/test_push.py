"""The NDJSON push: scopes that arrived whole count, bad lines are named, repetition is free."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from catalog.access.viewer import SYSTEM, Viewer
from catalog.crawling import records
from catalog.errors import BadInput, Conflict, DiskFull, NotAllowed, NotFound
from catalog.history.store import Store, table_of
from catalog.ingest import push
from catalog.model import Asset, Change, Crawl, CrawlProblem, CrawlScope, Sighting
from catalog.naming import id_bytes
from catalog.settings import Settings
from catalog.sources import crawls
from catalog.usecases import crawling, pushing
from tests.support.crawls import NAMESPACE, FakeSource, table

HEADER = {"format": 1, "crawler": "export", "version": 1, "source": "wh"}


def line(value: Any) -> bytes:
    if isinstance(value, dict):
        return json.dumps(value).encode() + b"\n"
    return records.encode(value) + b"\n"


def stream(*values: Any, header: dict[str, Any] | None = None, end: bool = True) -> bytes:
    lines = [line(header or HEADER), *(one if isinstance(one, bytes) else line(one)
                                       for one in values)]  # fmt: skip
    return b"".join(lines) + (line({"end": True}) if end else b"")


def scope(name: str, *items: Any, **done: Any) -> bytes:
    return b"".join(
        [
            line({"scope": name}),
            *(one if isinstance(one, bytes) else line(one) for one in items),
            line({"type": "done", "complete": True, **done}),
        ]
    )


@pytest.fixture
def wh(store: Store) -> FakeSource:
    return FakeSource(store, kind="push")


def home(store: Store) -> Settings:
    assert store.home is not None
    return Settings(home=store.home, disk_reserve=0)


def send(source: FakeSource, content: bytes, viewer: Viewer = SYSTEM) -> Any:
    """Pushes; the crawl's row."""
    crawl, state = pushing.push_file(
        source.store, home(source.store), viewer, io.BytesIO(content), source.name
    )
    row = one(source.store, select(table_of(Crawl)).where(table_of(Crawl).c.uid == id_bytes(crawl)))
    assert row.state == state
    return row


def one(store: Store, query: Any) -> Any:
    with store.connect() as connection:
        return connection.execute(query).one()


def rows(store: Store, model: Any) -> list[Any]:
    with store.connect() as connection:
        return list(connection.execute(select(table_of(model))))


def names(store: Store) -> set[str]:
    return {row.name for row in rows(store, Asset) if row.state == "crawled"}


def count(store: Store, model: Any) -> int:
    return int(one(store, select(func.count()).select_from(table_of(model)))[0])


ORDERS, USERS = table("shop.public.orders", "id", "total"), table("shop.public.users", "id")


def test_a_stream_is_taken_in_like_a_crawl(wh: FakeSource) -> None:
    row = send(wh, stream(scope("public", ORDERS, USERS, count=2)))
    assert (row.state, row.trigger, row.new, row.seen, row.why) == ("succeeded", "push", 2, 2, None)
    assert names(wh.store) == {"shop.public.orders", "shop.public.users"}
    assert not list((home(wh.store).home / "push").iterdir())


def test_the_same_bytes_twice_change_nothing(wh: FakeSource) -> None:
    content = stream(scope("public", ORDERS, USERS), scope("sales", table("shop.sales.a", "id")))
    send(wh, content)
    before = count(wh.store, Change), rows(wh.store, Sighting)
    row = send(wh, content)
    assert (row.state, row.unchanged, row.changed, row.new) == ("succeeded", 3, 0, 0)
    assert (count(wh.store, Change), rows(wh.store, Sighting)) == before


def test_a_complete_scope_withdraws_what_it_lists_no_more_and_touches_no_other(
    wh: FakeSource,
) -> None:
    send(wh, stream(scope("public", ORDERS, USERS), scope("sales", table("shop.sales.a", "id"))))
    row = send(wh, stream(scope("public", ORDERS)))
    assert (row.state, row.removed) == ("succeeded", 1)
    assert names(wh.store) == {"shop.public.orders", "shop.sales.a"}


def test_only_a_stream_that_lists_all_scopes_ends_the_missing_one(wh: FakeSource) -> None:
    tables = [table(f"shop.public.t{n}", "id") for n in range(9)]
    send(wh, stream(scope("public", *tables), scope("sales", table("shop.sales.a", "id"))))
    everything = {**HEADER, "all_scopes": True}
    broken = send(wh, stream(scope("public", *tables), header=everything, end=False))
    assert (broken.state, broken.held + broken.removed) == ("partial", 0)
    row = send(wh, stream(scope("public", *tables), header=everything))
    assert row.state == "succeeded"
    assert row.held == 1, "a scope that had assets and is gone is held"


def test_an_incomplete_scope_withdraws_nothing(wh: FakeSource) -> None:
    send(wh, stream(scope("public", ORDERS, USERS)))
    row = send(wh, stream(scope("public", ORDERS, complete=False, why="It timed out.")))
    assert (row.state, row.removed, row.held) == ("partial", 0, 0)
    assert len(names(wh.store)) == 2
    assert rows(wh.store, CrawlScope)[-1].why == "It timed out."


def test_a_wrong_count_leaves_the_scope_incomplete(wh: FakeSource) -> None:
    send(wh, stream(scope("public", ORDERS, USERS)))
    row = send(wh, stream(scope("public", ORDERS, count=2)))
    assert (row.state, row.removed) == ("partial", 0)
    assert "2 records were announced, 1 arrived" in rows(wh.store, CrawlScope)[-1].why


@pytest.mark.parametrize("cut", ["inside a scope", "inside a line", "before the end"])
def test_a_broken_connection_loses_the_open_scope_only(wh: FakeSource, cut: str) -> None:
    whole = stream(scope("public", ORDERS), scope("sales", table("shop.sales.a", "id")))
    lines = whole.splitlines(keepends=True)
    content = {
        "inside a scope": b"".join(lines[:6]),
        "inside a line": b"".join(lines[:5]) + lines[5][:20],
        "before the end": b"".join(lines[:-1]),
    }[cut]
    row = send(wh, content)
    assert row.state == "partial"
    assert "shop.public.orders" in names(wh.store)
    assert ("shop.sales.a" in names(wh.store)) is (cut == "before the end")
    lost = [problem.what for problem in rows(wh.store, CrawlProblem)]
    assert lost == ([] if cut == "before the end" else ["scope sales"])
    again = send(wh, whole)
    assert (again.state, again.unchanged, again.seen) == (
        "succeeded", 2 if cut == "before the end" else 1, 2)  # fmt: skip


BAD = [
    (b"{not json\n", "JSON"),
    (b'{"type": "asset", "namespace": 7, "name": "x", "kind": "table"}\n', "namespace"),
    (b'{"type": "os.system", "name": "x"}\n', "type"),
    (b'{"type": "asset", "namespace": "postgres://db:5432", "name": "", "kind": "table"}\n',
     "a name"),
    (b'{"type": "asset", "namespace": "n", "name": "x", "kind": "<b>"}\n', "kind"),
    (b'{"type": "asset", "namespace": "n", "name": "x", "kind": "table", "asset_class": "job"}\n',
     "class"),
    (b'{"type": "asset", "namespace": "n", "name": "x", "kind": "table",'
     b' "columns": [{"path": "a"}, {"path": "a"}]}\n', "twice"),
    (b'{"type": "asset", "namespace": "n", "name": "x", "kind": "table",'
     b' "partitions": [{"path": "p", "rows": 99999999999999999999}]}\n', "out of range"),
    (b'{"type": "asset", "namespace": "n", "name": "x", "kind": "table",'
     b' "measures": {"rows": {"value": 1, "at": "0001-01-01T00:00:00Z"}}}\n', "RFC 3339"),
    (b'{"type": "asset", "namespace": "n", "name": "x", "kind": "table",'
     b' "measures": {"last_written": {"value": 1764000000000}}}\n', "in seconds"),
    (b'{"type": "asset", "namespace": "n", "name": "x", "kind": "table",'
     b' "partitions": [{"path": "p", "newest_file": 1764000000000}]}\n', "in seconds"),
    (b'{"type": "asset", "namespace": "n", "name": "x", "kind": "table", "properties": {"a": '
     + b"[" * 5000 + b"]" * 5000 + b"}}\n", "nested"),
    (b"\xff\xfe\n", "JSON"),
    (b'{"type": "objects", "listed": -1}\n', "from 0"),
]  # fmt: skip


@pytest.mark.parametrize(("bad", "said"), BAD)
def test_a_bad_line_is_a_failure_with_its_number(
    sqlite_store: Store, bad: bytes, said: str
) -> None:
    wh = FakeSource(sqlite_store, kind="push")
    send(wh, stream(scope("public", ORDERS, USERS)))
    row = send(wh, stream(scope("public", ORDERS, bad)))
    assert (row.state, row.removed, row.held, row.failed_objects) == ("partial", 0, 0, 1)
    (problem,) = rows(wh.store, CrawlProblem)
    assert problem.what == "line 4"
    assert said in problem.why
    assert row.listed == row.used + row.filtered + row.failed_objects
    row = send(wh, stream(scope("public", ORDERS)))
    assert (row.state, row.removed) == ("succeeded", 1)
    assert rows(wh.store, CrawlProblem)[0].resolved_at is not None


def test_a_thousand_bad_lines_are_rows_and_the_rest_is_one(sqlite_store: Store) -> None:
    wh = FakeSource(sqlite_store, kind="push")
    row = send(wh, stream(scope("public", ORDERS, b"?\n" * 1500)))
    assert (row.state, row.new) == ("partial", 1)
    assert len(rows(wh.store, CrawlProblem)) == push.NOTED_LINES + 1


def test_a_line_over_the_limit_costs_itself_only(
    sqlite_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(push, "LONGEST_LINE", 1000)
    wh = FakeSource(sqlite_store, kind="push")
    row = send(wh, stream(scope("public", ORDERS, b"x" * 5000 + b"\n", USERS)))
    assert (row.state, row.new, row.failed_objects) == ("partial", 2, 1)


def test_a_line_outside_of_a_scope_is_named(wh: FakeSource) -> None:
    row = send(wh, stream(ORDERS, scope("public", USERS), b"\n"))
    assert row.state == "partial"
    assert names(wh.store) == {"shop.public.users"}
    assert [problem.what for problem in rows(wh.store, CrawlProblem)] == ["line 2"]


def test_a_scope_in_two_parts_is_one_scope(wh: FakeSource) -> None:
    row = send(wh, stream(scope("public", ORDERS), scope("public", USERS)))
    assert (row.state, row.new) == ("succeeded", 2)
    row = send(wh, stream(scope("public", ORDERS), scope("public", USERS)))
    assert (row.state, row.unchanged, row.removed) == ("succeeded", 2, 0)


def test_only_allowed_namespaces_are_reported(wh: FakeSource) -> None:
    other = table("shop.public.orders", "id", namespace="postgres://other:5432")
    row = send(wh, stream(scope("public", ORDERS, other)))
    assert (row.state, row.failed, row.new) == ("partial", 1, 1)
    assert {row.name for row in rows(wh.store, Asset)} == {"shop.public.orders"}


@pytest.mark.parametrize(
    ("first", "said"),
    [
        (b"", "no header"),
        (b'{"scope": "x"}\n', "no header"),
        (b'{"format": 2, "crawler": "x"}\n', "format 2"),
        (b'{"format": 1, "crawler": "x", "version": -1}\n', "version"),
        (b'{"format": 1, "crawler": "x", "pickle": "x"}\n', "pickle"),
        (b'{"format": 1, "crawler": "x", "source": "else"}\n', "'else'"),
    ],
)
def test_a_wrong_header_is_refused_and_leaves_nothing(
    sqlite_store: Store, first: bytes, said: str
) -> None:
    wh = FakeSource(sqlite_store, kind="push")
    with pytest.raises(BadInput, match=said):
        send(wh, first)
    assert count(sqlite_store, Crawl) == 0
    assert not list((home(sqlite_store).home / "push").iterdir())


def test_one_push_at_a_time(wh: FakeSource) -> None:
    wh.queue()
    with pytest.raises(Conflict, match="queued already"):
        send(wh, stream(scope("public", ORDERS)))
    assert not list((home(wh.store).home / "push").iterdir())


def test_who_may_push(wh: FakeSource) -> None:
    content = stream(scope("public", ORDERS))
    mine = Viewer("token:1", "viewer", frozenset({"ingest:wh"}))
    assert send(wh, content, mine).state == "succeeded"
    for other in (
        Viewer("token:2", "viewer", frozenset({"ingest:else"})),
        Viewer("token:3", "admin", frozenset({"write"})),
        Viewer("user:4", "steward"),
    ):
        with pytest.raises(NotAllowed):
            send(wh, content, other)
        with pytest.raises(NotAllowed):  # not whether it exists
            pushing.target(wh.store, other, "nothing")
    with pytest.raises(NotFound):
        pushing.target(wh.store, SYSTEM, "nothing")


def test_a_push_that_was_killed_is_gone_on_with(wh: FakeSource) -> None:
    content = stream(scope("public", ORDERS), scope("sales", table("shop.sales.a", "id")))
    settings = home(wh.store)
    to = pushing.target(wh.store, SYSTEM, "wh")
    with pushing.Spool(wh.store, settings) as spool:
        spool.write(content)
        crawl = pushing.accept(wh.store, SYSTEM, to, spool)
    (row,) = rows(wh.store, Crawl)
    with wh.store.write("system") as unit:
        assert crawls.begin(unit, row.key, "nowhere:1:1")
        unit.connection.execute(
            table_of(Crawl).update().values(owner=None)  # as of a process that died
        )
    assert crawling.crawl_now(wh.store, settings, crawl) == "succeeded"
    assert len(names(wh.store)) == 2
    assert crawling.crawl_now(wh.store, settings, crawl) == "succeeded"  # the job arrives twice


def test_a_push_whose_file_is_gone_says_so(wh: FakeSource) -> None:
    to = pushing.target(wh.store, SYSTEM, "wh")
    with pushing.Spool(wh.store, home(wh.store)) as spool:
        spool.write(stream(scope("public", ORDERS)))
        crawl = pushing.accept(wh.store, SYSTEM, to, spool)
    spool.path.unlink()
    assert crawling.crawl_now(wh.store, home(wh.store), crawl) == "failed"
    (row,) = rows(wh.store, Crawl)
    assert "send them again" in row.why


def test_a_stream_stops_before_the_disk_is_full(
    sqlite_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pushing, "_CHECK_BYTES", 10)
    monkeypatch.setattr(sqlite_store, "disk_reserve", 1 << 60)
    with pytest.raises(DiskFull, match="reserve"), pushing.Spool(
        sqlite_store, home(sqlite_store)
    ) as spool:  # fmt: skip
        spool.write(b"x" * 100)
    assert not list((home(sqlite_store).home / "push").iterdir())


def test_a_file_that_is_not_there_is_named(wh: FakeSource, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot be read"):
        pushing.push_file(wh.store, home(wh.store), SYSTEM, tmp_path / "none.ndjson", "wh")


def test_text_that_no_store_takes_becomes_visible(wh: FakeSource) -> None:
    odd = b'{"type": "asset", "namespace": "%s", "name": "a\\u0000b", "kind": "table"}\n'
    row = send(wh, stream(scope("pub\0lic", odd % NAMESPACE.encode())))
    assert row.state == "succeeded"
    assert names(wh.store) == {"a\\u0000b"}
