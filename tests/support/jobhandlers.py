"""Job handlers for tests of worker processes; ``register`` is what the child is told to call."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from catalog.errors import BadInput
from catalog.jobs import handlers
from catalog.jobs.handlers import JobContext

NAMES = ("write", "wait", "stubborn", "die", "fail", "refuse")


def write(context: JobContext, path: str, text: str) -> None:
    """Appends a line to a file."""
    with open(path, "a") as file:
        file.write(f"{text} {os.getpid()}\n")


def wait(context: JobContext, path: str) -> None:
    """Says that it has begun, then waits until it is told to stop."""
    Path(path).write_text(str(os.getpid()))
    while not context.cancelled():
        time.sleep(0.01)


def stubborn(context: JobContext, path: str) -> None:
    """Begins and never listens."""
    Path(path).write_text(str(os.getpid()))
    time.sleep(300)


def die(context: JobContext, path: str) -> None:
    """Kills its process the first time, as an out-of-memory killer would."""
    if not Path(path).exists():
        Path(path).write_text("died")
        os.kill(os.getpid(), signal.SIGKILL)


def fail(context: JobContext) -> None:
    """An error that another attempt might not meet."""
    raise RuntimeError("postgres://me:pa55@db does not answer")


def refuse(context: JobContext) -> None:
    """An error that no other attempt would mend."""
    raise BadInput("That is wrong.")


def register() -> None:
    """Registers them all."""
    for name in NAMES:
        handlers.register(name, globals()[name])
