"""The numbers beside a crawl count nothing that the viewer may not see."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from catalog.access.expression import Equals
from catalog.access.viewer import Viewer, install_policy
from catalog.history.store import Store
from catalog.model import Crawl
from catalog.naming import id_text
from catalog.sources import crawl_reads, problems
from catalog.sources.problems import Seen
from tests.unit.sources.support import add_asset, add_crawl, add_source, rows

READER = Viewer(actor="user:9", role="viewer")


@pytest.fixture
def only_t() -> Iterator[None]:
    before = install_policy(lambda _viewer: Equals("name", "t"))
    yield
    install_policy(before)


@pytest.mark.usefixtures("only_t")
def test_problems_of_hidden_things_are_not_counted(store: Store) -> None:
    wh = add_source(store, "wh")
    mine = add_asset(store, wh, "t", {wh: "present"})
    hidden = add_asset(store, wh, "secret", {wh: "present"})
    crawl = add_crawl(store, wh, "partial")
    seen = [Seen("x", "t", "z", asset=mine), Seen("x", "secret", "z", asset=hidden)]
    store.run(lambda unit: problems.note(unit, wh, None, crawl, seen), "system")
    with store.read() as session:
        detail = crawl_reads.get_crawl(session, READER, id_text(rows(store, Crawl)[0].uid))
        listed = crawl_reads.list_problems(session, READER)
    assert detail.problems == listed.total == 1
