"""The index for the tests of this room."""

from tests.support.search import engine

__all__ = ["engine"]
