"""Health tells nothing but the state, and needs no token."""

from __future__ import annotations

from tests.support.api import Api


def test_health_needs_no_token_and_says_only_the_state(api: Api) -> None:
    answer = api.get("/api/v1/health", None)
    assert answer.status_code == 200
    assert answer.json() == {"status": "ok"}


def test_health_says_when_the_store_does_not_answer(api: Api) -> None:
    api.store.close()
    (api.catalog.settings.home / "catalog.db").write_bytes(b"not a database at all" * 100)
    answer = api.get("/api/v1/health", None)
    assert answer.status_code == 503
    assert answer.json() == {"status": "unavailable"}
