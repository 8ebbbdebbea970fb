"""A store whose process can be killed around every commit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from catalog.history.store import Store
from catalog.history.unit import Unit


class Killed(BaseException):
    """The process ends here."""


class MortalStore(Store):
    """A store whose process can be killed around every commit, and that says what it committed."""

    left: int | None = None  # points until the end; None: it lives on
    committed: Callable[[int], None] = staticmethod(lambda sequence: None)

    def at(self, point: str) -> None:
        """A named point of the product."""
        self.point()

    def point(self) -> None:
        """A place where it may end."""
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                self.left = None
                raise Killed

    @contextmanager
    def write(self, actor: str, *, cause: str | None = None, crawl: bool = False) -> Iterator[Unit]:
        with super().write(actor, cause=cause, crawl=crawl) as unit:
            yield unit
            self.point()
        if unit.last_sequence is not None:
            self.committed(unit.last_sequence)
        self.point()
