"""Takes the records of one scope: reads first, writes only what differs, in small batches.

A batch commits after at most 200 assets or about 50 ms of writing; then others get 5 ms. No
transaction is open while the crawler works.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from catalog.crawling import records
from catalog.history import points
from catalog.history.unit import Unit, unpack
from catalog.ingest import lookup
from catalog.ingest.batch import write_batch
from catalog.ingest.comparing import compare
from catalog.ingest.context import CrawlContext
from catalog.ingest.ledger import Tally
from catalog.ingest.loose import write_loose
from catalog.ingest.matching import BatchResult
from catalog.ingest.measures import changed_measures, write_measures
from catalog.ingest.partitions import Reports, write_partitions
from catalog.ingest.prepare import Prepared, clean_record, prepare, restate
from catalog.naming import name_key
from catalog.sources import ledger, problems

READ_CHUNK = 1000
WRITE_CHUNK = 200
WRITE_SECONDS = 0.05
PAUSE_SECONDS = 0.005
_PROGRESS_SECONDS = 1.0


class Cancelled(Exception):
    """A person asked the crawl to stop."""


@dataclass
class ScopeResult:
    """How a scope ended. ``done`` None: the crawler ended without a word; not complete."""

    done: records.Done | None = None
    forgotten: bool = False  # the crawler's state knows what the store does not
    deferred: list[Prepared] = field(default_factory=list)


class ScopeIngest:
    """Feeds on records; `finish` writes what is left. ``known``: the scope had assets before."""

    def __init__(
        self,
        context: CrawlContext,
        scope: int,
        *,
        cause: str | None = None,
        known: bool = True,
        only: frozenset[str] | None = None,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> None:
        self.context = context
        self.scope = scope
        self.cause = cause
        self.known = known
        self.only = only
        self.cancelled = cancelled
        self.tally = Tally()
        self.result = ScopeResult()
        self._read: list[Prepared] = []
        self._write: list[Prepared] = []
        self._unchanged: list[records.Unchanged] = []
        self._filtered: list[records.Filtered] = []
        self._failed: list[records.Problem] = []
        self._loose: list[records.Statement] = []
        self._problems: list[problems.Seen] = []
        self._current: Prepared | None = None
        self._size = WRITE_CHUNK
        self._committed = 0.0
        self._progress = time.monotonic()

    def feed(self, record: records.Record) -> None:
        """Takes one record; may read and write the store."""
        if isinstance(record, records.Asset):
            self._asset(record)
        elif isinstance(record, records.Statement):
            self._statement(record)
        elif isinstance(record, records.Unchanged):
            self._see_unchanged(record)
        elif isinstance(record, records.Problem):
            self._problem(record)
        elif isinstance(record, records.Objects):
            for name in ("listed", "used", "filtered"):
                self.tally.add(name, getattr(record, name))
        elif isinstance(record, records.Filtered):
            if self.context.source.allows(record.namespace):
                self._filtered.append(record)
        else:
            self.result.done = record
        if len(self._read) >= READ_CHUNK or len(self._unchanged) >= READ_CHUNK:
            self._step()

    def finish(self) -> ScopeResult:
        """Writes all that is buffered."""
        self._take_current()
        self._step(last=True)
        return self.result

    # -- records ----------------------------------------------------------------------------

    def _allowed(self, namespace: str, name: str) -> bool:
        if self.only is not None and name not in self.only:
            return False
        if self.context.source.allows(namespace):
            return True
        self.tally.outcome("failed")
        self._refuse(namespace, name)
        return False

    def _refuse(self, namespace: str, name: str) -> None:
        """Notes what lies outside the source's namespaces: it may only be referred to."""
        self._problems.append(
            problems.Seen(
                code="namespace",
                what=f"{namespace}/{name}"[:2000],
                why=f"The source {self.context.source.name} may not report inside {namespace}.",
                hint="Allowed are: " + ", ".join(self.context.source.namespaces) + ".",
            )
        )

    def _asset(self, record: records.Asset) -> None:
        self._take_current()
        if not self._allowed(record.namespace, record.name):
            return
        self._current = prepare(record, self.context.source.key)

    def _take_current(self) -> None:
        if self._current is None:
            return
        item = restate(self._current)
        self._current = None
        (self._read if self.known else self._write).append(item)
        if not self.known and len(self._write) >= self._size:
            self._flush()

    def _statement(self, record: records.Statement) -> None:
        current = self._current
        cleaned = clean_record(record)
        if not isinstance(cleaned, records.Statement):
            raise TypeError("cleaning keeps the class")
        if current is not None and cleaned.defines == current.record.name:
            current.statements.append(cleaned)
        elif self.only is None and self.context.source.allows(cleaned.namespace):
            self._loose.append(cleaned)
        elif self.only is None:
            # Else whoever may push anything could forge the lineage of everything.
            self.tally.add("listed")
            self.tally.add("failed_objects")
            self._refuse(cleaned.namespace, cleaned.defines or "a statement")

    def _see_unchanged(self, record: records.Unchanged) -> None:
        if self._allowed(record.namespace, record.name):
            self._unchanged.append(record)

    def _problem(self, record: records.Problem) -> None:
        self.tally.add("failed_objects", record.objects)
        if record.name is not None and self.context.source.allows(record.namespace or ""):
            self._failed.append(record)
        else:
            self._problems.append(problems.Seen(record.code, record.what, record.why, record.hint))

    # -- steps ------------------------------------------------------------------------------

    def _step(self, last: bool = False) -> None:
        self._classify()
        self._classify_unchanged()
        self._classify_named()
        while self._write and (last or len(self._write) >= self._size):
            self._flush()
        if last and self._loose:
            self._write_loose()
        overdue = time.monotonic() - self._progress > _PROGRESS_SECONDS
        if last or overdue or len(self._problems) >= READ_CHUNK:
            self._write_progress()
        if self.cancelled():
            raise Cancelled

    def _classify(self) -> None:
        """Counts what is as it was; what differs goes on to be written."""
        if not self._read:
            return
        items, self._read = self._read, []
        with self.context.store.connect() as connection:
            compared = compare(connection, self.context, self.scope, items)
        self._write.extend(compared.differing)
        for key in compared.same:
            self._count_same(key)
        self._write_moved(compared.measures)
        for key, partitions in compared.partitions.items():
            self._write_partitions({key: partitions})

    def _write_partitions(self, reports: Reports) -> None:
        self.context.write(lambda unit: write_partitions(unit, reports))

    def _count_same(self, key: int) -> None:
        """Unchanged, unless this crawl itself wrote it before it was resumed."""
        before = self.context.before
        if key in before.get("created", ()):
            self.tally.outcome("new")
        else:
            self.tally.outcome("changed" if key in before.get("changed", ()) else "unchanged")
        for name in ("renamed", "restored"):
            if key in before.get(name, ()):
                self.tally.add(name)

    def _write_moved(self, moved: Sequence[tuple[int, Mapping[str, records.Measure]]]) -> None:
        for chunk in lookup.chunks(moved, WRITE_CHUNK):
            self._pause()
            self._write_measures(chunk)
            self._committed = time.monotonic()

    def _write_measures(self, moved: Sequence[tuple[int, Mapping[str, records.Measure]]]) -> None:
        self.context.write(lambda unit: write_measures(unit, self.context.source.key, moved))

    def _classify_unchanged(self) -> None:
        """Assets that the crawler did not open; one that was withdrawn comes back as it was."""
        if not self._unchanged:
            return
        items, self._unchanged = self._unchanged, []
        identities = {
            (item.namespace, item.asset_class, name_key(item.name)): item for item in items
        }
        again: list[int] = []
        measured: list[tuple[int, Mapping[str, records.Measure]]] = []
        with self.context.store.connect() as connection:
            rows = lookup.by_name(connection, self.context, identities)
            for identity, item in identities.items():
                row = rows.get(identity)
                if row is None or row.hash is None:
                    self._forgotten(item)
                elif row.sighted == "present" and row.scope == self.scope:
                    self.context.seen.add(row.key)
                    self._count_same(row.key)
                    measured.append((row.key, item.measures))
                else:
                    again.append(row.key)
            moved = changed_measures(connection, self.context.source.key, measured)
            stored = lookup.sighting_records(connection, again)
        for key in again:
            record = stored[key][self.context.source.key][1]
            kept = prepare(records.decode_asset(unpack(record)), self.context.source.key)
            kept.hash = next(row.hash or b"" for row in rows.values() if row.key == key)
            kept.keep_statements = True
            self._write.append(kept)
        self._write_moved(moved)

    def _forgotten(self, item: records.Unchanged) -> None:
        """The crawler's state knows an asset that the store does not: it must read it again."""
        self.tally.outcome("failed")
        self.result.forgotten = True
        self._problems.append(
            problems.Seen(
                code="state",
                what=item.name,
                why="The crawler says that it is unchanged, but the store has no record of it.",
                hint="The next crawl reads this scope anew; nothing is to be done.",
            )
        )

    def _classify_named(self) -> None:
        """Assets that failed or were filtered, by name: kept, not missing."""
        failed, self._failed = self._failed, []
        filtered, self._filtered = self._filtered, []
        if not failed and not filtered:
            return
        keys: dict[lookup.Identity, records.Problem | records.Filtered] = {}
        for left_out in filtered:
            keys[left_out.namespace, left_out.asset_class, name_key(left_out.name)] = left_out
        for item in failed:
            if item.name is not None and item.namespace is not None:
                keys[item.namespace, item.asset_class, name_key(item.name)] = item
        with self.context.store.connect() as connection:
            rows = lookup.by_name(connection, self.context, keys)
        for item in failed:
            identity = (
                item.namespace or "",
                item.asset_class,
                name_key(item.name or ""),
            )
            row = rows.get(identity)
            self.tally.outcome("failed")
            if row is not None:
                self.context.seen.add(row.key)
            self._problems.append(
                problems.Seen(
                    item.code, item.what, item.why, item.hint, None if row is None else row.key
                )
            )
        for left_out in filtered:
            row = rows.get((left_out.namespace, left_out.asset_class, name_key(left_out.name)))
            if row is not None:
                self.context.filtered[row.key] = left_out.by

    def _pause(self) -> None:
        """Lets others write between two transactions."""
        rest = PAUSE_SECONDS - (time.monotonic() - self._committed)
        if rest > 0:
            time.sleep(rest)

    def _flush(self) -> None:
        """Writes one batch; its size follows the time that the last one took."""
        batch, self._write = self._write[: self._size], self._write[self._size :]
        self._pause()
        points.at("batch begin")
        spent, result = self._write_one(batch)
        self._committed = time.monotonic()
        points.at("after commit")
        self.result.deferred.extend(result.deferred)
        for item in result.duplicates:
            self.tally.outcome("failed")
            self._problems.append(
                problems.Seen(
                    code="duplicate",
                    what=item.record.name,
                    why="It was reported twice in one crawl; the first report counts.",
                    hint="Two objects of the source have one name; exclude one of them.",
                )
            )
        if spent > WRITE_SECONDS:
            self._size = max(50, int(self._size * WRITE_SECONDS / spent))
        elif spent < WRITE_SECONDS / 2:
            self._size = min(WRITE_CHUNK, self._size * 2)
        if self.cancelled():
            raise Cancelled

    def _write_one(self, batch: Sequence[Prepared]) -> tuple[float, BatchResult]:
        began = time.monotonic()

        def work(unit: Unit) -> BatchResult:
            step = Tally()  # a new one each time: the unit may be repeated
            result = write_batch(unit, self.context, self.scope, batch, step, cause=self.cause)
            ledger.add_to_crawl(unit, self.context.crawl, self.scope, step.take())
            points.at("before commit")
            return result

        result = self.context.write(work)
        self.context.seen.update(result.keys)
        return time.monotonic() - began, result

    def _write_loose(self) -> None:
        """Statements that define nothing reported here: queries, scripts, tables of others."""
        loose, self._loose = self._loose, []
        for chunk in lookup.chunks(loose, WRITE_CHUNK):

            def work(unit: Unit, chunk: Sequence[records.Statement] = chunk) -> None:
                write_loose(unit, self.context, self.scope, chunk)

            self.context.write(work)

    def _write_progress(self) -> None:
        """Ledger and problems so far; operational rows only."""
        self._progress = time.monotonic()
        step = self.tally.take()  # once: the unit may be repeated
        noted, self._problems = self._problems, []
        crawl = self.context.crawl

        def work(unit: Unit) -> None:
            ledger.add_to_crawl(unit, crawl, self.scope, step)
            problems.note(unit, self.context.source.key, self.scope, crawl, noted)

        self.context.write(work)
