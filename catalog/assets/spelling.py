"""What a name that somebody wrote may mean, as text: no store here."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from catalog.naming import fold, normalize_location

_URN: Final = re.compile(r"urn:li:dataset:\(urn:li:dataPlatform:([^,()]+),(.+),([A-Z_]+)\)")
_URN_PLATFORMS: Final = {"gcs": "gcs", "abs": "azure", "adlsGen2": "azure", "mssql": "sqlserver"}
_BUCKETS: Final = {"s3": "s3", "gcs": "gs"}
_URI: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:/")
MOST_SPLITS: Final = 64
"""Places where a text is split; a longer path is matched by its first and last ones."""


class Pair(NamedTuple):
    """A namespace and a name, and the column behind the name's ``#``, if one is meant."""

    namespace: str
    name: str
    column: str | None = None


def with_columns(text: str) -> list[tuple[str, str | None]]:
    """The text itself, then every way to read ``NAME#field.path``, the longest name first."""
    found: list[tuple[str, str | None]] = [(text, None)]
    at = text.rfind("#")
    while at > 0:
        if at < len(text) - 1:
            found.append((text[:at], text[at + 1 :]))
        at = text.rfind("#", 0, at)
    return found[:8]


def pairs(text: str, column: str | None = None) -> list[Pair]:
    """All ways to read ``namespace/name``, the longest namespace first.

    A name that begins with a slash follows its namespace without a second one.
    """
    found = []
    for at in _limited([at for at, letter in enumerate(text) if letter == "/"]):
        if at == 0:
            continue
        if at + 1 < len(text):
            found.append(Pair(text[:at], text[at + 1 :], column))
        found.append(Pair(text[:at], text[at:], column))
    return found[::-1]


def _limited(places: list[int]) -> list[int]:
    if len(places) <= MOST_SPLITS:
        return places
    half = MOST_SPLITS // 2
    return places[:half] + places[-half:]


def folded_variants(name: str) -> list[str]:
    """The forms under which `catalog.naming.fold` may have filed a name, whatever the rule."""
    kept, lowered = fold(name, "sensitive"), fold(name, "lower")
    return [kept] if kept == lowered else [kept, lowered]


def urn_parts(text: str) -> tuple[str, str] | None:
    """(platform, name) of a DataHub dataset URN, or None."""
    found = _URN.fullmatch(text)
    if found is None:
        return None
    platform = found.group(1)
    return _URN_PLATFORMS.get(platform, platform), found.group(2)


def urn_location(platform: str, name: str) -> str | None:
    """Location of a URN of an object store (its name begins with the bucket), or None."""
    scheme = _BUCKETS.get(platform)
    return f"{scheme}://{name}" if scheme else None


def location_of(text: str) -> str | None:
    """A location in today's spelling, or None if the text is none.

    A path that begins with a slash is a file of the catalog's own machine.
    """
    if text.startswith("/"):
        return "file" + (text.rstrip("/") or "/")
    if _URI.match(text) is None:
        return None
    return normalize_location(text)


def source_rests(text: str) -> list[tuple[str, str]]:
    """All ways to read ``SOURCE.rest``, the longest source name first."""
    places = [at for at, letter in enumerate(text) if letter == "."]
    return [
        (text[:at], text[at + 1 :]) for at in reversed(_limited(places)) if 0 < at < len(text) - 1
    ]


def prefixes(location: str) -> Iterator[str]:
    """The location and every path above it, the longest first."""
    yield location
    at = location.rfind("/")
    while at > 0 and not location[: at + 1].endswith("//"):
        yield location[:at]
        at = location.rfind("/", 0, at)
