"""Changes as sentences: every word of the log has one, old and new are words, never raw JSON."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest

from catalog.assets.people import Named, Names
from catalog.assets.views import ChangeView
from catalog.pages.stories import DID, story
from catalog.pages.story_words import because, lines_of, said

ROOT = Path(__file__).resolve().parents[3]
ANN = "person:019ab0c4-5f1e-7c3a-9d2b-3e4f5a6b7c8d"
NAMES = Names({ANN: Named("person", ANN.partition(":")[2], "Ann", None)}, {})


def change(what: str, before: Any = None, after: Any = None, **more: Any) -> ChangeView:
    values: dict[str, Any] = {
        "sequence": 1,
        "at": "2026-11-24T09:00:00Z",
        "actor": "user:x",
        "actor_name": "Ann",
        "what": what,
        "subject_type": "asset",
        "subject": "id",
        "asset": "postgres://db/orders",
        "asset_id": "id",
        "column": None,
        "cause": None,
        "before": before,
        "after": after,
    }
    return ChangeView(**{**values, **more})


def words_of(what: str, before: Any = None, after: Any = None, **more: Any) -> str:
    one = story(change(what, before, after, **more), NAMES)
    detail = f": “{one.detail}”" if one.detail else ""
    space = " " if one.rest and not one.rest.startswith(":") else ""
    subject = one.subject if one.asset else f"{one.noun} {one.subject}"
    return f"{one.who} {one.did} {subject}{space}{one.rest}{detail}"


def written_words() -> set[tuple[str, str]]:
    """(subject type, word) of every ``unit.change(`` whose word is a text in the code."""
    found = set()
    for path in (ROOT / "catalog").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                continue
            if node.func.attr != "change" or not node.args:
                continue
            kinds = [one.value for one in node.keywords if one.arg == "subject_type"]
            kind = ast.literal_eval(kinds[0]) if kinds else "asset"
            for one in ast.walk(node.args[0]):
                if isinstance(one, ast.Constant) and isinstance(one.value, str):
                    found.add((kind, one.value))
    return found


def test_every_word_that_the_product_writes_has_its_sentence() -> None:
    found = written_words()
    assert {("asset", "held"), ("asset", "definition"), ("problem", "muted")} <= found
    assert found - set(DID) == set()


@pytest.mark.parametrize(
    ("path", "kind", "words"),
    [
        ("access/users.py", "user", {"created", "role", "disabled", "password", "removed"}),
        ("access/teams.py", "team", {"created", "updated", "removed", "member"}),
        ("access/tokens.py", "token", {"created", "revoked"}),
        ("access/people.py", "person", {"created", "updated"}),
        ("access/accounts.py", "account", {"created", "joined", "separated"}),
        ("assets/namespaces.py", "namespace", {"renamed", "merged"}),
        ("sources/sources.py", "source",
         {"created", "revived", "edited", "renamed", "paused", "resumed"}),
    ],
)  # fmt: skip
def test_the_words_that_go_through_a_helper_have_theirs(
    path: str, kind: str, words: set[str]
) -> None:
    text = (ROOT / "catalog" / path).read_text(encoding="utf-8")
    for word in words:
        assert f'"{word}"' in text
        assert (kind, word) in DID


@pytest.mark.parametrize(
    ("what", "before", "after", "sentence"),
    [
        ("description", None, {"description": "One row."}, "Ann described orders: “One row.”"),
        ("description", {"description": "A"}, {"description": "B"},
         "Ann rewrote the description of orders: “B”"),
        ("title", {"title": "A"}, None, "Ann took the title away from orders: “A”"),
        ("tag", None, {"tag": "pii/email", "value": None}, "Ann tagged orders with pii/email"),
        ("tag", {"tag": "gold", "value": "x"}, None, "Ann took a tag from orders: gold=x"),
        ("owner", None, {"owner": ANN, "role": "owner"}, "Ann made Ann owner of orders"),
        ("owner", {"owner": ANN, "role": "technical_owner"}, None,
         "Ann took Ann from the technical owners of orders"),
        ("owner", None, {"owner": None, "role": None}, "Ann said that nobody owns orders"),
        ("flag", None, {"by": ANN, "kind": "endorsed", "reason": "checked"},
         "Ann endorsed orders: “checked”"),
        ("flag", {"by": ANN, "kind": "warned", "reason": None}, None,
         "Ann took back “warned” from orders"),
        ("renamed", {"name": "shop.public.old"}, {"name": "shop.public.orders"},
         "Ann renamed orders: it was shop.public.old"),
        ("lineage", {"upstream": [], "edges": 0}, {"upstream": ["a", "b"], "edges": 5},
         "Ann traced the lineage of orders: it reads 2 more assets"),
        ("schema", {"columns": {"a": None, "b": {"type": "string"}, "c": {"type": "int32"}}},
         {"columns": {"a": {"type": "int64"}, "b": None, "c": {"type": "int64"}}},
         "Ann found other columns in orders: a added; b removed; c changed"),
        ("never_heard_of", None, None, "Ann never heard of orders"),
    ],
)  # fmt: skip
def test_a_change_is_a_sentence(what: str, before: Any, after: Any, sentence: str) -> None:
    assert words_of(what, before, after) == sentence


def test_what_is_no_asset_is_told_by_its_name() -> None:
    none = {"asset": None, "asset_id": None}
    role = change("role", {"role": "viewer"}, {"role": "admin"}, subject_type="user", **none)
    assert story(role, NAMES).rest == "from viewer to admin"
    paused = change("paused", {"paused": False}, {"paused": True},
                    subject_type="source", subject="s1", **none)  # fmt: skip
    assert story(paused, NAMES, {"s1": "wh"}).subject == "wh"
    off = change("disabled", {"disabled": True}, {"disabled": False}, subject_type="user", **none)
    assert story(off).did == "enabled"


def test_machines_are_told_as_what_they_are() -> None:
    crawled = story(change("created", actor="crawl:019a", actor_name=None))
    assert (crawled.who, crawled.crawl, crawled.machine) == ("A crawl", "019a", True)
    alone = story(change("lineage", actor="system", actor_name="system"))
    assert (alone.who, alone.crawl) == ("The catalog", None)


def test_columns_differ_line_by_line() -> None:
    before = {"columns": {"old": {"type": "string", "nullable": True}, "n": {"type": "int32"}}}
    after = {"columns": {"old": None, "n": {"type": "int64", "comment": "of what"}}}
    (gone, changed) = lines_of(before, after)
    assert (gone.label, gone.before, gone.after) == ("column old", "string, may be empty", "")
    assert (changed.before, changed.after) == ("int32", "int64, “of what”")


def test_config_is_told_field_by_field_and_secrets_stay_hidden() -> None:
    lines = lines_of(
        {"config": {"host": "a", "password": "***"}}, {"config": {"host": "b", "password": "***"}}
    )
    assert [(one.label, one.before, one.after) for one in lines] == [("host", "a", "b")]


@pytest.mark.parametrize(
    "value",
    [{"a": {"b": [1, 2]}}, [{"kind": "primary", "columns": ["id"]}], {"x": None}, [], True, 1234.5],
)
def test_no_value_is_told_as_json(value: Any) -> None:
    assert not set('{}[]"') & set(said(value))


def test_causes_are_told_as_reasons() -> None:
    assert "version 3 became 4" in str(because("crawler 3 -> 4"))
    assert because("filtered by tmp_*") == "the source's pattern tmp_* leaves it out"
    assert because(None) is None
