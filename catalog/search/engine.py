"""The port to a search engine. Two real engines stand behind it in time; one suite tests each.

An engine holds documents and one `Position`, and changes both in one commit. It filters by the
visibility expression itself, so that counts and pages are right; nothing is filtered after.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Final, Literal, Protocol, runtime_checkable

from catalog.access.expression import Everything, Expression
from catalog.search.document import Document

FACETS: Final[tuple[str, ...]] = (
    "kind",
    "platform",
    "source",
    "owner",
    "tag",
    "flag",
    "classification",
)
FACET_VALUES: Final = 50
"""Values given of each facet, the most frequent first."""
MAX_LIMIT: Final = 200
MAX_OFFSET: Final = 10_000
Sort = Literal["relevance", "name", "popularity"]
SORTS: Final[tuple[str, ...]] = ("relevance", "name", "popularity")


@dataclass(frozen=True)
class Position:
    """How far the index has followed the change log.

    ``sequence`` and ``change_id``: the last change that is wholly in the index. ``asset``: of
    the change after it, the assets up to this key are in as well (0: none). ``version``: of the
    documents.
    """

    sequence: int
    change_id: int
    epoch: str
    version: int
    asset: int = 0


@dataclass(frozen=True)
class Query:
    """What to search. ``text``: in the query language. ``filters``: field -> values, any fits;
    a facet's own filter does not narrow its counts. ``facets``: names from `FACETS`.
    """

    text: str = ""
    filters: Mapping[str, Sequence[str]] = field(default_factory=dict)
    facets: Sequence[str] = ()
    sort: Sort = "relevance"
    offset: int = 0
    limit: int = 20


@dataclass(frozen=True)
class Highlight:
    """A piece of a field's text and where the query's words lie in it: (start, end) pairs."""

    field: str
    text: str
    spans: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Hit:
    """One asset that fits. ``matched``: fields in which words of the query were found."""

    key: int
    uid: str
    score: float
    matched: tuple[str, ...] = ()
    highlights: tuple[Highlight, ...] = ()


@dataclass(frozen=True)
class FacetValue:
    """How many of the hits have this value."""

    value: str
    count: int


@dataclass(frozen=True)
class SearchResult:
    """A page of hits, best first. ``total``: of all hits. ``fallback``: nothing had all words,
    so these have some of them.
    """

    hits: tuple[Hit, ...]
    total: int
    facets: Mapping[str, tuple[FacetValue, ...]]
    fallback: bool = False


@dataclass(frozen=True)
class Similar:
    """A name like the one asked for, best first by ``score`` (0 to 1)."""

    key: int
    uid: str
    name: str
    namespace: str
    kind: str
    score: float


class Batch(Protocol):
    """Documents for a new index, beside the one that is read meanwhile."""

    def add(self, documents: Iterable[Document]) -> None:
        """Adds documents; each asset once."""


@runtime_checkable
class SearchEngine(Protocol):
    """What a search engine does for the catalog."""

    def search(self, query: Query, visibility: Expression = Everything()) -> SearchResult:  # noqa: B008
        """A page of what fits and is visible. Raises `BadInput`, `Unavailable` (no index yet)."""

    def similar_names(
        self,
        text: str,
        visibility: Expression = Everything(),  # noqa: B008
        limit: int = 5,
    ) -> list[Similar]:
        """Visible names like a mistyped one."""

    def position(self) -> Position | None:
        """Where the index stands; None: missing, damaged, or not finished."""

    def apply(self, documents: Iterable[Document], gone: Iterable[int], position: Position) -> None:
        """Replaces documents by asset key, drops the ``gone`` keys, moves on: one commit.

        Doing it twice is harmless. Raises `Conflict` when another process writes.
        """

    def rebuild(self, position: Position) -> AbstractContextManager[Batch]:
        """A new index that replaces the old one when the block ends without an error."""

    def hashes(self) -> Iterator[tuple[int, bytes]]:
        """(asset key, document hash) of every document, in no order; for doctor and tests."""

    def count(self) -> int:
        """Documents in the index."""

    def close(self) -> None:
        """Closes files."""
