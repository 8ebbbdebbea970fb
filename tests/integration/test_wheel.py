"""The wheel, outside the checkout: two import packages, and it serves."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.xdist_group("wheel")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout."""
    target = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "-d", str(target)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    return next(target.glob("*.whl"))


def test_it_holds_two_import_packages_with_pages_and_migrations(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names if not name.split("/")[0].endswith(".dist-info")}
    assert tops == {"catalog", "crawlers"}
    assert any(re.fullmatch(r"catalog/_migrations/versions/0001_\w+\.py", name) for name in names)
    assert "catalog/_migrations/env.py" in names


def test_it_serves_from_a_new_environment(wheel: Path, tmp_path: Path) -> None:
    environment = tmp_path / "env"
    venv.create(environment, with_pip=False)
    python = environment / "bin" / "python"
    site = next((environment / "lib").glob("python*/site-packages"))
    # The dependencies are those of this environment; the product is the wheel's alone.
    here = Path(next(path for path in sys.path if path.endswith("site-packages")))
    zipfile.ZipFile(wheel).extractall(site)
    (site / "dependencies.pth").write_text(f"{here}\n")
    for finder in here.glob("_catalog_service*.pth"):
        assert finder.is_file()
    home = tmp_path / "home"
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("CATALOG_", "PYTHON"))}
    clean["CATALOG_HOME"] = str(home)

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(python), "-m", "catalog", *arguments],
            cwd=tmp_path,
            env=clean,
            capture_output=True,
            text=True,
            check=False,
        )

    where = subprocess.run(
        [str(python), "-c", "import catalog; print(catalog.__file__)"],
        cwd=tmp_path,
        env=clean,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    assert where.startswith(str(site)), "the wheel's package, not the checkout's"
    made = run("db", "upgrade")
    assert made.returncode == 0, made.stderr
    server = subprocess.Popen(
        [str(python), "-m", "catalog", "serve", "--port", "8971"],
        cwd=tmp_path,
        env=clean,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    try:
        assert _answer("http://127.0.0.1:8971/api/v1/health") == b'{"status":"ok"}'
        page = _answer("http://127.0.0.1:8971/login")
        assert b"Sign in" in page
        sheet = page.partition(b'rel="stylesheet" href="')[2].partition(b'"')[0].decode()
        assert b"--accent" in _answer(f"http://127.0.0.1:8971{sheet}")
    finally:
        server.send_signal(signal.SIGTERM)
        server.communicate(timeout=20)
    assert server.returncode == 0, "a clean stop on SIGTERM"


def _answer(url: str) -> bytes:
    end = time.monotonic() + 20
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5) as reply:
                return bytes(reply.read())
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)
