"""Opens a store for use: makes an empty one, upgrades an old one after a backup copy."""

from __future__ import annotations

from pathlib import Path

from catalog.history import migrate
from catalog.history.store import Store
from catalog.model import clock
from catalog.settings import Settings
from catalog.usecases.backup import backup


def upgrade(store: Store, settings: Settings) -> tuple[str | None, Path | None]:
    """Brings the store to this version's schema; answers (revision before, backup copy).

    An SQLite store with content is copied to ``backups/`` in the home folder first; a store on
    PostgreSQL where ``pg_dump`` is not found is refused, with the reason.
    """
    before = migrate.current(store)
    if before == migrate.head():
        return before, None
    copy = None
    if before is not None:
        if before not in migrate.revisions():
            migrate.check(store)  # says that the store is newer
        folder = settings.home / "backups"
        folder.mkdir(mode=0o700, exist_ok=True)
        stamp = clock.to_datetime(clock.now()).strftime("%Y%m%d-%H%M%S")
        copy = backup(store, settings, folder / f"before-upgrade-{before}-{stamp}.db")
    migrate.upgrade(store)
    return before, copy
