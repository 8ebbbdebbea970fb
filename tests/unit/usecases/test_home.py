"""The home folder and the store in it are nobody else's to read."""

from __future__ import annotations

import stat
from pathlib import Path

from catalog.history import migrate
from catalog.settings import Settings
from catalog.wiring import open_store


def test_the_store_is_closed_to_others_in_an_open_home(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    store = open_store(Settings(home=tmp_path, database_url=None, disk_reserve=0))
    migrate.upgrade(store)
    files = list(tmp_path.glob("catalog.db*"))
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    store.close()
