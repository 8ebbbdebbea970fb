"""The tab Crawls: who sees an asset, since when it is missing, what crawls changed."""

from __future__ import annotations

from tests.support.crawls import table
from tests.unit.api.estate import ORDERS, Shop
from tests.unit.pages.asking import see, text_of


def test_who_sees_it_and_how_whole_the_last_look_was(shop: Shop) -> None:
    page = see(shop.api, f"/assets/{shop.ids[ORDERS]}/crawls", "viewer")
    assert page.status_code == 200
    text = text_of(page.text)
    assert "wh decides" in text
    assert "Present" in text
    assert "A crawl found shop.public.orders" in text
    assert "the source wh reports it" in text
    assert 'href="/crawls/' in page.text


def test_what_a_crawl_changed_is_told_column_by_column(shop: Shop) -> None:
    kept = [one for one in shop.wh.content["public"] if getattr(one, "name", "") !=
            "shop.public.orders"]  # fmt: skip
    shop.wh.content["public"] = [*kept, table("shop.public.orders", "id:int64", "new:date",
                                              parent="shop.public")]  # fmt: skip
    assert shop.wh.run().state == "succeeded"
    text = text_of(see(shop.api, f"/assets/{shop.ids[ORDERS]}/crawls").text)
    assert "found other columns in shop.public.orders : new added; amount, customer removed" in text
    assert "column new date" in text


def test_what_is_removed_says_why(shop: Shop) -> None:
    shop.wh.content["public"] = [one for one in shop.wh.content["public"] if
                                 getattr(one, "name", "") != "shop.public.customers"]  # fmt: skip
    uid = shop.ids[ORDERS.replace("orders", "customers")]
    assert shop.wh.run().state == "succeeded"
    text = text_of(see(shop.api, f"/assets/{uid}/crawls").text)
    assert "It was removed: no source reports it any more" in text
