"""Runs the HTTP server in this process, with what is done beside it."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from catalog.cli.context import DONE, FAILED, login
from catalog.errors import Unavailable


def run(catalog: Any, *, say_link: Callable[[str], None]) -> int:
    """Serves until told to stop: 0 after a clean stop, 1 when the address is taken."""
    import uvicorn

    from catalog.app import create_app
    from catalog.assets import links
    from catalog.wiring import Background

    chosen = catalog.settings
    address = f"http://{_shown(chosen.host)}:{chosen.port}"
    lease = catalog.leases.serve(address)
    _log(chosen)
    before = links.install_base_url(chosen.base_url or address)
    try:
        app = create_app(catalog, Background(catalog))
        config = uvicorn.Config(
            app,
            host=chosen.host,
            port=chosen.port,
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=10,
            server_header=False,
            proxy_headers=False,
        )
        server = uvicorn.Server(config)
        sockets = [_bound(config, address)]
        say_link(f"The catalog is served on {address}")
        warning = catalog.store.disk_warning()
        if warning is not None:
            say_link(f"Warning: {warning}")
        link = _link(catalog)
        if link is None:
            say_link("Nobody is an admin; make one with `catalog user add LOGIN --role admin`.")
        else:
            say_link(f"Sign in once with {chosen.base_url or address}/login/{link}")
        with _signals_are_requests():
            server.run(sockets=sockets)
        return DONE if server.started else FAILED
    finally:
        links.install_base_url(before)
        if lease is not None:
            lease.release()


@contextmanager
def _signals_are_requests() -> Iterator[None]:
    """Uvicorn sends itself the signal again once it has stopped: that is a clean end, and what
    stands after the server must still be closed."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {
        number: signal.signal(number, lambda *_: None) for number in (signal.SIGTERM, signal.SIGINT)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _bound(config: Any, address: str) -> Any:
    import socket

    family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
    found = socket.socket(family)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        found.bind((config.host, config.port))
    except OSError as error:
        found.close()
        raise Unavailable(
            f"{address} cannot be served on: {error.strerror or error}.",
            remedy="Another program may use the port; choose one with --port.",
        ) from error
    return found


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _link(catalog: Any) -> str | None:
    """A one-time link for the first admin, who is made when there is no user yet; else None."""
    from catalog.access import users
    from catalog.access.sessions import create_login_link

    viewer = users.local_viewer(login())

    def work(unit: Any) -> str | None:
        users.first_admin(unit, viewer, login() if login().isidentifier() else "admin")
        for user in users.list_users(unit.session, viewer):
            if user.role == "admin" and not user.disabled:
                return str(create_login_link(unit, viewer, user.login).secret)
        return None

    found: str | None = catalog.store.run(work, viewer.actor)
    return found


def _log(chosen: Any) -> None:
    """Logs to standard error and to ``catalog.log`` in the home folder."""
    import structlog

    folder = chosen.home / "logs"
    folder.mkdir(mode=0o700, exist_ok=True)
    # Tracebacks without the values of variables: those may hold secrets.
    renderer: Any = structlog.dev.ConsoleRenderer(
        colors=False, exception_formatter=structlog.dev.plain_traceback
    )
    if chosen.log_json:
        renderer = structlog.processors.JSONRenderer()
    formatter = structlog.stdlib.ProcessorFormatter(
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            renderer,
        ],
        foreign_pre_chain=[
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *([structlog.processors.format_exc_info] if chosen.log_json else []),
        ],
    )
    file = logging.FileHandler(folder / "catalog.log", encoding="utf-8")
    file.setFormatter(formatter)
    errors = logging.StreamHandler()
    errors.setFormatter(formatter)
    errors.setLevel(logging.WARNING)
    root = logging.getLogger()
    root.handlers = [file, errors]
    root.setLevel(chosen.log_level.upper())
