"""What is noted in memory while people read, and written every few seconds: a read stays a read."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from typing import Final, Generic, TypeVar

from catalog.history.store import Store
from catalog.history.unit import Unit

FLUSH_SECONDS: Final = 5.0
KeyT = TypeVar("KeyT", bound=Hashable)


class Later(Generic[KeyT]):
    """Numbers by key, joined by ``join`` when a key is noted again and written by ``write``.

    Thread-safe. What a killed process had not yet written is lost; a clean stop calls `flush`.
    """

    def __init__(
        self,
        store: Store,
        write: Callable[[Unit, dict[KeyT, int]], object],
        join: Callable[[int, int], int],
        every: float = FLUSH_SECONDS,
    ) -> None:
        self._store, self._write, self._join, self._every = store, write, join, every
        self._noted: dict[KeyT, int] = {}
        self._lock = threading.Lock()
        self._flushed = time.monotonic()

    def note(self, key: KeyT, value: int) -> bool:
        """Notes a value. True when it is time to `flush`."""
        with self._lock:
            self._add(key, value)
            return time.monotonic() - self._flushed >= self._every

    def pending(self) -> dict[KeyT, int]:
        """What is noted and not yet written."""
        with self._lock:
            return dict(self._noted)

    def flush(self) -> dict[KeyT, int]:
        """Writes what was noted since, and answers it. Makes no change."""
        with self._lock:
            noted, self._noted = self._noted, {}
            self._flushed = time.monotonic()
        if noted:
            try:
                self._store.run(lambda unit: self._write(unit, noted), "system")
            except BaseException:
                with self._lock:
                    for key, value in noted.items():
                        self._add(key, value)
                raise
        return noted

    def _add(self, key: KeyT, value: int) -> None:
        before = self._noted.get(key)
        self._noted[key] = value if before is None else self._join(before, value)
