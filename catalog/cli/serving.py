"""``up``, ``demo``, ``serve``."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from catalog.cli.context import (
    HomeOption,
    JsonFlag,
    chosen_settings,
    emit,
    login,
    say,
)
from catalog.cli.crawling import crawl_all, exit_code

HostOption = Annotated[str | None, typer.Option("--host", help="Address to serve on.")]
PortOption = Annotated[int | None, typer.Option("--port", help="Port to serve on.")]
ServeFlag = Annotated[bool, typer.Option("--serve/--no-serve", help="Serve after the crawl.")]


def add_to(app: typer.Typer) -> None:
    """Adds the commands."""
    app.command("up")(up)
    app.command("demo")(demo)
    app.command("serve")(serve)


def up(
    targets: Annotated[
        list[str] | None, typer.Argument(help="Folders, database files or database URLs.")
    ] = None,
    home: HomeOption = None,
    host: HostOption = None,
    port: PortOption = None,
    serve_after: ServeFlag = True,
    as_json: JsonFlag = False,
) -> int:
    """Add sources, crawl them and serve the catalog: all in one."""
    from catalog.access import users
    from catalog.usecases import up as case

    chosen = chosen_settings(home, host=host, port=port)
    catalog = prepared(chosen)
    try:
        viewer = users.local_viewer(login())
        names = []
        for target in targets or []:
            name, new = case.add_target(catalog.store, chosen, viewer, target)
            say(f"{'Added' if new else 'Known'}: {name}")
            names.append(name)
        found = crawl_all(catalog, viewer, names)
        code = tell(catalog, found, as_json)
        if not serve_after or any(one.state == "cancelled" for one in found):
            return code
        return run_server(catalog)
    finally:
        catalog.close()


def demo(
    home: HomeOption = None,
    host: HostOption = None,
    port: PortOption = None,
    serve_after: ServeFlag = True,
    as_json: JsonFlag = False,
) -> int:
    """Build a demo lake and warehouse from real flights, crawl them and serve the catalog."""
    from catalog.access import users
    from catalog.usecases import up as case

    chosen = chosen_settings(home, host=host, port=port)
    catalog = prepared(chosen)
    try:
        viewer = users.local_viewer(login())
        found = case.demo(
            catalog.store,
            chosen,
            catalog.queue,
            viewer,
            chosen.home / "estate",
            on_step=lambda text: say(f"{text} ..."),
        )
        code = tell(catalog, found, as_json)
        if not serve_after:
            return code
        return run_server(catalog)
    finally:
        catalog.close()


def serve(home: HomeOption = None, host: HostOption = None, port: PortOption = None) -> int:
    """Serve the catalog of the home folder."""
    from catalog import wiring

    chosen = chosen_settings(home, host=host, port=port)
    catalog = wiring.open_catalog(chosen)
    try:
        return run_server(catalog)
    finally:
        catalog.close()


def prepared(chosen: Any) -> Any:
    """The open catalog, its store made or upgraded first."""
    from catalog import wiring
    from catalog.usecases.upgrade import upgrade

    store = wiring.open_store(chosen)
    try:
        before, copy = upgrade(store, chosen)
        if copy is not None:
            say(f"Upgraded the store from schema {before}; the copy before is {copy}.")
    finally:
        store.close()
    return wiring.open_catalog(chosen)


def tell(catalog: Any, found: list[Any], as_json: bool) -> int:
    """Says how crawls ended, brings the index up to date; answers the exit code."""
    catalog.catch_up()
    if as_json:
        emit({"crawls": found})
    for one in found:
        line = f"{one.source}: {one.state}, {one.seen:,} assets seen, {one.new:,} new"
        say(line + (f". {one.why}" if one.why else ""))
    return exit_code(found)


def run_server(catalog: Any) -> int:
    """Serves until SIGTERM or Ctrl-C; a second server on the same SQLite home is refused."""
    from catalog.cli.server import run

    return run(catalog, say_link=lambda text: say(text))
