"""``ingest FILE.ndjson --source NAME``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from catalog.cli import outcomes
from catalog.cli.context import (
    DONE,
    FAILED,
    PART,
    AsOption,
    HomeOption,
    JsonFlag,
    emit,
    opened,
    plain,
    say,
)


def add_to(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("ingest")(ingest)


def ingest(
    file: Annotated[str, typer.Argument(help='A file of records, or "-": standard input.')],
    source: Annotated[str, typer.Option("--source", help="The source that they are of.")],
    home: HomeOption = None,
    as_json: JsonFlag = False,
    as_user: AsOption = None,
) -> int:
    """Take in records that something else wrote; docs/reference/records.md describes them."""
    from catalog.sources import crawl_reads
    from catalog.usecases.pushing import push_file

    stream: Any = sys.stdin.buffer if file == "-" else Path(file)
    with opened(home, as_user, follow=True) as open_:
        crawl, state = push_file(open_.store, open_.settings, open_.viewer, stream, source)
        with open_.store.read() as session:
            found = crawl_reads.get_crawl(session, open_.viewer, crawl)
    if as_json:
        emit(plain(found))
    else:
        outcomes.detail(found)
        if found.problems:
            say(f"What could not be read: catalog problems list --crawl {crawl}")
    return {"succeeded": DONE, "partial": PART}.get(state, FAILED)
