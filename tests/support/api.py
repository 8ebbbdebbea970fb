"""Fixture ``api``: the real application over a fresh SQLite store, users and tokens of all roles.

``api.get(path, who="viewer", **params)`` and ``api.call(method, path, who=...)`` ask as a role
(``viewer`` ... ``admin``), as ``None`` (nobody), or with a token that begins with ``cat_``.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from catalog.access import sessions, tokens, users
from catalog.access.viewer import Viewer
from catalog.app import create_app
from catalog.history import cursor
from catalog.history.setup import create_all
from catalog.history.store import Store
from catalog.settings import Settings, settings
from catalog.types import ROLES
from catalog.wiring import Catalog, open_catalog

ROOT = users.local_viewer("root")


@dataclass
class Api:
    """The application and who may ask it. ``tokens``: role -> token of a user of that role."""

    app: FastAPI
    catalog: Catalog
    client: TestClient
    tokens: dict[str, str] = field(default_factory=dict)

    @property
    def store(self) -> Store:
        """The store behind it."""
        return self.catalog.store

    def headers(self, who: str | None = "admin") -> dict[str, str]:
        """The header that says who asks: a role, a token, or None."""
        if who is None:
            return {}
        token = who if who.startswith(tokens.PREFIX) else self.tokens[who]
        return {"authorization": f"Bearer {token}"}

    def call(self, method: str, path: str, who: str | None = "admin", **more: Any) -> Any:
        """One request; ``more`` goes to the client (json, params, content, headers)."""
        headers = {**self.headers(who), **more.pop("headers", {})}
        return self.client.request(method, path, headers=headers, **more)

    def get(self, path: str, who: str | None = "admin", **params: Any) -> Any:
        """GET with query parameters."""
        return self.call("GET", path, who, params=params)

    def post(self, path: str, who: str | None = "admin", **more: Any) -> Any:
        """POST."""
        return self.call("POST", path, who, **more)

    def patch(self, path: str, who: str | None = "admin", **more: Any) -> Any:
        """PATCH."""
        return self.call("PATCH", path, who, **more)

    def put(self, path: str, who: str | None = "admin", **more: Any) -> Any:
        """PUT."""
        return self.call("PUT", path, who, **more)

    def delete(self, path: str, who: str | None = "admin", **more: Any) -> Any:
        """DELETE."""
        return self.call("DELETE", path, who, **more)

    def viewer(self, role: str = "admin") -> Viewer:
        """The viewer of the role's user, for calls below the API."""
        with self.store.read() as session:
            return users.viewer_as(session, role)

    def token(self, *scopes: str, role: str = "admin") -> str:
        """A new token of the role's user, limited to scopes."""
        viewer = self.viewer(role)
        if any(scope.startswith("ingest:") for scope in scopes) and role != "admin":
            return self.service_token(*scopes, role=role)
        with self.store.write(viewer.actor) as unit:
            return tokens.create_token(unit, viewer, "test", scopes=scopes).token

    def service_token(self, *scopes: str, role: str = "viewer") -> str:
        """A token of a service, as `catalog token create` makes it."""
        with self.store.write(ROOT.actor) as unit:
            made = tokens.create_token(unit, ROOT, "service", role=role, scopes=scopes)
        return made.token

    def cookie(self, role: str = "viewer") -> str:
        """The cookie value of a new session of the role's user."""
        with self.store.write("system") as unit:
            return sessions.start_session(unit, self.viewer(role)).cookie


def make_users(store: Store) -> dict[str, str]:
    """A user per role, named like it, with a token that may what the role may."""
    made: dict[str, str] = {}
    with store.write(ROOT.actor) as unit:
        for role in ROLES:
            users.create_user(unit, ROOT, role, role=role, email=f"{role}@example.com")
    for role in ROLES:
        with store.write(ROOT.actor) as unit:
            viewer = users.viewer_as(unit.session, role)
            made[role] = tokens.create_token(unit, viewer, f"{role}'s").token
    return made


@pytest.fixture(scope="session")
def _store_template(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """A store with the users in it, made once and copied for each test."""
    path = tmp_path_factory.mktemp("template") / "catalog.db"
    made = Store(f"sqlite:///{path}", disk_reserve=0)
    create_all(made.engine)
    found = make_users(made)
    with made.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    made.close()
    return path, found


@pytest.fixture
def api_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    """Settings of a home of the test's own, also for what asks `settings()`."""
    home = tmp_path / "home"
    monkeypatch.setenv("CATALOG_HOME", str(home))
    monkeypatch.setenv("CATALOG_DISK_RESERVE", "0")
    for name in ("CATALOG_DATABASE_URL", "CATALOG_SECRET_KEYS", "CATALOG_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    settings.cache_clear()
    yield settings()
    settings.cache_clear()


@pytest.fixture
def api(api_settings: Settings, _store_template: tuple[Path, dict[str, str]]) -> Iterator[Api]:
    """The application without background work: what it enqueues waits in the queue."""
    template, found = _store_template
    api_settings.make_home()
    shutil.copyfile(template, api_settings.home / "catalog.db")
    with running(api_settings, found) as made:
        yield made


@contextmanager
def running(settings: Settings, found: dict[str, str]) -> Iterator[Api]:
    """The application over the store in the settings' home; ``found``: role -> token."""
    catalog = open_catalog(settings, check=False)
    before = cursor.install_secret(b"test")
    app = create_app(catalog)
    try:
        with TestClient(app, raise_server_exceptions=False) as client:
            yield Api(app, catalog, client, dict(found))
    finally:
        cursor.install_secret(before)
        catalog.close()
