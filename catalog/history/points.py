"""Named points at which a test may end the process; in the product they do nothing.

Tests patch `at`. Points: ``batch begin``, ``before commit``, ``after commit``, ``index commit``,
``scope close``, ``migration``, ``backup``.
"""


def at(point: str) -> None:
    """Does nothing."""
