"""The faults of ``make bench-faults`` still fit the product; whether they are noticed is measured
there, it takes minutes."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.benchmarks.__main__ import NAMES
from tests.planted.bars import ROOT, clearly_misses, main
from tests.planted.costly import FAULTS, Costly

READ = "import catalog.crawling.records as r; print(r.canonical.__code__.co_filename)"


@pytest.mark.parametrize("fault", FAULTS, ids=[fault.name for fault in FAULTS])
def test_a_fault_applies(fault: Costly) -> None:
    assert fault.run[0] in NAMES
    assert fault.missed
    with ExitStack() as stack:
        for patch in fault.patches:
            stack.enter_context(patch.applied())


def _python(planted: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    path = [str(Path(__file__).parent / "started"), str(ROOT)]
    environment = os.environ | {
        "CATALOG_PLANTED": planted,
        "PYTHONPATH": os.pathsep.join(path),
    }
    return subprocess.run(
        [sys.executable, *arguments], env=environment, capture_output=True, text=True
    )


def test_a_fault_reaches_processes_that_start_others() -> None:
    inner = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {READ!r}])"
    done = _python("a row count is a change of the table", "-c", inner)
    assert done.stdout.strip() == "<fault in catalog.crawling.records:canonical>"


def test_a_process_without_its_fault_ends() -> None:
    done = _python("no such fault", "-c", "print('sound')")
    assert (done.returncode, done.stdout) == (70, "")
    assert "There is no fault 'no such fault'" in done.stderr


@pytest.mark.parametrize(
    ("bar", "sound", "faulty", "holds", "clear"),
    [
        ("at least 600", 900.0, 200.0, False, True),
        ("at least 600", 610.0, 590.0, False, False),
        ("under 20", 10.0, 30.0, False, True),
        ("under 20", 10.0, 19.0, True, False),
        ("none", 0, 3000, False, True),
    ],
)
def test_a_miss_is_clear(bar: str, sound: float, faulty: float, holds: bool, clear: bool) -> None:
    found = clearly_misses({"figure": sound, "bar": bar}, {"figure": faulty, "holds": holds})
    assert found is clear


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(SystemExit, match="there is no fault 'nonsense'"):
        main(["nonsense"])
