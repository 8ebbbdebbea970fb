"""Cursors of paged lists: opaque, signed, bound to the query that they continue.

A cursor carries the sort keys of the last row and a hash of the query. One that was changed, or
is sent with another query, is refused.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping, Sequence
from typing import Any, Final

from catalog.errors import BadInput

_SIGNATURE: Final = 16  # bytes of the HMAC kept
_QUERY: Final = 8  # bytes of the query's hash kept
_secret: bytes = secrets.token_bytes(32)


def install_secret(secret: bytes) -> bytes:
    """Sets the key that signs cursors and returns the one before. Wiring does it at start.

    Until then the key is random: cursors end with the process.
    """
    global _secret
    before, _secret = _secret, secret
    return before


def encode(query: Mapping[str, Any], keys: Sequence[Any]) -> str:
    """The cursor that continues ``query`` (its filters and order) after the row with ``keys``.

    ``keys``: JSON scalars. Page size is not part of a query: it may differ from page to page.
    """
    body = _query_hash(query) + json.dumps(list(keys), ensure_ascii=False).encode(
        "utf-8", "surrogatepass"
    )
    return base64.urlsafe_b64encode(_sign(body) + body).decode().rstrip("=")


def decode(query: Mapping[str, Any], cursor: str) -> list[Any]:
    """The sort keys in a cursor of this query; raises `BadInput` for any other."""
    raw = _raw(cursor)
    signature, body = raw[:_SIGNATURE], raw[_SIGNATURE:]
    if not hmac.compare_digest(signature, _sign(body)):
        raise _refused("The cursor was not made by this catalog, or was changed on the way.")
    if body[:_QUERY] != _query_hash(query):
        raise _refused("The cursor belongs to another query.")
    keys: list[Any] = json.loads(body[_QUERY:])
    return keys


def _raw(cursor: str) -> bytes:
    try:
        return base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise _refused("The cursor is not one.") from None


def _sign(body: bytes) -> bytes:
    return hmac.new(_secret, body, hashlib.sha256).digest()[:_SIGNATURE]


def _query_hash(query: Mapping[str, Any]) -> bytes:
    text = json.dumps(query, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=_QUERY).digest()


def _refused(message: str) -> BadInput:
    return BadInput(message, remedy="Leave the cursor out to begin again.", parameter="cursor")
