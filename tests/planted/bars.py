"""Each bar of the benchmarks is missed under a planted fault: ``make bench-faults``.

``python -m tests.planted.bars [NAME...]``: faults of `tests.planted.costly`, or those of the
benchmarks of these names; else all. The very benchmark runs twice, sound and faulty, in processes
of its own. Exits 1 when a fault was not noticed, or when a bar has no fault.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final

import psutil

from catalog.model import metadata
from tests.benchmarks import big
from tests.planted.costly import FAULTS, HOME, Costly

ROOT: Final = Path(__file__).parents[2]
CLEARLY: Final = 1.25
"""How many times worse than the sound figure a faulty one must be: no noise of the machine."""
ATTEMPTS: Final = 5
QUIET_PERCENT, QUIET_SECONDS = 30.0, 30
Figures = dict[str, dict[str, Any]]


def main(names: Sequence[str]) -> int:
    """Runs the faults; 1 if one was not noticed."""
    known = {one.name for one in FAULTS} | {one.run[0] for one in FAULTS}
    unknown = [name for name in names if name not in known]
    if unknown:
        sys.exit(f"there is no fault {unknown[0]!r}; there are: {', '.join(sorted(known))}")
    chosen = [one for one in FAULTS if not names or one.name in names or one.run[0] in names]
    began = time.monotonic()
    _homes()
    noticed = True
    print(f"{'fault':<40} {'bar':<60} {'sound':>10} {'faulty':>10}")
    sound: dict[tuple[str, ...], Figures] = {}
    for run in dict.fromkeys(one.run for one in chosen):
        faults = [one for one in chosen if one.run == run]
        sound[run] = _sound(run, [pattern for one in faults for pattern in one.missed])
        for one in faults:
            noticed = _try(one, sound[run]) and noticed
    if not names:
        noticed = _all_bars_have_faults(sound) and noticed
    print(f"{len(chosen)} faults in {time.monotonic() - began:,.0f} s")
    return 0 if noticed else 1


def _try(fault: Costly, sound: Figures) -> bool:
    """Prints a row for each bar that the fault must miss; whether it misses them all.

    A sound run beside other work may be too slow to tell from a faulty one: both run once more.
    """
    whole, rows = _compared(fault, sound, _figures(fault.run, fault.name))
    if not whole:
        sound = _sound(fault.run, fault.missed)
        whole, rows = _compared(fault, sound, _figures(fault.run, fault.name))
    print("\n".join(rows), flush=True)
    return whole


def _compared(fault: Costly, sound: Figures, faulty: Figures) -> tuple[bool, list[str]]:
    """(whether each bar that the fault must miss is missed, the printed rows)."""
    whole = True
    rows = []
    for pattern in fault.missed:
        found = [what for what in sound if fnmatchcase(what, pattern)]
        if not found:
            rows.append(f"{fault.name:<40} no figure is named {pattern}")
            whole = False
        for what in found:
            before, after = sound[what], _same(what, pattern, faulty)
            good = before["holds"] and after is not None and clearly_misses(before, after)
            whole = whole and good
            said = f"{what} ({before['bar']})"
            later = "-" if after is None else f"{after['figure']:,.2f}"
            mark = "noticed" if good else "NOT NOTICED"
            mark += "" if before["holds"] else ": the sound product misses it too"
            figures = f"{before['figure']:>10,.2f} {later:>10}"
            rows.append(f"{fault.name:<40} {said:<60} {figures}  {mark}")
    return whole, rows


def _same(what: str, pattern: str, figures: Figures) -> dict[str, Any] | None:
    """The figure of this name; one that tells in its name how much was measured, by pattern."""
    fitting = [one for name, one in figures.items() if fnmatchcase(name, pattern)]
    return figures.get(what, fitting[0] if len(fitting) == 1 else None)


def clearly_misses(sound: Mapping[str, Any], faulty: Mapping[str, Any]) -> bool:
    """Whether the faulty figure misses its bar, and by more than two runs differ."""
    before, after = sound["figure"], faulty["figure"]
    worse, better = (before, after) if sound["bar"].startswith("at least") else (after, before)
    return faulty["holds"] is False and worse > CLEARLY * better


def _sound(run: Sequence[str], patterns: Iterable[str]) -> Figures:
    """Figures of the product as it is; again where a busy machine misses a bar that is asked."""
    patterns = list(patterns)
    best: Figures = {}
    for attempt in range(ATTEMPTS):
        if attempt:
            _wait_for_quiet()
        for what, figure in _figures(run).items():
            if what not in best or (figure["holds"] and not best[what]["holds"]):
                best[what] = figure
        asked = [what for what in best if any(fnmatchcase(what, one) for one in patterns)]
        if all(best[what]["holds"] for what in asked):
            break
    return best


def _wait_for_quiet() -> None:
    """Others use the machine too; waits until they rest, though not for ever."""
    for _ in range(QUIET_SECONDS):
        if psutil.cpu_percent(1.0) < QUIET_PERCENT:
            return


def _figures(run: Sequence[str], planted: str = "") -> Figures:
    """What a benchmark measures, by name, with a fault in it and in all that it starts."""
    environment = dict(os.environ)
    if planted:
        path = [str(ROOT / "tests" / "planted" / "started"), str(ROOT)]
        environment |= {"CATALOG_PLANTED": planted, "PYTHONPATH": os.pathsep.join(path)}
    name, *arguments = run
    done = subprocess.run(
        [sys.executable, "-m", f"tests.benchmarks.{name}", *arguments],
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
        cwd=ROOT,
    )
    if done.returncode:
        print(f"{name} failed with {done.returncode}, fault: {planted or 'none'}", file=sys.stderr)
    rows = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return {row["what"]: row for row in rows}


def _all_bars_have_faults(sound: Mapping[tuple[str, ...], Figures]) -> bool:
    """Whether a fault misses each bar of the benchmarks; names those that none does."""
    patterns = [pattern for one in FAULTS for pattern in one.missed]
    bars = {what for found in sound.values() for what, one in found.items() if one["bar"]}
    left = sorted(w for w in bars if not any(fnmatchcase(w, pattern) for pattern in patterns))
    for what in left:
        print(f"NO FAULT misses the bar of {what}")
    return not left


def _homes() -> None:
    """Makes the stores that are measured, without a fault; those of an older schema anew."""
    for count in ("0", HOME):
        folder = ROOT / big.FOLDER / count
        if (folder / "catalog.db").is_file() and _is_outdated(folder / "catalog.db"):
            shutil.rmtree(folder)
        command = [sys.executable, "-m", "tests.benchmarks.big", count]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=ROOT)


def _is_outdated(database: Path) -> bool:
    """Whether a column of the model is not there: the first migration may still change."""
    with closing(sqlite3.connect(database)) as connection:
        there = set(
            connection.execute(
                "SELECT m.name, c.name FROM sqlite_master m, pragma_table_info(m.name) c"
            )
        )
    wanted = {(t.name, column.name) for t in metadata.tables.values() for column in t.columns}
    return not wanted <= there


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
