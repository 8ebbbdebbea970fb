"""Every search engine keeps the contract."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from catalog.search.engine import SearchEngine
from catalog.search.whoosh_engine import WhooshEngine
from catalog.testing.engines import EngineContract


class TestWhoosh(EngineContract):
    @pytest.fixture
    def open_engine(self, tmp_path: Path) -> Callable[[], SearchEngine]:
        return lambda: WhooshEngine(tmp_path / "index")
