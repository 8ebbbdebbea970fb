"""The tab History: versions, what differs, breaking changes, bringing back."""

from __future__ import annotations

import html
import re
from typing import Any

from catalog.curation import restore
from tests.support.crawls import FakeSource, table
from tests.unit.api.estate import ORDERS, SECRET, Shop, hidden
from tests.unit.pages.asking import HOSTILE, see, send, text_of


def path_of(shop: Shop) -> str:
    return f"/assets/{shop.ids[ORDERS]}/history"


def write(shop: Shop, who: str = "editor", column: str | None = None, **facts: Any) -> None:
    params = {} if column is None else {"column": column}
    path = f"/assets/{shop.ids[ORDERS]}/facts"
    done = shop.patch(path, facts, who, params=params)
    assert done.status_code == 200, done.text


def now(shop: Shop, column: str | None = None) -> Any:
    more = {} if column is None else {"column": column}
    return shop.get(f"/assets/{shop.ids[ORDERS]}/facts", **more).json()


def recrawl(shop: Shop) -> None:
    others = [one for one in shop.wh.content["public"] if getattr(one, "name", "") !=
              "shop.public.orders"]  # fmt: skip
    shop.wh.content["public"] = [
        *others,
        table("shop.public.orders", "id:string", "amount:decimal(12,2)", "placed:date",
              parent="shop.public"),
    ]  # fmt: skip
    assert shop.wh.run().state == "succeeded"


def forms(page: str) -> list[dict[str, str]]:
    """The hidden fields of every form that brings something back, with its button's words."""
    found = []
    for form in re.findall(r"<form[^>]*history/restore\">(.*?)</form>", page, re.S):
        fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', form))
        fields["words"] = html.unescape(re.sub(r"<[^>]+>", "", form)).strip()
        found.append(fields)
    return found


def restore_by(shop: Shop, form: dict[str, str], who: str = "editor") -> Any:
    return send(shop.api, f"{path_of(shop)}/restore", who,
                sequence=form["sequence"], side=form["side"], etag=form["etag"])  # fmt: skip


def test_a_crawl_that_breaks_readers_is_marked(shop: Shop) -> None:
    recrawl(shop)
    page = see(shop.api, path_of(shop), "viewer")
    assert page.status_code == 200
    text = text_of(page.text)
    assert "2 breaking changes" in text  # customer is gone, id holds something else
    assert "customer int64" in text
    assert "int64 string" in text
    assert "placed date" in text
    assert "1 column removed" in text


def test_any_two_versions_are_compared_and_lead_to_as_it_was(shop: Shop) -> None:
    write(shop, description="One.")
    write(shop, description="Two.")
    first = see(shop.api, path_of(shop)).text
    shown = re.findall(r'<option value="(\d+)"', first)
    oldest, newest = min(map(int, shown)), max(map(int, shown))
    both = text_of(see(shop.api, f"{path_of(shop)}?from={oldest}&to={newest}").text)
    assert "description nothing Two." in both
    turned = text_of(see(shop.api, f"{path_of(shop)}?from={newest}&to={oldest}").text)
    assert "description nothing Two." in turned
    assert f"/assets/{shop.ids[ORDERS]}?as_of={newest}" in first
    assert see(shop.api, f"/assets/{shop.ids[ORDERS]}?as_of={newest}").status_code == 200
    assert see(shop.api, f"{path_of(shop)}?from=x").status_code == 400


def test_an_earlier_description_comes_back(shop: Shop) -> None:
    write(shop, description="One.")
    write(shop, description=HOSTILE)
    page = see(shop.api, path_of(shop), "editor").text
    assert HOSTILE not in page
    (form,) = [one for one in forms(page) if "One." in one["words"]]
    answer = restore_by(shop, form)
    assert (answer.status_code, answer.headers["location"]) == (303, path_of(shop))
    assert now(shop)["description"] == "One."


def test_owners_tags_and_columns_come_back_one_by_one(shop: Shop) -> None:
    write(shop, owners=[{"owner": "editor"}, {"owner": "steward"}],
          tags=[{"tag": "gold"}, {"tag": "team", "value": "ops"}])  # fmt: skip
    write(shop, owners=[{"owner": "steward"}], tags=[{"tag": "gold"}])
    write(shop, column="amount", description="Gross.")
    write(shop, column="amount", description=None)
    for words in ("editor, owner", "team=ops", "Gross."):
        offered = forms(see(shop.api, path_of(shop), "editor").text)
        (form,) = [one for one in offered if words in one["words"]]
        assert restore_by(shop, form).status_code == 303
    assert {one["name"] for one in now(shop)["owners"]} == {"editor", "steward"}
    assert {one["tag"] for one in now(shop)["tags"]} == {"gold", "team"}
    assert now(shop, "amount")["description"] == "Gross."


