"""The application: sub-commands, errors as exit codes."""

from __future__ import annotations

import importlib
import io
import os
import sys
from collections.abc import Sequence
from typing import Any, Final

import typer

from catalog import __version__
from catalog.cli.context import FAILED, WRONG, say
from catalog.errors import CatalogError
from catalog.naming import canonical

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
    "catalog.cli.crawl",
    "catalog.cli.sources",
    "catalog.cli.schedule",
    "catalog.cli.read",
    "catalog.cli.write",
    "catalog.cli.ingest",
    "catalog.cli.people",
    "catalog.cli.store",
)


def _say_version(asked: bool) -> None:
    if asked:
        sys.stdout.write(__version__ + "\n")
        raise typer.Exit


@app.callback()
def options(
    version: bool = typer.Option(
        False,
        "--version",
        help="Print the version and exit.",
        callback=_say_version,
        is_eager=True,
    ),
) -> None:
    """A data catalog: crawl, search, understand and trust your data."""


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
    _never_refuse_a_name()
    command = typer.main.get_command(build())
    home = os.environ.get("CATALOG_HOME")
    try:
        found = command.main(
            args=None if arguments is None else list(arguments),
            prog_name="catalog",
            standalone_mode=False,
        )
    except CatalogError as error:
        tell(error)
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
        say(wrong)
        return WRONG
    finally:
        _restore(home)
    return found if isinstance(found, int) else 0


def tell(error: CatalogError) -> None:
    """Says an error to people: what happened, what to do, what was perhaps meant."""
    say(f"Error: {error.message}")
    if error.remedy:
        say(f"  {error.remedy}")
    for key, title in (("candidates", "Candidates:"), ("did_you_mean", "Did you mean:")):
        items = error.details.get(key)
        if items:
            say(f"  {title}")
        for item in items or ():
            say(f"  - {_suggested(item)}")


def _never_refuse_a_name() -> None:
    """In a locale without Unicode, text that it cannot show is escaped; JSON is UTF-8 always."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _suggested(item: Any) -> str:
    """How a candidate is named so that asking for it finds it."""
    if hasattr(item, "namespace"):
        return f"{canonical(item.namespace, item.name)} ({item.kind})"
    return str(item.get("name", item)) if isinstance(item, dict) else str(item)


def _restore(home: str | None) -> None:
    """``--home`` was for this command alone; matters where commands run in one process."""
    if home == os.environ.get("CATALOG_HOME"):
        return
    from catalog.settings import settings

    if home is None:
        os.environ.pop("CATALOG_HOME", None)
    else:
        os.environ["CATALOG_HOME"] = home
    settings.cache_clear()


def _wrong_use(error: Exception) -> str | None:
    """What Typer says of wrong use; None for any other error."""
    show = getattr(error, "format_message", None)
    if not callable(show):
        return None
    context = getattr(error, "ctx", None)
    if type(error).__name__ == "NoArgsIsHelpError":
        return str(show())
    hint = f"\n  See `{context.command_path} --help`." if context is not None else ""
    return f"Error: {show()}{hint}"
