"""Accounts that records name as owners; joined to persons by exact e-mail elsewhere."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import select

from catalog.history import dialect
from catalog.history.store import table_of
from catalog.history.unit import Unit
from catalog.ingest.context import CrawlContext
from catalog.ingest.lookup import chunks
from catalog.model import Account, Person
from catalog.naming import new_id

_ACCOUNT = table_of(Account)
_PERSON = table_of(Person)


def ensure_accounts(unit: Unit, context: CrawlContext, names: Iterable[str]) -> None:
    """Makes accounts of the source that are not there yet; an e-mail joins its person."""
    missing = sorted({name for name in names if name and name not in context.accounts})
    if not missing:
        return
    for chunk in chunks(missing):
        for row in unit.connection.execute(
            select(_ACCOUNT.c.key, _ACCOUNT.c.name).where(
                _ACCOUNT.c.source == context.source.key, _ACCOUNT.c.name.in_(chunk)
            )
        ):
            context.accounts[row.name] = row.key
    fresh = [name for name in missing if name not in context.accounts]
    if not fresh:
        return
    emails = [name for name in fresh if "@" in name]
    persons: dict[str, int] = {}
    for chunk in chunks(emails):
        for row in unit.connection.execute(
            select(_PERSON.c.key, _PERSON.c.email).where(_PERSON.c.email.in_(chunk))
        ):
            persons[row.email] = row.key
    keys = dialect.next_keys(unit.connection, _ACCOUNT, len(fresh))
    rows = []
    for key, name in zip(keys, fresh, strict=True):
        person = persons.get(name)
        rows.append(
            (
                key,
                new_id(),
                context.source.key,
                name,
                name if "@" in name else None,
                person,
                None if person is None else "email",
            )
        )
        context.accounts[name] = key
    dialect.bulk_insert(
        unit.connection,
        _ACCOUNT,
        ("key", "uid", "source", "name", "email", "person", "joined_by"),
        rows,
    )
