"""Records whose id contradicts their name, written once all ids of the crawl are known."""

from __future__ import annotations

from collections.abc import Sequence

from catalog.history.unit import Unit
from catalog.ingest import lookup
from catalog.ingest.batch import write_batch
from catalog.ingest.ledger import Tally
from catalog.ingest.prepare import Prepared
from catalog.ingest.renames import make_room
from catalog.ingest.run import Run
from catalog.ingest.scopes import close_failed, close_scope
from catalog.sources import ledger

_BATCH = 200


def settle(run: Run) -> None:
    """Decides the deferred records, then closes their scopes."""
    context = run.context
    items = list(run.deferred.items(context.source.key)) if run.deferred.scopes else []
    if items:
        moved = _write_movers(run, items)
        rest = [(scope, item) for scope, item in items if id(item) not in moved]
        for scope, chunk in _by_scope(rest):
            for part in lookup.chunks(chunk, _BATCH):
                _write_settled(run, [(scope, part)])
    for scope, done in run.closing.items():
        if isinstance(done, str):
            close_failed(run, scope, done)
        else:
            close_scope(run, scope, done)


def _by_scope(
    items: Sequence[tuple[int, Prepared]],
) -> list[tuple[int, list[Prepared]]]:
    grouped: dict[int, list[Prepared]] = {}
    for scope, item in items:
        grouped.setdefault(scope, []).append(item)
    return list(grouped.items())


def _write_movers(run: Run, items: Sequence[tuple[int, Prepared]]) -> set[int]:
    """Swaps and rotations: one transaction frees the names and gives them anew."""
    moved: set[int] = set()

    def work(unit: Unit) -> list[int]:
        moved.clear()
        movers = make_room(unit, run.context, [item for _, item in items])
        moved.update(id(item) for item in movers)
        groups = _by_scope([(scope, item) for scope, item in items if id(item) in moved])
        return _write_groups(run, unit, groups)

    run.context.seen.update(run.context.write(work))
    return moved


def _write_settled(run: Run, groups: Sequence[tuple[int, Sequence[Prepared]]]) -> None:
    keys = run.context.write(lambda unit: _write_groups(run, unit, groups))
    run.context.seen.update(keys)


def _write_groups(
    run: Run, unit: Unit, groups: Sequence[tuple[int, Sequence[Prepared]]]
) -> list[int]:
    keys: list[int] = []
    for scope, items in groups:
        tally = Tally()
        result = write_batch(
            unit, run.context, scope, items, tally, cause=run.causes.get(scope), final=True
        )
        keys.extend(result.keys)
        ledger.add_to_crawl(unit, run.context.crawl, scope, tally.take())
    return keys
