"""What is Whoosh's own: few segments, readers of old commits, files, lazy import."""

from __future__ import annotations

import subprocess
import sys
import threading
from dataclasses import replace

from catalog.search.engine import Query
from catalog.search.whoosh_engine import WhooshEngine
from catalog.testing.engine_documents import START, fill, make_document


def test_segments_stay_few_and_nothing_is_lost(engine: WhooshEngine) -> None:
    fill(engine, [])
    for number in range(40):
        engine.apply([make_document(number % 25 + 1, f"a.b.t{number}")], [], START)
    assert engine.count() == 25
    view = engine._refreshed(force=True)
    assert view is not None
    assert len(view.segments) <= 12
    assert len(list(engine.hashes())) == 25
    assert engine.search(Query("t*")).total == 25


def test_a_phrase_is_found_after_merging(engine: WhooshEngine) -> None:
    fill(engine, [])
    for number in range(20):
        text = "net revenue" if number % 2 else "revenue net"
        engine.apply([make_document(number + 1, f"a.t{number}", description=text)], [], START)
    assert engine.search(Query('"net revenue"')).total == 10


def test_a_reader_of_an_old_commit_goes_on(engine: WhooshEngine) -> None:
    """Its files are removed by later commits, but it has them open."""
    fill(engine, [make_document(1, "a.old", columns=(("x", "words"),))])
    old = engine._refreshed(force=True)
    assert old is not None
    for number in range(3):
        fill(engine, [make_document(1, f"a.new{number}")])
    from catalog.access.expression import Everything
    from catalog.search.whoosh_read import search

    assert [hit.key for hit in search(old, Query("old words"), Everything()).hits] == [1]
    assert len(list(engine.folder.glob("i-*"))) == 1


def test_readers_beside_a_writer(engine: WhooshEngine) -> None:
    """Each search sees a whole commit: as many of the one kind as the commit had."""
    fill(engine, [make_document(key, "a.x0") for key in range(1, 6)])
    reader = WhooshEngine(engine.folder)
    problems: list[object] = []
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            result = reader.search(Query("a", facets=("source",)))
            if result.total != 5 or result.facets["source"][0].count != 5:
                problems.append(result)

    threads = [threading.Thread(target=read) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        for number in range(20):
            made = [make_document(key, f"a.x{number}") for key in range(1, 6)]
            engine.apply(made, [], replace(START, sequence=number))
            reader._looked = -1e9
    finally:
        done.set()
        for thread in threads:
            thread.join()
    assert problems == []
    reader.close()


def test_whoosh_is_imported_when_it_is_used() -> None:
    code = (
        "import sys, catalog.search.whoosh_engine, catalog.search.follower, catalog.search.page;"
        "print([m for m in sys.modules if m.split('.')[0] == 'whoosh'])"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "[]"
