"""Folders and files below a path: sizes and times from the listing alone, nothing is opened."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Final

MAX_DEPTH: Final = 100


@dataclass(frozen=True, slots=True)
class File:
    """A regular file. ``path`` is absolute, undecodable bytes as surrogates; ``mtime_ns``."""

    path: str
    size: int
    mtime_ns: int

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rsplit("/", 1)[-1]


@dataclass(slots=True)
class Folder:
    """``marks``: names of ignored folders inside (``_delta_log``), which say what this one is."""

    path: str
    files: list[File] = field(default_factory=list)
    folders: list[Folder] = field(default_factory=list)
    marks: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rsplit("/", 1)[-1]

    def walk(self) -> Iterator[Folder]:
        """This folder and all below, depth first."""
        yield self
        for folder in self.folders:
            yield from folder.walk()


@dataclass(frozen=True)
class Trouble:
    """A folder that could not be listed."""

    path: str
    code: str
    why: str


@dataclass
class Listing:
    """``skipped``: listed files that are left out (ignored, empty, links, devices)."""

    root: Folder
    skipped: int = 0
    files: int = 0
    troubles: list[Trouble] = field(default_factory=list)
    full: bool = False  # the limit of files was reached

    @property
    def complete(self) -> bool:
        """Whether everything that is there was listed."""
        return not self.troubles and not self.full


class Lister:
    """Lists folders below ``root``. ``ignore``: globs over the names of files and folders.

    Links to folders are not followed: what they lead to is either listed under its own name or
    outside. Links to files are, as long as they stay below the root. Empty files hold nothing.
    """

    def __init__(self, root: str, ignore: Sequence[str], max_files: int) -> None:
        self._real_root = os.path.realpath(root)
        self._ignore = tuple(ignore)
        self._max_files = max_files

    def tree(self, path: str, deep: bool = True) -> Listing:
        """Everything below a folder; ``deep`` False: its subfolders stay empty."""
        listing = Listing(Folder(path))
        pending = [(listing.root, 0)]
        while pending and not listing.full:
            folder, depth = pending.pop()
            if depth > MAX_DEPTH:
                why = f"It lies deeper than {MAX_DEPTH} folders."
                listing.troubles.append(Trouble(folder.path, "too_deep", why))
                continue
            self._list(folder, listing)
            if deep:
                pending.extend((child, depth + 1) for child in reversed(folder.folders))
        return listing

    def ignored(self, name: str) -> bool:
        """Whether a name is left out; ``_date=1`` is a partition, not a hidden folder."""
        if "=" in name and not name.startswith("."):
            return False
        return any(fnmatchcase(name, pattern) for pattern in self._ignore)

    def _list(self, folder: Folder, listing: Listing) -> None:
        try:
            with os.scandir(folder.path) as entries:
                for entry in sorted(entries, key=lambda entry: entry.name):
                    self._take(entry, folder, listing)
                    if listing.full:
                        return
        except OSError as error:
            listing.troubles.append(_trouble(folder.path, error))

    def _take(self, entry: os.DirEntry[str], folder: Folder, listing: Listing) -> None:
        path = f"{folder.path.rstrip('/')}/{entry.name}"
        try:
            if entry.is_dir(follow_symlinks=False):
                if self.ignored(entry.name):
                    folder.marks.append(entry.name)
                else:
                    folder.folders.append(Folder(path))
                return
            listing.files += 1
            found = self._status(entry, path)
        except FileNotFoundError:  # removed since the folder was listed: it was never there
            listing.files -= 1
            return
        if found is None or found.st_size == 0 or self.ignored(entry.name):
            listing.skipped += 1
        else:
            folder.files.append(File(path, found.st_size, found.st_mtime_ns))
        listing.full = listing.files >= self._max_files

    def _status(self, entry: os.DirEntry[str], path: str) -> os.stat_result | None:
        """Status of a regular file, also behind a link that stays below the root."""
        if entry.is_symlink():
            real = os.path.realpath(path)
            if not real.startswith(self._real_root.rstrip("/") + "/") or not os.path.isfile(real):
                return None
            return os.stat(path)
        found = entry.stat(follow_symlinks=False)
        return found if stat.S_ISREG(found.st_mode) else None


def _trouble(path: str, error: OSError) -> Trouble:
    if isinstance(error, PermissionError):
        return Trouble(path, "denied", "No permission to list this folder.")
    if isinstance(error, FileNotFoundError):
        return Trouble(path, "vanished", "It vanished while it was being crawled.")
    return Trouble(path, "unreadable", f"It cannot be listed: {error.strerror or error}.")
