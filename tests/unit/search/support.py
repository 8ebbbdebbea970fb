"""What tests of search share: the statements that are sent to the store."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import event

from catalog.history.store import Store


@contextmanager
def counted(store: Store) -> Iterator[list[str]]:
    """Statements sent to the store."""
    sent: list[str] = []

    def note(_c: object, _u: object, statement: str, *_more: object) -> None:
        if statement.startswith(("SELECT", "WITH")):
            sent.append(statement)

    event.listen(store.engine, "before_cursor_execute", note)
    yield sent
    event.remove(store.engine, "before_cursor_execute", note)
