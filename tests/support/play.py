"""Plays steps to the product and to the reference model side by side, and compares them.

Used by the property tests, and by the planted faults, which must make the same comparison fail.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from sqlalchemy import select, update

from catalog.access import users
from catalog.access.viewer import Viewer
from catalog.assets import past, reading, resolve
from catalog.curation.edit import edit
from catalog.history import points
from catalog.history.store import table_of
from catalog.ingest import scope as scope_module
from catalog.ingest import vanish
from catalog.ingest.context import load_source
from catalog.ingest.crawl import run_crawl
from catalog.ingest.preview import preview
from catalog.lineage.parse import parse_pending
from catalog.model import (
    Asset,
    Column,
    Crawl,
    Fact,
    Sighting,
    Source,
    Statement,
    StatementUse,
)
from catalog.model import Scope as ScopeRow
from catalog.naming import id_text
from catalog.search.consistency import differences
from catalog.search.follower import Follower
from catalog.search.whoosh_engine import WhooshEngine
from catalog.sources.ledger import COUNTS, ledger_of
from catalog.usecases.doctor import examine
from tests.support import world
from tests.support.compare import grouped, lasting, row_state, same, thing_state
from tests.support.crawls import FakeSource
from tests.support.mortalstore import Killed, MortalStore
from tests.support.oracle import BRAKE_ASSETS, BRAKE_PERCENT, Oracle
from tests.support.people import make_editors, patch_of, person, remember_persons
from tests.support.steps import Act, Confirm, CrawlIt, Edit, Follow, Parse, Step
from tests.support.things import Thing
from tests.support.world import Plan, PlanReader, System

ASSET, COLUMN, SIGHTING = table_of(Asset), table_of(Column), table_of(Sighting)
CRAWL, FACT, SCOPE, SOURCE = table_of(Crawl), table_of(Fact), table_of(ScopeRow), table_of(Source)
USE, STATEMENT = table_of(StatementUse), table_of(Statement)
ROOT = users.local_viewer("root")
BATCH = 3  # records of a batch: a few tables make several


@dataclass
class Play:
    """One run. Make it with `play`; ``check`` compares everything."""

    store: MortalStore
    engine: WhooshEngine
    systems: list[System]
    sources: list[FakeSource]
    oracle: Oracle
    people: list[Viewer]
    by_uid: dict[bytes, Thing] = field(default_factory=dict)
    shown: dict[int, dict[bytes, dict[str, Any]]] = field(default_factory=dict)
    crawls: dict[int, Counter[str]] = field(default_factory=dict)

    # -- steps ---------------------------------------------------------------------------------

    def step(self, step: Step) -> None:
        """One step, in both."""
        match step:
            case Act(_, "mirror"):
                self.systems[1].mirror(self.systems[0])
            case Act(system, what, a, b):
                self.systems[system].act(what, a, b)
            case CrawlIt():
                self._crawl(step)
                self.check_assets()
            case Edit():
                self._edit(step)
            case Confirm(system):
                self._confirm(system)
                self.check_assets()
            case Parse():
                parse_pending(self.store)
                self._meet_referenced()
            case Follow():
                Follower(self.store, self.engine).catch_up()

    def _plan(self, step: CrawlIt) -> Plan:
        plan, at = self.systems[step.system].plan(), step.at
        name = self.systems[step.system].name
        match step.trouble:
            case "bad_asset":
                return world.bad_asset(plan, at, lambda item: self._is_settled(name, item))
            case "subset":
                return world.subset(plan, at, self._names_of(name))
            case "cancel":
                return replace(plan, cancel_after=at)
            case "none":
                return plan
            case trouble:
                made: Plan = getattr(world, trouble)(plan, at)
                return made

    def _is_settled(self, source: str, item: world.Item) -> bool:
        """Whether what stands under the name is what stood there at the last crawl."""
        holder = self.oracle.names.get((item.record.asset_class, item.name))
        owner = self.oracle.by_id(source, item)
        return owner is holder or (owner is None and item.record.id is None)

    def _names_of(self, source: str) -> list[str]:
        return sorted(thing.name for thing in self.oracle.things if source in thing.live())

    def _crawl(self, step: CrawlIt) -> None:
        source, plan = self.sources[step.system], self._plan(step)
        only = None if plan.only is None else sorted(plan.only)
        said = self._preview(source, plan, only)
        key = source.queue(only)
        # After a kill, a system that was away is asked again: that is another crawl's story.
        mortal = step.trouble not in ("cancel", "unreachable")
        for kill in (*step.kills, None) if mortal else (None,):
            reader = PlanReader(plan, lambda: self._cancel(key))
            self.store.left = kill
            try:
                run_crawl(
                    self.store,
                    key,
                    reader,
                    crawler_version=1,
                    config_key="k",
                    refused_by=reader.refused_by,
                )
                break
            except Killed:
                continue
            finally:
                self.store.left = None
        row = source.row(key)
        if row.state == "cancelled":
            self.oracle.take(source.name, plan, self._written(key, reader))
        else:
            self.crawls[key] = self.oracle.crawl(source.name, plan)
            if step.trouble != "unreachable":
                same(said, {name: self.crawls[key][name] for name in said}, "preview")
        self._compare_ledger(row, plan)

    def _preview(self, source: FakeSource, plan: Plan, only: list[str] | None) -> dict[str, int]:
        """What a preview says of the crawl to come."""
        with self.store.connect() as connection:
            info = load_source(connection, source.key)
        reader = PlanReader(plan)
        found = preview(
            self.store, info, reader, config_key="k", refused_by=reader.refused_by, only=only
        )
        names = ("seen", "new", "changed", "unchanged", "failed", "renamed", "restored")
        return {name: found.totals[name] for name in names}

    def _cancel(self, key: int) -> None:
        with self.store.write("system") as unit:
            unit.connection.execute(update(CRAWL).where(CRAWL.c.key == key).values(cancel=True))

    def _written(self, crawl: int, reader: PlanReader) -> list[tuple[str, world.Item]]:
        """Of what a cancelled crawl was given, that which it had committed."""
        with self.store.connect() as connection:
            names = {
                (row.asset_class, row.name)
                for row in connection.execute(
                    select(ASSET.c.asset_class, ASSET.c.name)
                    .join(SIGHTING, SIGHTING.c.asset == ASSET.c.key)
                    .where(SIGHTING.c.crawl == crawl)
                )
            }
        return [
            (scope, item)
            for scope, item in reader.delivered
            if (item.record.asset_class, item.name) in names
        ]

    def _edit(self, step: Edit) -> None:
        things = [thing for thing in self.oracle.things if thing.uid is not None]
        if not things:
            return
        thing = things[step.asset % len(things)]
        columns = thing.live_columns()
        number, path = 0, None
        if step.column and columns:
            chosen = columns[step.column % len(columns)]
            number, path = chosen.number, chosen.field.path
        viewer = self.people[step.who % len(self.people)]
        patch, facts = patch_of(step.what, step.value, viewer)
        assert thing.uid is not None
        uid = id_text(thing.uid)
        self.store.run(lambda unit: edit(unit, viewer, uid, path, patch), viewer.actor)
        mine = "" if step.what != "flag" else person(viewer)
        for known in list(thing.facts):
            if known[:2] == (number, step.what) and mine in ("", known[2]):
                del thing.facts[known]
        thing.facts.update({(number, step.what, item): value for item, value in facts.items()})

    def _confirm(self, system: int) -> None:
        source = self.sources[system]
        with self.store.connect() as connection:
            info = load_source(connection, source.key)
            keys = sorted(vanish.open_holds(connection, source.key))
            crawl = connection.execute(select(CRAWL.c.key).order_by(CRAWL.c.key.desc())).scalar()
        if keys:
            viewer = self.people[0]
            count = self.store.run(
                lambda unit: vanish.confirm(unit, info, int(crawl or 0), keys), viewer.actor
            )
            assert count == self.oracle.confirm(source.name)

    def _meet_referenced(self) -> None:
        """Assets that only SQL names: the model takes them from the store, as referenced."""
        with self.store.connect() as connection:
            rows = connection.execute(select(ASSET).where(ASSET.c.state == "referenced")).all()
        for row in rows:
            if row.uid not in self.by_uid:
                thing = self.oracle.referenced(row.asset_class, row.name, row.kind)
                thing.uid = row.uid
                self.by_uid[row.uid] = thing

    # -- what was shown ------------------------------------------------------------------------

    def remember(self, sequence: int) -> None:
        """What the changed assets look like right after a commit."""
        self.shown[sequence] = self.show(None)

    def show(self, sequence: int | None) -> dict[bytes, dict[str, Any]]:
        """All assets as they are read now, or as of a sequence."""
        found = {}
        with self.store.connect() as connection:
            for uid in connection.execute(select(ASSET.c.uid).order_by(ASSET.c.key)).scalars():
                match = resolve.resolve_id(connection, ROOT, id_text(uid))
                if sequence is None:
                    view = reading.read(connection, ROOT, match)
                else:
                    if uid not in self.shown[sequence]:
                        continue
                    view = past.as_of(connection, ROOT, match, sequence)
                found[uid] = lasting(view)
        return found

    def check_history(self) -> None:
        """The store read at each past sequence is what was shown then."""
        for sequence in sorted(self.shown):
            then, now = self.shown[sequence], self.show(sequence)
            for uid, view in then.items():
                if uid not in self.by_uid:
                    continue  # it was merged: its own past is told by its versions alone
                same(now[uid], view, f"{view['name']} as of {sequence}")

    # -- comparing -----------------------------------------------------------------------------

    def _compare_ledger(self, row: Any, plan: Plan) -> None:
        found = ledger_of(row)
        if row.state in ("succeeded", "partial", "cancelled"):
            assert found.seen == found.new + found.changed + found.unchanged + found.failed
            if row.state != "cancelled":
                assert found.check() == []
        expected = self.crawls.get(row.key)
        if expected is not None:
            have = {name: getattr(found, name) for name in COUNTS}
            want = {name: expected[name] for name in COUNTS}
            same(have, want, f"ledger of a crawl that {row.state}: {row.why}")
        if not plan.troubled:
            assert row.state == "succeeded"

    def check_assets(self) -> None:
        """Every asset, its columns, sightings, facts and definitions; and no other asset."""
        with self.store.connect() as connection:
            rows = {row.uid: row for row in connection.execute(select(ASSET))}
            self._meet(rows)
            assert {thing.uid for thing in self.oracle.things} == set(rows), (
                sorted((thing.name, thing.state) for thing in self.oracle.things),
                sorted((row.name, row.state) for row in rows.values()),
            )
            columns = grouped(connection.execute(select(COLUMN)))
            sightings = grouped(
                connection.execute(
                    select(
                        SIGHTING.c.asset,
                        SIGHTING.c.state,
                        SIGHTING.c.stable_id,
                        SOURCE.c.name.label("source"),
                        SCOPE.c.name.label("scope"),
                    )
                    .join(SOURCE, SOURCE.c.key == SIGHTING.c.source)
                    .join(SCOPE, SCOPE.c.key == SIGHTING.c.scope)
                )
            )
            facts = grouped(connection.execute(select(FACT)))
            uses = grouped(
                connection.execute(
                    select(USE.c.asset, STATEMENT.c.text)
                    .join(STATEMENT, STATEMENT.c.key == USE.c.statement)
                    .where(USE.c.live)
                )
            )
            names = {row.key: row.name for row in connection.execute(select(SOURCE))}
        for uid, row in rows.items():
            thing = self.by_uid[uid]
            have = row_state(
                row,
                names,
                columns.get(row.key, []),
                sightings.get(row.key, []),
                facts.get(row.key, []),
                uses.get(row.key, []),
            )
            same(have, thing_state(thing), thing.name)

    def _meet(self, rows: dict[bytes, Any]) -> None:
        """Things that the last crawl made are recognised by name, once; merged ones are gone."""
        self.by_uid = {thing.uid: thing for thing in self.oracle.things if thing.uid is not None}
        fresh = {
            (row.asset_class, row.name): uid for uid, row in rows.items() if uid not in self.by_uid
        }
        for thing in self.oracle.things:
            if thing.uid is None:
                thing.uid = fresh.get((thing.cls, thing.name))
                if thing.uid is not None:
                    self.by_uid[thing.uid] = thing

    def check(self) -> None:
        """Everything, at the end."""
        self.check_assets()
        follower = Follower(self.store, self.engine)
        follower.catch_up()
        assert differences(self.store, self.engine) == []
        report = examine(self.store, self.engine)
        assert report.healthy, report.findings
        self.check_history()


# --- making one -------------------------------------------------------------------------------


@contextmanager
def playing(folder: Path, template: Path | str) -> Iterator[Play]:
    """A fresh store with two systems: one that crawls and knows ids, one that pushes.

    ``template``: file of `make_template`, or the URL of an empty database with tables.
    """
    if isinstance(template, str):
        store = MortalStore(template, home=folder, disk_reserve=0)
        make_editors(store)
    else:
        shutil.copyfile(template, folder / "catalog.db")
        store = MortalStore(f"sqlite:///{folder / 'catalog.db'}", home=folder, disk_reserve=0)
    engine = WhooshEngine(folder / "index")
    systems = [System("wh"), System("dbt", kind="push", ids=False, one_scope=True)]
    sources = [FakeSource(store, name=one.name, kind=one.kind) for one in systems]
    with store.write("system") as unit:
        unit.connection.execute(
            update(SOURCE).values(brake_percent=BRAKE_PERCENT, brake_assets=BRAKE_ASSETS)
        )
    with store.read() as session:
        people = [users.viewer_as(session, login) for login in ("ann", "bob")]
    remember_persons(store, people)
    made = Play(store, engine, systems, sources, Oracle([one.name for one in systems]), people)
    store.committed = made.remember
    at, sizes = points.at, (scope_module.WRITE_CHUNK, scope_module.READ_CHUNK)
    points.at = store.at
    scope_module.WRITE_CHUNK = scope_module.READ_CHUNK = BATCH
    try:
        yield made
    finally:
        points.at = at
        scope_module.WRITE_CHUNK, scope_module.READ_CHUNK = sizes
        engine.close()
        store.close()


def play(folder: Path, template: Path | str, steps: list[Step]) -> None:
    """Plays the steps and checks everything; raises `AssertionError`."""
    with playing(folder, template) as made:
        for step in steps:
            made.step(step)
        made.check()
