"""200 payloads as names of files, tables and columns, as comments, titles, descriptions, reasons,
values of tags and SQL: inert on every page. The content policy would stop most; here nothing may
even be tried."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import duckdb
import pytest

from tests.browser.payloads import PAYLOADS
from tests.support.browser import Site, serving, visiting

COLUMN = "plain"
TAKE_OVER = """async path => {
  const reply = await fetch(path);
  const page = new DOMParser().parseFromString(await reply.text(), "text/html");
  document.body.append(...page.querySelectorAll("[role=option]"));
  return reply.status;
}"""


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A crawled lake and database whose every word is a payload."""
    folder = tmp_path_factory.mktemp("hostile")
    lake, database, home = folder / "lake", folder / "evil.db", folder / "home"
    spoken = folder / "spoken.duckdb"
    _fill_lake(lake)
    _fill_database(database)
    _fill_comments(spoken)
    site = Site(home, 0)
    site.cli("db", "upgrade")
    for name, path in (("lake", lake), ("evil", database), ("spoken", spoken)):
        site.cli("source", "add", str(path), "--name", name)
        site.cli("crawl", name)
    with serving(home) as served:
        _write(served)
        yield served


def _fill_lake(lake: Path) -> None:
    for at, payload in enumerate(PAYLOADS[:60]):
        name = payload.replace("/", "\u2215").replace("\0", "")[:100]
        place = lake / f"d{at:03}"
        place.mkdir(parents=True)
        (place / f"{name}.csv").write_text(f'"{payload.replace(chr(34), chr(34) * 2)}",n\nx,1\n')


def _fill_database(path: Path) -> None:
    def quoted(name: str) -> str:
        return '"' + name.replace('"', '""') + '"'

    with closing(sqlite3.connect(path)) as connection:
        seen: set[str] = set()
        for at, wanted in enumerate(PAYLOADS):
            payload = f"{wanted} {at}" if wanted.lower() in seen else wanted  # no case in names
            seen.add(wanted.lower())
            other = PAYLOADS[-1 - at]
            connection.execute(
                f"CREATE TABLE {quoted(payload)} ({COLUMN} TEXT, {quoted(other)} INTEGER)"
            )
            if at % 4 == 0:
                text = other.replace("'", "''")
                connection.execute(
                    f"CREATE VIEW {quoted(f'view {at} ' + payload)} AS "
                    f"SELECT {COLUMN}, '{text}' AS said FROM {quoted(payload)} -- {at}"
                )
        connection.commit()


def _fill_comments(path: Path) -> None:
    """SQLite has no comments, DuckDB has: each payload once on a table and once on a column."""
    with closing(duckdb.connect(str(path))) as connection:
        for at, payload in enumerate(PAYLOADS):
            text = payload.replace("'", "''")
            connection.execute(f"CREATE TABLE spoken_{at:03} ({COLUMN} VARCHAR)")
            connection.execute(f"COMMENT ON TABLE spoken_{at:03} IS '{text}'")
            connection.execute(f"COMMENT ON COLUMN spoken_{at:03}.{COLUMN} IS '{text}'")


def _write(site: Site) -> None:
    """What people write: title, description, reason of a flag, value of a tag (a tag's own name
    takes letters and digits only)."""
    for at, asset in enumerate(_assets(site)):
        payload = PAYLOADS[at % len(PAYLOADS)]
        body = {
            "title": " ".join(payload.split())[:150],
            "description": f"{payload}\n\n{PAYLOADS[-1 - at % len(PAYLOADS)]}",
            "tags": [{"tag": "said", "value": " ".join(payload.split())[:150]}],
            "flag": {"kind": "warned", "reason": " ".join(payload.split())[:200]},
        }
        site.api(f"/api/v1/assets/{asset['id']}/facts", "PATCH", body)


def _assets(site: Site) -> list[Any]:
    found: list[Any] = []
    for source in ("evil", "lake", "spoken"):
        path = f"/api/v1/assets?source={source}&limit=500"
        found += site.api(path)["items"]
    return found


def test_there_are_two_hundred() -> None:
    assert len(PAYLOADS) == len(set(PAYLOADS)) == 200


def test_they_are_inert_on_every_page(hostile: Site, chrome: Any) -> None:
    assets = _assets(hostile)
    tables = [one for one in assets if one["kind"] == "table" and one["source"] == "evil"]
    spoken = [one for one in assets if one["kind"] == "table" and one["source"] == "spoken"]
    assert len(tables) == len(spoken) == len(PAYLOADS)
    paths = [f"/assets/{one['id']}" for one in assets]
    paths += [f"/assets/{one['id']}/columns" for one in spoken[::4]]
    for one in tables[::8]:
        paths += [
            f"/assets/{one['id']}/{tab}"
            for tab in ("columns", "lineage", "history", "edit", "crawls", "copy?as=dbt")
        ]
        paths.append(f"/assets/{one['id']}/column?path={COLUMN}")
    paths += ["/", "/browse", "/activity", "/sources", "/sources/evil", "/sources/problems"]
    crawl = hostile.api("/api/v1/crawls?source=evil&limit=1")["items"][0]["id"]
    paths.append(f"/crawls/{crawl}")
    for payload in PAYLOADS[::5]:
        paths.append(f"/search?{urlencode({'q': payload[:200]})}")
    with visiting(hostile, chrome) as visit:
        page = visit("/account")
        for path in paths:
            answer = page.goto(hostile.url + path)
            assert answer.status < 500, path
            assert page.evaluate("window.__hit") is None, path
        for payload in PAYLOADS[::5]:  # as the module takes suggestions over
            path = f"/search/suggest?{urlencode({'q': payload[:200]})}"
            assert page.evaluate(TAKE_OVER, path) in (200, 400)
            assert page.evaluate("window.__hit") is None, path


def test_they_are_inert_in_addresses(hostile: Site, chrome: Any) -> None:
    with visiting(hostile, chrome) as visit:
        page = visit("/account")
        for payload in PAYLOADS[::4]:
            for path in (f"/name?{urlencode({'name': payload})}", f"/sources/{quote(payload, '')}",
                         f"/assets/{quote(payload, '')}", f"/{quote(payload, '')}"):  # fmt: skip
                answer = page.goto(hostile.url + path)
                assert answer.status in (200, 400, 404, 409), (path, answer.status)
                assert page.evaluate("window.__hit") is None, path
