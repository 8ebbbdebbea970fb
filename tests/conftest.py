"""Fixtures for all tests; each lives in a file of its own under tests/support."""

pytest_plugins = [
    "tests.support.postgres",
    "tests.support.store",
    "tests.support.api",
    "tests.support.browser",
]
