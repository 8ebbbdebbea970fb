"""Thin commands over the same functions as the API. ``catalog --help`` lists them."""

from catalog.cli.main import main

__all__ = ["main"]
