"""Keys that encrypt stored secrets: from the settings, or from the file ``keys`` in the home.

Keys are Fernet keys (AES-128-CBC with HMAC-SHA256, https://github.com/fernet/spec). Several may
be known: the first encrypts, each one decrypts what it encrypted. They are never in the store.
"""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from catalog.errors import SourceError, StoreError
from catalog.settings import Settings, settings

if TYPE_CHECKING:
    from cryptography.fernet import Fernet

FILE: Final = "keys"
PREFIX: Final = "fernet:"


class Keyring:
    """Known keys, the first one encrypts. ``origin`` says where they are from, for errors."""

    def __init__(self, keys: Sequence[str], origin: str) -> None:
        from cryptography.fernet import Fernet

        self._fernets: dict[str, Fernet] = {}
        for number, key in enumerate(keys, 1):
            try:
                self._fernets.setdefault(key_id(key), Fernet(key))
            except ValueError:
                raise StoreError(
                    f"Key {number} of {origin} is no Fernet key.",
                    remedy="Make one: python -c 'from cryptography.fernet import Fernet; "
                    "print(Fernet.generate_key().decode())'",
                ) from None
        if not self._fernets:
            raise StoreError(f"There is no key in {origin}.", remedy="Put the key back.")
        self._origin = origin

    def encrypt(self, secret: str) -> str:
        """``fernet:KEYID:CIPHERTEXT`` under the first key."""
        name, fernet = next(iter(self._fernets.items()))
        return f"{PREFIX}{name}:{fernet.encrypt(secret.encode('utf-8')).decode()}"

    def decrypt(self, sealed: str) -> str:
        """The secret in what `encrypt` gave; `SourceError` without the key or when damaged."""
        from cryptography.fernet import InvalidToken

        name, _, token = sealed.removeprefix(PREFIX).partition(":")
        fernet = self._fernets.get(name)
        if fernet is None:
            raise SourceError(
                f"A stored secret was encrypted with the key {name[:16]}, "
                f"which is not in {self._origin}.",
                remedy="Bring that key back, or enter the secret again.",
            )
        try:
            return fernet.decrypt(token.encode()).decode("utf-8")
        except InvalidToken:
            raise SourceError(
                "A stored secret is damaged and cannot be decrypted.",
                remedy="Enter the secret again.",
            ) from None


def key_id(key: str) -> str:
    """Eight characters by which a ciphertext names its key."""
    return hashlib.blake2b(key.encode(), digest_size=4).hexdigest()


def keyring(given: Settings | None = None) -> Keyring:
    """The keys of these settings (default: the process's); the file is made at first need."""
    chosen = given or settings()
    if chosen.secret_keys is not None:
        keys = [key.strip() for key in chosen.secret_keys.get_secret_value().split(",")]
        return Keyring([key for key in keys if key], "CATALOG_SECRET_KEYS")
    path = chosen.make_home() / FILE
    if not path.exists():
        _make(path)
    return Keyring(_read(path), str(path))


def _read(path: Path) -> list[str]:
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        path.chmod(0o600)  # a copy or a restored backup lost its mode
    lines = (line.strip() for line in path.read_text("ascii", "replace").splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def _make(path: Path) -> None:
    """Whole or not at all, and never over a file that another process made meanwhile."""
    from cryptography.fernet import Fernet

    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".keys-")  # mode 0600
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(Fernet.generate_key() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(name, path)
    finally:
        os.unlink(name)
