"""Crawls a database of a real PostgreSQL server, and sorts what is reported."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from catalog.crawling import (
    Asset,
    Record,
)
from crawlers.warehouse.postgres import Postgres
from crawlers.warehouse.postgres.connecting import PostgresConfig
from tests.support.postgres import Database

Crawled = dict[str, list[Record]]


@contextmanager
def opened(database: Database, **config: object) -> Iterator[Postgres]:
    """A crawler of this database; it is closed in the end."""
    crawler = Postgres(
        PostgresConfig.model_validate(
            {
                "host": database.server.socket,
                "database": database.name,
                "user": database.server.user,
                **config,
            }
        )
    )
    try:
        yield crawler
    finally:
        crawler.close()


def crawl(database: Database, **config: object) -> Crawled:
    """Records by scope; the database's own name is cut off scopes."""
    with opened(database, **config) as crawler:
        return {
            scope.name.removeprefix(f"{database.name}."): list(crawler.crawl(scope, None))
            for scope in crawler.scopes({}).scopes
        }


def assets(crawled: Crawled) -> dict[str, Asset]:
    """Assets by name below the database."""
    found = [one for records in crawled.values() for one in records if isinstance(one, Asset)]
    return {asset.name.partition(".")[2]: asset for asset in found}
