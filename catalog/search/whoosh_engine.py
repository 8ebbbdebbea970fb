"""The search engine on Whoosh: one folder, one writer, any number of readers.

::

    index/current        the name of the folder that is read
    index/i-XXXX/        a Whoosh index
    index/new-XXXX/      one being built; becomes current when it is whole

Whoosh gives analysis-free postings, columns and atomic commits; queries are evaluated on sets of
document numbers (see `catalog.search.whoosh_query`), because Whoosh's own scoring takes a
second where this takes milliseconds. Whoosh is imported at the first use. Its files are pickles:
the folder is made 0700 and is trusted.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from catalog.access.expression import Everything, Expression
from catalog.errors import Conflict, Unavailable
from catalog.history import points
from catalog.search.document import Document
from catalog.search.engine import Batch, Position, Query, SearchResult, Similar

if TYPE_CHECKING:
    from catalog.search.whoosh_read import View

CHECK_SECONDS: Final = 0.2
"""How often at most a reader looks whether the index has changed."""
REBUILD_SEGMENT: Final = 10_000
"""Documents of one segment of a rebuilt index: bounds the memory that building takes."""
_TRIES: Final = 20
_DAMAGED: Final = "damaged"


class WhooshEngine:
    """Implements `catalog.search.engine.SearchEngine`. Safe to share between threads."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = threading.Lock()
        self._view: View | None = None
        self._looked = -1e9

    # --- reading ------------------------------------------------------------------------

    def search(self, query: Query, visibility: Expression = Everything()) -> SearchResult:  # noqa: B008
        """See `SearchEngine.search`."""
        from catalog.search.whoosh_read import search

        with self._watched():
            return search(self._opened(), query, visibility)

    def similar_names(
        self,
        text: str,
        visibility: Expression = Everything(),  # noqa: B008
        limit: int = 5,
    ) -> list[Similar]:
        """See `SearchEngine.similar_names`."""
        from catalog.search.whoosh_similar import similar_names

        with self._watched():
            return similar_names(self._opened(), text, visibility, limit)

    def position(self) -> Position | None:
        """See `SearchEngine.position`. Looks at once, not at most every 200 ms."""
        current, view = self._current(), self._refreshed(force=True)
        if current is None or view is None or (current / _DAMAGED).exists():
            return None
        with suppress(Exception):  # damaged, or written by another version
            return view.position()
        return None

    def hashes(self) -> Iterator[tuple[int, bytes]]:
        """See `SearchEngine.hashes`."""
        view = self._refreshed(force=True)
        if view is not None:
            yield from view.hashes()

    def count(self) -> int:
        """See `SearchEngine.count`."""
        view = self._refreshed(force=True)
        return 0 if view is None else view.count()

    def close(self) -> None:
        """See `SearchEngine.close`."""
        with self._lock:
            view, self._view = self._view, None
        if view is not None:
            view.close()

    @contextmanager
    def _watched(self) -> Iterator[None]:
        """Notes an index whose files turn out to be damaged, so that it is built anew."""
        from catalog.search.whoosh_segment import Damaged

        try:
            yield
        except Damaged as error:
            current = self._current()
            if current is not None:
                (current / _DAMAGED).touch()
            raise Unavailable(
                "The search index is damaged.",
                remedy="It is built anew in the background; or run `catalog reindex`.",
                retry_after=5,
            ) from error

    def _opened(self) -> View:
        view = self._refreshed()
        if view is None:
            raise Unavailable(
                "The search index is not built yet.",
                remedy="It is built in the background; or run `catalog reindex`.",
                retry_after=5,
            )
        return view

    def _refreshed(self, *, force: bool = False) -> View | None:
        """The view of the newest commit. Old views stay usable: their files are open."""
        now = time.monotonic()
        if not force and self._view is not None and now - self._looked < CHECK_SECONDS:
            return self._view
        with self._lock:
            self._looked = now
            self._view = self._reopened()
            return self._view

    def _reopened(self) -> View | None:
        from catalog.search.whoosh_read import open_view, stamp

        for attempt in range(_TRIES):
            current = self._current()
            if current is None:
                return None
            try:
                if self._view is not None and self._view.stamp == stamp(current):
                    return self._view
                return open_view(current, self._view)
            except FileNotFoundError:
                time.sleep(0.005 * attempt)  # a commit removed what we were opening
            except Exception:  # pickles and structs of a damaged index fail in any way
                return None
        return None

    def _current(self) -> Path | None:
        try:
            name = (self.folder / "current").read_text().strip()
        except (OSError, UnicodeDecodeError):
            return None
        path = self.folder / name
        return path if name and "/" not in name and path.is_dir() else None

    # --- writing ------------------------------------------------------------------------

    def apply(self, documents: Iterable[Document], gone: Iterable[int], position: Position) -> None:
        """See `SearchEngine.apply`."""
        with self._writing():
            self._commit({document.key: document for document in documents}, gone, position)

    def _commit(self, wanted: dict[int, Document], gone: Iterable[int], position: Position) -> None:
        from catalog.search.whoosh_write import Writer, index_at

        current, view = self._current(), self._refreshed(force=True)
        if current is None or view is None:
            raise Unavailable("The search index is missing or damaged.", remedy="Rebuild it.")
        writer = Writer(index_at(current))
        try:
            writer.drop(view.numbers({*wanted, *gone}))
            for document in wanted.values():
                writer.add(document)
            writer.put_position(position)
            points.at("index commit")
            writer.commit()
        except BaseException:
            writer.cancel()
            raise
        self._looked = -1e9  # who wrote sees it at once
        points.at("index commit")

    @contextmanager
    def rebuild(self, position: Position) -> Iterator[Batch]:
        """See `SearchEngine.rebuild`."""
        with self._writing():
            name = f"i-{secrets.token_hex(6)}"
            made = self.folder / name
            made.mkdir(mode=0o700)
            try:
                yield from self._built(made, position)
                self._make_current(name)
            except BaseException:
                shutil.rmtree(made, ignore_errors=True)
                raise
            self._looked = -1e9
            points.at("index commit")
            self._remove_others(name)

    def _built(self, made: Path, position: Position) -> Iterator[Batch]:
        from catalog.search.whoosh_write import Builder

        builder = Builder(made, REBUILD_SEGMENT)
        try:
            yield builder
            builder.finish(position)
        except BaseException:
            builder.cancel()
            raise
        points.at("index commit")

    def _make_current(self, name: str) -> None:
        waiting = self.folder / f"current.{name}"
        with waiting.open("w") as file:
            file.write(name)
            file.flush()
            os.fsync(file.fileno())
        waiting.replace(self.folder / "current")

    def _remove_others(self, name: str) -> None:
        for entry in self.folder.iterdir():
            if entry.is_dir() and entry.name.startswith("i-") and entry.name != name:
                shutil.rmtree(entry, ignore_errors=True)
            elif entry.name.startswith("current."):
                with suppress(OSError):
                    entry.unlink()

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Holds the lock of the folder, which the system frees when the process dies."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.folder.chmod(0o700)
        with (self.folder / "lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise Conflict(
                    "Another process writes the search index.",
                    remedy="Wait until it is done; the index follows the store by itself.",
                ) from error
            yield
