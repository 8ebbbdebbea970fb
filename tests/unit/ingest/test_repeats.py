"""A unit of a crawl that PostgreSQL refuses (deadlock, serialization) is repeated: no trace."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from catalog.crawling import records
from catalog.history.setup import create_all
from catalog.history.store import Store
from catalog.history.unit import Unit
from catalog.ingest.crawl import run_crawl
from catalog.model import metadata
from tests.support.crawls import NAMESPACE, FakeSource, table

OTHER = "postgres://db:5433"
# What is another one in each store: ids, times, and who wrote.
_OWN = ("uid", "id", "actor", "owner", "series", "subject", "at", "since")
_ID = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Refused(Exception):
    """What the driver raises."""

    sqlstate = "40001"


class Contested(Store):
    """Each unit is refused at its commit once, when it has done all of its work."""

    refuses = False
    refused = 0

    @contextmanager
    def write(self, actor: str, *, cause: str | None = None, crawl: bool = False) -> Iterator[Unit]:
        first = self.refuses and self.refused % 2 == 0
        self.refused += self.refuses
        with super().write(actor, cause=cause, crawl=crawl) as unit:
            yield unit
            if first:
                raise DBAPIError("COMMIT", None, Refused())


class ContestedSource(FakeSource):
    """Crawls of it are refused, what the test does itself is not."""

    def run(self, subset: Any = None, refused_by: Any = None) -> Any:
        key = self.queue(subset)
        assert isinstance(self.store, Contested)
        self.store.refuses = True
        run_crawl(self.store, key, self, crawler_version=self.version, config_key="k")
        self.store.refuses = False
        return self.row(key)


def parted(name: str, day: str, **more: Any) -> records.Asset:
    return table(name, "a", partitions=(records.Partition(f"d={day}"),), **more)


def live_through(source: FakeSource) -> None:
    """Crawls that come by every kind of write."""
    view = records.Statement("SELECT a FROM s.a", "postgres", NAMESPACE, defines="s.v")
    loose = records.Statement("SELECT a FROM s.z", "postgres", NAMESPACE)
    broken = records.Problem("s.b", "broken", namespace=NAMESPACE, name="s.b", objects=1)
    source.put(
        records.Objects(listed=9, used=9),
        table("s.a", "a", id="1", parent="s", owners=("ann@x.org",), tags=("t",)),
        table("s.b", "a", id="2", parent="s", namespace=OTHER),
        table("s.v", "a", kind="view"),
        view,
        loose,
        *[parted(f"s.p{n}", "1", measures={"rows": records.Measure(1)}) for n in range(9)],
    )
    source.put(table("r.a", "a"), table("r.b", "a"), scope="other")
    source.run()
    source.put(
        broken,
        table("s.b", "a", id="1", parent="q"),
        table("s.a", "b", id="2", parent="s", namespace=OTHER),
        table("s.v", "a", kind="view"),
        view,
        *[parted(f"s.p{n}", "2", measures={"rows": records.Measure(90)}) for n in range(2)],
    )
    source.fails["other"] = RuntimeError("broken")
    source.run()
    del source.fails["other"]
    source.complete["public"] = False
    source.put(table("r.a", "a"), scope="other")
    source.run()
    source.run(subset=["r.b"])


def content(store: Store) -> dict[str, list[Any]]:
    """All rows but for what is another one in each store."""
    with store.connect() as connection:
        return {
            one.name: sorted(
                _ID.sub("an id", repr([pair for pair in row._mapping.items() if not _own(pair[0])]))
                for row in connection.execute(select(one)).all()
            )
            for one in metadata.sorted_tables
            if one.name != "meta"
        }


def _own(name: str) -> bool:
    return name in _OWN or name.endswith(("_at", "_seen"))


def made(folder: Path, kind: type[Store]) -> Store:
    folder.mkdir()
    store = kind(f"sqlite:///{folder / 'catalog.db'}", home=folder, disk_reserve=0)
    create_all(store.engine)
    return store


def test_a_crawl_whose_every_unit_is_refused_once_is_as_any_other(tmp_path: Path) -> None:
    calm, contested = made(tmp_path / "calm", Store), made(tmp_path / "contested", Contested)
    both = (NAMESPACE, OTHER)
    live_through(FakeSource(calm, namespaces=both))
    live_through(ContestedSource(contested, namespaces=both))
    have, want = content(contested), content(calm)
    calm.close()
    contested.close()
    for name in want:
        assert have[name] == want[name], name
    assert isinstance(contested, Contested)
    assert contested.refused > 60
    filled = {name for name, rows in want.items() if rows}
    assert filled >= {
        "alias", "asset", "change", "crawl_problem", "crawl_scope", "hold", "measure", "namespace",
        "partition", "statement_use",
    }  # fmt: skip
