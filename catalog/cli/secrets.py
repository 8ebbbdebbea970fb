"""Secrets from people: asked for without echo, or read from standard input; never an argument."""

from __future__ import annotations

import sys

from catalog.errors import BadInput


def read_secret(what: str, *, stdin: bool = False, twice: bool = False) -> str:
    """A secret, asked for on the terminal (``twice``: and once more), else the first line of
    standard input. `BadInput` when it is empty or the two differ."""
    if stdin or not sys.stdin.isatty():
        found = sys.stdin.readline().rstrip("\r\n")
    else:
        import getpass

        found = getpass.getpass(f"{what}: ", stream=sys.stderr)
        if twice and getpass.getpass(f"{what} again: ", stream=sys.stderr) != found:
            raise BadInput("The two differ; nothing was written.", remedy="Type it again.")
    if not found:
        raise BadInput(f"No {what} was given.", remedy="Type it, or send it on standard input.")
    return found
