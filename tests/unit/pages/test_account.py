"""My account by forms."""

from __future__ import annotations

from tests.support.api import Api
from tests.unit.pages.asking import see, send, text_of, value_of


def test_a_refused_token_keeps_what_was_typed(api: Api) -> None:
    fresh = see(api, "/account", "viewer").text
    assert [value_of(fresh, name) for name in ("name", "days", "scopes")] == ["", "90", ""]
    typed = {"name": "<pipeline>", "days": "7", "scopes": "read, bogus"}
    refused = send(api, "/account/tokens", "viewer", **typed)
    assert refused.status_code == 400
    assert "There is no scope 'bogus'." in text_of(refused.text)
    assert {name: value_of(refused.text, name) for name in typed} == typed
    made = send(api, "/account/tokens", "viewer", **typed | {"scopes": "read"})
    assert "cat_" in made.text
    assert value_of(made.text, "name") == ""
