"""The page of an asset and of a column: what they answer, to whom, and what they never show."""

from __future__ import annotations

import re

import pytest

from catalog.crawling import records
from tests.support.crawls import table
from tests.unit.api.estate import LAKE, PG, SECRET, Shop, hidden, view
from tests.unit.pages.asking import HOSTILE, see, text_of
from tests.unit.pages.support import of, recrawl, write

DAILY = f"{PG}/shop.public.daily"


def test_it_answers_what_a_newcomer_asks(shop: Shop) -> None:
    write(shop, description="One row per order.", owners=[{"owner": "editor", "role": "steward"}])
    write(shop, "steward", flag={"kind": "endorsed", "reason": "the one to report from"})
    text = text_of(see(shop.api, of(shop), "viewer").text)
    assert "One row per order." in text
    assert "Written by editor" in text
    assert "Endorsed by steward" in text
    assert "“the one to report from”" in text
    assert "Steward" in text
    assert "1,234 rows" in text
    assert "All 3 columns" in text
    assert "SELECT id, customer, amount FROM public.orders" in text


def test_a_viewer_may_flag_and_sees_no_way_to_edit(shop: Shop) -> None:
    page = see(shop.api, of(shop), "viewer").text
    assert "/edit?field=flag" in page
    assert "field=description" not in page
    assert "Describe" not in page
    mine = see(shop.api, of(shop), "editor").text
    assert "field=description" in mine
    assert "field=owners" in mine
    assert "field=tags" in mine


def test_an_undescribed_column_can_be_described_from_here(shop: Shop) -> None:
    page = see(shop.api, of(shop), "editor").text
    assert "/edit?column=amount&amp;field=description" in page


def test_the_definition_links_the_tables_that_it_reads(shop: Shop) -> None:
    page = see(shop.api, of(shop, DAILY), "viewer").text
    link = f'<a href="{of(shop)}" title="shop.public.orders">shop.public.orders</a>'
    assert link in page
    assert '<span class="k">SELECT</span>' in page


def test_the_definition_links_nothing_hidden(shop: Shop) -> None:
    recrawl(
        shop,
        table("shop.public.both", "id", parent="shop.public", kind="view"),
        view(
            "shop.public.both",
            "SELECT o.id FROM shop.public.orders o JOIN zanzibar.public.orders z ON z.id = o.id",
        ),
    )
    path = of(shop, f"{PG}/shop.public.both")
    secret = shop.ids[f"{PG}/zanzibar.public.orders"]
    assert f'href="/assets/{secret}"' in see(shop.api, path, "admin").text
    with hidden():
        page = see(shop.api, path, "viewer").text
    assert secret not in page
    assert f'<a href="{of(shop)}"' in page


def test_lineage_is_drawn_and_counts_only_what_is_visible(shop: Shop) -> None:
    admin = see(shop.api, of(shop), "admin").text
    assert "0 up, 2 down" in admin
    assert "shop.public.orders reads" not in admin
    assert 'aria-label="orders reads 0 assets and feeds 2 assets"' in admin
    with hidden():
        page = see(shop.api, of(shop), "viewer").text
    assert "0 up, 1 down" in page
    assert "0 + 1" in page
    assert SECRET not in page
    assert not any(uid in page for uid in shop.secrets)


def test_what_is_hidden_has_no_page(shop: Shop) -> None:
    secret = f"/assets/{shop.ids[f'{PG}/zanzibar.public.orders']}"
    with hidden():
        for path in ("", "/columns", "/copy", "/files", "/edit", "/column?path=id"):
            found = see(shop.api, secret + path, "viewer")
            assert found.status_code == 404, path
            assert SECRET not in found.text


@pytest.mark.parametrize("path", ["", "/columns", "/copy?as=ddl", "/copy?as=dbt", "/edit"])
def test_hostile_names_and_texts_are_escaped(shop: Shop, path: str) -> None:
    evil = table(f"shop.public.{HOSTILE}", HOSTILE, "b", parent="shop.public", description=HOSTILE)
    recrawl(shop, evil)
    uid = next(uid for name, uid in shop.ids.items() if "<script>" in name)
    page = see(shop.api, f"/assets/{uid}{path}", "editor")
    assert page.status_code == 200
    assert "<script>alert" not in page.text
    assert "&lt;script&gt;" in page.text


def test_removed_held_and_referenced_say_so(shop: Shop) -> None:
    recrawl(
        shop,
        table("shop.public.far", "id", parent="shop.public", kind="view"),
        view("shop.public.far", "SELECT id FROM shop.public.nowhere"),
    )
    referenced = see(shop.api, of(shop, f"{PG}/shop.public.nowhere"), "viewer").text
    assert "Only referenced." in referenced
    assert "No source knows its columns." in referenced
    kept = [
        one for one in shop.wh.content["public"] if getattr(one, "name", "") != "shop.public.far"
    ]
    shop.wh.content["public"] = [
        one for one in kept if getattr(one, "defines", "") != "shop.public.far"
    ]
    assert shop.wh.run().state == "succeeded"
    removed = see(shop.api, of(shop, f"{PG}/shop.public.far"), "editor").text
    assert "<strong>Removed</strong>" in removed
    assert "/edit" not in removed
    assert "How do I use it?" not in removed


