"""Random secrets of tokens and sessions; the store holds only their hashes."""

from __future__ import annotations

import hashlib
import secrets


def new_secret() -> str:
    """32 random bytes as 43 characters that are safe in URLs and cookies."""
    return secrets.token_urlsafe(32)


def secret_hash(secret: str) -> bytes:
    """SHA-256. The secret has 256 random bits, so that no salt and no slow hash is needed."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()
