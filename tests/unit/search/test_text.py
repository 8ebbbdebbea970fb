"""The analyzer: what a name is split into."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.search import bitset
from catalog.search.text import atoms, fold, positions, singular


@pytest.mark.parametrize(
    ("text", "parts", "whole"),
    [
        ("arrDelay2013", ("arr", "delay", "2013"), "arrdelay2013"),
        ("arr_delay", ("arr", "delay"), "arrdelay"),
        ("arr-Delay", ("arr", "delay"), "arrdelay"),
        ("HTTPServer2x", ("http", "server", "2", "x"), "httpserver2x"),
        ("ÄrztlicheÜbersicht", ("arztliche", "ubersicht"), "arztlicheubersicht"),
        ("Straße", ("strasse",), "strasse"),
        ("订单表", ("订", "单", "表"), "订单表"),
        ("Ａ１", ("a", "1"), "a1"),
        ("__x__", ("x",), "x"),
        ("орёлДом", ("орел", "дом"), "орелдом"),
    ],
)
def test_an_identifier(text: str, parts: tuple[str, ...], whole: str) -> None:
    ((_, atom),) = atoms(text)
    assert (atom.parts, atom.whole) == (parts, whole)
    assert len(atom.spans) == len(parts)


def test_a_dotted_name_has_an_atom_for_each_part() -> None:
    assert [atom.whole for _, atom in atoms('shop.public."Order Items"/x')] == [
        "shop",
        "public",
        "order",
        "items",
        "x",
    ]


@pytest.mark.parametrize(
    ("plural", "one"),
    [
        ("orders", "order"),
        ("categories", "category"),
        ("status", None),
        ("class", None),
        ("analysis", None),
        ("gas", None),
        ("order", None),
    ],
)
def test_plurals(plural: str, one: str | None) -> None:
    assert singular(plural) == one


def test_positions_go_on_across_atoms() -> None:
    found: dict[str, list[int]] = {}
    assert positions("netRevenue of net", found) == 4
    assert found == {"net": [0, 3], "revenue": [1], "netrevenue": [0], "of": [2]}


@given(st.text(max_size=60))
def test_any_text_is_split_and_folded_once(text: str) -> None:
    for offset, atom in atoms(text):
        assert atom.parts
        for part, (start, end) in zip(atom.parts, atom.spans, strict=True):
            assert fold(text[offset + start : offset + end])[:100] == part
            assert fold(part) == part


@given(st.sets(st.integers(0, 299)))
def test_bitsets_are_sets(numbers: set[int]) -> None:
    bits = bitset.from_ids(sorted(numbers), 300)
    assert list(bitset.to_ids(bits)) == sorted(numbers)
    assert bits.bit_count() == len(numbers)
    assert [index for index, flag in enumerate(bitset.flags(bits, 300)) if flag] == sorted(numbers)
    assert set(bitset.to_ids(bitset.everything(300) & ~bits)) == set(range(300)) - numbers
