"""Sources: add, edit, rename, pause; secrets never told; who may see what."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from catalog.access.expression import Equals
from catalog.access.viewer import SYSTEM, Viewer, install_policy
from catalog.errors import BadInput, Conflict, NotAllowed, NotFound, Precondition
from catalog.history.store import Store
from catalog.model import Change, Source, clock
from catalog.sources import reads, schedules, sources
from catalog.sources.configs import suggest_name
from catalog.sources.views import SourceView
from tests.unit.sources.support import add_asset, add_crawl, add_source, rows

ADMIN = SYSTEM
READER = Viewer("user:2", "viewer")
PG = {"host": "db.example.com", "database": "shop", "user": "me", "password": "c4n4ry"}


@pytest.fixture(autouse=True)
def _keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    from catalog.settings import settings

    monkeypatch.setenv("CATALOG_HOME", str(tmp_path))
    settings.cache_clear()
    yield
    settings.cache_clear()


def create(store: Store, kind: str = "postgres", config: Any = PG, **more: Any) -> SourceView:
    return store.run(lambda unit: sources.create(unit, ADMIN, kind, config, **more), "user:1")


def edit(store: Store, name: str, changes: dict[str, Any], **more: Any) -> SourceView:
    return store.run(lambda unit: sources.edit(unit, ADMIN, name, changes, **more), "user:1")


def get(store: Store, name: str, viewer: Viewer = ADMIN) -> SourceView:
    with store.read() as session:
        return reads.get_source(session, viewer, name)


def test_create_and_read(store: Store) -> None:
    made = create(store, name="wh", schedule="2h", title=" Shop ", rank=3)
    assert made == get(store, "wh") == get(store, made.id)
    assert (made.state, made.title, made.rank, made.version) == ("active", "Shop", 3, 1)
    assert made.namespaces == ("postgres://db.example.com:5432",)
    assert made.config is not None
    assert made.config["password"] == "***"
    assert made.schedule == {"every": "2h"}
    assert made.next_runs is not None
    assert len(made.next_runs) == 5
    assert made.next_runs[1] - made.next_runs[0] == 2 * clock.HOUR


def test_the_secret_is_nowhere(store: Store) -> None:
    create(store, name="wh")
    edit(store, "wh", {"config": {**PG, "password": "c4n4ry-2"}})
    told = "".join(str(tuple(row)) for model in (Source, Change) for row in rows(store, model))
    assert "c4n4ry" not in told
    assert "***" in told
    with pytest.raises(BadInput) as caught:
        create(store, config={**PG, "port": "c4n4ry"})
    assert "c4n4ry" not in f"{caught.value} {caught.value.details}"


def test_every_write_is_one_change_and_writing_the_same_is_none(store: Store) -> None:
    create(store, name="wh")
    edit(store, "wh", {"title": "Shop"})
    edit(store, "wh", {"title": "Shop", "config": PG | {"password": ""}})
    store.run(lambda unit: sources.move(unit, ADMIN, "wh", "shop"), "user:1")
    store.run(lambda unit: sources.pause(unit, ADMIN, "shop", True), "user:1")
    store.run(lambda unit: sources.pause(unit, ADMIN, "shop", True), "user:1")
    store.run(lambda unit: sources.pause(unit, ADMIN, "shop", False), "user:1")
    changes = rows(store, Change)
    assert [row.what for row in changes] == ["created", "edited", "renamed", "paused", "resumed"]
    assert (changes[1].before, changes[1].after) == ('{"title":null}', '{"title":"Shop"}')
    assert get(store, "shop").version == 5


def test_a_config_edit_keeps_the_secret_but_not_for_another_host(store: Store) -> None:
    create(store, name="wh")
    from catalog.sources.configs import config_class
    from catalog.sources.secrets import open_secrets

    edit(store, "wh", {"config": {**PG, "password": "", "exclude": ["*.tmp"]}})
    import json

    kept = open_secrets(json.loads(rows(store, Source)[0].config), config_class("postgres"))
    assert (kept["password"], kept["exclude"]) == ("c4n4ry", ["*.tmp"])
    with pytest.raises(BadInput, match="again"):
        edit(store, "wh", {"config": {**PG, "password": "", "host": "evil.example.com"}})
    moved = edit(store, "wh", {"config": {**PG, "host": "new.example.com"}})
    assert moved.namespaces == ("postgres://new.example.com:5432",)


def test_if_match(store: Store) -> None:
    create(store, name="wh")
    edit(store, "wh", {"title": "a"}, if_match=1)
    with pytest.raises(Precondition) as caught:
        edit(store, "wh", {"title": "b"}, if_match=1)
    assert caught.value.details["current"] == get(store, "wh")
    assert get(store, "wh").title == "a"


@pytest.mark.parametrize("name", ["", "Wh", "1wh", "a.b", "a b", "ä", "-a", "a" * 64, "a/b", "a\n"])
def test_names_that_are_none(store: Store, name: str) -> None:
    with pytest.raises(BadInput, match="short name"):
        create(store, name=name)


def test_a_taken_name_is_refused_with_another_one(store: Store) -> None:
    create(store, name="wh")
    with pytest.raises(Conflict, match="wh-2"):
        create(store, name="wh")
    create(store, name="lake", kind="local", config={"path": "/srv/lake"})
    with pytest.raises(Conflict):
        store.run(lambda unit: sources.move(unit, ADMIN, "lake", "wh"), "user:1")


@pytest.mark.parametrize(
    ("target", "kind", "name"),
    [
        ("/srv/lake", "local", "lake"),
        ("/srv/Big Lake/", "local", "big-lake"),
        ("/srv/app/orders.db", "sqlite", "orders"),
        ("shop.duckdb", "duckdb", "shop"),
        ("postgresql://me:pa55@db.example.com:5432/shop?x=pa55", "postgres", "shop"),
        ("postgresql://wh.example.com/", "postgres", "wh"),
        ("postgresql://localhost/", "postgres", "postgres"),
        ("/data", "local", "local"),
        ("/2024", "local", "local"),
        ("/ümläut", "local", "ml-ut"),
        ("", "local", "local"),
        ("/" + "x" * 100, "local", "x" * 63),
    ],
)
def test_suggested_names(target: str, kind: str, name: str) -> None:
    assert suggest_name(target, kind) == name
    second = suggest_name(target, kind, {name})
    assert second == f"{name[:58]}-2"
    assert suggest_name(target, kind, {name, second}).endswith("-3")


def test_what_is_wrong_is_said_by_field(store: Store) -> None:
    with pytest.raises(BadInput, match="colour") as caught:
        create(store, config={**PG, "colour": "red", "port": 0})
    assert {one["field"] for one in caught.value.details["errors"]} >= {"colour"}
    with pytest.raises(BadInput, match="Installed kinds"):
        create(store, kind="os.system")
    for settings in ({"rank": "1"}, {"rank": True}, {"brake_percent": 101}, {"title": 5},
                     {"version": 3}, {"schedule": "often"}):  # fmt: skip
        with pytest.raises(BadInput):
            create(store, name="x", **settings)
    assert rows(store, Source) == []


def test_push_sources(store: Store) -> None:
    made = create(store, "push", {"namespaces": ["postgresql://h:1/", "s3a://lake"]}, name="p")
    assert made.namespaces == ("postgres://h:1", "s3://lake")
    with pytest.raises(BadInput, match="namespaces"):
        create(store, "push", {"namespaces": []}, name="q")
    with pytest.raises(BadInput, match="no schedule"):
        edit(store, "p", {"schedule": "1d"})


def test_a_schedule_starts_and_ends_and_is_not_caught_up_after_a_pause(store: Store) -> None:
    create(store, name="wh", schedule={"cron": "0 3 * * *", "zone": "Europe/Berlin"})
    store.run(lambda unit: sources.pause(unit, ADMIN, "wh", True), "user:1")
    later = clock.now() + 10 * clock.DAY
    with store.read() as session:
        assert schedules.due(session, later) == []
    assert get(store, "wh").next_runs == ()
    with clock.fixed(lambda: later):
        store.run(lambda unit: sources.pause(unit, ADMIN, "wh", False), "user:1")
        runs = get(store, "wh").next_runs
        assert runs is not None
        assert runs[0] > later
        edit(store, "wh", {"schedule": None})
        assert get(store, "wh").schedule is None


def test_only_admins_write(store: Store) -> None:
    create(store, name="wh")
    steward = Viewer("user:3", "steward")
    for write in (
        lambda unit: sources.create(unit, steward, "postgres", PG, name="x"),
        lambda unit: sources.edit(unit, steward, "wh", {"title": "x"}),
        lambda unit: sources.move(unit, steward, "wh", "x"),
        lambda unit: sources.pause(unit, steward, "wh", True),
    ):
        with pytest.raises(NotAllowed):
            store.run(write, "user:3")


def test_others_see_name_kind_and_state_only(store: Store) -> None:
    create(store, name="wh", schedule="1d")
    (seen,) = _listed(store, READER)
    assert (seen.name, seen.kind, seen.state) == ("wh", "postgres", "active")
    hidden = (seen.config, seen.namespaces, seen.schedule, seen.next_runs, seen.version, seen.rank)
    assert set(hidden) == {None}
    assert get(store, "wh", READER) == seen


def _listed(store: Store, viewer: Viewer, **more: Any) -> tuple[SourceView, ...]:
    with store.read() as session:
        return reads.list_sources(session, viewer, **more)


def test_a_source_without_visible_assets_is_not_there(store: Store) -> None:
    wh, lake = add_source(store, "wh"), add_source(store, "lake")
    add_asset(store, wh, "a")
    add_asset(store, lake, "b")
    before = install_policy(lambda _viewer: Equals("source", "wh"))
    try:
        assert [one.name for one in _listed(store, READER)] == ["wh"]
        with pytest.raises(NotFound) as caught:
            get(store, "lake", READER)
        assert "lake" not in caught.value.details["did_you_mean"]
        assert len(_listed(store, ADMIN)) == 2
    finally:
        install_policy(before)


def test_the_list_shows_the_last_crawl_in_a_constant_number_of_queries(store: Store) -> None:
    for name in ("a", "b", "c"):
        source = add_source(store, name)
        add_crawl(store, source, "failed")
        add_crawl(store, source, "succeeded")
    found = _listed(store, ADMIN)
    assert [one.last_crawl.state for one in found if one.last_crawl] == ["succeeded"] * 3
    assert _listed(store, ADMIN, kind="local") == ()


def test_an_unknown_source_with_names_that_are_near(store: Store) -> None:
    create(store, name="warehouse")
    with pytest.raises(NotFound, match="warehouse"):
        get(store, "wharehouse")
