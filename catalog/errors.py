"""One tree of exceptions, drawn by what the caller can do about it.

::

    CatalogError
    ├── BadInput            change what you sent                      400  exit 2
    │   └── Precondition    read it again, then decide                412
    ├── NotAllowed          ask somebody with the right               403
    │   └── NotSignedIn     sign in or send a token                   401
    ├── NotFound            look at the suggestions                   404
    ├── Ambiguous           choose one of the candidates              409
    ├── Conflict            somebody else was first, or holds it      409
    ├── Gone                start again from the given point          410
    ├── TooLarge            ask for less                              413
    ├── Unavailable         try again later (``retry_after``)         503
    │   ├── TooMany         wait as long as it says                   429
    │   └── DiskFull        free some space
    ├── SourceError         repair the source or its configuration    502
    │   ├── MissingDriver   install the named extra
    │   ├── Unreachable     check host, port, network
    │   ├── Denied          check user, password, privileges
    │   └── Unreadable      the file or object is broken or not what it says
    └── StoreError          the operator acts                         500
        ├── OldSchema       run ``catalog db upgrade`` (or ``catalog up``)
        ├── OldProcess      restart with the newer version
        └── Locked          end the other process, whose PID is named

Every message says what happened, to what; ``remedy`` says what to do. Neither ever holds a
secret. ``details`` are members of the RFC 9457 problem that the API answers.
"""

from __future__ import annotations

from typing import Any, ClassVar


class CatalogError(Exception):
    """Root of all errors that the catalog raises on purpose."""

    status: ClassVar[int] = 500
    exit_code: ClassVar[int] = 1
    title: ClassVar[str] = "The catalog failed"

    def __init__(self, message: str, *, remedy: str | None = None, **details: Any) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        self.details = details

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}" if self.remedy else self.message


class BadInput(CatalogError):
    """The request itself is wrong."""

    status = 400
    exit_code = 2
    title = "The request is not right"


class Precondition(BadInput):
    """``If-Match`` names another state; ``details['current']`` holds today's value."""

    status = 412
    exit_code = 1
    title = "It was changed meanwhile"


class NotAllowed(CatalogError):
    """Known who asks, but it is not theirs to do."""

    status = 403
    title = "Not allowed"


class NotSignedIn(NotAllowed):
    """No valid token or session."""

    status = 401
    title = "Sign in"


class NotFound(CatalogError):
    """Nothing visible has this name."""

    status = 404
    title = "Not found"


class Ambiguous(CatalogError):
    """Several things have this name; ``details['candidates']`` lists the visible ones."""

    status = 409
    title = "Several things have this name"


class Conflict(CatalogError):
    """The state does not permit it."""

    status = 409
    title = "Conflict"


class Gone(CatalogError):
    """A cursor of a restored store or of removed history."""

    status = 410
    title = "No longer kept"


class TooLarge(CatalogError):
    """Over a limit that the message names."""

    status = 413
    title = "Too large"


class Unavailable(CatalogError):
    """Works again by itself."""

    status = 503
    title = "Try again later"


class TooMany(Unavailable):
    """Asked too often; ``details['retry_after']`` says when again."""

    status = 429
    title = "Too many attempts"


class DiskFull(Unavailable):
    """Writing stopped before the disk was full."""

    title = "The disk is nearly full"


class SourceError(CatalogError):
    """The crawled system, not the catalog."""

    status = 502
    title = "The source did not answer as it should"


class MissingDriver(SourceError):
    """An optional package is not installed; the remedy is the ``pip install`` to run."""

    title = "A driver is missing"


class Unreachable(SourceError):
    """No connection."""

    title = "The source cannot be reached"


class Denied(SourceError):
    """Connected, but refused."""

    title = "The source refused access"


class Unreadable(SourceError):
    """Reached, but its content is broken, too large, or killed its reader."""

    title = "It cannot be read"


class StoreError(CatalogError):
    """The metadata store."""

    title = "The metadata store"


class OldSchema(StoreError):
    """The store was made by an older version."""


class OldProcess(StoreError):
    """The store was upgraded; this process is too old to write."""


class Locked(StoreError):
    """Another process holds it."""
