"""The application: sub-commands, errors as exit codes."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from typing import Final

import typer

from catalog import __version__
from catalog.cli.context import FAILED, WRONG, say
from catalog.errors import CatalogError

app = typer.Typer(
    name="catalog",
    help="A data catalog: crawl, search, understand and trust your data.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
_MODULES: Final = (
    "catalog.cli.serving",
    "catalog.cli.store",
)


@app.callback()
def version_option(
    version: bool = typer.Option(False, "--version", help="Print the version and exit."),
) -> None:
    """A data catalog: crawl, search, understand and trust your data."""
    if version:
        sys.stdout.write(__version__ + "\n")
        raise typer.Exit


def build() -> typer.Typer:
    """The application with all its commands; each module adds its own."""
    for name in _MODULES:
        module = importlib.import_module(name)
        if not getattr(module, "ADDED", False):
            module.add_to(app)
            module.ADDED = True  # type: ignore[attr-defined]
    return app


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command; answers its exit code."""
    command = typer.main.get_command(build())
    try:
        found = command.main(
            args=None if arguments is None else list(arguments),
            prog_name="catalog",
            standalone_mode=False,
        )
    except CatalogError as error:
        say(f"Error: {error.message}")
        if error.remedy:
            say(f"  {error.remedy}")
        for key in ("candidates", "did_you_mean"):
            for item in error.details.get(key) or ():
                say(f"  - {item.get('name', item) if isinstance(item, dict) else item}")
        return error.exit_code
    except (KeyboardInterrupt, EOFError):
        say("Stopped.")
        return 130
    except BrokenPipeError:
        # The reader went away (catalog search x | head): nothing more to say.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except Exception as error:
        wrong = _wrong_use(error)
        if wrong is None:
            raise
        say(f"Error: {wrong}")
        return WRONG
    return found if isinstance(found, int) else 0


def _wrong_use(error: Exception) -> str | None:
    """What Typer says of wrong use; None for any other error."""
    show = getattr(error, "format_message", None)
    return str(show()) if callable(show) else None
