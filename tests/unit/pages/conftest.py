"""Fixtures of the pages' tests."""

from tests.unit.api.estate import _shop_template, shop

__all__ = ["_shop_template", "shop"]
