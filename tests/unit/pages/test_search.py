"""Search as a page: facets, chips, states as addresses, suggestions, why nothing is found."""

from __future__ import annotations

import html
import re

import pytest

from catalog.crawling import records
from tests.support.crawls import table
from tests.unit.api.estate import LAKE, ORDERS, SECRET, Shop, hidden
from tests.unit.pages.asking import HOSTILE
from tests.unit.pages.support import ask, links


def hits(text: str) -> list[str]:
    """Labels of the hits, in order, without markup."""
    text = text[text.index('id="results"') : text.index('id="preview"')]
    found = re.findall(r'<h2><a href="/assets/[^"]*">(.*?)</a></h2>', text)
    return [html.unescape(re.sub(r"<[^>]+>", "", one)) for one in found if one]


def flagged(shop: Shop, name: str, kind: str) -> None:
    body = {"flag": {"kind": kind, "reason": "because"}}
    uid = shop.ids[name]
    reply = shop.patch(f"/assets/{uid}/facts", body)
    assert reply.status_code == 200, reply.text
    assert shop.api.catalog.catch_up()


def test_words_are_marked_in_name_description_and_columns(shop: Shop) -> None:
    text = ask(shop, "/search", q="customer").text
    assert hits(text)[:1] == ["customers"]
    assert "<mark>customers</mark>" in text
    column = f"/assets/{shop.ids[ORDERS]}/column?path=customer"
    assert column in links(text)


def test_a_facet_narrows_the_hits_but_not_itself_and_a_chip_takes_it_away(shop: Shop) -> None:
    text = ask(shop, "/search", q="orders", kind="table").text
    assert set(hits(text)) == {"orders"}
    assert '<input type="checkbox" name="kind" value="table" checked>' in text
    assert '<input type="checkbox" name="kind" value="dataset">' in text
    assert "Kind is Table" in text
    assert "/search?q=orders" in links(text)


def test_a_chosen_value_that_nothing_has_stays_chosen(shop: Shop) -> None:
    text = ask(shop, "/search", q="orders", tag="no/such").text
    assert '<input type="checkbox" name="tag" value="no/such" checked>' in text
    assert "The filters leave nothing" in text
    assert "Tag is no/such" in text


def test_forms_keep_the_whole_state(shop: Shop) -> None:
    text = ask(shop, "/search", q="orders", source="wh", sort="name").text
    sort_form = text[text.index('id="results"') :]
    assert '<input type="hidden" name="source" value="wh">' in sort_form
    assert '<input type="hidden" name="q" value="orders">' in sort_form
    assert '<option value="name" selected>' in sort_form
    box = text[text.index('id="ask"') : text.index('id="main"')]
    assert '<input type="hidden" name="sort" value="name">' in box


def test_pages_of_results_are_addresses(shop: Shop) -> None:
    many = [table(f"shop.public.many_{at:02}", "id", parent="shop.public") for at in range(45)]
    shop.wh.content["public"] = [*shop.wh.content["public"], *many]
    assert shop.wh.run().state == "succeeded"
    assert shop.api.catalog.catch_up()
    first = ask(shop, "/search", q="many", sort="name")
    assert "1 to 20 of 45" in first.text
    assert "/search?q=many&sort=name&page=2" in links(first.text)
    last = ask(shop, "/search", q="many", sort="name", page=3).text
    assert hits(last) == [f"many_{at}" for at in range(40, 45)]
    assert 'rel="next"' not in last
    assert "This page is empty" in ask(shop, "/search", q="many", page=9).text
    assert ask(shop, "/search", q="many", page=0).status_code == 400


def test_the_preview_shows_the_chosen_hit_and_only_what_is_known(shop: Shop) -> None:
    uid = shop.ids[ORDERS]
    flagged(shop, ORDERS, "endorsed")
    text = ask(shop, "/search", q="orders", preview=uid).text
    aside = text[text.index('id="preview"') :]
    assert "1,234 rows" in aside
    assert "3 columns" in aside
    assert "Endorsed by editor: because" in aside
    assert "2 downstream" in aside
    fragment = ask(shop, "/search/preview", id=uid, q="amount").text
    assert "Columns that match" in fragment
    assert "<mark>amount</mark>" in fragment
    assert "<html" not in fragment
    assert "Owner" not in fragment


def test_a_query_that_cannot_be_read_is_said_beside_it(shop: Shop) -> None:
    reply = ask(shop, "/search", q="kindd:table")
    assert reply.status_code == 400
    assert "This search does not work" in reply.text
    assert 'value="kindd:table"' in reply.text


