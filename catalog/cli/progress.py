"""The bar of a running crawl, on standard error; Ctrl-C asks the crawl to stop."""

from __future__ import annotations

import signal
import threading
import time
from types import FrameType, TracebackType
from typing import Any, Final

from sqlalchemy import select

from catalog.access.viewer import Viewer
from catalog.cli.context import console, printable, say
from catalog.errors import CatalogError
from catalog.history.store import Store, table_of
from catalog.model import Crawl, CrawlScope, Scope
from catalog.naming import id_bytes
from catalog.sources.crawls import request_cancel

_CRAWL, _CRAWL_SCOPE, _SCOPE = table_of(Crawl), table_of(CrawlScope), table_of(Scope)
_EVERY: Final = 0.3  # seconds between two looks at the ledger
_LINES: Final = 5.0  # seconds between two lines where there is no terminal


class Watch:
    """Shows how a crawl goes, and takes the first Ctrl-C as a request to cancel.

    A second Ctrl-C ends the process at once; the crawl is then taken up by the next one.
    """

    def __init__(self, store: Store, viewer: Viewer) -> None:
        self._store = store
        self._viewer = viewer
        self._now: tuple[str, str, float] | None = None  # source, crawl, when it began
        self._asked = threading.Event()
        self._over = threading.Event()
        self._done = threading.Event()
        self._wake = threading.Event()
        self._before: Any = None
        self._thread = threading.Thread(target=self._follow, name="progress", daemon=True)

    def __enter__(self) -> Watch:
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGINT, self._interrupt)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._done.set()
        self._wake.set()
        self._thread.join()
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)

    def begin(self, name: str, crawl: str) -> None:
        """A crawl (id) of a source begins."""
        self._now = (name, crawl, time.monotonic())
        self._wake.set()

    def asked(self) -> bool:
        """Whether a person asked to stop: no further source is to be crawled."""
        return self._asked.is_set()

    def over(self) -> bool:
        """Whether the crawl had ended when it was to be cancelled, so that what follows it stops.

        A running crawl is cancelled through the store instead: one that is merely stopped would
        go on with the next start of a server.
        """
        return self._over.is_set()

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        if self._asked.is_set():
            raise KeyboardInterrupt
        self._asked.set()
        self._wake.set()

    def _follow(self) -> None:
        shown = _Bar() if console(stderr=True).is_terminal else _Lines()
        cancelled: set[str] = set()
        last: tuple[str, str, float] | None = None
        with shown:
            while not self._done.is_set():
                if last is not None and last != self._now:
                    self._update(shown, last)  # how it ended
                last = self._now
                if last is not None:
                    if self._asked.is_set() and last[1] not in cancelled:
                        cancelled.add(last[1])
                        self._cancel(last[1])
                    self._update(shown, last)
                self._wake.wait(_EVERY)
                self._wake.clear()
            if last is not None:
                self._update(shown, last)

    def _update(self, shown: _Bar | _Lines, now: tuple[str, str, float]) -> None:
        name, crawl, began = now
        shown.update(name, self._look(crawl), began)

    def _cancel(self, crawl: str) -> None:
        say("Cancelling; Ctrl-C again to leave at once.")
        try:
            self._store.run(
                lambda unit: request_cancel(unit, self._viewer, crawl), self._viewer.actor
            )
        except CatalogError:
            self._over.set()

    def _look(self, crawl: str) -> _Seen:
        with self._store.connect() as connection:
            row = connection.execute(select(_CRAWL).where(_CRAWL.c.uid == id_bytes(crawl))).one()
            scopes = connection.execute(
                select(_CRAWL_SCOPE.c.state, _SCOPE.c.name)
                .join(_SCOPE, _SCOPE.c.key == _CRAWL_SCOPE.c.scope)
                .where(_CRAWL_SCOPE.c.crawl == row.key)
            ).all()
        ended = sum(1 for one in scopes if one.state not in ("pending", "running"))
        running = next((one.name for one in scopes if one.state == "running"), "")
        return _Seen(row, running, ended, len(scopes))


class _Seen:
    """A look at the ledger of a running crawl."""

    def __init__(self, row: Any, scope: str, ended: int, scopes: int) -> None:
        self.row = row
        self.scope = scope
        self.ended = ended
        self.scopes = scopes

    def text(self, began: float) -> str:
        """Scope, rate, ledger."""
        row = self.row
        rate = row.seen / max(time.monotonic() - began, 0.001)
        said = f"{row.seen:,} seen ({rate:,.0f}/s), {row.new:,} new, {row.changed:,} changed"
        if row.failed or row.failed_objects:
            said += f", {row.failed + row.failed_objects:,} failed"
        return f"{printable(self.scope)}  {said}"


class _Bar:
    """A bar for a terminal: one line per source."""

    def __init__(self) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
        from rich.progress import TimeElapsedColumn as Elapsed

        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=20),
            MofNCompleteColumn(),
            Elapsed(),
            TextColumn("{task.fields[said]}", markup=False),
            console=console(stderr=True),
        )
        self._tasks: dict[str, Any] = {}

    def __enter__(self) -> _Bar:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def update(self, name: str, seen: _Seen, began: float) -> None:
        """Shows where a source's crawl stands."""
        if name not in self._tasks:
            self._tasks[name] = self._progress.add_task(name, total=None, said="")
        self._progress.update(
            self._tasks[name],
            completed=seen.ended,
            total=seen.scopes or None,
            said=seen.text(began),
        )


class _Lines:
    """A line every few seconds, for logs."""

    def __init__(self) -> None:
        self._last = 0.0
        self._name = ""

    def __enter__(self) -> _Lines:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def update(self, name: str, seen: _Seen, began: float) -> None:
        """Says where a source's crawl stands, if it was not said just now."""
        if name != self._name:
            say(f"Crawling {name} ...")
            self._name, self._last = name, time.monotonic()
        elif time.monotonic() - self._last > _LINES:
            self._last = time.monotonic()
            say(f"  {seen.ended}/{seen.scopes} scopes, {seen.text(began)}")