def test_what_the_brake_holds_says_since_when(shop: Shop) -> None:
    shop.wh.content["public"] = []
    shop.wh.run()
    page = see(shop.api, of(shop), "viewer").text
    assert "Missing since" in page
    assert "/sources/holds" not in page
    assert "/sources/holds" in see(shop.api, of(shop), "steward").text


def test_a_past_state_is_shown_with_a_note_and_no_forms(shop: Shop) -> None:
    with shop.api.store.read() as session:
        before = session.connection().exec_driver_sql("SELECT max(sequence) FROM change").scalar()
    write(shop, description="Later.")
    now = see(shop.api, of(shop), "editor").text
    then = see(shop.api, f"{of(shop)}?as_of={before}", "editor").text
    assert "Later." in now
    assert "Later." not in then
    assert f"as of <strong>{before}</strong>" in then
    assert "/edit" not in then
    assert f"/columns?as_of={before}" in then
    columns = see(shop.api, f"{of(shop)}/columns?as_of={before}", "editor").text
    assert "/edit" not in columns
    assert "amount" in columns
    assert see(shop.api, f"{of(shop)}?as_of=never", "editor").status_code == 400


def test_partitions_are_paged_and_filtered(shop: Shop) -> None:
    path = of(shop, f"{LAKE}/raw/orders")
    page = see(shop.api, f"{path}/files", "viewer").text
    assert "dt=2026-11-01" in page
    assert "dt=2026-11-07" in page
    assert "All 7 shown" in page
    some = see(shop.api, f"{path}/files?text=11-03", "viewer").text
    assert "dt=2026-11-03" in some
    assert "dt=2026-11-04" not in some
    none = see(shop.api, f"{path}/files?text={HOSTILE}", "viewer").text
    assert "&lt;script&gt;" in none
    assert "<script>alert" not in none


def test_a_container_has_its_own_page(shop: Shop) -> None:
    page = see(shop.api, of(shop, f"{PG}/shop.public"), "viewer")
    assert page.status_code == 200
    assert "How do I use it?" not in page.text
    assert "orders" in page.text


def test_what_is_opened_is_remembered(shop: Shop) -> None:
    see(shop.api, of(shop), "viewer")
    assert f'href="{of(shop)}"' in see(shop.api, "/", "viewer").text


def test_a_column_tells_where_it_comes_from_and_what_it_feeds(shop: Shop) -> None:
    up = see(shop.api, f"{of(shop, DAILY)}/column?path=amount", "viewer").text
    assert f'href="{of(shop)}/column?path=amount"' in up
    down = see(shop.api, f"{of(shop)}/column?path=amount", "viewer").text
    assert f'href="{of(shop, DAILY)}/column?path=amount"' in down
    assert "Column 3 of 3" in text_of(down)
    assert "decimal(10,2)" in down


def test_a_column_page_shows_no_hidden_neighbour(shop: Shop) -> None:
    path = f"{of(shop)}/column?path=id"
    assert "zanzibar.public.spy" in see(shop.api, path, "admin").text
    with hidden():
        assert SECRET not in see(shop.api, path, "viewer").text


def test_a_column_that_is_not_there_is_404_with_near_ones(shop: Shop) -> None:
    found = see(shop.api, f"{of(shop)}/column?path=amuont", "viewer")
    assert found.status_code == 404
    assert "amount" in found.text


def test_the_head_of_other_tabs_reads_no_columns(shop: Shop) -> None:
    page = see(shop.api, f"{of(shop)}/history", "viewer").text
    assert re.search(r"Columns <small>3</small>", page)


@pytest.mark.parametrize("seconds", [1.7e12, -1e20, 1e300])
def test_a_time_that_no_calendar_has_fails_no_page(shop: Shop, seconds: float) -> None:
    """Milliseconds for seconds, say: neither the asset's page, nor the pages that list it."""
    shop.wh.put(
        table(
            "shop.public.odd",
            "id",
            measures={"last_written": records.Measure(seconds), "rows": records.Measure(5)},
        )
    )
    assert shop.wh.run().state == "succeeded"
    assert shop.api.catalog.catch_up()
    page = see(shop.api, f"/assets/{shop.ids[f'{PG}/shop.public.odd']}", "viewer")
    assert page.status_code == 200
    assert "5 rows" in page.text
    assert "Written" not in page.text
    for path in ("/", "/search?q=odd"):
        assert see(shop.api, path, "viewer").status_code == 200, path
