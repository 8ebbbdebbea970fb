"""A real server in a process of its own, and closed-loop clients over keep-alive connections."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil


@dataclass
class Server:
    """A running server. ``started``: seconds from the start of the process to its first answer."""

    port: int
    process: subprocess.Popen[bytes]
    started: float

    @property
    def memory(self) -> int:
        """Resident bytes of the serving process."""
        return int(psutil.Process(self.process.pid).memory_info().rss)


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextmanager
def served(home: Path) -> Iterator[Server]:
    """Starts ``catalog serve`` on a home folder and ends it after the block."""
    port = free_port()
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    environment |= {"CATALOG_HOME": str(home), "CATALOG_DISK_RESERVE": "0"}
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "catalog", "serve", "--port", str(port)],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield Server(port, process, _first_answer(port, process, began))
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def _first_answer(port: int, process: subprocess.Popen[bytes], began: float) -> float:
    while time.perf_counter() - began < 60:
        if process.poll() is not None:
            raise RuntimeError(f"the server ended with {process.returncode}")
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/api/v1/health")
            if connection.getresponse().status == 200:
                return time.perf_counter() - began
        except OSError:
            time.sleep(0.01)
    raise RuntimeError("the server did not answer within a minute")


def closed_loop(
    port: int,
    token: str,
    path_of: Callable[[int], str],
    *,
    connections: int = 8,
    seconds: float = 5.0,
) -> tuple[list[float], float]:
    """(latencies in seconds, requests/s) of clients that ask again as soon as they are answered.

    Raises if one reply is not 200.
    """
    latencies: list[list[float]] = [[] for _ in range(connections)]
    errors: list[str] = []
    end = time.perf_counter() + seconds

    def client(number: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        count = number
        while time.perf_counter() < end and not errors:
            began = time.perf_counter()
            connection.request("GET", path_of(count), headers={"Authorization": f"Bearer {token}"})
            reply = connection.getresponse()
            body = reply.read()
            if reply.status != 200:
                errors.append(f"{reply.status}: {body[:300]!r}")
                return
            latencies[number].append(time.perf_counter() - began)
            count += connections

    began = time.perf_counter()
    threads = [threading.Thread(target=client, args=(n,)) for n in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    spent = time.perf_counter() - began
    if errors:
        raise RuntimeError(errors[0])
    found = [value for part in latencies for value in part]
    return found, len(found) / spent
