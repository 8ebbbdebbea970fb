"""One request: who asks, and the open catalog. `catalog.serving.routing` mounts endpoints."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

import anyio
import anyio.to_thread
import msgspec
from fastapi import Depends, Request
from sqlalchemy import Connection
from sqlmodel import Session
from starlette.background import BackgroundTask
from starlette.responses import Response

from catalog.access import sessions, tokens
from catalog.access.preferences import Preferences
from catalog.access.viewer import Viewer
from catalog.assets.counts import LookupCounter
from catalog.assets.recent import RecentViews
from catalog.errors import NotAllowed, NotSignedIn
from catalog.history.unit import Unit
from catalog.wiring import Background, Catalog

COOKIE: Final = "catalog_session"
PUBLIC: Final = "public"
SIGNED_IN: Final = "signed in"
SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_encode = msgspec.json.Encoder().encode
log = logging.getLogger("catalog.serving")


class State:
    """What hangs on the application: the open catalog and what it does beside."""

    def __init__(self, catalog: Catalog, background: Background | None) -> None:
        self.catalog = catalog
        self.background = background
        self.last_used = tokens.LastUsed(catalog.store)
        self.lookups = LookupCounter(catalog.store)
        self.recents = RecentViews(catalog.store)
        # Threads that answer from a file take turns at every row; with two of them a short read
        # is over (p95) in 17 ms where with eight it took 22. A PostgreSQL is waited for instead.
        wide = catalog.settings.threads
        self.short = anyio.CapacityLimiter(min(2, wide) if catalog.settings.is_sqlite else wide)

    def close(self) -> None:
        """A clean stop: what was counted and noted and is not yet written is written."""
        for flush in (self.lookups.flush, self.recents.flush):
            try:
                flush()
            except Exception as error:
                log.warning("counted look-ups are lost: %s: %s", type(error).__name__, error)


class Call:
    """The request at hand. ``viewer`` is known once `authenticate` has run."""

    def __init__(self, request: Request) -> None:
        self.request = request
        self.state: State = request.app.state.catalog
        self.viewer: Viewer = _NOBODY
        self.preferences = Preferences()
        self.cookie: str | None = None
        self.session: str | None = None
        self._known = False
        self._found_token: tokens.FoundToken | None = None
        self._after: list[Callable[[], object]] = []
        self._warm: Connection | None = None

    @property
    def catalog(self) -> Catalog:
        """The open catalog."""
        self.cool()  # whoever asks may want a connection, and each thread has one
        return self.state.catalog

    def connect(self) -> AbstractContextManager[Connection]:
        """A connection for reading; the first one is that which authentication used."""
        warm, self._warm = self._warm, None
        return self.catalog.store.connect() if warm is None else warm

    def cool(self) -> None:
        """Gives the connection that authentication used back."""
        warm, self._warm = self._warm, None
        if warm is not None:
            warm.close()

    def read(self) -> AbstractContextManager[Session]:
        """A session for reading."""
        return self.catalog.store.read()

    def write(self, work: Callable[[Unit], Any], *, cause: str | None = None) -> Any:
        """One unit of work in the viewer's name."""
        return self.catalog.store.run(work, self.viewer.actor, cause=cause)

    def wake(self) -> None:
        """Work was enqueued: the workers look at once."""
        if self.state.background is not None:
            self.state.background.wake()

    def authenticate(self, action: str) -> None:
        """Finds the viewer by bearer token or session cookie; `NotSignedIn`, `NotAllowed`."""
        try:
            self.enter(action)
        finally:
            self.cool()

    def enter(self, action: str) -> None:
        """`authenticate`, whose connection stays for what follows in this thread (`cool`)."""
        if action == PUBLIC or self._known:
            return
        header = self.request.headers.get("authorization")
        if header is not None:
            self._by_token(header)
        else:
            self._by_cookie()
        if action != SIGNED_IN:
            self.viewer.require(action)
        self._known = True

    def still_signed_in(self) -> bool:
        """Whether token or session still hold; for replies that go on for minutes."""
        self._known = False
        try:
            self.authenticate(SIGNED_IN)
        except NotAllowed:
            return False
        return True

    def _by_token(self, header: str) -> None:
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer":
            raise NotSignedIn(
                "Only bearer tokens are taken.", remedy="Send Authorization: Bearer TOKEN."
            )
        self._warm = self.catalog.store.engine.connect()
        found = tokens.find_token(self._warm, token.strip())
        self.viewer = found.viewer
        self._found_token = found

    def _by_cookie(self) -> None:
        cookie = self.request.cookies.get(COOKIE)
        if not cookie:
            raise NotSignedIn(
                "This needs a token or a session.",
                remedy="Send Authorization: Bearer TOKEN, or sign in with `catalog login-link`.",
            )
        if self.request.method not in SAFE:
            self.refuse_cross_site()
        with self.connect() as connection:
            found = sessions.find_session(connection, cookie)
        self.viewer, self.preferences = found.viewer, found.preferences
        self.cookie, self.session = cookie, found.id

    def refuse_cross_site(self, *, strict: bool = True) -> None:
        """A cookie alone moves nothing unless the browser says that our own page sent it.

        Not ``strict``: what says nothing about where it came from is no browser, and is let in.
        """
        headers = self.request.headers
        origin, fetched = headers.get("origin"), headers.get("sec-fetch-site")
        if origin is not None:
            same = urlsplit(origin).netloc == headers.get("host")
        elif fetched is not None:
            same = fetched in ("same-origin", "none")
        else:
            same = not strict
        if not same:
            raise NotAllowed(
                "The request came from another site.",
                remedy="Use the catalog's own pages, or a token.",
            )

    def looked_up(self, *assets: int | str) -> None:
        """Counts look-ups of assets (integer keys or public ids), for their popularity."""
        lookups = self.state.lookups
        due = False
        for one in assets:
            due = lookups.note(one) or due
        if due:
            self._after.append(lookups.flush)

    def viewed(self, asset: int) -> None:
        """The viewer opened the page of an asset (key): a look-up, and one of their recent ones."""
        self.looked_up(asset)
        if self.state.recents.note(self.viewer, asset):
            self._after.append(self.state.recents.flush)

    def finish(self, found: Any) -> Any:
        """The reply, with what is written once it is sent: the token's use, counted look-ups.

        Most replies have nothing to write, and cost no further thread.
        """
        token = self._found_token
        if token is not None and self.state.last_used.due(token):
            self._after.append(lambda: self.state.last_used.touch(token))
        if self._after and isinstance(found, Response) and found.background is None:
            found.background = BackgroundTask(_run_all, self._after)
        return found

    def if_match(self) -> str | None:
        """The ETag of ``If-Match``, without quotes; None when it is not sent."""
        header = self.request.headers.get("if-match")
        if header is None or header.strip() == "*":
            return None
        return header.strip().removeprefix("W/").strip('"')


_NOBODY: Final = Viewer(actor="nobody", role="viewer", scopes=frozenset({"none"}), name="nobody")


async def make_call(request: Request) -> Call:
    """Dependency without I/O, so it costs no thread. One call per request."""
    found: Call | None = getattr(request.state, "call", None)
    if found is None:
        found = request.state.call = Call(request)
    return found


CallArg = Annotated[Call, Depends(make_call)]


def reply(
    content: Any,
    status: int = 200,
    *,
    etag: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """A JSON reply of msgspec structs, dataclasses and plain values."""
    found = Response(_encode(content), status, media_type="application/json")
    if etag is not None:
        found.headers["etag"] = f'"{etag}"'
    for name, value in (headers or {}).items():
        found.headers[name] = value
    return found


def _run_all(work: Iterable[Callable[[], object]]) -> None:
    """The reply is out, so a failure is only logged; the next request tries again."""
    for one in work:
        try:
            one()
        except Exception as error:
            log.warning("after a reply: %s: %s", type(error).__name__, error)
