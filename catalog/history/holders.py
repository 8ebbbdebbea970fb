"""Which other processes have a file open, so that an error can name them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple


class Holder(NamedTuple):
    """A process that has the file open."""

    pid: int
    name: str


def processes_with(path: Path) -> list[Holder]:
    """Other processes that have the file open, as far as this user may know, by process id."""
    import psutil

    wanted = os.path.realpath(path)
    found: list[Holder] = []
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and any(
                one.path == wanted for one in process.open_files()
            ):
                found.append(Holder(process.pid, process.name()))
        except (psutil.Error, OSError):
            continue  # it is gone, or another user's
    return sorted(found)
