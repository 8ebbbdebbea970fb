"""A process that crawls, edits, indexes, migrates and backs up until it is killed.

``python -m tests.support.mortal HOME ROUND POINT HITS [MIGRATIONS]`` kills itself, with SIGKILL, at
the HITS-th time that it comes by the named point of the product (`catalog.history.points`).
What a test must find again stands in ``HOME/edits``: one line for each edit, written after it.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import select

from catalog.access import users
from catalog.crawling import records
from catalog.crawling.crawler import Scope, Scopes
from catalog.curation.edit import edit
from catalog.curation.patch import FactPatch
from catalog.history import migrate, points
from catalog.history.store import Store, table_of
from catalog.ingest import scope as scope_module
from catalog.ingest.crawl import run_crawl
from catalog.model import Asset, Crawl, Source
from catalog.naming import id_text
from catalog.search import follower
from catalog.search.whoosh_engine import WhooshEngine
from catalog.settings import Settings
from catalog.usecases.backup import backup
from tests.support.crawls import NAMESPACE, queue_crawl

ASSET, CRAWL, SOURCE = table_of(Asset), table_of(Crawl), table_of(Source)
ROOT = users.local_viewer("root")
SIZE = 30  # tables of each scope
SCOPES = ("p", "q")


def content(number: int) -> dict[str, list[records.Asset]]:
    """Scope -> what is there in a round: each differs from the one before in most tables.

    One table of each scope is dropped, one is new, one is renamed, two change places.
    """
    found: dict[str, list[records.Asset]] = {}
    for scope in SCOPES:
        tables = []
        for one in range(number, number + SIZE):
            name = f"shop.{scope}.t{one}"
            if one == number + 3:
                name = f"shop.{scope}.renamed{number}"
            elif one in (number + 7, number + 8):
                other = (number + 7) + (number + 8) - one if number % 2 else one
                name = f"shop.{scope}.t{other}"
            columns = tuple(records.Field(f"c{n}", "int64") for n in range(1 + (one + number) % 3))
            tables.append(
                records.Asset(
                    NAMESPACE,
                    name,
                    "table",
                    columns=columns,
                    parent=f"shop.{scope}",
                    id=f"{scope}{one}",
                )
            )
        found[scope] = tables
    return found


@dataclass
class Reader:
    """Reads a round's content; ``between`` is called between records now and then."""

    number: int
    between: Any = lambda: None
    count: int = field(default=0)

    def scopes(self, state: Mapping[str, Any]) -> Scopes:
        return Scopes([Scope(name) for name in SCOPES])

    def crawl(
        self, scope: Scope, state: Mapping[str, Any] | None, only: Sequence[str] | None = None
    ) -> Iterator[records.Record]:
        for record in content(self.number)[scope.name]:
            self.count += 1
            if self.count % 25 == 0:
                self.between()
            yield records.Objects(listed=1, used=1)
            yield record
        yield records.Done(state={})


def crawl(store: Store, key: int, number: int, between: Any = lambda: None) -> str:
    """Runs a queued crawl of the round's content."""
    return run_crawl(store, key, Reader(number, between), crawler_version=1, config_key="k")


def source_key(store: Store) -> int:
    with store.connect() as connection:
        return int(connection.execute(select(SOURCE.c.key)).scalar_one())


def write_something(store: Store, home: Path) -> None:
    """A person edits an asset that nobody has edited; then it is written down beside the store."""
    edits = home / "edits"
    done = {line["asset"] for line in acknowledged(home)}
    with store.connect() as connection:
        found = connection.execute(
            select(ASSET.c.uid).where(ASSET.c.asset_class == "data").order_by(ASSET.c.key)
        ).scalars()
        uid = next((id_text(one) for one in found if id_text(one) not in done), None)
    if uid is None:
        return
    text = f"edit {len(done)}"
    with store.write(ROOT.actor) as unit:
        edit(unit, ROOT, uid, None, FactPatch(description=text))
    with edits.open("a") as file:
        file.write(json.dumps({"asset": uid, "text": text}) + "\n")


def acknowledged(home: Path) -> list[dict[str, str]]:
    """Edits that were answered."""
    path = home / "edits"
    lines = path.read_text().splitlines() if path.exists() else []
    return [json.loads(line) for line in lines]


def live(home: Path, number: int, migrations: Path | None) -> None:
    """One round of everything."""
    store = Store(f"sqlite:///{home / 'catalog.db'}", home=home, disk_reserve=0)
    write_something(store, home)
    crawl(
        store,
        queue_crawl(store, source_key(store)),
        number,
        lambda: write_something(store, home),
    )
    follower.Follower(store, WhooshEngine(home / "index")).catch_up()
    backup(store, Settings(home=home), home / f"backup{number}.db")
    if migrations is not None:
        vars(migrate)["shipped"] = lambda name: migrations
        migrate.upgrade(store)


def main() -> None:
    """See the module."""
    home, number, name, left = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3], int(sys.argv[4])

    def at(point: str) -> None:
        nonlocal left
        left -= point == name
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    points.at = at
    scope_module.WRITE_CHUNK = 10
    vars(follower)["COMMIT_ASSETS"] = 20
    live(home, number, Path(sys.argv[5]) if len(sys.argv) > 5 else None)


if __name__ == "__main__":
    main()
