"""The first bytes of a file, decompressed, never more than asked for."""

from __future__ import annotations

import bz2
import io
import lzma
import os
import stat
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO, Final, Protocol, cast

from catalog.errors import Unreadable

MAGIC_BYTES: Final = 4096
_STEP: Final = 64 * 1024
_COMPRESSIONS: Final[tuple[tuple[bytes, str], ...]] = (
    (b"\x1f\x8b\x08", "gzip"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\x00", "xz"),
)


@dataclass(frozen=True)
class Sample:
    """``data``: decompressed bytes from the start; ``whole``: that is all there is."""

    data: bytes
    whole: bool
    compression: str | None = None


class _Decompressor(Protocol):
    """What zlib, bz2 and lzma have in common."""

    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int) -> bytes: ...


class _Gzip:
    """`zlib.decompressobj` with the manners of bz2 and lzma: it keeps its own unread input."""

    def __init__(self) -> None:
        self._inner = zlib.decompressobj(wbits=31)

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        return self._inner.decompress(self._inner.unconsumed_tail + data, max_length)


_MAKERS: Final[dict[str, Callable[[], _Decompressor]]] = {
    "gzip": _Gzip,
    "bzip2": bz2.BZ2Decompressor,
    # A dictionary of gigabytes may be asked for in the header of a small file.
    "xz": lambda: lzma.LZMADecompressor(memlimit=256 * 1024 * 1024),
}


def compression_of(head: bytes) -> str | None:
    """gzip, zstd, bzip2 or xz by the first bytes; None if they are none of these."""
    return next((name for magic, name in _COMPRESSIONS if head.startswith(magic)), None)


def open_regular(path: bytes) -> BinaryIO:
    """Opens a regular file; a named pipe or device would block or never end."""
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise Unreadable("It is not a regular file.")
    return os.fdopen(descriptor, "rb")


def read_head(path: bytes, size: int = MAGIC_BYTES) -> bytes:
    """The first ``size`` bytes as they are stored."""
    with open_regular(path) as stream:
        return stream.read(size)


def read_sample(path: bytes, limit: int) -> Sample:
    """At most ``limit`` bytes of content. Raises `Unreadable` when decompression fails at once;
    damage behind the first readable bytes only ends the sample."""
    with open_regular(path) as stream:
        compression = compression_of(stream.read(8))
        stream.seek(0)
        if compression is None:
            data = stream.read(limit + 1)
            return Sample(data[:limit], len(data) <= limit)
        if compression == "zstd":
            data, clean = _zstd(stream, limit + 1)
        else:
            data, clean = _members(stream, _MAKERS[compression], limit + 1, compression)
    return Sample(data[:limit], clean and len(data) <= limit, compression)


def _members(
    stream: BinaryIO, make: Callable[[], _Decompressor], limit: int, compression: str
) -> tuple[bytes, bool]:
    """Content of all members one behind the other, and whether it ended well."""
    parts: list[bytes] = []
    size, pending, worker, eof = 0, b"", make(), False
    while size < limit:
        if not pending and not eof:
            pending = stream.read(_STEP)
            eof = not pending
        try:
            part = worker.decompress(pending, limit - size)
        except (zlib.error, OSError, EOFError, ValueError, lzma.LZMAError) as error:
            if parts:  # what came before is good; garbage behind the last member is usual
                return b"".join(parts), False
            raise Unreadable(f"Its {compression} content is damaged: {error}.") from error
        pending = b""
        if part:
            parts.append(part)
            size += len(part)
        if worker.eof:
            pending = worker.unused_data or stream.read(_STEP)
            if not pending.strip(b"\x00"):
                return b"".join(parts), True
            worker = make()
        elif eof and not part:
            if not parts:
                raise Unreadable(f"Its {compression} content is cut off.")
            return b"".join(parts), False
    return b"".join(parts), False


def _zstd(stream: BinaryIO, limit: int) -> tuple[bytes, bool]:
    """Zstandard through Arrow's codec, which reads in bounded steps too."""
    import pyarrow

    source_file = pyarrow.PythonFile(cast(io.IOBase, stream), mode="r")
    parts: list[bytes] = []
    size = 0
    try:
        with pyarrow.CompressedInputStream(source_file, "zstd") as source:
            while size < limit and (part := source.read(min(_STEP, limit - size))):
                parts.append(part)
                size += len(part)
    except OSError as error:
        if not parts:
            raise Unreadable(f"Its zstd content is damaged: {error}.") from error
        return b"".join(parts), False
    return b"".join(parts), size < limit
