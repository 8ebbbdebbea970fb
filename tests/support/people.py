"""What people write in a play, and the facts that must stand for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from catalog.access import users
from catalog.access.viewer import Viewer
from catalog.curation.edit import flag_item
from catalog.curation.patch import FactPatch, FlagPatch, OwnerPatch, TagPatch
from catalog.history.setup import create_all
from catalog.history.store import Store

ROOT = users.local_viewer("root")


def person(viewer: Viewer) -> str:
    return _PERSONS[viewer.actor]


_PERSONS: dict[str, str] = {}


def patch_of(what: str, value: int, viewer: Viewer) -> tuple[FactPatch, dict[str, Any]]:
    """A patch, and the facts (item -> value) that then stand for the property."""
    choice = value % 3
    match what:
        case "description":
            text = (None, "what it is", "")[choice]
            return FactPatch(description=text), {} if text is None else {"": text}
        case "tag":
            tags = ([], ["pii/email"], ["pii/email", "gold"])[choice]
            return FactPatch(tags=[TagPatch(tag) for tag in tags]), dict.fromkeys(tags)
        case "owner":
            if choice == 0:
                return FactPatch(owners=None), {}
            if choice == 1:
                return FactPatch(owners=[]), {"": None}
            return FactPatch(owners=[OwnerPatch("ann")]), {f"{_PERSONS['ann']}/owner": None}
        case _:
            if choice == 0:
                return FactPatch(flag=None), {}
            kind = ("endorsed", "warned")[choice - 1]
            made = {"kind": kind, "reason": None}
            return FactPatch(flag=FlagPatch(kind)), {person(viewer): made}


def remember_persons(store: Store, people: list[Viewer]) -> None:
    with store.connect() as connection:
        for viewer, login in zip(people, ("ann", "bob"), strict=True):
            _PERSONS[viewer.actor] = _PERSONS[login] = flag_item(connection, viewer)


def make_template(path: Path) -> None:
    """A store with two editors, to be copied for each run."""
    made = Store(f"sqlite:///{path}", disk_reserve=0)
    create_all(made.engine)
    make_editors(made)
    with made.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    made.close()


def make_editors(store: Store) -> None:
    """Two stewards, ann and bob."""
    with store.write(ROOT.actor) as unit:
        for login in ("ann", "bob"):
            users.create_user(unit, ROOT, login, role="steward", email=f"{login}@example.com")
