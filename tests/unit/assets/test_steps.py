"""What a step did, read off the log, agrees with comparing the two states."""

from __future__ import annotations

import pytest

from catalog.access import users
from catalog.access.viewer import Viewer
from catalog.assets import steps, versions
from catalog.assets.resolve import Match, resolve_id
from tests.support.crawls import table
from tests.unit.api.estate import PG, Shop, _shop_template, shop

__all__ = ["_shop_template", "shop"]
ROOT: Viewer = users.local_viewer("root")
SHAPES = (
    ("id:int64", "amount:decimal(10,2)"),
    ("id:int64", "amount:decimal(12,2)", "placed:date"),  # wider, one more
    ("id:int32", "placed:date"),  # narrower, one gone
    ("id:int64", "placed:timestamp"),  # both wider
)


@pytest.fixture
def crawled(shop: Shop) -> Shop:
    """With a table that a crawl found in four shapes, one after the other."""
    rest = list(shop.wh.content["public"])
    for columns in SHAPES:
        made = table("shop.public.shaped", *columns, parent="shop.public")
        shop.wh.content["public"] = [*rest, made]
        assert shop.wh.run().state == "succeeded"
    shop.wh.content["public"] = rest
    assert shop.wh.run().state == "succeeded"
    return shop


def test_it_agrees_with_the_comparison_of_states(crawled: Shop) -> None:
    with crawled.api.store.connect() as connection:
        match: Match = resolve_id(connection, ROOT, crawled.ids[f"{PG}/shop.public.shaped"])
        found = versions.versions(connection, ROOT, match, limit=50).items
        sequences = [one.sequence for one in found]
        done = steps.done_by(connection, ROOT, match, sequences)
        for one in found:
            assert one.diff is not None
            breaking = sum(each.breaking for each in one.diff.columns)
            breaking += sum(each.breaking for each in one.diff.values)
            assert done[one.sequence].breaking == breaking
            added = [each for each in one.diff.columns if each.what == "added"]
            assert done[one.sequence].added == len(added)
        counted = [
            (each.added, each.removed, each.changed, each.breaking) for each in done.values()
        ]
        assert counted == [(1, 0, 1, 0), (0, 1, 1, 2), (0, 0, 2, 0), (0, 0, 0, 1)]
        one_page = steps.done_by(connection, ROOT, match, sequences[1:3])
        assert one_page == {at: done[at] for at in sequences[1:3]}


def test_versions_are_numbered_from_the_first(crawled: Shop) -> None:
    with crawled.api.store.connect() as connection:
        match = resolve_id(connection, ROOT, crawled.ids[f"{PG}/shop.public.shaped"])
        sequences = [one.sequence for one in versions.versions(connection, ROOT, match).items]
        numbers = [steps.number_at(connection, ROOT, match, one) for one in sequences]
        assert numbers == [4, 3, 2, 1]
        assert steps.number_at(connection, ROOT, match, sequences[-1] - 1) == 0
        assert steps.done_by(connection, ROOT, match, []) == {}
