"""What a patch may hold."""

from __future__ import annotations

import pytest

from catalog.curation.patch import (
    FactPatch,
    FlagPatch,
    OwnerPatch,
    TagPatch,
    checked_flag,
    checked_owners,
    checked_tag,
    checked_tags,
    checked_text,
)
from catalog.errors import BadInput


def test_none_is_named_and_unset_is_not() -> None:
    assert FactPatch().named == frozenset()
    assert FactPatch(description=None, tags=[]).named == {"description", "tags"}


def test_text_is_trimmed_and_keeps_its_lines() -> None:
    assert checked_text("description", " a\r\n\tb \n", 10, lines=True) == "a\n\tb"
    assert checked_text("title", "Türkçe 日本語 👩‍🔬", 20) == "Türkçe 日本語 👩‍🔬"


@pytest.mark.parametrize("text", ["a\nb", "\x00", "a\x1b[31m", "\ud800", "a\u202eb", "a\x85x"])
def test_control_characters_are_refused(text: str) -> None:
    with pytest.raises(BadInput, match="control character U\\+"):
        checked_text("title", text, 100)


def test_too_long_says_how_long() -> None:
    with pytest.raises(BadInput, match="2,001 characters"):
        checked_text("title", "x" * 2001, 2000)


@pytest.mark.parametrize(
    "path", ["pii", "pii/email", "class/pii/e-mail", "GDPR:art.9", "日本", "a+b"]
)
def test_tags(path: str) -> None:
    assert checked_tag(TagPatch(f" {path} ")) == TagPatch(path)


@pytest.mark.parametrize(
    "path", ["", "/", "a/", "/a", "a//b", "a b", "a,b", "a#b", "-a", 'a"', "x" * 201, "a/../b"]
)
def test_what_is_no_tag(path: str) -> None:
    with pytest.raises(BadInput, match="cannot be a tag"):
        checked_tag(TagPatch(path))


def test_one_spelling_of_a_tag() -> None:
    assert checked_tag(TagPatch("cafe\u0301")) == TagPatch("caf\u00e9")
    assert checked_tags([TagPatch("a", "1"), TagPatch("a", "1")]) == [TagPatch("a", "1")]
    with pytest.raises(BadInput, match="two values"):
        checked_tags([TagPatch("a", "1"), TagPatch("a", "2")])


def test_counts_roles_and_kinds() -> None:
    with pytest.raises(BadInput, match="51 tags"):
        checked_tags([TagPatch(f"t{number}") for number in range(51)])
    with pytest.raises(BadInput, match="no owner's role 'boss'"):
        checked_owners([OwnerPatch("ada", "boss")])
    with pytest.raises(BadInput, match="no flag 'bad'"):
        checked_flag(FlagPatch("bad"))
    assert checked_flag(FlagPatch("warned", "  ")).reason is None
