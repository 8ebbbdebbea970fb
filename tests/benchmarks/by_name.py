"""``by-name`` over a real server: 100,000 assets, token, 8 closed-loop connections.

``python -m tests.benchmarks.by_name [ASSETS [SECONDS]]``

The client is one thread over raw sockets: 8 threads of a ready-made one would take the second
core from the server that is measured.
"""

from __future__ import annotations

import selectors
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from sqlalchemy import event

from tests.benchmarks import big
from tests.benchmarks.common import Figure, argument, count_argument, emit, percentile
from tests.benchmarks.serving import served

CONNECTIONS = 8
SECONDS = 8.0
WARM_UP = 2.0
RATE, P95, QUERIES = 600.0, 0.020, 5


@dataclass
class _Client:
    """One connection: what it asked when, and what has come of the reply."""

    socket: socket.socket
    number: int
    began: float = 0.0
    have: bytes = b""

    def ask(self, requests: Sequence[bytes]) -> None:
        """Sends the next request."""
        request = requests[self.number % len(requests)]
        self.number += CONNECTIONS
        self.have = b""
        self.began = time.perf_counter()
        self.socket.sendall(request)

    def done(self) -> bool:
        """Reads what has come; whether the reply is whole. Raises if it is not a 200."""
        more = self.socket.recv(1 << 18)
        if not more:
            raise RuntimeError("the server closed the connection")
        self.have += more
        head, found, body = self.have.partition(b"\r\n\r\n")
        if not found:
            return False
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(self.have[:500].decode("latin-1"))
        length = next(
            int(line.partition(b":")[2])
            for line in head.lower().split(b"\r\n")
            if line.startswith(b"content-length")
        )
        return len(body) >= length


def closed_loop(port: int, requests: Sequence[bytes], seconds: float) -> list[float]:
    """Latencies in seconds of 8 connections that ask again as soon as they are answered."""
    found: list[float] = []
    with selectors.DefaultSelector() as ready:
        clients = [
            _Client(socket.create_connection(("127.0.0.1", port)), number)
            for number in range(CONNECTIONS)
        ]
        for client in clients:
            client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            ready.register(client.socket, selectors.EVENT_READ, client)
            client.ask(requests)
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            for key, _ in ready.select(1.0):
                one: _Client = key.data
                if one.done():
                    found.append(time.perf_counter() - one.began)
                    one.ask(requests)
        for client in clients:
            client.socket.close()
    return found


def requests_of(names: Sequence[str], token: str) -> list[bytes]:
    """One keep-alive request per name, as a client of the API sends it."""
    return [
        f"GET /api/v1/assets/by-name?name={quote(name)} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        f"Authorization: Bearer {token}\r\n\r\n".encode()
        for name in names
    ]


@contextmanager
def _statements(engine: Any) -> Iterator[list[str]]:
    seen: list[str] = []

    def note(_c: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        seen.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", note)


def queries(home: Any, name: str, token: str) -> int:
    """Statements of one such request, authentication included, in this process."""
    from starlette.testclient import TestClient

    from catalog.app import create_app
    from catalog.settings import Settings
    from catalog.wiring import open_catalog

    catalog = open_catalog(Settings(home=home, disk_reserve=0))
    headers = {"authorization": f"Bearer {token}"}
    path = "/api/v1/assets/by-name"
    try:
        with TestClient(create_app(catalog)) as client:
            client.get(path, params={"name": name}, headers=headers)
            with _statements(catalog.store.engine) as seen:
                reply = client.get(path, params={"name": name}, headers=headers)
            assert reply.status_code == 200, reply.text
    finally:
        catalog.close()
    return len([one for one in seen if not one.startswith("BEGIN")])


def run(count: int = 100_000, seconds: float = SECONDS) -> dict[str, Any]:
    """Measures: figures with their bars. ``baseline``: the same connections on ``/health``, which
    is what server, framework and thread pool cost on this machine without any of our work."""
    home = big.home(count)
    names, token = big.names(home), big.token(home)
    requests = requests_of(names, token)
    health = [b"GET /api/v1/health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"]
    with served(home) as server:
        closed_loop(server.port, requests, WARM_UP)
        base = closed_loop(server.port, health, seconds / 2)
        found = closed_loop(server.port, requests, seconds)
    return {
        "assets": count,
        "rate": len(found) / seconds,
        "p95": percentile(found, 0.95),
        "p50": percentile(found, 0.5),
        "queries": queries(home, names[0], token),
        "baseline": len(base) / (seconds / 2),
        "bar": {"rate": RATE, "p95": P95, "queries": QUERIES},
    }


def main() -> None:
    """Prints the figures."""
    found = run(count_argument(100_000), argument(2, round(SECONDS)))
    what = f"by-name: {found['assets']:,} assets, 8 connections"
    emit(
        [
            Figure(
                what, found["rate"], "requests/s", f"at least {RATE:.0f}", found["rate"] >= RATE
            ),
            Figure(f"{what}, p95", found["p95"] * 1e3, "ms", "under 20", found["p95"] < P95),
            Figure(f"{what}, p50", found["p50"] * 1e3, "ms"),
            Figure(
                "by-name: queries, authentication included",
                found["queries"],
                "queries",
                "at most 5",
                found["queries"] <= QUERIES,
            ),
            Figure("by-name: the same connections on /health", found["baseline"], "requests/s"),
        ]
    )


if __name__ == "__main__":
    main()
