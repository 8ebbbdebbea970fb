"""Browse, container pages and names as addresses."""

from __future__ import annotations

from tests.support.crawls import table
from tests.unit.api.estate import ORDERS, PG, SECRET, Shop, box, hidden
from tests.unit.pages.asking import HOSTILE, see
from tests.unit.pages.support import ask, links

SCHEMA = f"{PG}/shop.public"


def test_browse_leads_from_the_source_to_the_table(shop: Shop) -> None:
    first = ask(shop, "/browse").text
    database = f"/assets/{shop.ids[f'{PG}/shop']}"
    assert database in links(first)
    assert "/search?source=wh" in links(first)
    inside = ask(shop, f"/browse/{shop.ids[SCHEMA]}").text
    assert f"/assets/{shop.ids[ORDERS]}" in links(inside)
    assert "One row per order." in inside
    assert database in links(inside)  # where it lives


def test_children_are_narrowed_by_name_and_paged(shop: Shop) -> None:
    many = [table(f"shop.public.many_{at:03}", "id", parent="shop.public") for at in range(130)]
    shop.wh.content["public"] = [*shop.wh.content["public"], *many]
    assert shop.wh.run().state == "succeeded"
    path = f"/browse/{shop.ids[SCHEMA]}"
    first = ask(shop, path, text="many_").text
    assert "100 of 130" in first
    assert "many_099" in first
    assert "many_100" not in first
    (following,) = [one for one in links(first) if "cursor=" in one]
    second = ask(shop, following).text
    assert "many_129" in second
    assert "many_099" not in second
    assert f"{path}?text=many_" in links(second)
    assert "many_042" in ask(shop, path, text="MANY_042").text
    assert "Nothing here is called so" in ask(shop, path, text="100%").text


def test_the_share_of_curation_counts_what_lies_directly_inside(shop: Shop) -> None:
    text = ask(shop, f"/browse/{shop.ids[SCHEMA]}").text
    assert "of 3 directly inside" in text
    assert 'aria-label="1 of 3"' in text  # orders is described
    assert 'aria-label="0 of 3"' in text


def test_who_may_edit_gets_the_link(shop: Shop) -> None:
    edit = f"/assets/{shop.ids[SCHEMA]}/edit"
    assert edit not in links(ask(shop, f"/browse/{shop.ids[SCHEMA]}", "viewer").text)
    assert edit in links(ask(shop, f"/browse/{shop.ids[SCHEMA]}", "editor").text)


def test_the_page_of_a_container_is_that_of_an_asset_and_has_a_past(shop: Shop) -> None:
    uid = shop.ids[SCHEMA]
    reply = shop.patch(f"/assets/{uid}/facts", {"description": "All that may be used."})
    assert reply.status_code == 200, reply.text
    text = ask(shop, f"/assets/{uid}").text
    assert "All that may be used." in text
    assert f"/assets/{uid}/history" in links(text)
    assert f"/assets/{uid}/lineage" not in links(text)
    last = shop.get("/changes", limit=1).json()["items"][0]["sequence"]
    then = ask(shop, f"/assets/{uid}", "editor", as_of=str(last - 1)).text
    assert "All that may be used." not in then
    assert f"/assets/{uid}/edit" not in links(then)
    assert ", now</span>" in then


def test_what_is_hidden_is_not_among_the_children(shop: Shop) -> None:
    path = f"/browse/{shop.ids[f'{PG}/shop']}"
    assert "hidden" in ask(shop, path, "admin").text
    with hidden():
        told = ask(shop, path).text + ask(shop, "/browse").text
        secret = sorted(shop.secrets)[0]
        assert ask(shop, f"/browse/{secret}").status_code == 404
    assert SECRET not in told
    assert not [uid for uid in shop.secrets if uid in told]


def test_hostile_containers_are_text(shop: Shop) -> None:
    quoted = 'shop."' + HOSTILE.replace('"', '""') + '"'
    shop.wh.put(
        *shop.wh.content["public"],
        box(quoted, "schema", "shop", description=f"**x** {HOSTILE}"),
        table(f"{quoted}.t", "id", parent=quoted, description=HOSTILE),
    )
    assert shop.wh.run().state == "succeeded"
    for path in (
        "/browse",
        f"/browse/{shop.ids[f'{PG}/shop']}",
        f"/browse/{shop.ids[f'{PG}/{quoted}']}",
    ):
        text = ask(shop, path, text="").text
        assert "<script>alert" not in text
    assert "&lt;script&gt;" in text


def test_a_name_leads_to_the_asset_or_the_column(shop: Shop) -> None:
    uid = shop.ids[ORDERS]
    for name in (ORDERS, "wh.shop.public.orders", uid, "WH.SHOP.PUBLIC.ORDERS".lower()):
        reply = ask(shop, "/name", name=name)
        assert (reply.status_code, reply.headers["location"]) == (302, f"/assets/{uid}")
    for params in ({"name": f"{ORDERS}#customer"}, {"name": ORDERS, "column": "customer"}):
        reply = ask(shop, "/name", **params)
        assert reply.headers["location"] == f"/assets/{uid}/column?path=customer"


def test_several_or_no_assets_for_a_name_are_listed(shop: Shop) -> None:
    many = ask(shop, "/name", name="public.orders")
    assert many.status_code == 409
    assert f"/assets/{shop.ids[ORDERS]}" in links(many.text)
    none = ask(shop, "/name", name="wh.shop.public.dialy")
    assert none.status_code == 404
    assert f"/assets/{shop.ids[f'{PG}/shop.public.daily']}" in links(none.text)
    near = ask(shop, "/name", name="wh.shop.public.ordres").text
    assert near.index("shop.public.orders") < near.index("zanzibar.public.orders")
    column = ask(shop, "/name", name=f"{ORDERS}#custmer")
    assert column.status_code == 404
    assert "customer" in column.text
    with hidden():
        one = ask(shop, "/name", name="public.orders")
    assert one.status_code == 302


def test_a_kind_that_is_not_ours_is_shown_and_fails_no_page(shop: Shop) -> None:
    """Sources may bring any word as a kind; it is counted, found and filtered by like others."""
    shop.wh.put(table("shop.public.orders", "id", kind="streaming_table", parent="shop.public"))
    assert shop.wh.run().state == "succeeded"
    assert shop.api.catalog.catch_up()
    of = f"/assets/{shop.ids[ORDERS]}"
    assert "kind=streaming_table" in see(shop.api, "/", "viewer").text
    for path in (of, f"{of}/columns", f"{of}/lineage", "/search?kind=streaming_table"):
        page = see(shop.api, path, "viewer")
        assert (page.status_code, "orders" in page.text) == (200, True), path
    for path in ("/browse", "/activity?kind=streaming_table", f"/assets/{shop.ids[f'{PG}/shop']}"):
        assert see(shop.api, path, "viewer").status_code == 200, path
