"""One pool of reading processes for all tests of the lake."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from catalog.crawling import Workers


@pytest.fixture(scope="session")
def workers() -> Iterator[Workers]:
    with Workers(count=2, memory_mb=600, seconds=20) as pool:
        yield pool
