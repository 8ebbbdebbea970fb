"""What a crawl would do, without writing anything: the same look-ups and the same brake.

Records are read and judged like in `catalog.ingest.scope`, but nothing of them is kept, only
counts and some names. What other crawls write meanwhile may of course make it turn out otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, select

from catalog.crawling import records
from catalog.crawling.crawler import Scope as CrawlerScope
from catalog.errors import CatalogError
from catalog.history.store import Store, table_of
from catalog.ingest import lookup, vanish
from catalog.ingest.context import CrawlContext, SourceInfo
from catalog.ingest.forecast import CrawlPreview, Part, answer
from catalog.ingest.matching import contradicts
from catalog.ingest.prepare import Prepared, clean_record, prepare, restate
from catalog.ingest.renames import movers_of, pairs_of
from catalog.ingest.run import Reader
from catalog.ingest.scopes import scope_states
from catalog.model import Scope
from catalog.naming import name_key, without_secrets

_SCOPE = table_of(Scope)
CHUNK: Final = 1000


def preview(
    store: Store,
    source: SourceInfo,
    reader: Reader,
    *,
    config_key: str,
    refused_by: Callable[[str], str | None] = lambda _name: None,
    only: Sequence[str] | None = None,
    cancelled: Callable[[], bool] = lambda: False,
) -> CrawlPreview:
    """Reads the source as a crawl would (``only``: these names) and says what would come of it.

    ``config_key``: see `catalog.ingest.crawl.state_key`. Raises what listing the scopes raises;
    a scope that fails is part of the answer.
    """
    context = CrawlContext(
        store=store,
        source=source,
        crawl=0,
        crawl_uid="",
        crawler_version=0,
        whole=only is None,
        refused_by=refused_by,
    )
    run = _Preview(context, reader, None if only is None else frozenset(only), cancelled)
    return run.run(config_key)


class _Preview:
    def __init__(
        self,
        context: CrawlContext,
        reader: Reader,
        only: frozenset[str] | None,
        cancelled: Callable[[], bool],
    ) -> None:
        self.context = context
        self.reader = reader
        self.only = only
        self.cancelled = cancelled
        self.fresh: set[lookup.Identity] = set()
        self.moved: set[int] = set()  # assets that leave their names
        self.found: set[str] = set()
        self.deferred: list[tuple[Part, Prepared]] = []

    def run(self, config_key: str) -> CrawlPreview:
        context = self.context
        with context.store.connect() as connection:
            states = scope_states(connection, context.source.key, config_key)
        listed = self.reader.scopes(states)
        parts = self._parts([scope.name for scope in listed.scopes], listed.complete)
        for scope in listed.scopes:
            self._read(parts[scope.name], scope, states.get(scope.name))
        with context.store.connect() as connection:
            self._settle(connection)
            self._vanish(connection, list(parts.values()))
        whole = all(part.state in ("complete", "gone") for part in parts.values())
        return answer(context.source.name, listed.complete and whole, listed.why, parts)

    def _parts(self, names: Sequence[str], complete: bool) -> dict[str, Part]:
        """A part per listed scope; a scope missing from a complete list is one that is empty."""
        source = self.context.source.key
        with self.context.store.connect() as connection:
            known: dict[str, int] = {
                row.name: row.key
                for row in connection.execute(
                    select(_SCOPE.c.name, _SCOPE.c.key).where(_SCOPE.c.source == source)
                )
            }
            parts = {name: Part(name, known.get(name)) for name in names}
            if complete and self.only is None:
                for name in known.keys() - parts.keys():
                    parts[name] = Part(name, known[name], "gone", "It is not listed any more.")
            for part in parts.values():
                if part.key is not None:
                    part.live = vanish.live_keys(connection, source, part.key)
        return {name: part for name, part in parts.items() if part.state != "gone" or part.live}

    def _read(self, part: Part, scope: CrawlerScope, state: Mapping[str, Any] | None) -> None:
        done: records.Done | None = None
        assets: list[Prepared] = []
        others: list[records.Record] = []
        try:
            for record in self._records(scope, state):
                if isinstance(record, Prepared):
                    assets.append(record)
                elif isinstance(record, records.Done):
                    done = record
                else:
                    others.append(record)
                if len(assets) + len(others) >= CHUNK:
                    self._judge(part, assets, others)
                    assets, others = [], []
        except Exception as error:
            part.state, part.why = "failed", _said(error)
        self._judge(part, assets, others)
        if part.state == "complete" and (done is None or not done.complete or part.forgotten):
            part.state = "incomplete"
            part.why = (done and done.why) or "Not everything could be listed."

    def _records(
        self, scope: CrawlerScope, state: Mapping[str, Any] | None
    ) -> Iterator[Prepared | records.Record]:
        """Records, each asset with the statements that define it; also the last one before an
        error, as a crawl writes it too."""
        current: Prepared | None = None
        try:
            for record in self.reader.crawl(scope, state, self._asked()):
                if self.cancelled():
                    raise KeyboardInterrupt
                if isinstance(record, records.Statement):
                    _add_statement(current, record)
                elif isinstance(record, records.Asset):
                    if current is not None:
                        yield restate(current)
                    current = prepare(record, self.context.source.key)
                else:
                    yield record
        except Exception:
            if current is not None:
                yield restate(current)
            raise
        if current is not None:
            yield restate(current)

    def _asked(self) -> list[str] | None:
        return None if self.only is None else sorted(self.only)

    # -- judging ----------------------------------------------------------------------------

    def _judge(
        self, part: Part, assets: Sequence[Prepared], others: Sequence[records.Record]
    ) -> None:
        with self.context.store.connect() as connection:
            wanted = [one for one in assets if self._allowed(part, one.record)]
            self._assets(connection, part, wanted)
            self._others(connection, part, others)

    def _allowed(self, part: Part, record: records.Asset | records.Unchanged) -> bool:
        if self.only is not None:
            if record.name not in self.only:
                return False
            self.found.add(record.name)
        if not self.context.source.allows(record.namespace):
            self._fail(part, record.name)
            return False
        return True

    def _fail(self, part: Part, name: str) -> None:
        part.note("seen", name)
        part.note("failed", name)

    def _assets(self, connection: Connection, part: Part, items: Sequence[Prepared]) -> None:
        rows = lookup.by_name(connection, self.context, lookup.identities_of(items))
        # A name that its asset has left is free by the time that the crawl comes to it.
        rows = {name: row for name, row in rows.items() if row.key not in self.moved}
        ids = [
            one.stable_key
            for one in items
            if one.identity not in rows and one.stable_key is not None
        ]
        owners = lookup.by_stable_id(connection, self.context, ids)
        elsewhere = lookup.known_elsewhere(connection, self.context, items, rows)
        for item in items:
            row = rows.get(item.identity)
            seen = row is not None and row.key in self.context.seen
            twice = item.identity in self.fresh or (seen and row and row.key not in self.moved)
            if twice:
                self._fail(part, item.record.name)
            elif row is None:
                self._unmatched(part, item, owners)
            elif contradicts(row, item) or item.identity in elsewhere:
                self.deferred.append((part, _slim(item)))
            else:
                self._known(part, item, row)

    def _unmatched(self, part: Part, item: Prepared, owners: Mapping[int, lookup.Existing]) -> None:
        owner = None if item.stable_key is None else owners.get(item.stable_key)
        self.fresh.add(item.identity)
        if (
            owner is not None
            and owner.stable_id == item.record.id
            and owner.asset_class == item.record.asset_class
            and owner.key not in self.context.seen
        ):
            self._renamed(part, item, owner)
        else:
            part.note("seen", item.record.name)
            part.note("new", item.record.name)

    def _renamed(self, part: Part, item: Prepared, owner: lookup.Existing) -> None:
        self.context.seen.add(owner.key)
        self.moved.add(owner.key)
        part.note("seen", item.record.name)
        part.note("changed", item.record.name)
        part.note("renamed", f"{owner.name} -> {item.record.name}")
        if owner.state == "removed":
            part.note("restored", item.record.name)

    def _known(self, part: Part, item: Prepared, row: lookup.Existing) -> None:
        name = item.record.name
        self.context.seen.add(row.key)
        part.note("seen", name)
        if row.sighted is None:
            part.note("new", name)
        elif row.hash == item.hash and row.sighted != "withdrawn":
            part.note("unchanged", name)
        else:
            part.note("changed", name)
        if row.state == "removed":
            part.note("restored", name)

    def _others(self, connection: Connection, part: Part, items: Sequence[records.Record]) -> None:
        named = [(one, _identity(one)) for one in items if getattr(one, "name", None)]
        rows = lookup.by_name(connection, self.context, [identity for _, identity in named])
        for record, identity in named:
            row = rows.get(identity)
            name = str(getattr(record, "name", ""))
            if isinstance(record, records.Unchanged):
                if self._allowed(part, record):
                    self._unopened(part, name, row)
            elif isinstance(record, records.Filtered):
                part.note("filtered", name)
                if row is not None:
                    self.context.filtered[row.key] = record.by
            elif isinstance(record, records.Problem):
                self._fail(part, name)
                if row is not None:
                    self.context.seen.add(row.key)

    def _unopened(self, part: Part, name: str, row: lookup.Existing | None) -> None:
        if row is None or row.hash is None:
            # Its state knows more than the store: the crawl will not believe that it was whole.
            self._fail(part, name)
            part.forgotten = True
            return
        self.context.seen.add(row.key)
        part.note("seen", name)
        part.note("changed" if row.sighted == "withdrawn" else "unchanged", name)
        if row.state == "removed":
            part.note("restored", name)

    # -- the end ----------------------------------------------------------------------------

    def _settle(self, connection: Connection) -> None:
        """Records whose id contradicts their name, now that all ids are known."""
        items = [item for _, item in self.deferred]
        ids = [one.stable_key for one in items if one.stable_key is not None]
        owners = lookup.by_stable_id(connection, self.context, ids)
        holders = lookup.by_name(connection, self.context, lookup.identities_of(items))
        holders = {name: row for name, row in holders.items() if row.key not in self.moved}
        joined = lookup.joinable(connection, pairs_of(items, owners, holders))
        moving = {id(one) for one in movers_of(self.context, items, owners, holders, joined)}
        for part, item in self.deferred:
            if id(item) in moving and item.stable_key is not None:
                self._renamed(part, item, owners[item.stable_key])
        for part, item in self.deferred:
            if id(item) not in moving:
                self._recreated(part, item, holders.get(item.identity))

    def _recreated(self, part: Part, item: Prepared, holder: lookup.Existing | None) -> None:
        """A new id under a known name, or under one that its holder leaves."""
        name = item.record.name
        part.note("seen", name)
        if holder is None or holder.key in self.moved:
            part.note("new", name)
            return
        self.context.seen.add(holder.key)
        part.note("new" if holder.sighted is None else "changed", name)
        if holder.state == "removed":
            part.note("restored", name)

    def _vanish(self, connection: Connection, parts: Sequence[Part]) -> None:
        if self.only is not None:
            self._unfound(connection, parts)
            return
        ended = [one for one in parts if one.key is not None and one.state in ("complete", "gone")]
        for part in ended:
            part.gone = [key for key in part.live if key not in self.context.seen]
        names = vanish.names_of(connection, [key for part in ended for key in part.gone])
        out = {
            key
            for part in ended
            for key in part.gone
            if self.context.filtered.get(key) or self.context.refused_by(names[key])
        }
        missing = {
            part.key: vanish.Missing(
                part.key, tuple(part.gone), len(part.live), len(part.gone) == len(part.live)
            )
            for part in ended
            if part.key is not None and part.live
        }
        held = vanish.brake(self.context.source, list(missing.values()), out)
        waiting = vanish.open_holds(connection, self.context.source.key)
        for part in ended:
            left = [key for key in part.gone if key not in out]
            for key in part.gone:
                part.note("left_out" if key in out else "missing", names[key])
            if (
                left
                and (part.key in held or waiting.intersection(part.gone))
                and part.key is not None
            ):
                part.held = vanish.hold_reason(self.context.source, missing[part.key], len(left))

    def _unfound(self, connection: Connection, parts: Sequence[Part]) -> None:
        """A name that was asked for and not found is held, never removed."""
        unfound = sorted((self.only or frozenset()) - self.found)
        if not unfound or any(part.state != "complete" for part in parts):
            return
        by_key = {part.key: part for part in parts}
        keys = vanish.keys_of_names(connection, self.context.source.key, unfound)
        names = vanish.names_of(connection, [key for some in keys.values() for key in some])
        for scope, some in keys.items():
            part = by_key.get(scope)
            for key in some if part is not None else ():
                by_key[scope].note("missing", names[key])
                by_key[scope].held = "It was asked for and not found."


def _add_statement(current: Prepared | None, record: records.Statement) -> None:
    """A statement counts with the asset before it, if it defines that."""
    cleaned = clean_record(record)
    defines = isinstance(cleaned, records.Statement) and cleaned.defines
    if current is not None and defines == current.record.name:
        current.statements.append(cleaned)  # type: ignore[arg-type]  # a statement, see above


def _slim(item: Prepared) -> Prepared:
    """What settling needs: all records of a restored dump may wait for it."""
    record = msgspec.structs.replace(item.record, columns=None, keys=(), properties={})
    return Prepared(record, b"", item.hash, item.name_key, item.stable_key, [])


def _identity(record: Any) -> lookup.Identity:
    return record.namespace or "", record.asset_class, name_key(record.name)


def _said(error: Exception) -> str:
    if isinstance(error, CatalogError):
        return without_secrets(str(error))
    return without_secrets(f"{type(error).__name__}: {error}")[:500]
