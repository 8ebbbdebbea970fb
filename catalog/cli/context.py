"""What all commands share: the open catalog, who acts, output, exit codes.

Exit codes: 0 done, 1 failed, 2 wrong use, 3 done in part. With ``--json`` standard output holds
JSON alone; everything said to people goes to standard error.
"""

from __future__ import annotations

import dataclasses
import getpass
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeVar

import typer

from catalog.access.viewer import Viewer
from catalog.errors import BadInput

# Imports here cost every command, `catalog --help` too: what is heavy is imported where needed.
if TYPE_CHECKING:
    from rich.console import Console

    from catalog.history.store import Store
    from catalog.history.unit import Unit
    from catalog.settings import Settings
    from catalog.wiring import Catalog

ResultT = TypeVar("ResultT")
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

    catalog: Catalog
    viewer: Viewer

    @property
    def store(self) -> Store:
        """The catalog's store."""
        return self.catalog.store

    @property
    def settings(self) -> Settings:
        """The catalog's settings."""
        return self.catalog.settings

    def write(self, work: Callable[[Unit], ResultT]) -> ResultT:
        """Runs one unit of work as the viewer."""
        return self.store.run(work, self.viewer.actor)


def chosen_settings(home: Path | None = None, **changes: Any) -> Settings:
    """The settings of the environment, with what the command line says instead.

    A home goes into the environment: keys of secrets and child processes must find the same one.
    """
    from catalog.settings import settings

    if home is not None:
        os.environ["CATALOG_HOME"] = str(home.absolute())
        settings.cache_clear()
    updates = {name: value for name, value in changes.items() if value is not None}
    return settings().model_copy(update=updates) if updates else settings()


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
    before = _install_address(catalog)
    try:
        viewer = users.local_viewer(login())
        if as_user is not None:
            with catalog.store.read() as session:
                viewer = users.viewer_as(session, as_user)
        yield Opened(catalog, viewer)
        if follow:
            catalog.catch_up()
    finally:
        _install_base_url(before)
        catalog.close()


def _install_base_url(url: str | None) -> str | None:
    from catalog.assets.links import install_base_url

    return install_base_url(url)


def _install_address(catalog: Any) -> str | None:
    """Links lead to the server that runs on this home, wherever it listens; returns the
    address that was set before."""
    from catalog.jobs.leases import SERVE

    holder = catalog.leases.holder(SERVE)
    running = holder is not None and holder.address and catalog.leases.alive(holder.owner)
    return _install_base_url(
        holder.address if catalog.settings.base_url is None and running else None
    )


def plain(value: Any) -> Any:
    """A read model as the API answers it: dataclasses as objects, times as RFC 3339 in UTC."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        value = {one.name: getattr(value, one.name) for one in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {name: _moment(name, item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


def _moment(name: str, value: Any) -> Any:
    from catalog.model import clock

    if name.endswith(("_at", "_seen", "_until")) or name == "since":
        return clock.to_text(value) if isinstance(value, int) else value
    if name == "next_runs" and value is not None:
        return [clock.to_text(run) for run in value]
    return plain(value)


def emit(value: Any) -> None:
    """Prints JSON to standard output."""
    import msgspec

    sys.stdout.flush()
    # Bytes, so that no locale's encoding refuses a name.
    sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n")
    sys.stdout.buffer.flush()


def say(text: str) -> None:
    """Says something to people, on standard error."""
    console(stderr=True).print(printable(text), markup=False, soft_wrap=True)


def out(text: str = "") -> None:
    """Prints a line to standard output."""
    console().print(printable(text), markup=False, soft_wrap=True)


def console(*, stderr: bool = False) -> Console:
    """A console that colours nothing by itself."""
    from rich.console import Console

    return Console(stderr=stderr, highlight=False)


def printable(text: str) -> str:
    """The text with control characters escaped: names come from outside, a terminal obeys them."""
    return "".join(
        char if char.isprintable() or char in "\n\t" else char.encode("unicode_escape").decode()
        for char in text
    )


def table(title: str | None, headers: list[str], rows: list[list[Any]]) -> None:
    """Prints a table to standard output; values are text, never markup.

    Piped, each row is one line, so that names can be cut out of it whole.
    """
    texts = [["" if value is None else printable(str(value)) for value in row] for row in rows]
    screen = console()
    if not screen.is_terminal:
        _plain_table(title, headers, [[" ".join(cell.split()) for cell in row] for row in texts])
        return
    from rich.table import Table
    from rich.text import Text

    made = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for header in headers:
        made.add_column(header, overflow="fold")
    for row in texts:
        made.add_row(*[Text(cell) for cell in row])
    screen.print(made)


def _plain_table(title: str | None, headers: list[str], rows: list[list[str]]) -> None:
    if title is not None:
        out(title)
    lines = [headers, *rows]
    widths = [max(len(line[at]) for line in lines) for at in range(len(headers))]
    for line in lines:
        out("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def one_of(value: str, choices: tuple[str, ...], what: str) -> str:
    """The value, if it is one of the choices; `BadInput` names them."""
    if value not in choices:
        raise BadInput(f"{value!r} is no {what}.", remedy=f"Choose {', '.join(choices)}.")
    return value
