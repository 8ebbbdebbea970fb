"""What all commands share: the open catalog, who acts, output, exit codes.

Exit codes: 0 done, 1 failed, 2 wrong use, 3 done in part. With ``--json`` standard output holds
JSON alone; everything said to people goes to standard error.
"""

from __future__ import annotations

import getpass
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
import typer

from catalog.access.viewer import Viewer
from catalog.settings import Settings, settings

DONE: Final = 0
FAILED: Final = 1
WRONG: Final = 2
PART: Final = 3

JsonFlag = Annotated[bool, typer.Option("--json", help="Print JSON alone.")]
HomeOption = Annotated[
    Path | None, typer.Option("--home", help="Home folder; default: CATALOG_HOME.")
]
AsOption = Annotated[
    str | None, typer.Option("--as", help="Act as this user instead of as local admin.")
]


@dataclass
class Opened:
    """An open catalog and who acts on it."""

    catalog: Any  # catalog.wiring.Catalog; imported when it is needed
    viewer: Viewer


def chosen_settings(home: Path | None = None, **changes: Any) -> Settings:
    """The settings of the environment, with what the command line says instead."""
    found = settings()
    updates = {name: value for name, value in changes.items() if value is not None}
    if home is not None:
        updates["home"] = home.absolute()
    return found.model_copy(update=updates) if updates else found


def login() -> str:
    """The operating system's name of who runs the command."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


@contextmanager
def opened(
    home: Path | None = None, as_user: str | None = None, *, follow: bool = False
) -> Iterator[Opened]:
    """Opens the catalog of the home folder. ``follow``: the index catches up at the end, unless
    another process keeps it."""
    from catalog import wiring
    from catalog.access import users

    catalog = wiring.open_catalog(chosen_settings(home))
    try:
        viewer = users.local_viewer(login())
        if as_user is not None:
            with catalog.store.read() as session:
                viewer = users.viewer_as(session, as_user)
        yield Opened(catalog, viewer)
        if follow:
            catalog.catch_up()
    finally:
        catalog.close()


def emit(value: Any) -> None:
    """Prints JSON to standard output."""
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n")


def say(text: str) -> None:
    """Says something to people, on standard error."""
    from rich.console import Console

    Console(stderr=True, highlight=False).print(text, markup=False, soft_wrap=True)


def show(value: Any, as_json: bool, render: Callable[[Any], None]) -> None:
    """Prints a result: as JSON, or by ``render`` for people."""
    if as_json:
        emit(value)
    else:
        render(value)


def table(title: str | None, headers: list[str], rows: list[list[Any]]) -> None:
    """Prints a table to standard output; values are text, never markup."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    made = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for header in headers:
        made.add_column(header, overflow="fold")
    for row in rows:
        made.add_row(*[Text("" if value is None else str(value)) for value in row])
    Console().print(made)
