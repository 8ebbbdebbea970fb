"""What several tests of pages do with a shop: write facts, crawl again, ask, follow links."""

from __future__ import annotations

import html
import re
from typing import Any

from catalog.crawling import records
from catalog.lineage import parse
from tests.unit.api.estate import ORDERS, Shop


def of(shop: Shop, name: str = ORDERS) -> str:
    """The address of an asset."""
    return f"/assets/{shop.ids[name]}"


def recrawl(shop: Shop, *more: records.Record) -> None:
    """The source reports more than before."""
    shop.wh.content["public"] = [*shop.wh.content["public"], *more]
    assert shop.wh.run().state == "succeeded"
    parse.parse_pending(shop.api.store)


def write(shop: Shop, who: str = "editor", column: str | None = None, **facts: Any) -> None:
    """Edits facts of the asset ORDERS, or of one of its columns."""
    params = {} if column is None else {"column": column}
    done = shop.patch(f"{of(shop)}/facts", facts, who, params=params)
    assert done.status_code == 200, done.text


def ask(shop: Shop, path: str, who: str = "viewer", **params: Any) -> Any:
    """GET a page with parameters."""
    cookie = shop.api.cookie(who)
    headers = {"cookie": f"catalog_session={cookie}", "accept": "text/html"}
    return shop.api.client.get(path, params=params or None, headers=headers, follow_redirects=False)


def links(text: str) -> list[str]:
    """Addresses of all links, in order."""
    return [html.unescape(one) for one in re.findall(r'href="([^"]*)"', text)]
