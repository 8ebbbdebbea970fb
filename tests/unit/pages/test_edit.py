"""Editing by plain forms: what is written, who may, and when two people write."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest

from tests.unit.api.estate import PG, Shop, hidden
from tests.unit.pages.asking import HOSTILE, see, send, text_of
from tests.unit.pages.support import of, write


def opened(shop: Shop, who: str = "editor", **query: str) -> dict[str, Any]:
    """The fields of the first form of the edit page, as a browser would send them."""
    asked = "&".join(f"{name}={value}" for name, value in query.items())
    page = see(shop.api, f"{of(shop)}/edit?{asked}", who)
    assert page.status_code == 200, page.text
    return fields_of(page.text)


def fields_of(page: str) -> dict[str, Any]:
    form = re.search(r"<form[^>]*data-edit-form.*?</form>", page, re.S)
    assert form is not None
    found: dict[str, Any] = {}
    for tag in re.findall(r"<input[^>]*>", form[0]):
        name = re.search(r' name="([^"]*)"', tag)
        if name is None or (
            ('type="checkbox"' in tag or 'type="radio"' in tag) and (" checked" not in tag)
        ):
            continue
        value = re.search(r' value="([^"]*)"', tag)
        found[name[1]] = html.unescape(value[1]) if value else ""
    area = re.search(r'<textarea[^>]*name="description"[^>]*>\n?([^<]*)</textarea>', form[0])
    if area is not None:
        found["description"] = html.unescape(area[1])
    return found


def facts(shop: Shop, column: str | None = None) -> Any:
    params = {} if column is None else {"column": column}
    return shop.get(f"{of(shop)}/facts", "admin", **params).json()


def post(shop: Shop, form: dict[str, Any], who: str = "editor") -> Any:
    return send(shop.api, f"{of(shop)}/edit", who, **form)


def test_only_what_was_changed_is_written(shop: Shop) -> None:
    form = opened(shop)
    assert form["description"] == "One row per order."  # the source's own words
    done = post(shop, {**form, "title": "Orders"})
    assert done.status_code == 303
    assert done.headers["location"] == of(shop)
    assert facts(shop)["title"] == "Orders"
    assert facts(shop)["description"] is None


def test_all_fields_at_once(shop: Shop) -> None:
    form = opened(shop)
    form |= {"title": "Orders", "description": "Two\r\nlines.", "tags": "gold, pii/email=yes"}
    form |= {"add_owner": "steward", "add_role": "steward"}
    assert post(shop, form).status_code == 303
    now = facts(shop)
    assert (now["title"], now["description"]) == ("Orders", "Two\nlines.")
    assert [(one["tag"], one["value"]) for one in now["tags"]] == [
        ("gold", None),
        ("pii/email", "yes"),
    ]
    assert [one["role"] for one in now["owners"]] == ["steward"]
    again = opened(shop)
    assert again["tags"] == "gold, pii/email=yes"
    assert post(shop, {**again, "drop": again["owners"]}).status_code == 303
    assert facts(shop)["owners"] == []


def test_saving_an_unchanged_form_writes_nothing(shop: Shop) -> None:
    write(shop, description="Mine.\n\nWith two paragraphs.", tags=[{"tag": "gold"}])
    before = facts(shop)
    assert post(shop, opened(shop)).status_code == 303
    assert facts(shop) == before


def test_back_to_the_source(shop: Shop) -> None:
    write(
        shop, description="Mine.", title="T", tags=[{"tag": "gold"}], owners=[{"owner": "editor"}]
    )
    form = opened(shop)
    form["reset"] = ["description", "title", "tags", "owners"]
    assert post(shop, form).status_code == 303
    now = facts(shop)
    assert (now["description"], now["title"], now["tags"], now["owners"]) == (None, None, [], None)
    assert "One row per order." in see(shop.api, of(shop), "viewer").text


def test_a_column_is_described_in_two_steps(shop: Shop) -> None:
    page = see(shop.api, of(shop), "editor").text
    link = re.search(r'href="([^"]*/edit\?column=amount&amp;field=description)"', page)
    assert link is not None
    path = link[1].replace("&amp;", "&")
    form = fields_of(see(shop.api, path, "editor").text)
    done = post(shop, {**form, "description": "In Euro."})
    assert done.headers["location"] == f"{of(shop)}/columns"
    assert facts(shop, "amount")["description"] == "In Euro."


def test_the_part_holds_one_field_and_has_the_focus(shop: Shop) -> None:
    page = see(shop.api, f"{of(shop)}/edit?field=tags&part=yes", "editor").text
    assert "<html" not in page
    assert 'name="tags"' in page
    assert "autofocus" in page
    assert "textarea" not in page
    assert 'name="kind"' not in page
    full = see(shop.api, f"{of(shop)}/edit?field=tags", "editor").text
    assert "textarea" in full
    assert full.count("autofocus") == 1


@pytest.mark.parametrize("role", ["viewer", "editor", "steward", "admin"])
def test_everybody_may_flag_and_take_it_away(shop: Shop, role: str) -> None:
    form = opened(shop, role, field="flag", part="yes")
    assert post(shop, {**form, "kind": "warned", "reason": "late"}, role).status_code == 303
    assert [(one["kind"], one["reason"]) for one in facts(shop)["flags"]] == [("warned", "late")]
    again = opened(shop, role, field="flag", part="yes")
    assert again["kind"] == "warned"
    assert again["reason"] == "late"
    assert post(shop, {**again, "kind": ""}, role).status_code == 303
    assert facts(shop)["flags"] == []


def test_a_viewer_gets_no_form_to_edit_and_403_by_force(shop: Shop) -> None:
    page = see(shop.api, f"{of(shop)}/edit", "viewer").text
    assert 'name="description"' not in page
    assert 'name="kind"' in page
    for field, value in (("description", "x"), ("title", "x"), ("tags", "x"), ("add_owner", "x")):
        name = "owners" if field == "add_owner" else field
        refused = post(shop, {"names": name, field: value}, "viewer")
        assert refused.status_code == 403, field
    assert facts(shop)["description"] is None


def test_what_is_wrong_is_said_at_the_form_and_nothing_typed_is_lost(shop: Shop) -> None:
    form = opened(shop)
    for wrong in ({"add_owner": "nobody at all"}, {"tags": "a b/!"}, {"title": "x" * 300}):
        typed = {**form, "description": "Typed.", **wrong}
        page = post(shop, typed)
        assert page.status_code == 400, wrong
        assert 'role="alert"' in page.text
        assert "Typed." in page.text
        assert html.escape(str(next(iter(wrong.values())))) in page.text
    assert facts(shop)["description"] is None


def test_two_wrote_the_same_field_both_are_shown(shop: Shop) -> None:
    form = opened(shop)
    write(shop, "steward", description="Theirs <b>.")
    page = post(shop, {**form, "description": "Mine."})
    assert page.status_code == 412
    text = text_of(page.text)
    assert "Theirs <b>." in text
    assert "Mine." in text
    assert "written by steward" in text
    assert "Theirs &lt;b&gt;." in page.text
    assert facts(shop)["description"] == "Theirs <b>."


@pytest.mark.parametrize(
    ("choice", "box", "expected"),
    [
        ("theirs", "Mine.", "Theirs."),
        ("mine", "changed in the box", "Mine."),
        ("mix", "Theirs. Mine.", "Theirs. Mine."),
    ],
)
def test_the_person_chooses(shop: Shop, choice: str, box: str, expected: str) -> None:
    form = opened(shop)
    write(shop, "steward", description="Theirs.")
    clash = fields_of(post(shop, {**form, "description": "Mine."}).text)
    assert clash["choice_description"] == "mix"
    assert clash["description"] == "Mine."
    answer = {**clash, "choice_description": choice, "description": box}
    assert post(shop, answer).status_code == 303
    assert facts(shop)["description"] == expected


def test_two_chose_owners_and_tags(shop: Shop) -> None:
    form = opened(shop)
    write(shop, "steward", owners=[{"owner": "admin"}], tags=[{"tag": "silver"}])
    page = post(shop, {**form, "add_owner": "editor", "tags": "gold"})
    assert page.status_code == 412
    clash = fields_of(page.text)
    clash |= {"choice_owners": "mix", "choice_tags": "mine"}
    assert post(shop, clash).status_code == 303
    assert [one["tag"] for one in facts(shop)["tags"]] == ["gold"]
    assert len(facts(shop)["owners"]) == 2  # theirs, with mine added


def test_another_field_that_somebody_wrote_is_no_clash(shop: Shop) -> None:
    form = opened(shop)
    write(shop, "steward", title="Orders")
    assert post(shop, {**form, "description": "Mine."}).status_code == 303
    assert (facts(shop)["title"], facts(shop)["description"]) == ("Orders", "Mine.")


def test_preview_without_scripts_keeps_what_was_typed(shop: Shop) -> None:
    page = post(shop, {**opened(shop), "description": "**bold**", "do": "preview"})
    assert page.status_code == 200
    assert "<strong>bold</strong>" in page.text
    assert fields_of(page.text)["description"] == "**bold**"
    assert facts(shop)["description"] is None


def test_preview_is_harmless(shop: Shop) -> None:
    page = send(shop.api, "/preview", "viewer", text=f"{HOSTILE} [x](javascript:alert(1)) *ok*")
    assert "<em>ok</em>" in page.text
    assert "<script" not in page.text
    assert 'href="javascript' not in page.text


def test_where_saving_leads_stays_in_the_catalog(shop: Shop) -> None:
    form = {**opened(shop), "title": "T", "next": "//evil.example/"}
    assert post(shop, form).headers["location"] == "/"


def test_what_is_hidden_cannot_be_written(shop: Shop) -> None:
    secret = f"/assets/{shop.ids[f'{PG}/zanzibar.public.orders']}/edit"
    with hidden():
        refused = send(shop.api, secret, "editor", names="title", title="x")
        assert refused.status_code == 404
        assert "zanzibar" not in refused.text


def test_hostile_values_are_escaped_in_the_form(shop: Shop) -> None:
    write(shop, description=f"</textarea>{HOSTILE}", title=HOSTILE)
    page = see(shop.api, f"{of(shop)}/edit", "editor").text
    assert "<script>alert" not in page
    assert "&lt;/textarea&gt;" in page
    assert opened(shop)["description"] == f"</textarea>{HOSTILE}"
