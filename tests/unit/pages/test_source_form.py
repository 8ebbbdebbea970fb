"""Adding and editing sources by plain forms: kept values, secrets, errors beside fields, 412."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path

import pytest

from catalog.pages.config_form import Filled, config_of, form_fields
from tests.support.api import Api
from tests.unit.pages.asking import HOSTILE, see, send, text_of, value_of

PG = {"kind": "postgres", "c__host": "db.example.com", "c__port": "5432", "c__database": "shop"}


@pytest.fixture
def shop_file(tmp_path: Path) -> Path:
    """An SQLite file with two tables."""
    path = tmp_path / "shop.db"
    with sqlite3.connect(path) as connection:
        connection.executescript("CREATE TABLE orders (id INTEGER); CREATE TABLE tmp_x (a TEXT);")
    connection.close()
    return path


def add(api: Api, path: Path, **more: str) -> str:
    answer = send(api, "/sources/new", do="add", kind="sqlite", c__path=str(path), **more)
    assert answer.status_code == 303, text_of(answer.text)
    return str(answer.headers["location"])


def test_kinds_lead_to_forms_with_defaults_help_and_what_is_required(api: Api) -> None:
    kinds = see(api, "/sources/new").text
    assert "/sources/new?kind=postgres" in kinds
    form = see(api, "/sources/new?kind=postgres").text
    assert value_of(form, "c.host") == "localhost"
    assert 'type="password"' in form
    assert re.search(r"<option selected>prefer</option>", form)
    assert "Seconds to wait for a connection." in form
    lake = see(api, "/sources/new?kind=local").text
    assert value_of(lake, "c.ignore") == ".*\n_*\n*.tmp"
    assert lake.index('name="c.path"') < lake.index('name="c.namespace"')
    assert see(api, "/sources/new?kind=nonsense").status_code == 400


def test_check_says_the_reason_and_keeps_what_was_typed(api: Api, tmp_path: Path) -> None:
    missing = str(tmp_path / "none.db")
    answer = send(api, "/sources/new", kind="sqlite", do="check", c__path=missing, title="Shop",
                  c__exclude="*.tmp_*\r\nold.*")  # fmt: skip
    assert answer.status_code == 200
    assert "It does not work yet." in answer.text
    assert missing in text_of(answer.text)
    assert value_of(answer.text, "c.path") == missing
    assert value_of(answer.text, "c.exclude") == "*.tmp_*\nold.*"
    assert value_of(answer.text, "title") == "Shop"


def test_preview_names_the_pattern_that_leaves_a_name_out(api: Api, shop_file: Path) -> None:
    answer = send(api, "/sources/new", kind="sqlite", do="preview", c__path=str(shop_file),
                  c__exclude="*.tmp_*")  # fmt: skip
    said = text_of(answer.text)
    assert "1 taken, 1 left out" in said
    assert "exclude *.tmp_*" in said
    assert api.get("/api/v1/sources").json()["total"] == 0, "nothing is kept"


def test_adding_begins_a_crawl_and_leads_to_it(api: Api, shop_file: Path) -> None:
    place = add(api, shop_file, schedule="0 5 * * *", zone="Europe/Berlin", environment="test")
    assert place.startswith("/crawls/")
    assert "Crawl of shop" in see(api, place).text
    found = api.get("/api/v1/sources/shop").json()
    assert found["config"] == {"path": str(shop_file)}, "what stays at its default is not stored"
    assert found["schedule"] == {"cron": "0 5 * * *", "zone": "Europe/Berlin"}
    assert found["environment"] == "test"
    taken = send(api, "/sources/new", kind="sqlite", do="add", c__path=str(shop_file), name="shop")
    assert taken.status_code == 409
    assert "There is a source shop already." in text_of(taken.text)
    assert value_of(taken.text, "name") == "shop"


def test_a_source_that_is_pushed_to_is_added_without_a_crawl(api: Api) -> None:
    answer = send(api, "/sources/new", kind="push", do="add", name="pipe",
                  c__namespaces="postgres://db:5432\r\n\r\ns3://lake")  # fmt: skip
    assert answer.headers["location"] == "/sources/pipe"
    assert "catalog ingest FILE --source pipe" in text_of(see(api, "/sources/pipe").text)
    assert api.get("/api/v1/crawls").json()["total"] == 0


def test_wrong_fields_say_what_is_wrong_with_them(api: Api) -> None:
    wrong = dict(PG, c__port="70000", c__connect_timeout="soon")
    answer = send(api, "/sources/new", do="add", **wrong)
    assert answer.status_code == 400
    assert "Some fields are not right." in answer.text
    for name in ("port", "connect_timeout"):
        field = re.search(rf'<input[^>]*name="c.{name}"[^>]*>', answer.text)
        assert field is not None
        assert 'aria-invalid="true"' in field[0]
    assert value_of(answer.text, "c.connect_timeout") == "soon"
    for name in ("new", "holds", "Shop!"):
        refused = send(api, "/sources/new", do="add", name=name, **PG)
        assert refused.status_code == 400, name
        assert "no short name of a source" in text_of(refused.text)


def test_a_typed_secret_is_never_sent_back_and_not_lost_unseen(api: Api) -> None:
    first = send(api, "/sources/new", do="runs", schedule="1d", c__password="canary-pw", **PG)
    assert "canary-pw" not in first.text
    again = value_of(first.text, "again")
    assert again == "password"
    lost = send(api, "/sources/new", do="add", again=again, c__password="", **PG)
    assert lost.status_code == 400
    assert "Type it again." in lost.text
    none = send(api, "/sources/new", do="add", again=again, c__password="", n__password="on", **PG)
    assert none.status_code == 303
    typed = send(api, "/sources/new", do="add", again=again, c__password="canary-pw", name="two",
                 **PG)  # fmt: skip
    assert typed.status_code == 303
    assert api.get("/api/v1/sources/two").json()["config"]["password"] == "***"


def test_an_edit_keeps_an_empty_secret_and_asks_again_for_another_host(api: Api) -> None:
    send(api, "/sources/new", do="add", name="pg", c__password="canary-pw", **PG)
    form = see(api, "/sources/pg/edit").text
    assert value_of(form, "c.password") == ""
    assert "One is stored; left empty it stays." in form
    version = value_of(form, "version")
    rest = {**PG, "brake_percent": "30", "brake_assets": "5", "rank": "0", "c__password": ""}
    rest |= {"c__connect_timeout": "10", "c__lock_wait": "10", "c__sslmode": "prefer"}
    kept = send(api, "/sources/pg/edit", do="save", version=version,
                **{**rest, "c__database": "dwh"})  # fmt: skip
    assert kept.status_code == 303, text_of(kept.text)
    config = api.get("/api/v1/sources/pg").json()["config"]
    assert (config["database"], config["password"]) == ("dwh", "***")
    moved = send(api, "/sources/pg/edit", do="save", version="2",
                 **{**rest, "c__host": "evil.example.com"})  # fmt: skip
    assert moved.status_code == 400
    assert "must be entered again" in text_of(moved.text)
    assert value_of(moved.text, "c.host") == "evil.example.com"
    gone = send(api, "/sources/pg/edit", do="save", version="2", n__password="on", **rest)
    assert gone.status_code == 303
    assert api.get("/api/v1/sources/pg").json()["config"].get("password") is None


def test_a_late_edit_shows_both_values_and_lets_choose(api: Api, shop_file: Path) -> None:
    add(api, shop_file)
    api.patch("/api/v1/sources/shop", json={"title": "Theirs", "config": {
        "path": str(shop_file), "exclude": ["their.*"]}})  # fmt: skip
    mine = {"do": "save", "title": "Mine", "c__path": str(shop_file), "c__exclude": "mine.*",
            "brake_percent": "30", "brake_assets": "5", "rank": "0"}  # fmt: skip
    late = send(api, "/sources/shop/edit", version="1", **mine)
    assert late.status_code == 412
    said = text_of(late.text)
    assert "Now: Theirs" in said
    assert "Now: their.*" in said
    assert value_of(late.text, "title") == "Mine"
    saved = send(api, "/sources/shop/edit", version=value_of(late.text, "version"), **mine)
    assert saved.status_code == 303
    assert api.get("/api/v1/sources/shop").json()["config"]["exclude"] == ["mine.*"]


def test_the_schedule_is_shown_before_it_is_saved(api: Api, shop_file: Path) -> None:
    add(api, shop_file)
    path = "/sources/shop/schedule"
    shown = send(api, path, do="runs", schedule="0 5 * * *", zone="Europe/Berlin")
    assert len(re.findall("<li><time", shown.text.split("Not saved yet.")[1])) == 5
    assert api.get("/api/v1/sources/shop").json()["schedule"] is None
    for wrong, zone in (("every day", ""), ("0 5 * * *", "Mars/Olympus")):
        refused = send(api, path, do="save", version="1", schedule=wrong, zone=zone)
        assert refused.status_code == 400
        assert value_of(refused.text, "schedule") == wrong
    assert send(api, path, do="save", version="1", schedule="6h").status_code == 303
    assert "every 6h" in text_of(see(api, "/sources/shop").text)
    assert send(api, path, do="save", version="1", schedule="").status_code == 412
    assert send(api, path, do="save", version="2", schedule="").status_code == 303
    assert api.get("/api/v1/sources/shop").json()["schedule"] is None


def test_who_is_no_admin_gets_no_form_and_no_config(api: Api, shop_file: Path) -> None:
    add(api, shop_file)
    for who in ("viewer", "editor", "steward"):
        assert see(api, "/sources/new", who).status_code == 403
        assert see(api, "/sources/shop/edit", who).status_code == 403
        assert send(api, "/sources/shop/run", who).status_code == 403
        told = see(api, "/sources/shop", who).text + see(api, "/sources", who).text
        assert str(shop_file) not in told
        assert "/sources/shop/edit" not in told
        assert 'action="/sources/' not in told
        assert "/sources/new" not in told


def test_hostile_texts_are_inert(api: Api, tmp_path: Path) -> None:
    answer = send(api, "/sources/new", do="check", kind="sqlite", title=HOSTILE, again=HOSTILE,
                  c__path=HOSTILE, c__include=f"</textarea>{HOSTILE}")  # fmt: skip
    assert "<script>alert" not in answer.text
    assert value_of(answer.text, "title") == HOSTILE


SCHEMA = {
    "properties": {
        "flag": {"type": "boolean", "default": True},
        "more": {"type": "object"},
        "nested": {"$ref": "#/$defs/Color"},
        "maybe": {"anyOf": [{"type": "integer"}, {"type": "null"}], "default": None},
        "either": {"anyOf": [{"type": "integer"}, {"type": "string"}]},
        "always": {"const": "x"},
    },
    "required": ["flag"],
    "$defs": {"Color": {"enum": ["red", "blue"], "type": "string"}},
}


def test_every_type_of_a_schema_has_a_field_and_a_way_back() -> None:
    fields = {one.name: one for one in form_fields(SCHEMA, Filled())}
    kinds = {name: one.kind for name, one in fields.items()}
    assert kinds == {"flag": "check", "more": "json", "nested": "choice", "maybe": "number",
                     "either": "json", "always": "choice"}  # fmt: skip
    assert fields["nested"].choices == ("red", "blue")
    assert fields["flag"].value == "on"
    sent = {"c.more": '{"a": [1]}', "c.nested": "blue", "c.maybe": "3", "c.either": "{half"}
    assert config_of(SCHEMA, sent) == {
        "flag": False, "more": {"a": [1]}, "nested": "blue", "maybe": 3, "either": "{half",
    }  # fmt: skip
    assert "flag" not in config_of(SCHEMA, {"c.flag": "on"}), "its default"
    assert config_of(SCHEMA, {"c.flag": "on"}, {"flag": True})["flag"] is True
