"""Namespaces that move and merge."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from catalog.access.viewer import SYSTEM, Viewer
from catalog.assets.namespaces import NamespaceEdit, namespaces, rename_namespace
from catalog.assets.resolve import resolve
from catalog.errors import BadInput, NotAllowed, NotFound
from catalog.history.store import Store, table_of
from catalog.model import Change
from tests.unit.assets.estate import WAREHOUSE, Estate

NEW = "postgres://new.example.com:5432"


@pytest.fixture
def estate(store: Store) -> Estate:
    made = Estate(store)
    made.source("wh")
    for number in range(3):
        made.asset(WAREHOUSE, f"shop.public.t{number}", source="wh")
    return made


def rename(estate: Estate, before: str, after: str, *, dry_run: bool = False) -> NamespaceEdit:
    with estate.store.write("user:test") as unit:
        return rename_namespace(unit, SYSTEM, before, after, dry_run=dry_run)


def key_of(estate: Estate, name: str) -> int:
    with estate.store.connect() as connection:
        return resolve(connection, SYSTEM, name).key


def changes(estate: Estate) -> int:
    with estate.store.connect() as connection:
        statement = select(func.count()).select_from(table_of(Change))
        return connection.execute(statement).scalar_one()


def test_a_move_is_one_change_and_the_old_name_stays(estate: Estate) -> None:
    before = changes(estate)
    dry = rename(estate, WAREHOUSE, NEW, dry_run=True)
    assert (dry.moved, dry.merged, dry.done, changes(estate)) == (3, 0, False, before)
    rename(estate, WAREHOUSE, NEW)
    assert changes(estate) == before + 1
    assert key_of(estate, f"{NEW}/shop.public.t1") == key_of(estate, f"{WAREHOUSE}/shop.public.t1")
    with estate.store.connect() as connection:
        (only,) = namespaces(connection, SYSTEM)
    assert (only.namespace, only.assets, only.aliases) == (NEW, 3, [WAREHOUSE])


def test_and_back_again(estate: Estate) -> None:
    key = key_of(estate, f"{WAREHOUSE}/shop.public.t1")
    rename(estate, WAREHOUSE, NEW)
    rename(estate, NEW, WAREHOUSE)
    with estate.store.connect() as connection:
        (only,) = namespaces(connection, SYSTEM)
    assert (only.namespace, only.aliases) == (WAREHOUSE, [NEW])
    assert key_of(estate, f"{NEW}/shop.public.t1") == key


def test_two_that_are_one_merge_what_they_both_have(estate: Estate) -> None:
    kept = estate.asset(NEW, "shop.public.t1", source="wh")
    dropped = estate.id(key_of(estate, f"{WAREHOUSE}/shop.public.t1"))
    done = rename(estate, WAREHOUSE, NEW)
    assert (done.moved, done.merged) == (2, 1)
    assert key_of(estate, f"{WAREHOUSE}/shop.public.t1") == kept
    assert key_of(estate, dropped) == kept
    assert key_of(estate, f"{NEW}/shop.public.t2") == key_of(estate, f"{WAREHOUSE}/shop.public.t2")


def test_what_cannot_be(estate: Estate) -> None:
    with pytest.raises(NotFound):
        rename(estate, "postgres://nowhere:5432", NEW)
    for after in ("s3://bucket", WAREHOUSE):
        with pytest.raises(BadInput):
            rename(estate, WAREHOUSE, after)
    with pytest.raises(NotAllowed), estate.store.write("user:1") as unit:
        rename_namespace(unit, Viewer(actor="user:1", role="steward"), WAREHOUSE, NEW)
