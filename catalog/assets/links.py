"""Addresses for people: every asset has one."""

from __future__ import annotations

from catalog.naming import id_text
from catalog.settings import settings

_base: str | None = None


def install_base_url(url: str | None) -> str | None:
    """Sets the address that people reach the catalog by (no trailing slash); returns the old."""
    global _base
    before, _base = _base, url.rstrip("/") if url is not None else None
    return before


def base_url() -> str:
    """Set address, else the one in the settings, else host and port of the settings."""
    if _base is None:
        now = settings()
        install_base_url(now.base_url or f"http://{now.host}:{now.port}")
    return _base or ""


def asset_url(uid: bytes) -> str:
    """The page of an asset."""
    return f"{base_url()}/assets/{id_text(uid)}"
