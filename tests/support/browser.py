"""A real browser over a real server on the demo estate; once per test process.

``site`` is the served estate, ``visit(...)`` opens a page as a role: with a theme, a width, with
or without JavaScript. Every page that is opened this way fails its test when it logs an error,
raises one, breaks the content policy, or asks another host for anything.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.benchmarks.serving import free_port

INSTALL = "apt-get install chromium"
ROLES = ("viewer", "editor", "steward", "admin")
Visit = Callable[..., Any]


def chromium() -> str:
    """The path of Chromium; the test is skipped, or fails in CI, where there is none."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        found = shutil.which(name)
        if found:
            return found
    reason = f"Chromium is not installed: {INSTALL}"
    if os.environ.get("CATALOG_TESTS_REQUIRE_ALL") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


@dataclass
class Site:
    """A served home. ``cookies``: role -> session cookie of a user named like it."""

    home: Path
    port: int
    cookies: dict[str, str] = field(default_factory=dict)
    token: str = ""

    @property
    def url(self) -> str:
        """Where it is served."""
        return f"http://127.0.0.1:{self.port}"

    def cli(self, *arguments: str) -> str:
        """What a command prints."""
        done = subprocess.run(
            [sys.executable, "-m", "catalog", *arguments],
            env=environment(self.home),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode in (0, 3), done.stderr + done.stdout  # 3: done in part
        return done.stdout.strip()

    def api(self, path: str, method: str = "GET", body: Any = None) -> Any:
        """A reply of the API, as an admin."""
        request = urllib.request.Request(
            self.url + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"authorization": f"Bearer {self.token}", "content-type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=20) as reply:
                text = reply.read()
        except urllib.error.HTTPError as error:
            with error:
                raise RuntimeError(f"{method} {path}: {error.code} {error.read()!r}") from None
        return json.loads(text) if text else None

    def asset(self, name: str) -> str:
        """The public id of an asset by any form of its name."""
        from urllib.parse import quote

        return str(self.api(f"/api/v1/assets/by-name?name={quote(name, safe='')}")["id"])

    def sign_in(self, role: str) -> str:
        """A new session of the role's user, by a login link; the cookie."""
        link = self.cli("login-link", role)
        path = urlsplit(link).path

        class Stay(urllib.request.HTTPRedirectHandler):
            def redirect_request(self, *_: Any) -> None:
                return None

        with pytest.raises(urllib.error.HTTPError) as raised:
            urllib.request.build_opener(Stay).open(self.url + path, timeout=20)
        answer = raised.value
        answer.close()
        assert answer.code == 303, answer
        return str(answer.headers["set-cookie"].split(";", 1)[0].partition("=")[2])


def environment(home: Path) -> dict[str, str]:
    """Variables of a process over this home."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CATALOG_")}
    kept.pop("PYTHONDONTWRITEBYTECODE", None)
    return kept | {"CATALOG_HOME": str(home), "CATALOG_DISK_RESERVE": "0"}


@contextmanager
def serving(home: Path, users: bool = True) -> Iterator[Site]:
    """Serves a home; with ``users`` one of each role is added and signed in."""
    site = Site(home, free_port())
    if users:
        for role in ROLES:
            site.cli("user", "add", role, "--role", role)
    site.token = json.loads(
        site.cli("token", "create", "--role", "admin", "--name", "t", "--json")
    )["token"]
    process = subprocess.Popen(
        [sys.executable, "-m", "catalog", "serve", "--port", str(site.port)],
        env=environment(home),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait(site, process)
        if users:
            site.cookies = {role: site.sign_in(role) for role in ROLES}
        yield site
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
    log = home / "logs" / "catalog.log"
    text = log.read_text(encoding="utf-8") if log.is_file() else ""
    assert "Traceback" not in text, text[-6000:]


def _wait(site: Site, process: subprocess.Popen[bytes]) -> None:
    for _ in range(200):
        assert process.poll() is None, "the server ended"
        try:
            with urllib.request.urlopen(f"{site.url}/api/v1/health", timeout=2):
                return
        except OSError:
            time.sleep(0.1)
    raise AssertionError("the server does not answer")


@pytest.fixture(scope="session")
def demo_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo estate, crawled."""
    home = tmp_path_factory.mktemp("demo") / "home"
    Site(home, 0).cli("demo", "--no-serve", "--home", str(home))
    return home


@pytest.fixture(scope="session")
def site(demo_home: Path) -> Iterator[Site]:
    """The demo estate, served."""
    chromium()
    with serving(demo_home) as found:
        yield found


@pytest.fixture(scope="module")
def chrome() -> Iterator[Any]:
    """The browser. It ends with the module: while it lives, an event loop runs in this thread,
    and other tests could not start theirs."""
    from playwright.sync_api import sync_playwright

    path = chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path,
            args=["--no-sandbox", "--disable-gpu", "--no-first-run",
                  "--disable-background-networking", "--disable-component-update",
                  "--disable-sync"],
        )  # fmt: skip
        yield browser
        browser.close()


@pytest.fixture
def visit(site: Site, chrome: Any) -> Iterator[Visit]:
    """``visit(path, role="admin", theme="light", width=1440, js=True)`` opens a page."""
    with visiting(site, chrome) as found:
        yield found


@contextmanager
def visiting(site: Site, chrome: Any) -> Iterator[Visit]:
    """The visits of one test to a site; what went wrong on them fails it at the end."""
    wrong: list[str] = []
    contexts: list[Any] = []

    def visit(
        path: str,
        *,
        role: str | None = "admin",
        theme: str = "light",
        width: int = 1440,
        js: bool = True,
        zone: str = "UTC",
        expect: int = 200,
    ) -> Any:
        context = chrome.new_context(
            viewport={"width": width, "height": 844 if width < 768 else 900},
            color_scheme=theme,
            java_script_enabled=js,
            timezone_id=zone,
        )
        contexts.append(context)
        context.set_default_timeout(15_000)
        if role is not None:
            context.add_cookies(
                [{"name": "catalog_session", "value": site.cookies[role], "url": site.url}]
            )
        page = context.new_page()
        watch(page, site.url, wrong)
        answer = page.goto(site.url + path)
        assert answer.status == expect, (path, answer.status)
        return page

    yield visit
    for context in contexts:
        context.close()
    assert not wrong, "\n".join(wrong)


def watch(page: Any, url: str, wrong: list[str]) -> None:
    """Notes errors, dialogs and requests to other hosts."""
    page.on("pageerror", lambda error: wrong.append(f"{page.url}: {error}"))
    page.on("dialog", lambda dialog: _note_dialog(page, dialog, wrong))
    page.on("console", lambda said: _note_console(page, said, wrong))
    page.on("request", lambda request: _note_request(request.url, url, wrong))


def _note_dialog(page: Any, dialog: Any, wrong: list[str]) -> None:
    wrong.append(f"{page.url}: a dialog says {dialog.message}")
    dialog.dismiss()


def _note_console(page: Any, said: Any, wrong: list[str]) -> None:
    refused = "status of 4" in said.text and said.location.get("url") == page.url
    if said.type == "error" and not refused:  # a page that was refused, not a part of one
        wrong.append(f"{page.url}: {said.text}")


def _note_request(asked: str, url: str, wrong: list[str]) -> None:
    if not asked.startswith(url) and not asked.startswith("about:"):
        wrong.append(f"asked another host: {asked}")
