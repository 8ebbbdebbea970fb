"""The tab Columns: filters, paging, describing in place."""

from __future__ import annotations

import re

import pytest

from tests.support.crawls import table
from tests.unit.api.estate import ORDERS, PG, Shop
from tests.unit.pages.asking import see, text_of
from tests.unit.pages.support import of, recrawl, write


def names(page: str) -> list[str]:
    """The columns of the page, in order."""
    return re.findall(r'<th scope="row"><span class="keyed"><a [^>]*>([^<]*)</a>', page)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["id", "customer", "amount"]),
        ("?text=MOUN", ["amount"]),
        ("?text=euro", ["amount"]),
        ("?type=int64", ["id", "customer"]),
        ("?type=decimal", ["amount"]),
        ("?tag=money", ["amount"]),
        ("?undescribed=yes", ["id", "customer"]),
        ("?text=nothing", []),
        ("?keys=yes", []),
    ],
)
def test_filters(shop: Shop, query: str, expected: list[str]) -> None:
    write(shop, column="amount", description="In Euro.", tags=[{"tag": "money/eur"}])
    page = see(shop.api, f"{of(shop)}/columns{query}", "viewer").text
    assert names(page) == expected
    assert "decimal (1)" in page
    assert "int64 (2)" in page
    assert re.search(r'Only without description <span class="prov">2<', page)
    if not expected:
        assert "No column fits." in page


def test_an_emptied_description_counts_as_none(shop: Shop) -> None:
    write(shop, column="amount", description="In Euro.")
    write(shop, column="amount", description="")
    assert "amount" in names(see(shop.api, f"{of(shop)}/columns?undescribed=yes", "viewer").text)


def test_many_columns_come_in_pages(shop: Shop) -> None:
    wide = table("shop.public.wide", *(f"c{at:03}" for at in range(230)), parent="shop.public")
    recrawl(shop, wide)
    path = f"{of(shop, f'{PG}/shop.public.wide')}/columns"
    seen: list[str] = []
    for _ in range(3):
        page = see(shop.api, path, "viewer").text
        seen += names(page)
        further = re.search(r'rel="next" href="([^"]+)"', page)
        path = further[1].replace("&amp;", "&") if further else ""
    assert seen == [f"c{at:03}" for at in range(230)]
    assert not path
    assert "230 columns" in page


def test_each_undescribed_column_offers_it_directly_to_editors(shop: Shop) -> None:
    page = see(shop.api, f"{of(shop)}/columns", "editor").text
    assert page.count(">Describe<") == 3
    assert page.count('data-edit="tags"') == 3
    assert "Describe" not in text_of(see(shop.api, f"{of(shop)}/columns", "viewer").text)
    assert shop.ids[ORDERS] in page
