"""A store of 100,000 assets with facts and a whole index, built once per run of the benchmarks."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from catalog.access import tokens, users
from catalog.access.viewer import SYSTEM
from catalog.curation.edit import edit
from catalog.curation.patch import FactPatch, FlagPatch, OwnerPatch, TagPatch
from catalog.history import migrate
from catalog.history.store import Store, table_of
from catalog.history.unit import Unit
from catalog.model import Asset
from catalog.naming import id_text
from catalog.search.follower import Follower
from catalog.settings import Settings
from catalog.wiring import make_engine, open_store
from tests.benchmarks.common import tables
from tests.support.crawls import FakeSource

FOLDER = Path("build") / "benchmark-homes"
CURATED = 200
"""Tables with description, tag, owner, flag and described columns: what look-ups ask for."""


def home(count: int) -> Path:
    """The home folder of a store with this many tables; made when it is not there."""
    folder = (FOLDER / str(count)).absolute()
    if (folder / "complete").is_file():
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    settings = Settings(home=folder, disk_reserve=0)
    store = open_store(settings)
    try:
        migrate.upgrade(store)
        if count:
            source = FakeSource(store)
            source.put(*tables(count))
            source.run()
        names = _curate(store)
        token = store.run(_token, "system")
        engine = make_engine(settings)
        Follower(store, engine).catch_up()
        engine.close()
    finally:
        store.close()
    (folder / "token").write_text(token, encoding="utf-8")
    (folder / "names").write_text("\n".join(names), encoding="utf-8")
    (folder / "complete").touch()
    return folder


def names(folder: Path) -> list[str]:
    """Canonical names of curated tables."""
    return (folder / "names").read_text(encoding="utf-8").splitlines()


def token(folder: Path) -> str:
    """A viewer's token."""
    return (folder / "token").read_text(encoding="utf-8")


def _token(unit: Unit) -> str:
    return tokens.create_token(unit, SYSTEM, "bench", role="editor", service=True).token


def _curate(store: Store) -> list[str]:
    table = table_of(Asset)
    with store.connect() as connection:
        rows = connection.execute(
            table.select().where(table.c.kind == "table").order_by(table.c.sort).limit(CURATED)
        ).all()

    def work(unit: Unit) -> None:
        users.create_user(unit, SYSTEM, "ann", role="editor", name="Ann Analyst")

    store.run(work, "system")
    for row in rows:
        uid = id_text(row.uid)

        def write(unit: Unit, uid: str = uid) -> None:
            patch = FactPatch(
                description="Orders, one row each, since 2019.",
                owners=[OwnerPatch("ann", "technical")],
                tags=[TagPatch("pii/email")],
                flag=FlagPatch("endorsed", "checked"),
            )
            edit(unit, SYSTEM, uid, None, patch)

        store.run(write, "system")
    return [f"postgres://db:5432/{row.name}" for row in rows]


if __name__ == "__main__":
    sys.stdout.write(f"{home(int(sys.argv[1]))}\n")
