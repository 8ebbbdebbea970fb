"""The crawler class: what one writes to teach the catalog a new system.

A crawler that ignores ``state`` is correct, only slower. It never opens the store, never
guesses lineage, and yields records as it goes; the service does the rest.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, ClassVar, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from catalog.crawling.records import Record


class CrawlerConfig(BaseModel):
    """What every crawler can be told. Subclasses add fields; each one has a description.

    Patterns are globs (``*``, ``?``, ``[a-z]``) over the asset's name; exclude wins.
    """

    model_config = ConfigDict(extra="forbid")

    include: list[str] = Field(
        default_factory=list,
        description="Globs over names; only what matches one is crawled. Empty: everything.",
        examples=[["shop.public.*"]],
    )
    exclude: list[str] = Field(
        default_factory=list,
        description="Globs over names; what matches one is left out. Wins over include.",
        examples=[["*.tmp_*"]],
    )

    def refused_by(self, name: str) -> str | None:
        """The pattern that leaves the name out (``exclude X`` or ``include``), or None."""
        for pattern in self.exclude:
            if fnmatchcase(name, pattern):
                return f"exclude {pattern}"
        if self.include and not any(fnmatchcase(name, pattern) for pattern in self.include):
            return "include " + ", ".join(self.include)
        return None


@dataclass(frozen=True)
class Scope:
    """A schema, a prefix: the unit of retry, resume and completeness.

    ``name`` is stable between crawls. ``detail`` is for the crawler itself (plain JSON).
    """

    name: str
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Scopes:
    """All scopes there are; ``complete`` False: some may be missing, so none is withdrawn."""

    scopes: Sequence[Scope]
    complete: bool = True
    why: str | None = None  # why it is not complete


@dataclass(frozen=True)
class CheckResult:
    """What ``check`` found. ``ok`` False: ``message`` says what, ``remedy`` what to do."""

    ok: bool
    message: str
    remedy: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class PreviewItem:
    """One asset that the patterns select (``filtered_by`` None) or leave out."""

    name: str
    kind: str
    filtered_by: str | None = None


ConfigT = TypeVar("ConfigT", bound=CrawlerConfig)


class Crawler(Generic[ConfigT]):
    """Base class. Set ``kind``, ``title``, ``version``, ``Config``; write the four methods.

    ``version`` is raised whenever the same system would be reported differently. ``only`` of
    `crawl`: None, or the names that a refresh asks for; a crawler that cannot narrow reads the
    whole scope and the service keeps what was named. Errors are raised as `SourceError`s.
    """

    kind: ClassVar[str]
    title: ClassVar[str]
    version: ClassVar[int] = 1
    Config: ClassVar[type[CrawlerConfig]] = CrawlerConfig
    examples: ClassVar[tuple[str, ...]] = ()
    """Configs as JSON texts, for docs and contract tests."""

    def __init__(self, config: ConfigT) -> None:
        self.config = config

    # -- what a crawler must answer ---------------------------------------------------------

    def check(self) -> CheckResult:
        """Connects and says what works, with the exact reason and remedy if not."""
        raise NotImplementedError

    def namespaces(self) -> tuple[str, ...]:
        """Namespaces that this source itself crawls; reports are allowed only inside them.

        Worked out from the config alone, without a connection. A namespace that ends in ``/*``
        allows all that begin with it.
        """
        raise NotImplementedError

    def scopes(self, state: Mapping[str, Any]) -> Scopes:
        """All scopes. ``state``: scope name -> state of its last complete crawl."""
        raise NotImplementedError

    def crawl(
        self, scope: Scope, state: Mapping[str, Any] | None, only: Sequence[str] | None = None
    ) -> Iterator[Record]:
        """Records of one scope; containers before what they hold; `Done` last."""
        raise NotImplementedError

    # -- what it may ------------------------------------------------------------------------

    def preview(self, limit: int = 1000) -> Iterable[PreviewItem]:
        """What the patterns select and leave out. The default crawls and keeps names only."""
        from catalog.crawling.records import Asset, Filtered

        count = 0
        for scope in self.scopes({}).scopes:
            for record in self.crawl(scope, None):
                if isinstance(record, Asset) and record.asset_class == "data":
                    yield PreviewItem(record.name, record.kind)
                elif isinstance(record, Filtered):
                    yield PreviewItem(record.name, "unknown", record.by)
                else:
                    continue
                count += 1
                if count >= limit:
                    return

    def close(self) -> None:
        """Frees connections; called once, also after an error."""

    @classmethod
    def claims(cls, target: str) -> dict[str, Any] | None:
        """Config (plain JSON) if this crawler can read the path or URL that a person typed.

        Used by ``catalog up TARGET``; it looks at the text and, for local paths, at the file's
        first bytes, and never connects.
        """
        return None
