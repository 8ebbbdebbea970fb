"""A fault as a patch of the product: the text of one function with a piece of it replaced.

The product has no switch for it. The function is compiled anew and its code put into the function
that everybody has imported. A patch that no longer applies is an error, never a silent pass.
"""

from __future__ import annotations
import __future__

import importlib
import inspect
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Patch:
    """``where``: ``module:function`` or ``module:Class.method``; ``old`` occurs in it once."""

    where: str
    old: str
    new: str

    @contextmanager
    def applied(self) -> Iterator[None]:
        """The product with the fault in it."""
        function = self._function()
        before = function.__code__
        self.put()
        try:
            yield
        finally:
            function.__code__ = before

    def put(self) -> None:
        """Puts the fault in for good: for a process that lives for it alone."""
        function = self._function()
        function.__code__ = self._patched(function)

    def _function(self) -> Any:
        module, _, path = self.where.partition(":")
        found: Any = importlib.import_module(module)
        for name in path.split("."):
            found = getattr(found, name)
        return found

    def _patched(self, function: Any) -> Any:
        source = textwrap.dedent(inspect.getsource(function))
        count = source.count(self.old)
        if count != 1:
            raise LookupError(f"The patch of {self.where} does not apply: found {count} times.")
        text = source.replace(self.old, self.new)
        flags = __future__.annotations.compiler_flag
        code = compile(text, f"<fault in {self.where}>", "exec", flags=flags)
        made: dict[str, Any] = dict(function.__globals__)
        exec(code, made)
        return made[function.__name__].__code__
