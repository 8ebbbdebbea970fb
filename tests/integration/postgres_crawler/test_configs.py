"""Configs of the PostgreSQL crawler, and the texts of its queries."""

from __future__ import annotations

from typing import Any

import pytest

from catalog.crawling import (
    registry,
)
from crawlers.warehouse.postgres import Postgres, queries
from crawlers.warehouse.postgres.connecting import PostgresConfig, config_of_url


@pytest.mark.parametrize(
    ("url", "config"),
    [
        (
            "postgresql://ann:p%40ss@db.example.com:5433/shop?sslmode=require",
            {
                "host": "db.example.com",
                "port": 5433,
                "user": "ann",
                "password": "p@ss",
                "database": "shop",
                "sslmode": "require",
            },
        ),
        ("postgres://db", {"host": "db"}),
        ("postgresql://ann@/", {"user": "ann", "database": "ann"}),
        (
            "postgresql:///shop?host=/run/pg&port=7",
            {"host": "/run/pg", "port": 7, "database": "shop"},
        ),
        ("postgresql+psycopg://h/d", {"host": "h", "database": "d"}),
        ("mysql://h/d", None),
        ("postgresql://h:port/d", None),
        ("/srv/file", None),
    ],
)
def test_claims(url: str, config: dict[str, Any] | None) -> None:
    assert config_of_url(url) == config
    if config is not None:
        assert registry.claim(url) == ("postgres", config)
        PostgresConfig.model_validate(config)


@pytest.mark.parametrize(
    ("config", "namespace"),
    [
        ({"host": "DB.Example.com"}, "postgres://db.example.com:5432"),
        ({"host": "/run/postgresql", "port": 5433}, "postgres://localhost:5433"),
        ({"host": "::1"}, "postgres://[::1]:5432"),
        ({"namespace": "postgresql://u:p@prod:5432/"}, "postgres://prod:5432"),
    ],
)
def test_namespaces(config: dict[str, Any], namespace: str) -> None:
    assert Postgres(PostgresConfig.model_validate(config)).namespaces() == (namespace,)


def test_queries_name_no_schema_but_pg_catalog() -> None:
    texts = [text for name, text in vars(queries).items() if name.isupper()]
    assert not any("information_schema." in text for text in texts)
