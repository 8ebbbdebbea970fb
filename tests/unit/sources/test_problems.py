"""Problems: the same failure is one row, resolved when it is gone, muted with reason and end."""

from __future__ import annotations

import pytest

from catalog.access.expression import Equals
from catalog.access.viewer import SYSTEM, Viewer, install_policy
from catalog.errors import BadInput, NotAllowed, NotFound
from catalog.history.store import Store
from catalog.model import Change, CrawlProblem, clock
from catalog.naming import id_text
from catalog.sources import problems
from catalog.sources.problems import Seen
from tests.unit.sources.support import add_scope, add_source, rows


def note(store: Store, source: int, scope: int | None, crawl: int, *seen: Seen) -> int:
    return store.run(lambda unit: problems.note(unit, source, scope, crawl, seen), "system")


BROKEN = Seen("unreadable", "raw/a.parquet", "It is no Parquet file.", "Remove it.")


def test_the_same_failure_every_night_is_one_row(store: Store) -> None:
    source = add_source(store)
    scope = add_scope(store, source)
    for crawl in (1, 1, 2, 3):  # the first one was resumed and met it twice
        note(store, source, scope, crawl, BROKEN, BROKEN)
    note(store, source, scope, 3, Seen("denied", BROKEN.what, "No."))
    first, second = rows(store, CrawlProblem)
    assert (first.times, first.first_crawl, first.last_crawl) == (3, 1, 3)
    assert first.first_seen < first.last_seen
    assert (second.code, second.times) == ("denied", 1)


def test_what_a_complete_crawl_does_not_meet_again_is_resolved_and_may_come_back(
    store: Store,
) -> None:
    source = add_source(store)
    scope, other = add_scope(store, source), add_scope(store, source, "other")
    note(store, source, scope, 1, BROKEN, Seen("unreadable", "b", "No."))
    note(store, source, other, 1, Seen("unreadable", "c", "No."))
    note(store, source, None, 1, Seen("unreachable", "wh", "No."))
    note(store, source, scope, 2, BROKEN)
    resolve = problems.resolve_unseen
    assert store.run(lambda unit: resolve(unit, source, scope, 2), "system") == 1
    resolved = {row.what: row.resolved_at for row in rows(store, CrawlProblem)}
    assert [what for what, at in resolved.items() if at is not None] == ["b"]
    assert store.run(lambda unit: resolve(unit, source, None, 2), "system") == 1
    note(store, source, scope, 3, Seen("unreadable", "b", "No."))
    (again,) = (row for row in rows(store, CrawlProblem) if row.what == "b")
    assert (again.resolved_at, again.times) == (None, 2)


def test_secrets_and_strange_characters_are_not_kept(store: Store) -> None:
    seen = Seen("unreachable", "a\0b", "postgres://me:pa55@db is away", "try s3://me:pa55@x")
    note(store, add_source(store), None, 1, seen)
    (row,) = rows(store, CrawlProblem)
    assert row.what == "a\\u0000b"
    assert "pa55" not in row.why + row.hint


def test_mute_with_reason_and_end(store: Store) -> None:
    note(store, add_source(store), None, 1, BROKEN)
    problem = id_text(rows(store, CrawlProblem)[0].uid)
    later = clock.now() + clock.DAY
    mute = problems.mute
    with pytest.raises(BadInput, match="reason"):
        store.run(lambda unit: mute(unit, SYSTEM, problem, " ", later), "user:1")
    with pytest.raises(BadInput, match="past"):
        store.run(lambda unit: mute(unit, SYSTEM, problem, "old", 1), "user:1")
    with pytest.raises(NotAllowed):
        store.run(lambda u: mute(u, Viewer("user:1", "editor"), problem, "x", later), "user:1")
    with pytest.raises(NotFound):
        store.run(lambda unit: mute(unit, SYSTEM, "nothing", "x", later), "user:1")
    assert rows(store, Change) == []
    store.run(lambda unit: mute(unit, Viewer("user:1", "steward"), problem, "old", later), "user:1")
    (row,) = rows(store, CrawlProblem)
    assert (row.muted_until, row.muted_why, row.muted_by) == (later, "old", "user:1")
    store.run(lambda unit: problems.unmute(unit, SYSTEM, problem), "user:1")
    assert rows(store, CrawlProblem)[0].muted_until is None
    assert [(row.what, row.subject) for row in rows(store, Change)] == [
        ("muted", problem),
        ("unmuted", problem),
    ]


def test_who_does_not_see_a_problem_does_not_mute_it(store: Store) -> None:
    note(store, add_source(store), None, 1, BROKEN)
    problem = id_text(rows(store, CrawlProblem)[0].uid)
    later = clock.now() + clock.DAY
    steward = Viewer("user:1", "steward")
    before = install_policy(lambda _viewer: Equals("name", "t"))
    try:
        with pytest.raises(NotFound):
            store.run(lambda unit: problems.mute(unit, steward, problem, "x", later), "user:1")
        with pytest.raises(NotFound):
            store.run(lambda unit: problems.unmute(unit, steward, problem), "user:1")
    finally:
        install_policy(before)
    assert rows(store, Change) == []
