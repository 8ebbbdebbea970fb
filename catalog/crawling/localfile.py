"""Databases in files, for crawlers: paths, magic bytes, names, private copies; opens none."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from catalog import naming
from catalog.errors import Denied, SourceError, Unreachable, Unreadable

COPY_ATTEMPTS = 3


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
        with path.open("rb") as file:
            file.read(1)
    except PermissionError as error:
        raise Denied(
            f"{path} may not be read by this process.",
            remedy="Give the catalog's user the right to read the file and to enter its folders.",
        ) from error
    except OSError as error:
        raise missing(path, error) from error
    return found


def missing(path: Path, error: OSError) -> SourceError:
    """The error for a path that cannot be reached."""
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


@contextmanager
def private_copy(path: Path, suffixes: Sequence[str], limit: int, why: str) -> Iterator[Path]:
    """A copy of the file and its companions in a folder of our own, deleted afterwards.

    ``limit``: bytes; a larger file is `Unreadable` with the reason ``why`` a copy was needed.
    A file that is written to during three attempts is `Unreadable` too: its copy might be torn.
    """
    size = size_with(path, suffixes)
    if size > limit:
        raise Unreadable(
            f"{path}: {why} Its {size:,} bytes are over the limit of {limit:,} for a copy.",
            remedy="Crawl when nobody writes to it, or raise copy_limit_mb.",
        )
    folder = Path(tempfile.mkdtemp(prefix="catalog-copy-"))
    try:
        copy = folder / path.name
        if not any(_copied(path, copy, suffixes) for _ in range(COPY_ATTEMPTS)):
            raise Unreadable(
                f"{path}: {why} It is written to so often that no whole copy could be made.",
                remedy="Crawl when nobody writes to it.",
            )
        yield copy
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _copied(path: Path, copy: Path, suffixes: Sequence[str]) -> bool:
    """Copies; whether nothing was written meanwhile."""
    before = fingerprint(path, suffixes)
    try:
        for suffix in ("", *suffixes):
            Path(f"{copy}{suffix}").unlink(missing_ok=True)
            if suffix == "" or os.path.exists(f"{path}{suffix}"):
                shutil.copyfile(f"{path}{suffix}", f"{copy}{suffix}")
    except OSError as error:
        raise missing(path, error) from error
    return fingerprint(path, suffixes) == before
