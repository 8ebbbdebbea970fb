"""Which process does something: ``host:pid:start``, and whether it still lives.

The start time tells a process from a later one that was given the same number.
"""

from __future__ import annotations

import os
import socket
from functools import cache
from pathlib import Path

_PROC = Path("/proc/self/stat")


@cache
def _host() -> str:
    return socket.gethostname().replace(":", "_") or "localhost"


def current_owner() -> str:
    """``host:pid:start`` of this process."""
    pid = os.getpid()
    return f"{_host()}:{pid}:{_start_of(pid) or 0}"


def is_alive(owner: str | None) -> bool:
    """Whether the process lives. One on another host cannot be asked, so it counts as alive."""
    host, pid, start = split_owner(owner or "")
    if owner and host != _host():
        return True
    return pid > 0 and _start_of(pid) == start


def same_host(owner: str) -> bool:
    """Whether the process is, or was, on this host."""
    return split_owner(owner)[0] == _host()


def split_owner(owner: str) -> tuple[str, int, int]:
    """Host, process id and start; zeros where the text is none."""
    host, _, rest = owner.partition(":")
    pid, _, start = rest.partition(":")
    return host, int(pid) if pid.isdigit() else 0, int(start) if start.isdigit() else 0


def _start_of(pid: int) -> int | None:
    """When the process began, in a unit that only compares; None if it is gone or a zombie."""
    if _PROC.exists():
        try:
            stat = Path(f"/proc/{pid}/stat").read_bytes()
        except OSError:
            return None
        # The name in brackets may hold blanks and brackets itself.
        fields = stat[stat.rindex(b")") + 2 :].split()
        return None if fields[0] in (b"Z", b"X") else int(fields[19])
    import psutil

    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        return int(process.create_time() * 100)
    except psutil.Error:
        return None
