"""The Whoosh schema. Imports Whoosh, so it is imported only where the index is opened.

Analysis is our own (`catalog.search.text`): a field is given its terms, not a text. Nothing is
scored or stored by Whoosh; what a hit needs lies in two columns, ``head`` (fixed bytes, read in
one go) and ``payload`` (compressed JSON).
"""

from __future__ import annotations

import struct
from typing import Any, Final

from whoosh import columns, fields, formats

HEAD: Final = struct.Struct("<q16s16sIBbBB")
"""key, uid, hash, first bytes of the folded leaf, popularity, flag, state, parts of the leaf."""
STATE_POSITION: Final = 3
STATE_LIVE: Final = 1
STATE_REFERENCED: Final = 2

POSITIONAL: Final[tuple[str, ...]] = ("name", "title", "columns", "comments", "description")
WORDS: Final[tuple[str, ...]] = ("leaf", "labels", "people", "body")
RAW: Final[tuple[str, ...]] = (
    "class",
    "kind",
    "platform",
    "source",
    "namespace",
    "name",
    "domain",
    "tag",
    "classification",
    "owner",
    "flag",
    "environment",
    "exact",
)
"""Keyword fields, named ``raw_`` and the attribute: values as they are, letter case counts."""
COLUMNS: Final[tuple[str, ...]] = ("head", "payload", "order")
_EMPTY: Final = b""
_FAR: Final = 0x10000
_ONE: Final = [number.to_bytes(2, "little") for number in range(_FAR)]


class Positions(fields.FieldType):  # type: ignore[misc]
    """Tokens with positions: two bytes each; what lies beyond 65,535 is not in phrases."""

    def __init__(self) -> None:
        super().__init__(formats.Positions(), None)

    def separate_spelling(self) -> bool:
        """No spelling graph."""
        return False


class Keywords(fields.FieldType):  # type: ignore[misc]
    """Terms as they are, without positions."""

    def __init__(self) -> None:
        super().__init__(formats.Existence(), None)

    def separate_spelling(self) -> bool:
        """No spelling graph."""
        return False


class Bytes(fields.FieldType):  # type: ignore[misc]
    """A column of bytes, not searched."""

    indexed = False

    def __init__(self, column: columns.Column) -> None:
        super().__init__(None, None)
        self.column_type = column

    def to_column_value(self, value: bytes) -> bytes:
        """As it is."""
        return value


def pack_positions(positions: list[int]) -> bytes:
    """Positions as they lie in a posting."""
    if len(positions) == 1:
        return _ONE[positions[0]] if positions[0] < _FAR else _EMPTY
    if positions[-1] >= _FAR:
        positions = [one for one in positions if one < _FAR]
    return struct.pack(f"<{len(positions)}H", *positions)


def unpack_positions(raw: bytes) -> tuple[int, ...]:
    """The inverse of `pack_positions`."""
    return struct.unpack(f"<{len(raw) // 2}H", raw)


def schema() -> Any:
    """The schema of the index."""
    return fields.Schema(
        head=Bytes(columns.FixedBytesColumn(HEAD.size)),
        payload=Bytes(columns.VarBytesColumn()),
        order=Bytes(columns.VarBytesColumn()),
        **{name: Positions() for name in POSITIONAL},
        **{name: Keywords() for name in WORDS},
        **{f"raw_{name}": Keywords() for name in RAW},
    )