def test_what_somebody_wrote_meanwhile_is_shown_beside(shop: Shop) -> None:
    write(shop, description="One.")
    write(shop, description="Two.")
    (form,) = forms(see(shop.api, path_of(shop), "editor").text)
    write(shop, "steward", description="Three.")
    answer = restore_by(shop, form)
    assert answer.status_code == 412
    text = text_of(answer.text)
    assert "What stands there now Three." in text
    assert "What you would bring back One." in text
    assert now(shop)["description"] == "Three."
    again = forms(answer.text)[0]
    assert restore_by(shop, again).status_code == 303
    assert now(shop)["description"] == "One."


def test_viewers_bring_back_only_their_own_flag(shop: Shop) -> None:
    write(shop, description="One.")
    write(shop, description="Two.")
    write(shop, "viewer", flag={"kind": "endorsed", "reason": "mine"})
    write(shop, "viewer", flag=None)
    write(shop, "editor", flag={"kind": "warned"})
    write(shop, "editor", flag=None)
    (mine,) = forms(see(shop.api, path_of(shop), "viewer").text)
    assert "endorsed" in mine["words"]
    offered = forms(see(shop.api, path_of(shop), "editor").text)
    assert {"warned" in one["words"] or "One." in one["words"] for one in offered} == {True}
    (text,) = [one for one in offered if "One." in one["words"]]
    assert restore_by(shop, text, "viewer").status_code == 403
    assert now(shop)["description"] == "Two."
    (theirs,) = [one for one in offered if "warned" in one["words"]]
    assert restore_by(shop, theirs, "viewer").status_code == 400
    assert restore_by(shop, mine, "viewer").status_code == 303
    assert [one["reason"] for one in now(shop)["flags"]] == ["mine"]


def test_what_cannot_come_back_says_why(shop: Shop) -> None:
    write(shop, column="customer", description="Who ordered.")
    write(shop, column="customer", description=None)
    (form,) = forms(see(shop.api, path_of(shop), "editor").text)
    recrawl(shop)
    assert forms(see(shop.api, path_of(shop), "editor").text) == []
    answer = restore_by(shop, form)
    assert answer.status_code == 409
    assert "no longer there" in answer.text
    wrong = {**form, "side": "after"}
    assert restore_by(shop, wrong).status_code == 400
    assert restore_by(shop, {**form, "sequence": "999999"}).status_code == 404


def test_a_change_of_another_asset_is_none_of_this_one(shop: Shop) -> None:
    write(shop, description="One.")
    write(shop, description="Two.")
    (form,) = forms(see(shop.api, path_of(shop), "editor").text)
    other = next(uid for name, uid in shop.ids.items() if name.endswith("public.customers"))
    answer = send(shop.api, f"/assets/{other}/history/restore", "editor",
                  sequence=form["sequence"], side=form["side"], etag="")  # fmt: skip
    assert answer.status_code == 404


def test_what_is_hidden_has_no_history(shop: Shop) -> None:
    with hidden():
        for uid in sorted(shop.secrets):
            assert see(shop.api, f"/assets/{uid}/history", "viewer").status_code == 404
            assert see(shop.api, f"/assets/{uid}/crawls", "viewer").status_code == 404
        for tab in ("history", "crawls"):
            page = see(shop.api, f"/assets/{shop.ids[ORDERS]}/{tab}", "viewer").text
            assert SECRET not in page


def test_the_words_that_come_back_are_those_that_people_write() -> None:
    assert set(restore.WRITTEN) == {"description", "title", "owner", "tag", "flag"}


def test_a_sequence_that_no_store_can_have_is_refused(shop: Shop) -> None:
    for side in ("from", "to"):
        assert see(shop.api, f"{path_of(shop)}?{side}={2**63}").status_code == 400
        assert see(shop.api, f"{path_of(shop)}?{side}={2**63 - 1}").status_code == 200
    beyond = {"sequence": 2**63, "side": "after"}
    assert send(shop.api, f"{path_of(shop)}/restore", "editor", **beyond).status_code == 400


def test_a_version_by_a_crawl_that_one_does_not_know_of_is_no_link(shop: Shop) -> None:
    """A source that one may not know of reports more of a table that everybody sees."""
    spy = FakeSource(shop.api.store, "spy")
    spy.put(table("shop.public.orders", "id:int64", "amount:int64"))
    assert spy.run().state == "succeeded"
    recrawl(shop)
    crawl = shop.get("/crawls", "admin", source="spy").json()["items"][0]["id"]
    assert f'href="/crawls/{crawl}"' in see(shop.api, path_of(shop), "viewer").text
    with hidden("spy"):
        page = see(shop.api, path_of(shop), "viewer")
        assert (page.status_code, crawl in page.text) == (200, False)
        assert 'href="/crawls/' in page.text  # of others there are links
