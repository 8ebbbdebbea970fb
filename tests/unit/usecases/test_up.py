"""Targets of `catalog up`: which are the same system, and so one source."""

from __future__ import annotations

from pathlib import Path

from catalog.access.viewer import SYSTEM
from catalog.history.store import Store
from catalog.settings import Settings
from catalog.usecases import up


def test_databases_of_one_name_on_two_servers_are_two_sources(store: Store, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)

    def add(target: str) -> tuple[str, bool]:
        return up.add_target(store, settings, SYSTEM, target)

    first, new = add("postgresql://reader:secret@one.example/shop")
    assert new
    assert add("postgresql://other:word@one.example:5432/shop") == (first, False)
    second, new = add("postgresql://reader:secret@two.example/shop")
    assert new
    assert second != first
    third, new = add("postgresql://reader:secret@one.example:5433/shop")
    assert new
    assert len({first, second, third}) == 3
    assert add("postgresql://reader:secret@two.example/shop") == (second, False)
