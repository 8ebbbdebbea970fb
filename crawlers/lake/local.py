"""A lake in a folder of the catalog's own machine: files grouped into datasets.

Rules of grouping: ``docs/grouping.md``. Every file is opened in a reading process; the listing
alone gives sizes and times, so a crawl with state opens only what changed.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, Final
from urllib.parse import unquote, urlsplit

from pydantic import Field as Option

from catalog.crawling import (
    CheckResult,
    Crawler,
    CrawlerConfig,
    Failure,
    Record,
    Scope,
    Scopes,
    Workers,
    errors,
    reading,
)
from catalog.crawling.lake import datasets, grouping
from catalog.crawling.lake.listing import File, Folder, Lister, Listing
from catalog.crawling.lake.run import LakeRun

ROOT_SCOPE: Final = "."


class LocalLakeConfig(CrawlerConfig):
    """Patterns match a dataset's full name or its path below the root."""

    path: str = Option(description="The folder to crawl.", examples=["/srv/lake"])
    namespace: str = Option(
        default="file",
        description="Namespace of the names: `file` on the catalog's own machine, `file://host` "
        "when the folder is another machine's, mounted here.",
    )
    ignore: list[str] = Option(
        default_factory=lambda: [".*", "_*", "*.tmp"],
        description="Globs over names of files and folders that hold no data.",
    )
    max_files: int = Option(
        default=1_000_000, ge=1, description="A scope with more files is not listed to its end."
    )
    workers: int = Option(default=2, ge=1, le=64, description="Reading processes.")
    memory_mb: int = Option(
        default=1024, ge=256, description="Resident memory that reading one file may take, in MB."
    )
    seconds: float = Option(default=30.0, gt=0, description="Time that reading one file may take.")

    def left_out_by(self, path: str) -> str | None:
        """The pattern that leaves a dataset out; full name and relative path both count."""
        full = datasets.asset_name(path)
        relative = full.removeprefix(datasets.asset_name(self.root)).lstrip("/")
        either = [self.refused_by(name) for name in (full, relative)]
        excluded = next((by for by in either if by and by.startswith("exclude ")), None)
        return excluded or (either[0] if all(either) else None)

    @property
    def root(self) -> str:
        """The folder as an absolute path; links in it are kept, for names are made of it."""
        return os.path.abspath(os.path.expanduser(self.path))


class LocalLake(Crawler[LocalLakeConfig]):
    """One scope per folder directly below the root, and ``.`` for the root's own files."""

    kind: ClassVar[str] = "local"
    title: ClassVar[str] = "Folder (lake)"
    version: ClassVar[int] = 1
    Config: ClassVar[type[CrawlerConfig]] = LocalLakeConfig
    examples: ClassVar[tuple[str, ...]] = ('{"path": "/srv/lake"}',)

    def __init__(self, config: LocalLakeConfig) -> None:
        super().__init__(config)
        self._root = config.root
        self._lister = Lister(self._root, config.ignore, config.max_files)
        self._workers: Workers | None = None

    def check(self) -> CheckResult:
        try:
            listing = self._top()
        except errors.SourceError as error:
            return CheckResult(False, error.message, error.remedy)
        folders, files = len(listing.root.folders), listing.files
        message = f"{self._root} can be read: {folders} folders and {files} files directly in it."
        return CheckResult(True, message, details={"folders": folders, "files": files})

    def namespaces(self) -> tuple[str, ...]:
        return (self.config.namespace,)

    def scopes(self, state: Mapping[str, Any]) -> Scopes:
        root = self._top().root
        scopes = [Scope(ROOT_SCOPE)]
        if not grouping.is_partitioned(root):
            scopes += [Scope(datasets.asset_name(folder.name)) for folder in root.folders]
        return Scopes(scopes)

    def crawl(
        self, scope: Scope, state: Mapping[str, Any] | None, only: Sequence[str] | None = None
    ) -> Iterator[Record]:
        run = LakeRun(
            self._root, self.config.namespace, self.config.left_out_by, self._read, state, only
        )
        yield from run.records(self._listing(scope), scope.name == ROOT_SCOPE)

    def close(self) -> None:
        if self._workers is not None:
            self._workers.close()
            self._workers = None

    @classmethod
    def claims(cls, target: str) -> dict[str, Any] | None:
        if target.startswith("file:"):
            target = unquote(urlsplit(target).path)
        path = os.path.abspath(os.path.expanduser(target))
        return {"path": path} if target and os.path.isdir(path) else None

    # -- reading ----------------------------------------------------------------------------

    def _read(
        self, files: Iterable[File]
    ) -> tuple[dict[str, reading.FileFacts], dict[str, Failure]]:
        """Facts and failures by path, through the reading processes."""
        if self._workers is None:
            config = self.config
            self._workers = Workers(config.workers, config.memory_mb, config.seconds)
        facts: dict[str, reading.FileFacts] = {}
        failures: dict[str, Failure] = {}
        requests = (reading.FileRequest(os.fsencode(file.path)) for file in files)
        for request, outcome in self._workers.map_ordered(reading.read_file, requests):
            path = os.fsdecode(request.path)
            if outcome.failure is not None:
                failures[path] = outcome.failure
            elif outcome.value is not None:
                facts[path] = outcome.value
        return facts, failures

    # -- listing ----------------------------------------------------------------------------

    def _top(self) -> Listing:
        """The root's own files and folders, or the error that says why there are none."""
        if not os.path.exists(self._root):
            raise errors.Unreachable(
                f"There is no folder {self._root}.",
                remedy="Check the path, and that the disk or share is mounted.",
            )
        if not os.path.isdir(self._root):
            raise errors.Unreadable(
                f"{self._root} is a file, not a folder.", remedy="Give the folder that holds it."
            )
        listing = self._lister.tree(self._root, deep=False)
        for trouble in listing.troubles:
            raise errors.Denied(
                f"{self._root} cannot be listed: {trouble.why}",
                remedy="Give the user that the catalog runs as read access to the folder.",
            )
        return listing

    def _listing(self, scope: Scope) -> Listing:
        top = self._top()
        if scope.name == ROOT_SCOPE:
            if not grouping.is_partitioned(top.root):
                top.root.folders = []
                return top
            return self._lister.tree(self._root)
        for folder in top.root.folders:
            if datasets.asset_name(folder.name) == scope.name:
                return self._lister.tree(folder.path)
        return Listing(Folder(f"{self._root}/{scope.name}"))
