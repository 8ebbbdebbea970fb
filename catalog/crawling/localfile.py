"""Databases in files, for crawlers: paths, magic bytes, names, copies. Opens no database."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import msgspec

from catalog import naming
from catalog.errors import Denied, SourceError, Unreachable, Unreadable


def absolute(path: str) -> Path:
    """The path as it goes into a namespace: absolute, ``~`` expanded, links kept as they are."""
    return Path(os.path.abspath(os.path.expanduser(path)))


def namespace(scheme: str, path: str) -> str:
    """``sqlite`` + ``shop.db`` -> ``sqlite:///srv/shop.db``."""
    return naming.normalize_namespace(f"{scheme}://{absolute(path)}")


def database_name(path: Path) -> str:
    """The name that DuckDB gives the database in a file: the file's name up to the first dot."""
    return path.name.split(".", 1)[0] or path.name


def require_file(path: Path, what: str) -> os.stat_result:
    """The file's stat; `SourceError` that says why it cannot be read. ``what``: ``SQLite``..."""
    try:
        found = path.stat()
        if not path.is_file():
            raise Unreadable(f"{path} is not a file.", remedy=f"Give the path of a {what} file.")
    except OSError as error:
        raise missing(path, error) from error
    if not os.access(path, os.R_OK):
        raise Denied(
            f"{path} may not be read by this process.",
            remedy="Give the catalog's user the right to read the file and to enter its folders.",
        )
    return found


def missing(path: Path, error: OSError) -> SourceError:
    """The error for a path that cannot be reached."""
    if isinstance(error, PermissionError):
        return Denied(
            f"{path} cannot be reached: one of its folders may not be entered.",
            remedy="Give the catalog's user the right to enter its folders.",
        )
    reason = error.strerror or type(error).__name__
    return Unreachable(f"{path} cannot be opened: {reason}.", remedy="Check the path.")


def has_magic(target: str, magic: bytes, offset: int = 0) -> bool:
    """Whether ``target`` is an existing file that holds ``magic`` at ``offset``; never raises."""
    try:
        path = absolute(target)
        if not path.is_file():
            return False
        with path.open("rb") as file:
            return file.read(offset + len(magic))[offset:] == magic
    except (OSError, ValueError):  # ValueError: a NUL in the path
        return False


def size_with(path: Path, suffixes: Sequence[str]) -> int:
    """Bytes of the file and of its companions (``-wal``) that exist."""
    return sum(_size(f"{path}{suffix}") for suffix in ("", *suffixes))


def exists(path: Path, suffix: str) -> bool:
    """Whether the companion is there and holds something."""
    return _size(f"{path}{suffix}") > 0


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except OSError:
        return 0


Fingerprint = tuple[tuple[int, int, int], ...]


def fingerprint(path: Path, suffixes: Sequence[str]) -> Fingerprint:
    """Inode, size and time of last writing of the file and its companions (0: not there)."""
    return tuple(_print(f"{path}{suffix}") for suffix in ("", *suffixes))


def _print(path: str) -> tuple[int, int, int]:
    try:
        found = os.stat(path)
    except OSError:
        return (0, 0, 0)
    return (found.st_ino, found.st_size, found.st_mtime_ns)


class CopyOrder(msgspec.Struct, frozen=True):
    """What `copy_once` copies where, with which companions."""

    path: str
    copy: str
    suffixes: list[str]


def copy_once(order: CopyOrder) -> bool:
    """Copies a file and its companions; whether nobody wrote to them meanwhile.

    Runs in a child process, as all that opens a database file must: a process that closes any
    descriptor of a file loses all its locks on it, also those of a database it has open.
    """
    path, suffixes = Path(order.path), order.suffixes
    before = fingerprint(path, suffixes)
    for suffix in ("", *suffixes):
        Path(f"{order.copy}{suffix}").unlink(missing_ok=True)
        if suffix == "" or os.path.exists(f"{path}{suffix}"):
            shutil.copyfile(f"{path}{suffix}", f"{order.copy}{suffix}")
    return fingerprint(path, suffixes) == before