def test_nothing_found_says_why_and_what_to_try(shop: Shop) -> None:
    text = ask(shop, "/search", q="wh.shop.public.nothing").text
    assert "The source wh was crawled and did not list it." in text
    assert "/browse" in links(text)
    assert "/sources/new" not in links(text)
    assert "/sources/new" in links(ask(shop, "/search", "admin", q="wh.shop.public.nothing").text)
    two = ask(shop, "/search", q="xyzzy plugh").text
    assert "/search?q=xyzzy+OR+plugh" in links(two)


def test_a_word_that_is_still_being_typed_finds_what_begins_so(shop: Shop) -> None:
    text = ask(shop, "/search", q="custom").text
    assert hits(text)[0] == "customers"
    assert "these have a word that begins with the last one" in text
    assert "begins with the last one" not in ask(shop, "/search", q="customers").text


def test_owners_are_called_by_name_also_when_nothing_has_them(shop: Shop) -> None:
    uid = shop.ids[ORDERS]
    reply = shop.patch(f"/assets/{uid}/facts", {"owners": [{"owner": "steward"}]}, who="steward")
    assert reply.status_code == 200, reply.text
    assert shop.api.catalog.catch_up()
    person = shop.get(f"/assets/{uid}").json()["owners"][0]["id"]
    text = ask(shop, "/search", q="order").text
    assert f'name="owner" value="person:{person}"><span title="steward">' in text
    none = ask(shop, "/search", q="customers", owner=f"person:{person}").text
    assert "Owner is steward" in none


def test_a_removed_asset_is_explained(shop: Shop) -> None:
    kept = [
        one
        for one in shop.wh.content["public"]
        if getattr(one, "name", "") != "shop.public.customers"
    ]
    shop.wh.content["public"] = kept
    shop.wh.run()
    assert shop.api.catalog.catch_up()
    text = ask(shop, "/search", q="shop.public.customers").text
    assert "It was removed" in text


def test_suggestions_find_beginnings_columns_and_names_with_a_column(shop: Shop) -> None:
    begun = ask(shop, "/search/suggest", q="ord").text
    assert f'data-href="/assets/{shop.ids[ORDERS]}"' in begun
    assert begun.count('role="option" aria-selected="false"') == begun.count("<li")
    column = ask(shop, "/search/suggest", q="amount").text
    first = links_of_options(column)[0]
    assert first.endswith("/column?path=amount")
    hashed = ask(shop, "/search/suggest", q="wh.shop.public.orders#cust").text
    assert links_of_options(hashed) == [f"/assets/{shop.ids[ORDERS]}/column?path=customer"]
    assert links_of_options(ask(shop, "/search/suggest", q="ordres").text)
    for quiet in ("", "kindd:x", "no.such#x", "orders#nothing", "(", '"ord'):
        assert ask(shop, "/search/suggest", q=quiet).status_code == 200


def links_of_options(text: str) -> list[str]:
    return [html.unescape(one) for one in re.findall(r'data-href="([^"]*)"', text)]


def test_hostile_names_are_text(shop: Shop) -> None:
    asset = records.Asset(
        LAKE, f"raw/{HOSTILE}", "dataset",
        columns=(records.Field(HOSTILE, "int64", "int64", comment=f"script {HOSTILE}"),),
        description=f"script {HOSTILE}",
    )  # fmt: skip
    shop.lake.content["raw"] = [*shop.lake.content["raw"], asset]
    assert shop.lake.run().state == "succeeded"
    assert shop.api.catalog.catch_up()
    for path in ("/search", "/search/suggest"):
        for q in ("script", "alert", HOSTILE, f"raw#{HOSTILE}"):
            text = ask(shop, path, q=q, **({"tag": HOSTILE} if path == "/search" else {})).text
            assert "<script>alert" not in text
    assert "&lt;" in ask(shop, "/search", q="script").text


@pytest.mark.parametrize(
    "path",
    ["/search?q=orders", "/search", "/search?q=orderz", "/search/suggest?q=zan",
     "/search/suggest?q=orderz", "/search?q=spy", "/search?source=nothing", "/browse",
     "/search?q=public.zanzibar_key".replace("zanzibar", "x")],
)  # fmt: skip
def test_what_is_hidden_appears_nowhere(shop: Shop, path: str) -> None:
    open_ = ask(shop, path, "admin").text
    with hidden():
        told = ask(shop, path).text
    # What the address itself says comes back in the forms.
    assert SECRET not in told
    assert not [uid for uid in shop.secrets if uid in told]
    assert open_


def test_a_preview_of_what_is_hidden_is_not_found(shop: Shop) -> None:
    secret = sorted(shop.secrets)[0]
    with hidden():
        assert ask(shop, "/search/preview", id=secret).status_code == 404
        text = ask(shop, "/search", q="orders", preview=secret).text
    assert secret not in text.replace(f"preview={secret}", "")
