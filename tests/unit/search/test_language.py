"""The query language: every form, and that nothing else than BadInput comes of any text."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.errors import BadInput
from catalog.search.language import (
    And,
    Filter,
    Negation,
    Node,
    Or,
    Phrase,
    Start,
    Word,
    free_text,
    parse,
)

A, B, C = Word("a"), Word("b"), Word("c")


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", ()),
        ("a b", (A, B)),
        ("a AND b", (A, B)),
        ("a OR b OR c", (Or((A, B, C)),)),
        ("a OR b c", (Or((A, B)), C)),
        ("(a b) OR c", (Or((And((A, B)), C)),)),
        ("a OR", (A,)),
        ("OR a", (A,)),
        ("or a", (Word("or"), A)),
        ("ORder", (Word("ORder"),)),
        ("-a NOT b", (Negation(A), Negation(B))),
        ("-(a b)", (Negation(And((A, B))),)),
        ("a-b", (Word("a-b"),)),
        ('"a b" c', (Phrase("a b"), C)),
        ('""', ()),
        ("ab*", (Start("ab"),)),
        ("*", ()),
        ("KIND:table", (Filter("kind", "table"),)),
        ("env:prod", (Filter("environment", "prod"),)),
        ('tag:"a b"', (Filter("tag", "a b", "phrase"),)),
        ("tag:pi*", (Filter("tag", "pi", "start"),)),
        ("-tag:pii", (Negation(Filter("tag", "pii")),)),
        ("(kind:view)", (Filter("kind", "view"),)),
        ("postgres://h:5432/a.b", (Word("postgres://h:5432/a.b"),)),
        ("models:/churn@champion", (Word("models:/churn@champion"),)),
        ('shop."a b" c', (Word('shop."a b"'), C)),
        ('"open', (Word('"open'),)),
        ("sum(x)", (Word("sum(x)"),)),
        ("(sum(x) a", (Word("sum(x)"), A)),
        (") a", (Word(")"), A)),
        ("()", ()),
    ],
)
def test_forms(text: str, parts: tuple[Node, ...]) -> None:
    assert parse(text) == And(parts)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("knd:table", "Did you mean kind:"),
        ("kind:", "No value"),
        ("kind: table", "No value"),
        ("(" * 30 + "a", "nested"),
        ("a " * 100, "terms"),
        ("a" * 501, "500"),
    ],
)
def test_what_is_refused(text: str, says: str) -> None:
    with pytest.raises(BadInput) as raised:
        parse(text)
    assert says in str(raised.value)
    assert raised.value.remedy


def test_an_unknown_field_comes_with_suggestions() -> None:
    with pytest.raises(BadInput) as raised:
        parse("ownr:ann")
    assert raised.value.details["suggestions"] == ["owner"]


def test_free_words_could_be_a_name() -> None:
    assert free_text(parse('kind:table Order "Line Items" -x')) == "Order Line Items"


@given(st.text(alphabet='ab "()-*:OR NOTkind\\', max_size=60))
def test_any_text_parses_or_is_bad_input(text: str) -> None:
    with contextlib.suppress(BadInput):
        parse(text)
