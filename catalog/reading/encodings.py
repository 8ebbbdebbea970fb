"""Which encoding a text is in: byte order marks, UTF-8, UTF-16 without a mark, else Latin-1."""

from __future__ import annotations

import codecs
from typing import Final

from catalog.errors import Unreadable
from catalog.reading.kinds import is_binary

_MARKS: Final[tuple[tuple[bytes, str, str], ...]] = (
    # UTF-32's mark begins with UTF-16's, so it comes first.
    (codecs.BOM_UTF32_LE, "utf-32-le", "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32-be", "utf-32"),
    (codecs.BOM_UTF8, "utf-8", "utf-8-bom"),
    (codecs.BOM_UTF16_LE, "utf-16-le", "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16-be", "utf-16"),
)


class NotText(Unreadable):
    """Binary content without known magic bytes."""


def decode(data: bytes, whole: bool) -> tuple[str, str]:
    """(text, encoding) of the first bytes of a text file. Raises `NotText` for binary data.

    ``whole`` False: the data may end within a character, which is then left out. Encodings: utf-8,
    utf-8-bom, utf-16, utf-16-le, utf-16-be, utf-32, latin-1 (read as Windows-1252 where defined).
    """
    for mark, codec, name in _MARKS:
        if data.startswith(mark):
            return _strict(data[len(mark) :], codec, whole), name
    guessed = _unmarked_utf16(data)
    if guessed is not None:
        return _strict(data, guessed, whole), guessed
    if is_binary(data):
        raise NotText("It is neither a known format nor text.", code="unknown_format")
    try:
        return _incremental(data, "utf-8", whole), "utf-8"
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace"), "latin-1"


def _incremental(data: bytes, codec: str, whole: bool) -> str:
    return codecs.getincrementaldecoder(codec)("strict").decode(data, final=whole)


def _strict(data: bytes, codec: str, whole: bool) -> str:
    try:
        return _incremental(data, codec, whole)
    except UnicodeDecodeError as error:
        raise Unreadable(f"It says it is {codec} and is not: {error.reason}.") from error


def _unmarked_utf16(data: bytes) -> str | None:
    """UTF-16 without a mark has a zero in every second byte of Latin text."""
    head = data[:2000]
    if len(head) < 4:
        return None
    even, odd = head[0::2].count(0), head[1::2].count(0)
    if odd * 10 > len(head) * 3 and even * 50 < len(head):
        return "utf-16-le"
    if even * 10 > len(head) * 3 and odd * 50 < len(head):
        return "utf-16-be"
    return None
