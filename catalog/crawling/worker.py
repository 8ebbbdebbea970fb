"""The child process of `catalog.crawling.isolation`: reads frames, calls functions, answers.

A frame is a 4-byte big-endian length and a JSON text. The parent sends ``Call`` frames; the child
sends one `READY` frame and then one ``Reply`` per call, in order. Only the parent's own code
names functions, never the content of a file. What a function prints goes nowhere near the pipe.
"""

from __future__ import annotations

import inspect
import os
import signal
import struct
import sys
import threading
import time
from collections.abc import Callable
from importlib import import_module
from typing import Any, BinaryIO, Final, get_type_hints

import msgspec

from catalog.errors import CatalogError

LENGTH: Final = struct.Struct(">I")
MAX_FRAME: Final = 64 * 1024 * 1024
READY: Final = b'"ready"'
_PARENT_CHECK_SECONDS: Final = 0.5
# The parent ends a slow child itself; the kernel's alarm is for a child whose parent is gone.
_ALARM_GRACE_SECONDS: Final = 5.0
_MAX_WHY: Final = 500


class Call(msgspec.Struct, frozen=True):
    """One item: ``function`` is ``module:name``, ``argument`` the JSON of its only argument."""

    function: str
    argument: msgspec.Raw
    seconds: float


class Reply(msgspec.Struct, frozen=True, omit_defaults=True):
    """The function's value as JSON, or why there is none."""

    value: msgspec.Raw = msgspec.Raw()
    code: str | None = None
    why: str | None = None
    hint: str | None = None


def read_frame(stream: BinaryIO) -> bytes | None:
    """The next frame's text, None at the end of the stream. Blocks."""
    head = stream.read(LENGTH.size)
    if len(head) < LENGTH.size:
        return None
    (length,) = LENGTH.unpack(head)
    body = stream.read(length)
    return body if len(body) == length else None


def frame(body: bytes) -> bytes:
    """The bytes of one frame."""
    return LENGTH.pack(len(body)) + body


def resolve(name: str) -> tuple[Callable[[Any], Any], Any]:
    """The function ``module:name`` and the type of its first parameter."""
    module, _, attribute = name.partition(":")
    function = getattr(import_module(module), attribute)
    parameter = next(iter(inspect.signature(function).parameters))
    return function, get_type_hints(function).get(parameter, Any)


def _answer(call: Call, known: dict[str, tuple[Callable[[Any], Any], Any]]) -> Reply:
    """Calls the function; whatever it raises becomes a reply."""
    try:
        if call.function not in known:
            known[call.function] = resolve(call.function)
        function, argument_type = known[call.function]
        value = function(msgspec.json.decode(call.argument, type=argument_type))
        return Reply(value=msgspec.Raw(msgspec.json.encode(value)))
    except CatalogError as error:
        code = str(error.details.get("code", "unreadable"))
        return Reply(code=code, why=_line(error.message), hint=error.remedy)
    except FileNotFoundError:
        return Reply(code="vanished", why="It vanished while it was being crawled.")
    except PermissionError:
        hint = "Give the user that the catalog runs as read access."
        return Reply(code="denied", why="No permission to read it.", hint=hint)
    except MemoryError:
        return Reply(code="memory", why="Reading it ran out of memory.")
    except RecursionError:
        return Reply(code="unreadable", why="It is nested too deeply.")
    except Exception as error:
        return Reply(code="unreadable", why=_line(f"{type(error).__name__}: {error}"))


def _line(text: str) -> str:
    """One line of bounded length that JSON can carry."""
    safe = " ".join(text.encode("utf-8", "backslashreplace").decode().split())
    return safe if len(safe) <= _MAX_WHY else safe[: _MAX_WHY - 3] + "..."


def _die_with_parent(parent: int) -> None:
    """Ends this process when the parent is gone, even in the middle of an item."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_PARENT_CHECK_SECONDS)
        os._exit(3)

    threading.Thread(target=watch, daemon=True, name="parent-watch").start()


def _harden() -> None:
    """No core dumps, first choice of the kernel's out-of-memory killer, deaf to Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform != "win32":
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        try:
            with open("/proc/self/oom_score_adj", "w") as score:
                score.write("1000")
        except OSError:  # a sandbox without /proc; only the order of killing is lost
            pass


def _own_pipes() -> tuple[BinaryIO, BinaryIO]:
    """The protocol's two streams; standard output then leads to standard error."""
    incoming = os.fdopen(os.dup(0), "rb")
    outgoing = os.fdopen(os.dup(1), "wb", buffering=0)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    os.dup2(2, 1)
    return incoming, outgoing


def _send(outgoing: BinaryIO, body: bytes) -> None:
    if len(body) > MAX_FRAME:
        body = msgspec.json.encode(
            Reply(code="too_large", why="What was read of it is larger than 64 MB.")
        )
    view = memoryview(frame(body))
    while view:
        view = view[outgoing.write(view) :]


def main() -> None:
    """Serves calls until the parent closes the pipe."""
    _harden()
    _die_with_parent(os.getppid())
    incoming, outgoing = _own_pipes()
    decoder = msgspec.json.Decoder(Call)
    known: dict[str, tuple[Callable[[Any], Any], Any]] = {}
    _send(outgoing, READY)
    while (body := read_frame(incoming)) is not None:
        call = decoder.decode(body)
        signal.setitimer(signal.ITIMER_REAL, call.seconds + _ALARM_GRACE_SECONDS)
        reply = _answer(call, known)
        signal.setitimer(signal.ITIMER_REAL, 0)
        _send(outgoing, msgspec.json.encode(reply))


if __name__ == "__main__":
    try:
        main()
    except BrokenPipeError:  # the parent went first
        os._exit(3)
