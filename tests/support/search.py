"""Fixture ``engine``: an empty search index; and the check that it equals the store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from catalog.history.store import Store
from catalog.search.consistency import differences
from catalog.search.engine import SearchEngine
from catalog.search.follower import Follower
from catalog.search.whoosh_engine import WhooshEngine


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[WhooshEngine]:
    """A search engine whose folder does not exist yet."""
    made = WhooshEngine(tmp_path / "index")
    yield made
    made.close()


def assert_index_equals_store(store: Store, engine: SearchEngine) -> None:
    """Catches up, then compares each document's hash in the index with the store's.

    Call it at the end of a test, or from an autouse fixture after each one.
    """
    follower = Follower(store, engine)
    follower.catch_up()
    assert differences(store, engine) == []
    status = follower.status()
    assert (status.state, status.behind) == ("current", 0)
    assert len(dict(engine.hashes())) == engine.count() == len(list(engine.hashes()))
