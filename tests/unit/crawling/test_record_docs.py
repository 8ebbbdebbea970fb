"""docs/records.md says what the records are, and its example is taken in."""

from __future__ import annotations

import io
import re

from catalog.access.viewer import SYSTEM
from catalog.history.store import Store
from catalog.settings import Settings
from catalog.usecases import pushing
from tests.support.crawls import FakeSource
from tests.support.recorddocs import DOC, page


def test_the_page_is_as_it_is_generated() -> None:
    assert DOC.read_text(encoding="utf-8") == page(), "run: python -m tests.support.recorddocs"


def test_the_example_of_the_page_is_taken_in(sqlite_store: Store) -> None:
    found = re.search(r"```json\n(.*?)```", DOC.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    assert sqlite_store.home is not None
    FakeSource(sqlite_store, kind="push", namespaces=("postgres://db.example.com:5432",))
    _, state = pushing.push_file(
        sqlite_store,
        Settings(home=sqlite_store.home, disk_reserve=0),
        SYSTEM,
        io.BytesIO(found.group(1).encode()),
        "wh",
    )
    assert state == "succeeded"
