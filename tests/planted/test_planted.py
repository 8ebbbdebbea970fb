"""Each invariant's check passes on the product, and fails on the product with a fault in it.

The lock of the change log has its fault beside its test, in ``tests/unit/jobs/test_followers.py``:
it needs PostgreSQL and two writers.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest

from tests.planted import checks
from tests.planted.checks import Check, steps
from tests.planted.patching import Patch
from tests.support.people import make_template
from tests.support.steps import Act, CrawlIt, Edit, Follow


class Fault(NamedTuple):
    """What is broken, where, and the check that must notice."""

    name: str
    patch: Patch
    check: Check


EDITS = [Edit(0, number, 0, "tag", 2) for number in range(9)]  # each asset has a tag
FAULTS = [
    Fault(
        "no brake",
        Patch("catalog.ingest.vanish:brake", "return gone >", "return False and gone >"),
        steps(Act(0, "drop_most", 0, 1), CrawlIt(0)),
    ),
    Fault(
        "an incomplete listing withdraws",
        Patch("catalog.ingest.scopes:_close", "if not done.complete:", "if False:"),
        steps(CrawlIt(0, "incomplete", 4)),
    ),
    Fault(
        "a failing scope withdraws",
        Patch(
            "catalog.ingest.scopes:crawl_scope",
            "if failure is not None:",
            "if failure is not None:\n        result.done = records.Done()\n    if False:",
        ),
        steps(CrawlIt(0, "failing", 4)),
    ),
    Fault(
        "an asset that failed is missing",
        Patch(
            "catalog.ingest.scope:ScopeIngest._classify_named",
            "self.context.seen.add(row.key)",
            "pass",
        ),
        steps(CrawlIt(0, "bad_asset", 1)),
    ),
    Fault(
        "versions are not written",
        Patch(
            "catalog.history.unit:Unit.version",
            "self._versions.setdefault((asset, part), None if left is None else pack(left))",
            "pass",
        ),
        steps(Act(0, "comment", 1, 1), CrawlIt(0)),
    ),
    Fault(
        "a resumed scope counts twice",
        Patch(
            "catalog.ingest.scopes:_open",
            "ledger.Ledger() - ledger.ledger_of(row)",
            "ledger.Ledger()",
        ),
        steps(Act(0, "comment", 1, 1), Act(0, "comment", 2, 1), CrawlIt(0, kills=(9,))),
    ),
    Fault(
        "a resumed crawl has forgotten what it wrote",
        Patch("catalog.ingest.resume:recall", "if not scopes:", "if True:"),
        steps(Act(0, "comment", 1, 1), Act(0, "comment", 2, 1), CrawlIt(0, kills=(14,))),
    ),
    Fault(
        "an unchanged asset is counted twice",
        Patch(
            "catalog.ingest.scope:ScopeIngest._count_same",
            'else "unchanged")',
            'else "unchanged")\n        self.tally.add("seen")',
        ),
        steps(CrawlIt(0)),
    ),
    Fault(
        "the index skips a change",
        Patch(
            "catalog.search.follower:_next_step",
            "keys.update(dict.fromkeys(found))",
            "keys.update(dict.fromkeys(found[change.sequence % 2 :]))",
        ),
        steps(Follow(), Act(0, "comment", 1, 1), Act(0, "comment", 2, 1), CrawlIt(0)),
    ),
    Fault(
        "the position is written before the index",
        Patch(
            "catalog.search.follower:Follower._write",
            "self._engine.apply(wanted, gone, step.position)",
            "self._engine.apply([], set(), step.position)\n"
            "    self._engine.apply(wanted, gone, step.position)",
        ),
        checks.position_is_not_ahead,
    ),
    Fault(
        "a rename drops what people wrote",
        Patch(
            "catalog.ingest.aliases:write_aliases",
            "rows = [",
            "for one in moved:\n"
            "        from catalog.model import Fact\n"
            "        fact = table_of(Fact)\n"
            "        unit.connection.execute(fact.delete().where(fact.c.asset == one.row.key))\n"
            "    rows = [",
        ),
        steps(*EDITS, Act(0, "rename", 0, 2), CrawlIt(0)),
    ),
    Fault(
        "a removed asset loses what people wrote",
        Patch(
            "catalog.ingest.vanish:_remove",
            "end_statements(unit",
            "from catalog.model import Fact\n"
            "    fact = table_of(Fact)\n"
            "    gone = [row.key for row in rows]\n"
            "    unit.connection.execute(fact.delete().where(fact.c.asset.in_(gone)))\n"
            "    end_statements(unit",
        ),
        steps(*EDITS, Act(0, "drop", 1), CrawlIt(0)),
    ),
    Fault(
        "a swap is taken for two changes",
        Patch(
            "catalog.ingest.renames:make_room", "movers = movers_of(", "movers = [] and movers_of("
        ),
        steps(Act(0, "swap", 0, 1), CrawlIt(0)),
    ),
    Fault(
        "a column number is used again",
        Patch(
            "catalog.ingest.columns:plan",
            "old = matched.get(position)",
            "old = matched.get(position) or next(\n"
            "            (r for r in stored if not r.live and r.number not in kept), None)",
        ),
        steps(
            Act(0, "add_column", 1, 1),
            CrawlIt(0),
            Act(0, "drop_column", 1, 0),
            CrawlIt(0),
            Act(0, "add_column", 1, 3),
            CrawlIt(0),
        ),
    ),
    Fault(
        "the older source decides",
        Patch("catalog.assets.reports:order_of", "sighting.kind == ", "sighting.kind != "),
        steps(Act(1, "fill", 3), Act(1, "comment", 0, 1), CrawlIt(1), CrawlIt(0)),
    ),
    Fault(
        "a hold does not end",
        Patch("catalog.ingest.updating:_end_holds", "for chunk in", "for chunk in () and"),
        checks.doctor_is_content,
    ),
    Fault(
        "row counts are in the hash",
        Patch(
            "catalog.crawling.records:canonical",
            "if record.measures or record.partitions is not None:",
            "if False:",
        ),
        checks.the_same_again_writes_nothing,
    ),
    Fault(
        "a list is not filtered",
        Patch("catalog.assets.listing:assets", "see_assets(visible(viewer)), ", ""),
        checks.what_is_hidden_is_not_listed,
    ),
    Fault(
        "a secret stands in the change log",
        Patch(
            "catalog.sources.reads:masked_config",
            "return secrets.masked(sealed, config_class(kind))",
            "return sealed",
        ),
        checks.no_secret_is_told,
    ),
]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("planted") / "template.db"
    make_template(path)
    return path


@pytest.mark.parametrize("fault", FAULTS, ids=[fault.name for fault in FAULTS])
def test_a_fault_is_noticed(fault: Fault, tmp_path: Path, template: Path) -> None:
    sound, faulty = tmp_path / "sound", tmp_path / "faulty"
    sound.mkdir()
    faulty.mkdir()
    fault.check(sound, template)
    with fault.patch.applied(), pytest.raises(AssertionError) as caught:
        fault.check(faulty, template)
    assert caught.traceback
