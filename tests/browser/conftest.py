"""Tests that share a server run in one process."""

from __future__ import annotations

import pytest


@pytest.hookimpl(tryfirst=True)  # before the groups are read
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "/browser/" in str(item.path):
            own = "hostile" if "hostile" in item.path.name else "browser"
            item.add_marker(pytest.mark.xdist_group(own))
            item.add_marker(pytest.mark.browser)
